//! What the process says of itself: liveness, readiness, state, metrics. It reads counters and never writes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, Registry, TextEncoder};
use ringway_core::http::response;
use ringway_core::request_path::Route;
use serde_json::json;

use crate::answer::Reply;
use crate::mailbox::Mailboxes;
use crate::metrics::{LATENCY_BOUNDS_S, ShardMetrics, Totals};
use crate::shard::Shard;

/// The counters of all shards and the state of the process.
pub struct Observatory {
    shards: Vec<Arc<ShardMetrics>>,
    shards_up: AtomicUsize,
    mailboxes: Mailboxes,
    started: Instant,
}

impl Observatory {
    /// An observatory of these shards.
    pub fn new(shards: Vec<Arc<ShardMetrics>>, mailboxes: Mailboxes) -> Arc<Observatory> {
        Arc::new(Observatory { shards, shards_up: AtomicUsize::new(0), mailboxes, started: Instant::now() })
    }

    /// Says that a shard serves.
    pub fn shard_is_up(&self) {
        self.shards_up.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that a shard serves no more.
    pub fn shard_is_down(&self) {
        self.shards_up.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether no shard has anything left to do.
    pub fn is_quiet(&self) -> bool {
        self.shards.iter().all(|shard| shard.is_quiet())
    }

    /// Whether the process stops.
    pub fn is_draining(&self) -> bool {
        self.mailboxes.are_draining()
    }

    /// Whether new work is taken.
    pub fn is_ready(&self) -> bool {
        self.shards_up.load(Ordering::Relaxed) == self.shards.len() && !self.is_draining()
    }

    /// Sums over shards.
    pub fn totals(&self) -> Totals {
        Totals::of(self.shards.iter().map(|shard| &**shard))
    }

    /// Metrics as Prometheus text.
    fn text(self: &Arc<Observatory>) -> Vec<u8> {
        let registry = Registry::new();
        let mut out = Vec::new();
        // One collector in a fresh registry cannot clash, and text goes into a Vec: neither fails.
        if registry.register(Box::new(Shards(Arc::clone(self)))).is_ok() {
            let _ = TextEncoder::new().encode(&registry.gather(), &mut out);
        }
        out
    }
}

/// The answer to a health, metrics or status request.
pub fn answer(shard: &Shard, route: Route) -> Reply {
    let observatory = &shard.observatory;
    let text = |status, body: &[u8]| Reply { content_type: Some(response::TEXT), ..Reply::json(status, body.to_vec()) };
    match route {
        Route::Livez => text(200, b"ok\n"),
        Route::Readyz if observatory.is_ready() => text(200, b"ready\n"),
        Route::Readyz => text(503, b"not ready\n").field("Retry-After", "1"),
        Route::Metrics => Reply {
            content_type: Some("text/plain; version=0.0.4; charset=utf-8"),
            ..Reply::json(200, observatory.text())
        },
        _ => {
            let totals = observatory.totals();
            let status = json!({
                "ready": observatory.is_ready(),
                "version": env!("CARGO_PKG_VERSION"),
                "uptimeSeconds": observatory.started.elapsed().as_secs(),
                "shards": observatory.shards.len(),
                "connections": totals.connections_open(),
                "sessions": totals.sessions,
                "streams": totals.listens,
                "tasks": totals.tasks,
                "inFlight": totals.in_flight,
                "tools": shard.catalog().tool_names().collect::<Vec<_>>(),
            });
            Reply::json(200, status.to_string().into_bytes())
        }
    }
}

/// Sums the shards when it is scraped.
struct Shards(Arc<Observatory>);

impl Collector for Shards {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let totals = self.0.totals();
        let open = totals.connections_open();
        let labelled = |rows: &[(&'static str, u64)], label| {
            rows.iter().filter(|(_, count)| *count > 0).map(|(name, count)| counter(*count, &[(label, name)])).collect()
        };
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        let by_class = totals.statuses.iter().zip(classes).map(|(count, class)| counter(*count, &[("class", class)]));
        vec![
            family(
                "ringway_requests_total",
                "Requests answered.",
                MetricType::COUNTER,
                labelled(&totals.requests, "mcp_method_name"),
            ),
            family("ringway_responses_total", "Answers by HTTP status class.", MetricType::COUNTER, by_class.collect()),
            family(
                "ringway_refusals_total",
                "Requests refused before a tool saw them.",
                MetricType::COUNTER,
                labelled(&totals.refusals, "reason"),
            ),
            family(
                "mcp_server_operation_duration_seconds",
                "From the request's last byte to its answer.",
                MetricType::HISTOGRAM,
                vec![latency(&totals)],
            ),
            family(
                "ringway_connections_total",
                "Connections accepted.",
                MetricType::COUNTER,
                vec![counter(totals.connections_opened, &[])],
            ),
            family("ringway_connections", "Connections open.", MetricType::GAUGE, vec![gauge(open)]),
            family("ringway_sessions", "Legacy sessions.", MetricType::GAUGE, vec![gauge(totals.sessions)]),
            family(
                "ringway_streams",
                "Open subscriptions/listen streams.",
                MetricType::GAUGE,
                vec![gauge(totals.listens)],
            ),
            family("ringway_tasks", "Tasks held.", MetricType::GAUGE, vec![gauge(totals.tasks)]),
            family(
                "ringway_calls_in_flight",
                "Calls that wait for their tool.",
                MetricType::GAUGE,
                vec![gauge(totals.in_flight)],
            ),
            family(
                "ringway_accept_errors_total",
                "Failed accepts.",
                MetricType::COUNTER,
                vec![counter(totals.accept_errors, &[])],
            ),
            family("ringway_panics_total", "Panics caught.", MetricType::COUNTER, vec![counter(totals.panics, &[])]),
            family(
                "ringway_stream_overflows_total",
                "Streams closed since their reader was too slow.",
                MetricType::COUNTER,
                vec![counter(totals.overflows, &[])],
            ),
        ]
    }
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

fn counter(value: u64, labels: &[(&str, &str)]) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value as f64);
    let mut metric = Metric::default();
    metric.set_counter(counter);
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    metric.set_label(labels.iter().map(pair).collect());
    metric
}

fn gauge(value: u64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value as f64);
    let mut metric = Metric::default();
    metric.set_gauge(gauge);
    metric
}

fn latency(totals: &Totals) -> Metric {
    let mut cumulative = 0;
    let buckets = LATENCY_BOUNDS_S.iter().zip(totals.buckets).map(|(bound, count)| {
        cumulative += count;
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(*bound);
        bucket.set_cumulative_count(cumulative);
        bucket
    });
    let buckets: Vec<Bucket> = buckets.collect();
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets);
    histogram.set_sample_count(totals.buckets.iter().sum());
    histogram.set_sample_sum(totals.latency_ns as f64 * 1e-9);
    let mut metric = Metric::default();
    metric.set_histogram(histogram);
    metric
}
