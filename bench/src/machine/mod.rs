//! The machine: its fingerprint, and whether it is quiet enough for absolute figures. Reads; changes nothing.
//!
//! `reading` reads /proc and /sys, `fingerprint` and `quiet` decide over what was read, `evenness` tries out the cores.

mod reading;
mod fingerprint;
mod quiet;
mod evenness;

use crate::record::{Machine, Quiet};
use quiet::{Signs, Times};

/// Everything but `steal_ratio` and `quiet`.
pub fn fingerprint() -> Machine {
    fingerprint::of(&reading::read())
}

/// Watches the machine from `begin` to `end`, so that what is said of it is said of the time of the measurement.
pub struct Watch {
    machine: Machine,
    evenness: Vec<f64>,
    /// Share of all cores that others had while we tried ours out.
    others_ratio: f64,
    began: Times,
}

impl Watch {
    /// Takes about a second: it also measures how evenly a core of `cpus` runs a fixed piece of work.
    pub fn begin(cpus: &[usize]) -> Self {
        let machine = fingerprint();
        let (before, own_before_s) = (reading::times(), reading::own_cpu_s());
        let evenness = evenness::try_out(cpus);
        let (after, own_after_s) = (reading::times(), reading::own_cpu_s());
        let others_ratio = quiet::others_ratio(before, after, own_after_s - own_before_s);
        Self { machine, evenness, others_ratio, began: reading::times() }
    }

    /// What can be said so far; the measurement may go on.
    pub fn look(&self) -> Machine {
        let mut machine = self.machine.clone();
        machine.steal_ratio = quiet::steal_ratio(self.began, reading::times());
        let reasons = quiet::reasons(&Signs {
            core_count: machine.core_count,
            governor: &machine.governor,
            is_guest: !machine.hypervisor.is_empty(),
            steal_ratio: machine.steal_ratio,
            others_ratio: self.others_ratio,
            evenness: &self.evenness,
        });
        machine.quiet = Quiet { is_quiet: reasons.is_empty(), reasons };
        machine
    }

    pub fn end(self) -> Machine {
        self.look()
    }
}
