//! Metrics as Prometheus text. Every family has its help and its type, and whatever happens a scrape has at most
//! [`SAMPLES_MAX`] samples. It decides nothing but names.

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram as HistogramProto, LabelPair, Metric, MetricFamily, MetricType,
};
use prometheus::{Encoder, TextEncoder};
use ringway_policy::MetricsPolicy;

use super::compatibility;
use super::observer::View;
use crate::health::CHECKS_MAX;
use crate::metrics::{
    BEGINNINGS, BOUNDS_NS, Counts, ENDINGS, Histogram, METHOD_ERRORS_MAX, Method, REFUSALS, TOOL_SERIES_MAX,
    refusal_labels,
};

/// Samples of a scrape: enough for dashboards and alerts, and nothing to fear for whoever stores them.
pub const SAMPLES_MAX: usize = 2000;
/// Shards with gauges of their own; what more there are is told together.
const SHARDS_MAX: usize = 16;
/// Samples of one histogram.
pub const HISTOGRAM_SAMPLES: usize = BOUNDS_NS.len() + 3;

const SERIES_SAMPLES: usize = (Method::OPERATIONS + 4 + METHOD_ERRORS_MAX + TOOL_SERIES_MAX) * HISTOGRAM_SAMPLES;
const COUNTER_SAMPLES: usize = (Method::COUNT + 1) + 5 + REFUSALS + BEGINNINGS + CHECKS_MAX + 20;
const SHARD_SAMPLES: usize = 8 * (SHARDS_MAX + 1);
const _: () = assert!(SERIES_SAMPLES + COUNTER_SAMPLES + SHARD_SAMPLES + compatibility::SAMPLES <= SAMPLES_MAX);

/// All metrics, with the sets of older names that are switched on.
pub fn text(view: &View<'_>, sets: MetricsPolicy) -> Vec<u8> {
    let mut families = families(view);
    if sets.enterprise {
        families.extend(compatibility::enterprise(view));
    }
    if sets.mcpo {
        families.extend(compatibility::mcpo(view));
    }
    // The encoder takes no family without samples.
    families.retain(|family| !family.get_metric().is_empty());
    let mut out = Vec::new();
    // Text goes into a Vec, and every family has a name and a sample: it cannot fail.
    let encoded = TextEncoder::new().encode(&families, &mut out);
    debug_assert!(encoded.is_ok());
    out
}

fn families(view: &View<'_>) -> Vec<MetricFamily> {
    let totals = &view.totals;
    let labelled = |rows: Vec<(&str, u64)>, label: &str| {
        rows.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| counter(count, &[(label, name)])).collect()
    };
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(totals.statuses);
    let refusals = refusal_labels().iter().copied().zip(totals.refusals.iter().copied());
    let mut families = vec![
        histograms(
            "mcp_server_operation_duration_seconds",
            "Time from the last byte of an MCP request to the last byte of its answer.",
            operations(view),
        ),
        counters(
            "ringway_requests_total",
            "Requests answered, by what they were for.",
            labelled(by_method(view), "mcp_method_name"),
        ),
        counters(
            "ringway_responses_total",
            "Answers by class of HTTP status.",
            classes.map(|(class, count)| counter(count, &[("class", class)])).collect(),
        ),
        counters(
            "ringway_refusals_total",
            "Requests refused before a tool saw them.",
            labelled(refusals.collect(), "reason"),
        ),
        one_counter("ringway_connections_total", "Connections accepted.", totals.connections_opened),
        one_counter("ringway_accept_errors_total", "Failed accepts.", totals.accept_errors),
        one_counter("ringway_panics_total", "Panics caught.", totals.panics),
        one_counter(
            "ringway_stream_overflows_total",
            "Streams closed since their reader was too slow.",
            totals.overflows,
        ),
        one_gauge("ringway_connections", "Connections open.", totals.connections_open() as f64),
        one_gauge("ringway_sessions", "Sessions of clients before 2026-07-28.", totals.sessions as f64),
        one_gauge("ringway_streams", "Open subscriptions/listen streams.", totals.listens as f64),
        one_gauge("ringway_tasks", "Tasks held.", totals.tasks as f64),
        one_gauge("ringway_calls_in_flight", "Calls that wait for their tool.", totals.in_flight as f64),
    ];
    if let Some(log) = &view.observer.process.log {
        families.push(one_counter("ringway_log_lines_dropped_total", "Log lines that found no room.", log.dropped()));
    }
    families.extend(beginnings(totals));
    families.push(health(view));
    families.extend(shards(view));
    families.extend(process(view));
    families
}

/// The durations of operations: by method, and where it applies by tool and error.
fn operations(view: &View<'_>) -> Vec<Metric> {
    let process = &view.observer.process;
    let mut metrics = Vec::new();
    for (index, histogram) in view.totals.series.iter().enumerate().filter(|(_, histogram)| histogram.count() > 0) {
        let Some(key) = process.keys.key(index) else { continue };
        if key.method.is_some_and(|method| !method.is_operation()) {
            continue;
        }
        let tool = key.tool.map(|tool| view.observer.names.name(tool));
        let ending = ENDINGS[usize::from(key.ending)];
        let mut labels = vec![("mcp_method_name", key.method.map_or("other", Method::label))];
        labels.extend(tool.iter().flat_map(|tool| [("gen_ai_tool_name", tool.as_str())]));
        if !key.is_good() {
            labels.push(("error_type", ending));
        }
        if ending.starts_with('-') {
            labels.push(("rpc_response_status_code", ending));
        }
        metrics.push(histogram_metric(histogram, &BOUNDS_NS, &labels));
    }
    metrics
}

/// Requests by method, in the order of methods; `other` is what has no series of its own.
pub fn by_method(view: &View<'_>) -> Vec<(&'static str, u64)> {
    let mut counts = [0; Method::COUNT + 1];
    for (index, histogram) in view.totals.series.iter().enumerate() {
        if let Some(key) = view.observer.process.keys.key(index) {
            counts[key.method.map_or(Method::COUNT, |method| method as usize)] += histogram.count();
        }
    }
    Method::LABELS.into_iter().chain(["other"]).zip(counts).collect()
}

/// What happened before the first request of connections, where anything has to.
fn beginnings(totals: &Counts) -> [MetricFamily; 3] {
    let counted = |rows: &mut dyn Iterator<Item = (&'static str, u64)>, label: &str| {
        rows.filter(|(_, count)| *count > 0).map(|(name, count)| counter(count, &[(label, name)])).collect()
    };
    let agreed = totals.beginnings.agreed().filter(|(_, count)| *count > 0).map(|(agreed, count)| {
        let [version, resumed] = agreed.labels();
        counter(count, &[("version", version), ("resumed", resumed)])
    });
    [
        counters(
            "ringway_proxy_headers_total",
            "Headers of the PROXY protocol that were due, by how they came out.",
            counted(&mut totals.beginnings.proxy_headers(), "result"),
        ),
        counters("ringway_tls_handshakes_total", "TLS handshakes that keys were agreed on in.", agreed.collect()),
        counters(
            "ringway_tls_handshake_failures_total",
            "TLS handshakes that came to nothing, by why.",
            counted(&mut totals.beginnings.failures(), "reason"),
        ),
    ]
}

fn health(view: &View<'_>) -> MetricFamily {
    let statuses = view.observer.checks.statuses(std::time::Instant::now());
    let metrics = statuses.map(|(name, status)| gauge(status.gauge(), &[("check", name)])).collect();
    gauges("ringway_health_status", "Health checks: 1 healthy, 0.5 degraded, 0 unhealthy.", metrics)
}

fn shards(view: &View<'_>) -> Vec<MetricFamily> {
    let ages = view.observer.process.beat_ages();
    let waiting = view.observer.process.mailboxes.waiting();
    let sum = |values: &[f64]| values.iter().sum::<f64>();
    let max = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let of =
        |pick: &dyn Fn(&Counts) -> u64| -> Vec<f64> { view.each.iter().map(|counts| pick(counts) as f64).collect() };
    let row =
        |name, help, values: Vec<f64>, rest: fn(&[f64]) -> f64| gauges(name, help, per_shard(&values, rest, gauge));
    vec![
        counters(
            "ringway_shard_requests_total",
            "Requests answered by each shard.",
            per_shard(&of(&|counts| view.answered_by(counts).0), sum, |value, labels| counter(value as u64, labels)),
        ),
        counters(
            "ringway_shard_stalls_total",
            "Times a task kept its shard for over 10 ms.",
            per_shard(&of(&|counts| counts.stalls), sum, |value, labels| counter(value as u64, labels)),
        ),
        row("ringway_shard_connections", "Connections open at each shard.", of(&Counts::connections_open), sum),
        row("ringway_shard_sessions", "Sessions of each shard.", of(&|counts| counts.sessions), sum),
        row(
            "ringway_shard_streams",
            "Open subscriptions/listen streams of each shard.",
            of(&|counts| counts.listens),
            sum,
        ),
        row(
            "ringway_shard_calls_in_flight",
            "Calls of each shard that wait for their tool.",
            of(&|counts| counts.in_flight),
            sum,
        ),
        row(
            "ringway_shard_waiting_letters",
            "Letters from other shards that wait at each shard.",
            waiting.iter().map(|waiting| *waiting as f64).collect(),
            sum,
        ),
        row(
            "ringway_shard_heartbeat_age_seconds",
            "Since each shard last said that it turns, which it does every 250 ms.",
            ages.iter().map(|age| age.as_secs_f64()).collect(),
            max,
        ),
    ]
}

fn per_shard(
    values: &[f64],
    rest: impl Fn(&[f64]) -> f64,
    metric: impl Fn(f64, &[(&str, &str)]) -> Metric,
) -> Vec<Metric> {
    let (own, others) = values.split_at(values.len().min(SHARDS_MAX));
    let mut metrics: Vec<Metric> =
        own.iter().enumerate().map(|(shard, value)| metric(*value, &[("shard", &shard.to_string())])).collect();
    if !others.is_empty() {
        metrics.push(metric(rest(others), &[("shard", "other")]));
    }
    metrics
}

fn process(view: &View<'_>) -> Vec<MetricFamily> {
    let uptime = view.observer.process.started.elapsed();
    let mut families = vec![
        gauges(
            "ringway_build_info",
            "Always 1; its label is the version.",
            vec![gauge(1.0, &[("version", env!("CARGO_PKG_VERSION"))])],
        ),
        one_gauge("ringway_uptime_seconds", "Since the process began to serve.", uptime.as_secs_f64()),
        one_gauge("ringway_shards", "Shards of the process.", view.each.len() as f64),
    ];
    if let Some(io) = &view.observer.process.io {
        let driver = gauge(1.0, &[("driver", io.driver)]);
        families.push(gauges(
            "ringway_io_driver_info",
            "Always 1; its label is what drives client sockets.",
            vec![driver],
        ));
    }
    if let Some(audit) = &view.observer.process.audit {
        let counts = audit.counts();
        let is_failing = if audit.is_failing() { 1.0 } else { 0.0 };
        families.extend([
            one_counter("audit_records_total", "Records written to the audit log.", counts.written),
            one_counter("audit_lost_total", "Records that the audit log has no place for.", counts.lost),
            one_counter("audit_refused_total", "Calls refused for want of a place in the audit log.", counts.refused),
            one_counter("audit_failures_total", "Failed writes of the audit log.", counts.failures),
            one_gauge("audit_failing", "Whether the audit log cannot be written.", is_failing),
        ]);
    }
    if let Some(bytes) = view.own.resident_bytes {
        families.push(one_gauge("process_resident_memory_bytes", "Resident memory.", bytes as f64));
    }
    if let Some(files) = view.own.open_files {
        families.push(one_gauge("process_open_fds", "Open descriptors.", files as f64));
    }
    if let Some(seconds) = view.own.cpu_seconds {
        let metrics = vec![counter_of(seconds, &[])];
        families.push(counters(
            "process_cpu_seconds_total",
            "Processor time in user space and in the kernel.",
            metrics,
        ));
    }
    families
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<Metric>) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

/// A family of counters.
pub fn counters(name: &str, help: &str, metrics: Vec<Metric>) -> MetricFamily {
    family(name, help, MetricType::COUNTER, metrics)
}

/// A counter without labels.
pub fn one_counter(name: &str, help: &str, value: u64) -> MetricFamily {
    counters(name, help, vec![counter(value, &[])])
}

/// A family of gauges.
pub fn gauges(name: &str, help: &str, metrics: Vec<Metric>) -> MetricFamily {
    family(name, help, MetricType::GAUGE, metrics)
}

/// A gauge without labels.
pub fn one_gauge(name: &str, help: &str, value: f64) -> MetricFamily {
    gauges(name, help, vec![gauge(value, &[])])
}

/// A family of histograms.
pub fn histograms(name: &str, help: &str, metrics: Vec<Metric>) -> MetricFamily {
    family(name, help, MetricType::HISTOGRAM, metrics)
}

fn labelled_metric(labels: &[(&str, &str)]) -> Metric {
    let pair = |(name, value): &(&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    let mut metric = Metric::default();
    metric.set_label(labels.iter().map(pair).collect());
    metric
}

/// One count.
pub fn counter(value: u64, labels: &[(&str, &str)]) -> Metric {
    counter_of(value as f64, labels)
}

fn counter_of(value: f64, labels: &[(&str, &str)]) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut metric = labelled_metric(labels);
    metric.set_counter(counter);
    metric
}

/// One measure.
pub fn gauge(value: f64, labels: &[(&str, &str)]) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = labelled_metric(labels);
    metric.set_gauge(gauge);
    metric
}

/// One histogram, with `bounds` among those that are counted by.
pub fn histogram_metric(histogram: &Histogram, bounds: &[u64], labels: &[(&str, &str)]) -> Metric {
    let mut cumulative = 0;
    let mut buckets = Vec::with_capacity(bounds.len());
    for (bound, count) in BOUNDS_NS.iter().zip(histogram.buckets) {
        cumulative += count;
        if bounds.contains(bound) {
            let mut bucket = Bucket::default();
            // Divided, not multiplied by 1e-9: the nearest number to the bound is the one that is written short.
            bucket.set_upper_bound(*bound as f64 / 1e9);
            bucket.set_cumulative_count(cumulative);
            buckets.push(bucket);
        }
    }
    let mut proto = HistogramProto::default();
    proto.set_bucket(buckets);
    proto.set_sample_count(histogram.count());
    proto.set_sample_sum(histogram.sum_s());
    let mut metric = labelled_metric(labels);
    metric.set_histogram(proto);
    metric
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::catalog::Parts;
    use crate::handle::ServerHandle;
    use crate::health::{Check, Checks, Health};
    use crate::metrics::Places;
    use crate::observe::observer::Observer;
    use crate::observe::process::Process;
    use crate::record::Ending;

    /// Goal: the bound holds when everything that can be a series is one. Method: many shards, every method with every
    /// error, more tools than there is room for, as many checks as may be, and all sets of names.
    #[test]
    fn the_largest_scrape_is_within_its_bound() {
        let server = ServerHandle::new(Parts::default());
        let names = server.tool_names();
        let shards = 64;
        let _letters = server.mailboxes().open(shards);
        let process = Arc::new(Process::new(shards, server, None));
        let codes = [-32700, -32600, -32601, -32602, -32603, -32000, -32001, -32002, -32020, -32021, -32022, 1];
        let mut endings = vec![Ending::Good, Ending::ToolError];
        endings.extend(codes.map(Ending::Error));
        let took = Duration::from_millis(1);
        for metrics in &process.shards {
            for method in Method::ALL {
                endings.iter().for_each(|ending| metrics.observe(method, None, *ending, 200, took));
            }
            for tool in 0..500 {
                let (id, places) = (names.id(&format!("tool-{tool}")), Places::default());
                for ending in &endings {
                    metrics.observe(Method::ToolsCall, Some((id, &places)), *ending, 200, took);
                }
            }
        }
        let check = |number| Check::new(&format!("check-{number}"), took, || Health::healthy(""));
        let observer = Observer::new(process, Checks::new((0..CHECKS_MAX).map(check).collect()));
        let text = text(&observer.view(), MetricsPolicy { enterprise: true, mcpo: true });
        let text = String::from_utf8(text).expect("text");
        let samples = text.lines().filter(|line| !line.starts_with('#')).count();
        assert!(samples <= SAMPLES_MAX, "{samples} samples");
        assert!(samples > SERIES_SAMPLES, "{samples} samples: every series is in use");
        let counted = observer.view().requests;
        let all = shards * (Method::COUNT - 1 + 500) * endings.len();
        assert_eq!(counted, all as u64, "nothing is lost where there is no room");
    }
}
