//! Counters of one shard: written by it alone, read by whoever scrapes. No label comes from a caller. It never formats:
//! see `observe`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ringway_core::refusal::Refusal;

/// What a request was for, as the `mcp_method_name` label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `tools/call`
    ToolsCall,
    /// `tools/list`
    ToolsList,
    /// `resources/read`
    ResourcesRead,
    /// `resources/list`
    ResourcesList,
    /// `resources/templates/list`
    TemplatesList,
    /// `resources/subscribe` and `resources/unsubscribe`
    Subscribe,
    /// `prompts/get`
    PromptsGet,
    /// `prompts/list`
    PromptsList,
    /// `completion/complete`
    Complete,
    /// `initialize`
    Initialize,
    /// `ping`
    Ping,
    /// `logging/setLevel`
    SetLevel,
    /// `server/discover`
    Discover,
    /// `subscriptions/listen`
    Listen,
    /// `tasks/*`
    Tasks,
    /// Any notification.
    Notification,
    /// An answer to a question of ours.
    Response,
    /// A JSON-RPC batch.
    Batch,
    /// A message of a legacy session, which its home shard tells apart.
    OfSession,
    /// A GET for a stream.
    Stream,
    /// A DELETE of a session.
    EndSession,
    /// Health, metrics, OPTIONS.
    Probe,
    /// A method that does not exist.
    Unknown,
    /// Not a message.
    Invalid,
    /// Refused before it was read as a message.
    Refused,
}

impl Method {
    const COUNT: usize = Method::Refused as usize + 1;
    const LABELS: [&'static str; Method::COUNT] = [
        "tools/call",
        "tools/list",
        "resources/read",
        "resources/list",
        "resources/templates/list",
        "resources/subscribe",
        "prompts/get",
        "prompts/list",
        "completion/complete",
        "initialize",
        "ping",
        "logging/setLevel",
        "server/discover",
        "subscriptions/listen",
        "tasks",
        "notification",
        "response",
        "batch",
        "session",
        "stream",
        "session/end",
        "probe",
        "unknown",
        "invalid",
        "refused",
    ];

    /// Its name in metrics and logs.
    pub fn label(self) -> &'static str {
        Method::LABELS[self as usize]
    }

    /// The method of that name.
    pub fn of(name: &str) -> Method {
        match name {
            "tools/call" => Method::ToolsCall,
            "tools/list" => Method::ToolsList,
            "resources/read" => Method::ResourcesRead,
            "resources/list" => Method::ResourcesList,
            "resources/templates/list" => Method::TemplatesList,
            "resources/subscribe" | "resources/unsubscribe" => Method::Subscribe,
            "prompts/get" => Method::PromptsGet,
            "prompts/list" => Method::PromptsList,
            "completion/complete" => Method::Complete,
            "initialize" => Method::Initialize,
            "ping" => Method::Ping,
            "logging/setLevel" => Method::SetLevel,
            "server/discover" => Method::Discover,
            "subscriptions/listen" => Method::Listen,
            "tasks/get" | "tasks/update" | "tasks/cancel" => Method::Tasks,
            _ => Method::Unknown,
        }
    }
}

/// Upper bounds of the latency buckets in seconds: most calls are answered in microseconds.
pub const LATENCY_BOUNDS_S: [f64; 18] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
    0.5, 1.0, 2.5, 10.0,
];
const BUCKETS: usize = LATENCY_BOUNDS_S.len() + 1;
/// Refusal labels met so far; there are fewer kinds than this.
const REFUSALS: usize = 32;

/// The counters. On cache lines of their own, since every shard writes its own all the time.
#[repr(align(128))]
pub struct ShardMetrics {
    requests: [AtomicU64; Method::COUNT],
    statuses: [AtomicU64; 5],
    buckets: [AtomicU64; BUCKETS],
    latency_ns: AtomicU64,
    refusals: [AtomicU64; REFUSALS],
    connections_opened: AtomicU64,
    connections_closed: AtomicU64,
    accept_errors: AtomicU64,
    panics: AtomicU64,
    overflows: AtomicU64,
    sessions: AtomicU64,
    listens: AtomicU64,
    tasks: AtomicU64,
    in_flight: AtomicU64,
    quiet: AtomicBool,
}

impl Default for ShardMetrics {
    fn default() -> Self {
        let zeros = || AtomicU64::new(0);
        ShardMetrics {
            requests: std::array::from_fn(|_| zeros()),
            statuses: std::array::from_fn(|_| zeros()),
            buckets: std::array::from_fn(|_| zeros()),
            latency_ns: zeros(),
            refusals: std::array::from_fn(|_| zeros()),
            connections_opened: zeros(),
            connections_closed: zeros(),
            accept_errors: zeros(),
            panics: zeros(),
            overflows: zeros(),
            sessions: zeros(),
            listens: zeros(),
            tasks: zeros(),
            in_flight: zeros(),
            quiet: AtomicBool::new(false),
        }
    }
}

/// A plain load and store: only this shard writes, so no locked instruction is needed.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
}

impl ShardMetrics {
    /// Counts one answered request.
    pub fn observe(&self, method: Method, status: u16, took: Duration) {
        add(&self.requests[method as usize], 1);
        add(&self.statuses[usize::from(status / 100).clamp(1, 5) - 1], 1);
        let ns = took.as_nanos() as u64;
        add(&self.latency_ns, ns);
        let seconds = ns as f64 * 1e-9;
        let bucket = LATENCY_BOUNDS_S.iter().position(|&bound| seconds <= bound).unwrap_or(BUCKETS - 1);
        add(&self.buckets[bucket], 1);
    }

    /// Counts a refusal by its label.
    pub fn count_refusal(&self, refusal: Refusal) {
        let label = refusal.answer().label;
        if let Some(index) = refusal_labels().iter().position(|known| *known == label) {
            add(&self.refusals[index], 1);
        }
    }

    /// Counts a connection that came.
    pub fn connection_opened(&self) {
        add(&self.connections_opened, 1);
    }

    /// Counts a connection that went.
    pub fn connection_closed(&self) {
        add(&self.connections_closed, 1);
    }

    /// Counts a failed accept.
    pub fn count_accept_error(&self) {
        add(&self.accept_errors, 1);
    }

    /// Counts a panic that was caught.
    pub fn count_panic(&self) {
        add(&self.panics, 1);
    }

    /// Counts a stream that was closed since its reader was too slow.
    pub fn count_overflow(&self) {
        add(&self.overflows, 1);
    }

    /// Says whether the shard has nothing left to do, once it drains.
    pub fn set_quiet(&self, quiet: bool) {
        self.quiet.store(quiet, Ordering::Relaxed);
    }

    /// Whether it has nothing left to do.
    pub fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Relaxed)
    }

    /// Sets what is measured, not counted.
    pub fn set_levels(&self, sessions: usize, listens: usize, tasks: usize, in_flight: usize) {
        self.sessions.store(sessions as u64, Ordering::Relaxed);
        self.listens.store(listens as u64, Ordering::Relaxed);
        self.tasks.store(tasks as u64, Ordering::Relaxed);
        self.in_flight.store(in_flight as u64, Ordering::Relaxed);
    }
}

/// The labels of all refusals, in a fixed order.
pub fn refusal_labels() -> &'static [&'static str] {
    &[
        "framing",
        "transfer_coding",
        "http_version",
        "method_unknown",
        "head_too_large",
        "target_too_long",
        "body_too_large",
        "length_required",
        "expectation",
        "head_timeout",
        "body_timeout",
        "host",
        "origin",
        "not_found",
        "method",
        "media_type",
        "content_coding",
        "not_acceptable",
        "session_id",
        "upgrade_required",
        "websocket_version",
        "handshake",
        "connections_full",
        "overloaded",
        "draining",
    ]
}

/// Sums over shards.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Requests by method label.
    pub requests: Vec<(&'static str, u64)>,
    /// Answers by status class, 1xx first.
    pub statuses: [u64; 5],
    /// Answers by latency bucket; the last has no upper bound.
    pub buckets: [u64; BUCKETS],
    /// Sum of latencies.
    pub latency_ns: u64,
    /// Refusals by label.
    pub refusals: Vec<(&'static str, u64)>,
    /// Connections that came.
    pub connections_opened: u64,
    /// Connections that went.
    pub connections_closed: u64,
    /// Failed accepts.
    pub accept_errors: u64,
    /// Panics caught.
    pub panics: u64,
    /// Streams closed for slowness.
    pub overflows: u64,
    /// Legacy sessions.
    pub sessions: u64,
    /// Open `subscriptions/listen` streams.
    pub listens: u64,
    /// Tasks.
    pub tasks: u64,
    /// Calls that wait.
    pub in_flight: u64,
}

impl Totals {
    /// Connections open. Counters are read while shards write, so that a close may be seen before its open.
    pub fn connections_open(&self) -> u64 {
        self.connections_opened.saturating_sub(self.connections_closed)
    }

    /// Adds up the counters of all shards.
    pub fn of<'a>(shards: impl Iterator<Item = &'a ShardMetrics> + Clone) -> Totals {
        let sum = |pick: &dyn Fn(&'a ShardMetrics) -> &'a AtomicU64| -> u64 {
            shards.clone().map(|shard| pick(shard).load(Ordering::Relaxed)).sum()
        };
        Totals {
            requests: Method::LABELS.iter().enumerate().map(|(i, label)| (*label, sum(&|m| &m.requests[i]))).collect(),
            statuses: std::array::from_fn(|i| sum(&|m| &m.statuses[i])),
            buckets: std::array::from_fn(|i| sum(&|m| &m.buckets[i])),
            latency_ns: sum(&|m| &m.latency_ns),
            refusals: refusal_labels()
                .iter()
                .enumerate()
                .map(|(i, label)| (*label, sum(&|m| &m.refusals[i])))
                .collect(),
            connections_opened: sum(&|m| &m.connections_opened),
            connections_closed: sum(&|m| &m.connections_closed),
            accept_errors: sum(&|m| &m.accept_errors),
            panics: sum(&|m| &m.panics),
            overflows: sum(&|m| &m.overflows),
            sessions: sum(&|m| &m.sessions),
            listens: sum(&|m| &m.listens),
            tasks: sum(&|m| &m.tasks),
            in_flight: sum(&|m| &m.in_flight),
        }
    }
}
