//! What a run leaves behind: every number with the machine it was measured on. Serde types and nothing else; files of
//! older versions stay readable, so a field once written keeps its name and meaning.
//!
//! Units: `_us` microseconds, `_s` seconds, `_rps` a second, `_ratio` 0 to 1.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::workload::Workload;

/// Grows when a reader of the older form would misread the new one.
pub const FORMAT: u32 = 1;

/// One run: one workload against one server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub format: u32,
    /// When it began, RFC 3339, UTC.
    pub at: String,
    pub target: Target,
    pub workload: Workload,
    pub machine: Machine,
    pub generator: Generator,
    pub measured: Measured,
    /// Reasons not to trust it, in sentences; empty is what one wants.
    pub doubts: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Target {
    /// As the user named it: a URL, a command, `git:…`, `peer:…`.
    pub name: String,
    /// Commit of the server, where known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commit: Option<String>,
    /// Cores the server was started on; empty where it was not ours to start.
    pub cpus: Vec<usize>,
}

/// The machine's fingerprint. Empty texts are what could not be read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    pub host: String,
    pub kernel: String,
    pub cpu_model: String,
    pub core_count: usize,
    pub smt: String,
    pub governor: String,
    pub clocksource: String,
    /// Hypervisor's name, or empty on bare metal.
    pub hypervisor: String,
    pub numa_nodes: Vec<String>,
    pub mitigations: BTreeMap<String, String>,
    pub memory_mib: u64,
    pub transparent_huge_pages: String,
    pub load_average: String,
    /// Share of time other guests of the host had, over all cores, while we measured.
    pub steal_ratio: f64,
    pub quiet: Quiet,
}

/// Whether absolute figures of this machine mean anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quiet {
    pub is_quiet: bool,
    /// What makes it noisy, each a sentence with its figure.
    pub reasons: Vec<String>,
}

/// The generator's own state: is the figure the server's, or ours?
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    pub threads: usize,
    pub cpus: Vec<usize>,
    /// Time in which it had nothing to do. Near 0: it is the bottleneck.
    pub idle_ratio: f64,
    /// CPU time over wall time while spinning; what is missing, a neighbour had.
    pub cpu_ratio: f64,
    /// What it reaches with this workload's requests against a server that does nothing. Absent: not measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ceiling_rps: Option<f64>,
    /// The result is the generator's limit and not the server's.
    pub is_at_ceiling: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub seconds: f64,
    /// Absent: closed loop.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked_rps: Option<f64>,
    /// Right answers in the measured window, a second.
    pub reached_rps: f64,
    /// Right answers, warm-up and drain included: what the server's CPU was spent on.
    pub answer_count: u64,
    pub errors: Errors,
    pub latency: Percentiles,
    /// From due to sent: waiting for a free connection, and our own lateness.
    pub send_delay: Percentiles,
    /// Streams: from due to the first event.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_event: Option<Percentiles>,
    pub operations: Vec<OperationMeasured>,
    pub timeline: Vec<Interval>,
    pub connection_count: ConnectionCount,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub server: Option<ServerUsage>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    pub wrong_status: u64,
    pub wrong_length: u64,
    pub wrong_content: u64,
    pub malformed: u64,
    /// Closed with a request in flight.
    pub lost: u64,
    /// Due, and not answered when the run ended.
    pub unanswered: u64,
    pub connect_failed: u64,
    /// The first one, for whoever has to find out why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first: Option<String>,
}

impl Errors {
    pub fn total(&self) -> u64 {
        self.wrong_status
            + self.wrong_length
            + self.wrong_content
            + self.malformed
            + self.lost
            + self.unanswered
            + self.connect_failed
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionCount {
    pub opened: u64,
    /// Closed by us because the workload says so.
    pub churned: u64,
    /// Made again because the server had closed.
    pub reconnected: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationMeasured {
    pub name: String,
    pub answer_count: u64,
    pub error_count: u64,
    pub latency: Percentiles,
}

/// A histogram's digest: the usual percentiles by name, and the whole curve for plots.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    pub count: u64,
    pub mean_us: f64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub p9999_us: f64,
    pub max_us: f64,
    /// (quantile 0 to 1, microseconds), rising; about a hundred points.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<(f64, f64)>,
}

/// One slice of the run's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Since the load began, warm-up included.
    pub from_s: f64,
    pub seconds: f64,
    pub answer_count: u64,
    pub error_count: u64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
}

/// What the server's processes used from when all connections stood, warm-up and drain included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerUsage {
    pub cpu_us_per_request: f64,
    /// Share of the time it was ready to run and had no core: neighbours.
    pub waited_ratio: f64,
    pub rss_mib: f64,
    pub rss_peak_mib: f64,
}
