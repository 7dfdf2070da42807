//! The generator: one thread a core, one epoll a thread, every answer checked. START HERE to see a run from beginning to end.
//!
//! It performs what the pure parts decide: `schedule` when, `wire` what and whether it is right. Never prints.
//! [`crew`] starts the threads and adds up what they counted; [`worker`] is one of them, the loop where all happens.

mod crew;
mod worker;
mod exchange;
mod making;
mod clients;
mod connection;
mod transport;
mod trust;
pub mod poller;
mod schedule;
mod timers;
mod tally;
mod timeline;
mod digest;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use crate::record::{Generator, Interval, Measured};
use crate::workload::Workload;

/// Below this share of idle time the generator is what limits the run.
pub const IDLE_RATIO_MIN: f64 = 0.03;

/// Everything a run needs to know; nothing in it changes while it runs.
#[derive(Clone, Debug)]
pub struct Plan {
    pub workload: Workload,
    pub target: Target,
    /// One thread each, pinned to it. Empty: one thread, wherever the system puts it.
    pub cpus: Vec<usize>,
    pub wait: Wait,
}

/// Where the load goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub addr: SocketAddr,
    /// For `Host`, and for TLS the default name: `host:port` as in the URL.
    pub authority: String,
    /// An `https:` or `wss:` URL: clients without `tls` of their own use the default of it.
    pub is_tls: bool,
}

/// What a thread does between events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Wait {
    /// Takes a whole core, and wakes nobody late.
    Spin,
    Sleep,
}

/// What a run counted, ready for a [`crate::record::Record`].
#[derive(Clone, Debug)]
pub struct Outcome {
    pub measured: Measured,
    pub generator: Generator,
}

/// A look at a run in progress.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub elapsed_s: f64,
    pub total_s: f64,
    pub latest: Interval,
    pub error_count: u64,
}

/// Runs `plan` to its end. `opened` is called when all connections stand and no request was sent; `watch` hears of each
/// interval, about once a second (ten times in runs under 10 s). Both on the calling thread, which does nothing else.
pub fn run(plan: &Plan, opened: &mut dyn FnMut(), watch: &mut dyn FnMut(&Progress)) -> Result<Outcome, String> {
    crew::run(plan, opened, watch)
}
