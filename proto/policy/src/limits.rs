//! The bounds of a data plane, each with its default and the reason for it. It never reads a configuration; whoever
//! does fills this in.

use std::time::Duration;

/// Bounds on what one client may make a shard hold or wait for. Every one has a stated answer when it is passed.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request head, answered 431 when passed. 64 KiB fits the largest cookies and tokens seen in the field.
    pub head_bytes_max: usize,
    /// Header fields of a request, answered 431; at most 256. nginx and Apache allow about 100.
    pub head_fields_max: usize,
    /// Bytes of a request target, answered 414. 8 KiB is nginx's and Apache's default.
    pub target_bytes_max: usize,
    /// Bytes of a decoded body, answered 413. 4 MiB is the default of the TypeScript, Rust and Python SDKs.
    pub body_bytes_max: usize,
    /// From the first byte of a head to its end, answered 408.
    pub head_time_max: Duration,
    /// From the end of a head to the end of its body, answered 408.
    pub body_time_max: Duration,
    /// A body slower than this many bytes a second, once [`Limits::body_rate_grace`] has passed, is answered 408.
    pub body_rate_min_bytes: u64,
    /// How long a body may be slow before its rate counts.
    pub body_rate_grace: Duration,
    /// A keep-alive connection without a request is closed after this.
    pub idle_time_max: Duration,
    /// A client that takes no byte of an answer for this long is closed.
    pub write_stall_max: Duration,
    /// Bytes of a stream's events that wait for a slow reader; a stream that passes it is closed.
    pub stream_bytes_max: usize,
    /// Events a resumable stream keeps for a client that comes back.
    pub stream_events_kept_max: usize,
    /// Connections a shard holds; one more is answered 503 and closed.
    pub connections_max: usize,
    /// Requests of a shard that wait for a tool; one more is answered 503 with `Retry-After`.
    pub in_flight_max: usize,
    /// Legacy sessions a shard holds; when full the longest idle one goes, and if none is idle `initialize` gets 503.
    pub sessions_max: usize,
    /// A session without a request or an open stream ends after this; its client gets 404 and initialises again.
    pub session_idle_max: Duration,
    /// Only a session idle for at least this long may be ended early to make room.
    pub session_evict_idle_min: Duration,
    /// Open `subscriptions/listen` streams of a shard; one more is answered -32603. The TypeScript SDK's bound.
    pub listens_max: usize,
    /// Tasks a shard holds; one more is answered -32603.
    pub tasks_max: usize,
    /// How long a finished task keeps its result.
    pub task_ttl: Duration,
    /// Messages of one JSON-RPC batch (revision 2025-03-26 only), answered -32600.
    pub batch_max: usize,
    /// How long a call may take when its tool states no time of its own, answered -32603.
    pub call_time_max: Duration,
    /// How long a legacy client may take to answer a question of a tool.
    pub question_time_max: Duration,
    /// A comment is sent on a quiet stream this often, so that proxies keep it open. SDKs use 15 s.
    pub keep_alive_every: Duration,
    /// Tools, prompts, resources of one page of a list.
    pub page_items_max: usize,
    /// A drain ends after this, finished or not.
    pub drain_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Limits {
            head_bytes_max: 64 << 10,
            head_fields_max: 100,
            target_bytes_max: 8 << 10,
            body_bytes_max: 4 << 20,
            head_time_max: secs(10),
            body_time_max: secs(30),
            body_rate_min_bytes: 1024,
            body_rate_grace: secs(5),
            idle_time_max: secs(60),
            write_stall_max: secs(30),
            stream_bytes_max: 256 << 10,
            stream_events_kept_max: 256,
            connections_max: 20_000,
            in_flight_max: 4096,
            sessions_max: 4096,
            session_idle_max: secs(30 * 60),
            session_evict_idle_min: secs(10),
            listens_max: 1024,
            tasks_max: 1024,
            task_ttl: secs(5 * 60),
            batch_max: 100,
            call_time_max: secs(300),
            question_time_max: secs(600),
            keep_alive_every: secs(15),
            page_items_max: 200,
            drain_time_max: secs(30),
        }
    }
}
