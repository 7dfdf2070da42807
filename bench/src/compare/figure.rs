//! The figures that are compared, and what one measurement of one side gives. Plain values; nothing is measured here.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::load::Outcome;
use crate::record::{Errors, Generator, Measured};

/// One row of a table. In the order in which rows are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    Rps,
    CpuUs,
    P50Us,
    P99Us,
    P999Us,
    MaxUs,
    RssMib,
    ColdStartMs,
}

impl Figure {
    pub const ALL: [Self; 8] =
        [Self::Rps, Self::CpuUs, Self::P50Us, Self::P99Us, Self::P999Us, Self::MaxUs, Self::RssMib, Self::ColdStartMs];

    /// As budgets and JSON call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rps => "rps",
            Self::CpuUs => "cpu_us",
            Self::P50Us => "p50_us",
            Self::P99Us => "p99_us",
            Self::P999Us => "p999_us",
            Self::MaxUs => "max_us",
            Self::RssMib => "rss_mib",
            Self::ColdStartMs => "cold_start_ms",
        }
    }

    /// As tables call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rps => "requests/s",
            Self::CpuUs => "CPU/request, us",
            Self::P50Us => "p50, us",
            Self::P99Us => "p99, us",
            Self::P999Us => "p99.9, us",
            Self::MaxUs => "max, us",
            Self::RssMib => "RSS peak, MiB",
            Self::ColdStartMs => "cold start, ms",
        }
    }

    pub fn is_better_high(self) -> bool {
        self == Self::Rps
    }

    /// The smallest effect worth telling: below it, where code happens to lie in memory makes as much of a difference.
    /// Tails and cold starts hang on single events, and repeat no better than this.
    pub fn smallest_effect(self) -> f64 {
        match self {
            Self::Rps | Self::CpuUs | Self::RssMib => 0.02,
            Self::P50Us | Self::P99Us => 0.05,
            Self::P999Us | Self::MaxUs | Self::ColdStartMs => 0.10,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Figure {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|figure| figure.name() == name).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|figure| figure.name()).collect();
            format!("no measure {name:?}: it is one of {}", known.join(", "))
        })
    }
}

/// One side, one workload, once.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub figures: BTreeMap<Figure, f64>,
    pub errors: Errors,
    pub generator: Generator,
    /// Share of the time the server was ready to run and had no core.
    pub waited_ratio: f64,
    /// All that was measured; absent in rehearsals.
    pub measured: Option<Box<Measured>>,
}

impl Sample {
    pub fn of(outcome: Outcome, cold_start_ms: Option<f64>) -> Self {
        let Outcome { measured, generator } = outcome;
        let latency = &measured.latency;
        let mut figures = BTreeMap::from([
            (Figure::Rps, measured.reached_rps),
            (Figure::P50Us, latency.p50_us),
            (Figure::P99Us, latency.p99_us),
            (Figure::P999Us, latency.p999_us),
            (Figure::MaxUs, latency.max_us),
        ]);
        if let Some(server) = &measured.server {
            figures.insert(Figure::CpuUs, server.cpu_us_per_request);
            figures.insert(Figure::RssMib, server.rss_peak_mib);
        }
        figures.extend(cold_start_ms.map(|cold_start_ms| (Figure::ColdStartMs, cold_start_ms)));
        Self {
            figures,
            errors: measured.errors.clone(),
            generator,
            waited_ratio: measured.server.map_or(0.0, |server| server.waited_ratio),
            measured: Some(Box::new(measured)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Percentiles, ServerUsage};

    #[test]
    fn every_name_is_a_figure() {
        for figure in Figure::ALL {
            assert_eq!(figure.name().parse(), Ok(figure));
        }
        assert!("p98_us".parse::<Figure>().unwrap_err().contains("p99_us"));
    }

    /// Goal: a server that is not ours has no CPU and no memory, rather than none used.
    #[test]
    fn what_was_not_measured_is_absent() {
        let latency = Percentiles { p50_us: 5.0, ..Percentiles::default() };
        let measured = Measured { reached_rps: 7.0, latency, ..Measured::default() };
        let outcome = Outcome { measured: measured.clone(), generator: Generator::default() };
        let sample = Sample::of(outcome, None);
        assert_eq!(sample.figures.get(&Figure::Rps), Some(&7.0));
        assert_eq!(sample.figures.get(&Figure::P50Us), Some(&5.0));
        assert_eq!(sample.figures.len(), 5);

        let server = Some(ServerUsage { cpu_us_per_request: 9.0, ..ServerUsage::default() });
        let outcome = Outcome { measured: Measured { server, ..measured }, generator: Generator::default() };
        let sample = Sample::of(outcome, Some(12.0));
        assert_eq!(sample.figures.get(&Figure::CpuUs), Some(&9.0));
        assert_eq!(sample.figures.get(&Figure::ColdStartMs), Some(&12.0));
    }
}
