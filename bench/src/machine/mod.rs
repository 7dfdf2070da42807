//! The machine: its fingerprint, and whether it is quiet enough for absolute figures. Reads; changes nothing.

use crate::record::Machine;

/// Everything but `steal_ratio` and `quiet`.
pub fn fingerprint() -> Machine {
    unimplemented!()
}

/// Watches the machine from `begin` to `end`, so that what is said of it is said of the time of the measurement.
pub struct Watch {}

impl Watch {
    /// Takes about a second: it also measures how evenly a core of `cpus` runs a fixed piece of work.
    pub fn begin(_cpus: &[usize]) -> Self {
        unimplemented!()
    }

    pub fn end(self) -> Machine {
        unimplemented!()
    }
}
