//! A limit and what lies beyond it. Pure.

use serde::{Deserialize, Serialize};

/// Which side of the value is the wrong one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sense {
    #[default]
    AtMost,
    AtLeast,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    pub sense: Sense,
    pub value: f64,
    /// A share of the value that is forgiven: what measuring cannot tell apart.
    pub tolerance: f64,
}

impl Limit {
    /// The last value that is still right.
    pub fn edge(&self) -> f64 {
        match self.sense {
            Sense::AtMost => self.value * (1.0 + self.tolerance),
            Sense::AtLeast => self.value * (1.0 - self.tolerance),
        }
    }

    pub fn is_broken_by(&self, measured: f64) -> bool {
        self.is_beyond(measured, self.edge())
    }

    /// Whether `measured` is on the wrong side of `edge`.
    pub fn is_beyond(&self, measured: f64, edge: f64) -> bool {
        match self.sense {
            Sense::AtMost => measured > edge,
            Sense::AtLeast => measured < edge,
        }
    }

    /// How far from the value, as a share of it; positive is the wrong way.
    pub fn excess(&self, measured: f64) -> f64 {
        if self.value == 0.0 {
            return if measured == 0.0 { 0.0 } else { f64::INFINITY };
        }
        match self.sense {
            Sense::AtMost => measured / self.value - 1.0,
            Sense::AtLeast => 1.0 - measured / self.value,
        }
    }

    pub fn sign(&self) -> &'static str {
        match self.sense {
            Sense::AtMost => "<=",
            Sense::AtLeast => ">=",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_senses() {
        let most = Limit { sense: Sense::AtMost, value: 100.0, tolerance: 0.01 };
        assert!(!most.is_broken_by(101.0) && most.is_broken_by(101.1) && !most.is_broken_by(1.0));
        assert!((most.excess(105.0) - 0.05).abs() < 1e-9);
        let least = Limit { sense: Sense::AtLeast, ..most };
        assert!(!least.is_broken_by(99.0) && least.is_broken_by(98.9) && !least.is_broken_by(1000.0));
        assert!((least.excess(95.0) - 0.05).abs() < 1e-9);
        // No allocation at all is a budget too.
        let none = Limit { sense: Sense::AtMost, value: 0.0, tolerance: 0.0 };
        assert!(!none.is_broken_by(0.0) && none.is_broken_by(0.001));
        assert_eq!(none.excess(0.0), 0.0);
    }
}
