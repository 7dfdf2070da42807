//! Counters of one shard: written by it alone, read by whoever scrapes. No label comes from a caller. It never formats:
//! see `observe`.

mod beginnings;

mod method;

mod series;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ringway_core::refusal::Refusal;

use crate::record::Ending;
use crate::stall::Board;
use crate::tls::HandshakeFailure;
use crate::tool_names::ToolId;

use beginnings::Beginnings;
pub use beginnings::{Agreed, BEGINNINGS, BeginningCounts, ProxyHeaderEnd};
pub use method::Method;
pub use series::{BOUNDS_NS, ENDINGS, Histogram, METHOD_ERRORS_MAX, Places, SERIES, SeriesKeys, TOOL_SERIES_MAX};
use series::{Durations, MethodPlaces};

/// Kinds of refusals; see [`refusal_labels`].
pub const REFUSALS: usize = 32;

/// The counters. On cache lines of their own, since every shard writes its own all the time.
#[repr(align(128))]
pub struct ShardMetrics {
    keys: Arc<SeriesKeys>,
    places: [MethodPlaces; Method::COUNT],
    series: [Durations; SERIES],
    statuses: [AtomicU64; 5],
    refusals: [AtomicU64; REFUSALS],
    beginnings: Beginnings,
    connections_opened: AtomicU64,
    connections_closed: AtomicU64,
    accept_errors: AtomicU64,
    panics: AtomicU64,
    overflows: AtomicU64,
    sessions: AtomicU64,
    listens: AtomicU64,
    tasks: AtomicU64,
    in_flight: AtomicU64,
    beat_ms: AtomicU64,
    quiet: AtomicBool,
    /// What the shard does, and what kept it.
    pub board: Board,
}

/// A plain load and store: only this shard writes, so no locked instruction is needed.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
}

impl ShardMetrics {
    /// The counters of a shard of a process whose series are `keys`.
    pub fn new(keys: &Arc<SeriesKeys>) -> Arc<ShardMetrics> {
        let zero = || AtomicU64::new(0);
        Arc::new(ShardMetrics {
            keys: Arc::clone(keys),
            places: std::array::from_fn(|_| MethodPlaces::default()),
            series: std::array::from_fn(|_| Durations::default()),
            statuses: std::array::from_fn(|_| zero()),
            refusals: std::array::from_fn(|_| zero()),
            beginnings: Beginnings::default(),
            connections_opened: zero(),
            connections_closed: zero(),
            accept_errors: zero(),
            panics: zero(),
            overflows: zero(),
            sessions: zero(),
            listens: zero(),
            tasks: zero(),
            in_flight: zero(),
            beat_ms: zero(),
            quiet: AtomicBool::new(false),
            board: Board::default(),
        })
    }

    /// Counts one answered request.
    pub fn observe(
        &self,
        method: Method,
        tool: Option<(ToolId, &Places)>,
        ending: Ending,
        status: u16,
        took: Duration,
    ) {
        add(&self.statuses[usize::from(status / 100).clamp(1, 5) - 1], 1);
        self.series[series::place(&self.keys, &self.places, method, tool, ending)].observe(took);
    }

    /// Says that the shard turns, at so many milliseconds since the process began to serve.
    pub fn beat(&self, at_ms: u64) {
        self.beat_ms.store(at_ms, Ordering::Relaxed);
    }

    /// When the shard said so last.
    pub fn beat_ms(&self) -> u64 {
        self.beat_ms.load(Ordering::Relaxed)
    }

    /// Counts a refusal by its label.
    pub fn count_refusal(&self, refusal: Refusal) {
        let label = refusal.answer().label;
        if let Some(index) = refusal_labels().iter().position(|known| *known == label) {
            add(&self.refusals[index], 1);
        }
    }

    /// Counts the header of a proxy.
    pub fn count_proxy_header(&self, end: ProxyHeaderEnd) {
        self.beginnings.count_proxy_header(end);
    }

    /// Counts a handshake of TLS that is over.
    pub fn count_handshake(&self, end: Result<Agreed, HandshakeFailure>) {
        self.beginnings.count_handshake(end);
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
        "sessions_full",
        "draining",
    ]
}

/// What one shard has counted and measured.
#[derive(Clone, Debug)]
pub struct Counts {
    /// By place; see [`SeriesKeys::key`].
    pub series: Vec<Histogram>,
    /// Answers by status class, 1xx first.
    pub statuses: [u64; 5],
    /// In the order of [`refusal_labels`].
    pub refusals: Vec<u64>,
    /// How connections began.
    pub beginnings: BeginningCounts,
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
    /// Times a task kept it.
    pub stalls: u64,
    /// When it last said that it turns, in milliseconds since the process began to serve.
    pub beat_ms: u64,
}

impl Default for Counts {
    fn default() -> Self {
        Counts {
            series: vec![Histogram::default(); SERIES],
            statuses: [0; 5],
            refusals: vec![0; refusal_labels().len()],
            beginnings: BeginningCounts::default(),
            connections_opened: 0,
            connections_closed: 0,
            accept_errors: 0,
            panics: 0,
            overflows: 0,
            sessions: 0,
            listens: 0,
            tasks: 0,
            in_flight: 0,
            stalls: 0,
            beat_ms: 0,
        }
    }
}

impl Counts {
    /// Connections open. Counters are read while shards write, so that a close may be seen before its open.
    pub fn connections_open(&self) -> u64 {
        self.connections_opened.saturating_sub(self.connections_closed)
    }

    /// Adds what a shard has.
    pub fn add(&mut self, shard: &ShardMetrics) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (sum, series) in self.series.iter_mut().zip(&shard.series) {
            sum.add(series);
        }
        for (sum, status) in self.statuses.iter_mut().zip(&shard.statuses) {
            *sum += read(status);
        }
        for (sum, refusal) in self.refusals.iter_mut().zip(&shard.refusals) {
            *sum += read(refusal);
        }
        self.beginnings.add(&shard.beginnings);
        self.connections_opened += read(&shard.connections_opened);
        self.connections_closed += read(&shard.connections_closed);
        self.accept_errors += read(&shard.accept_errors);
        self.panics += read(&shard.panics);
        self.overflows += read(&shard.overflows);
        self.sessions += read(&shard.sessions);
        self.listens += read(&shard.listens);
        self.tasks += read(&shard.tasks);
        self.in_flight += read(&shard.in_flight);
        self.stalls += shard.board.stalls();
        self.beat_ms = self.beat_ms.max(read(&shard.beat_ms));
    }

    /// What one shard has.
    pub fn of(shard: &ShardMetrics) -> Counts {
        let mut counts = Counts::default();
        counts.add(shard);
        counts
    }
}
