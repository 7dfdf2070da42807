//! The keys of the bounds: every field of `Limits`, in its order. Ranges leave out what cannot work, and what nobody
//! could mean.

use super::{Key, key};
use crate::config::field::Field as _;
use crate::config::kind::Kind;

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;
const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;
/// More than any shard can hold, and few enough to multiply.
const MANY: u64 = 10_000_000;

pub static KEYS: [Key; 26] = [
    key!(
        "limits.head_bytes_max",
        Kind::Bytes(KIB, 16 << 20),
        policy.limits.head_bytes_max,
        "Bytes of a request head; more is answered 431."
    )
    .flag("head-bytes-max"),
    key!(
        "limits.head_fields_max",
        Kind::Count(1, 256),
        policy.limits.head_fields_max,
        "Header fields of a request; more is answered 431."
    )
    .flag("head-fields-max"),
    key!(
        "limits.target_bytes_max",
        Kind::Bytes(64, 16 << 20),
        policy.limits.target_bytes_max,
        "Bytes of a request target; more is answered 414."
    )
    .flag("target-bytes-max"),
    key!(
        "limits.body_bytes_max",
        Kind::Bytes(KIB, GIB),
        policy.limits.body_bytes_max,
        "Bytes of a request body; more is answered 413."
    )
    .flag("body-bytes-max"),
    key!(
        "limits.head_time_max",
        Kind::Time(100, HOUR),
        policy.limits.head_time_max,
        "From the first byte of a head to its end, answered 408."
    ),
    key!(
        "limits.body_time_max",
        Kind::Time(100, DAY),
        policy.limits.body_time_max,
        "From the end of a head to the end of its body, answered 408."
    ),
    key!(
        "limits.body_rate_min_bytes",
        Kind::Bytes(0, GIB),
        policy.limits.body_rate_min_bytes,
        "A body slower than this many bytes a second is answered 408."
    ),
    key!(
        "limits.body_rate_grace",
        Kind::Time(0, HOUR),
        policy.limits.body_rate_grace,
        "How long a body may be slow before its rate counts."
    ),
    key!(
        "limits.idle_time_max",
        Kind::Time(SECOND, DAY),
        policy.limits.idle_time_max,
        "A connection without a request is closed after this."
    ),
    key!(
        "limits.write_stall_max",
        Kind::Time(SECOND, HOUR),
        policy.limits.write_stall_max,
        "A client that takes no byte of an answer for this long is closed."
    ),
    key!(
        "limits.stream_bytes_max",
        Kind::Bytes(KIB, GIB),
        policy.limits.stream_bytes_max,
        "Bytes of a stream's events that wait for a slow reader; a stream that passes it is closed."
    ),
    key!(
        "limits.stream_events_kept_max",
        Kind::Count(1, 1_000_000),
        policy.limits.stream_events_kept_max,
        "Events a resumable stream keeps for a client that comes back."
    ),
    key!(
        "limits.connections_max",
        Kind::Count(1, MANY),
        policy.limits.connections_max,
        "Connections a shard holds; one more is answered 503."
    )
    .flag("connections-max")
    .older(&["SOVREN_MAX_CONNECTIONS"]),
    key!(
        "limits.in_flight_max",
        Kind::Count(1, MANY),
        policy.limits.in_flight_max,
        "Calls of a shard that wait for a tool; one more is answered 503."
    )
    .flag("in-flight-max"),
    key!(
        "limits.sessions_max",
        Kind::Count(1, MANY),
        policy.limits.sessions_max,
        "Sessions of clients before 2026-07-28 that a shard holds; one more ends the longest idle one, or is \
         answered 503."
    )
    .flag("sessions-max"),
    key!(
        "limits.session_idle_max",
        Kind::Time(SECOND, 7 * DAY),
        policy.limits.session_idle_max,
        "A session without a request or an open stream ends after this."
    ),
    key!(
        "limits.session_evict_idle_min",
        Kind::Time(0, DAY),
        policy.limits.session_evict_idle_min,
        "Only a session idle for this long may be ended to make room."
    ),
    key!(
        "limits.listens_max",
        Kind::Count(1, MANY),
        policy.limits.listens_max,
        "Open subscriptions/listen streams of a shard; one more is answered -32603."
    ),
    key!(
        "limits.tasks_max",
        Kind::Count(1, MANY),
        policy.limits.tasks_max,
        "Tasks a shard holds; one more is answered -32603."
    ),
    key!(
        "limits.task_ttl",
        Kind::Time(SECOND, 7 * DAY),
        policy.limits.task_ttl,
        "How long a finished task keeps its result."
    ),
    key!(
        "limits.batch_max",
        Kind::Count(1, 100_000),
        policy.limits.batch_max,
        "Messages of one JSON-RPC batch (2025-03-26 only), answered -32600."
    ),
    key!(
        "limits.call_time_max",
        Kind::Time(SECOND, DAY),
        policy.limits.call_time_max,
        "How long a call may take when its tool states no time, answered -32603."
    ),
    key!(
        "limits.question_time_max",
        Kind::Time(SECOND, 7 * DAY),
        policy.limits.question_time_max,
        "How long a client may take to answer a question of a tool."
    ),
    key!(
        "limits.keep_alive_every",
        Kind::Time(SECOND, HOUR),
        policy.limits.keep_alive_every,
        "A comment is sent on a quiet stream this often, so that proxies keep it open."
    ),
    key!(
        "limits.page_items_max",
        Kind::Count(1, 100_000),
        policy.limits.page_items_max,
        "Tools, prompts or resources on one page of a list."
    ),
    key!(
        "limits.drain_time_max",
        Kind::Time(SECOND, DAY),
        policy.limits.drain_time_max,
        "A draining server ends after this, finished or not."
    ),
];
