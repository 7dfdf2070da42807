//! The same numbers as JSON: for `/health` and `/status`, and for the tools that tell them. It never decides what is
//! healthy.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::compatibility::per_tool;
use super::observer::{Observer, View};
use super::prometheus::by_method;
use crate::health::HealthStatus;
use crate::metrics::{Counts, Histogram, refusal_labels};

/// `/health`: the HTTP status and the body. Draining counts as unhealthy, so that nobody sends more.
pub fn health(observer: &Observer) -> (u16, Value) {
    let now = Instant::now();
    let draining = observer.process.is_draining();
    let status = if draining { HealthStatus::Unhealthy } else { observer.checks.worst(now) };
    let code = if status == HealthStatus::Unhealthy { 503 } else { 200 };
    let body = json!({ "status": status.name(), "draining": draining, "checks": observer.checks.report(now, None) });
    (code, body)
}

/// One check as a tool tells it; `None` when there is no such.
pub fn health_of(observer: &Observer, name: &str) -> Result<Value, Vec<String>> {
    let now = Instant::now();
    let checks = observer.checks.report(now, Some(name));
    let Some(status) = checks.get(name).map(|check| check["status"].clone()) else {
        return Err(observer.checks.statuses(now).map(|(name, _)| name.to_owned()).collect());
    };
    Ok(json!({ "status": status, "draining": observer.process.is_draining(), "checks": checks }))
}

/// `/status`.
pub fn status(observer: &Observer) -> Value {
    let view = observer.view();
    let process = &observer.process;
    let totals = &view.totals;
    let now = Instant::now();
    let in_force = process.server.in_force();
    let tools: Vec<&str> = in_force.iter().flat_map(|in_force| in_force.catalog.tool_names()).collect();
    let per_shard: Vec<Value> = each_shard(&view, |shard, requests, errors, counts, age| {
        json!({
            "shard": shard,
            "requests": requests,
            "errors": errors,
            "connections": counts.connections_open(),
            "sessions": counts.sessions,
            "streams": counts.listens,
            "tasks": counts.tasks,
            "inFlight": counts.in_flight,
            "heartbeatAgeSeconds": age,
        })
    });
    json!({
        "ready": process.is_ready(),
        "draining": process.is_draining(),
        "health": observer.checks.worst(now).name(),
        "version": env!("CARGO_PKG_VERSION"),
        "uptimeSeconds": process.started.elapsed().as_secs(),
        "shards": process.shards.len(),
        "io": process.io.as_ref().map(|io| json!({ "driver": io.driver, "reason": io.why, "shardsOnRing": process.shards_on_ring() })),
        "requests": view.requests,
        "errors": view.errors,
        "requestsPerSecond": rounded(view.rates().requests_per_second),
        "connections": totals.connections_open(),
        "sessions": totals.sessions,
        "streams": totals.listens,
        "tasks": totals.tasks,
        "inFlight": totals.in_flight,
        "perShard": per_shard,
        "checks": observer.checks.report(now, None),
        "tools": tools,
    })
}

/// `get_metrics`.
pub fn metrics(observer: &Observer) -> Value {
    let view = observer.view();
    let totals = &view.totals;
    let refusals = refusal_labels().iter().copied().zip(totals.refusals.iter().copied());
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(totals.statuses);
    let tool = |tool: &super::compatibility::PerTool| {
        let mut row = latency(&tool.durations);
        row.insert("tool".to_owned(), observer.names.name(tool.id).into());
        row.insert("calls".to_owned(), tool.calls.into());
        row.insert("errors".to_owned(), tool.errors.into());
        row.remove("count");
        Value::Object(row)
    };
    json!({
        "counters": {
            "requests": counted(by_method(&view)),
            "responses": counted(classes),
            "refusals": counted(refusals),
            "errors": view.errors,
            "connections": totals.connections_opened,
            "accept_errors": totals.accept_errors,
            "panics": totals.panics,
            "stream_overflows": totals.overflows,
        },
        "gauges": {
            "connections": totals.connections_open(),
            "sessions": totals.sessions,
            "streams": totals.listens,
            "tasks": totals.tasks,
            "calls_in_flight": totals.in_flight,
            "shards": view.each.len(),
            "memory_bytes": view.own.resident_bytes,
            "open_files": view.own.open_files,
            "cpu_percent": rounded(view.rates().cpu_percent),
            "uptime_seconds": rounded(observer.process.started.elapsed().as_secs_f64()),
        },
        "latency_seconds": latency(&view.durations),
        "tools": per_tool(&view).iter().map(tool).collect::<Vec<_>>(),
    })
}

/// `get_server_metrics`.
pub fn server_metrics(observer: &Observer) -> Value {
    let view = observer.view();
    let totals = &view.totals;
    let shards: Vec<Value> = each_shard(&view, |shard, requests, errors, counts, age| {
        json!({
            "shard": shard,
            "requests": requests,
            "errors": errors,
            "connections": counts.connections_open(),
            "sessions": counts.sessions,
            "streams": counts.listens,
            "calls_in_flight": counts.in_flight,
            "heartbeat_age_seconds": age,
        })
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": rounded(observer.process.started.elapsed().as_secs_f64()),
        "requests": view.requests,
        "requests_per_second": rounded(view.rates().requests_per_second),
        "errors": view.errors,
        "connections": totals.connections_open(),
        "sessions": totals.sessions,
        "calls_in_flight": totals.in_flight,
        "latency_seconds": latency(&view.durations),
        "shards": shards,
    })
}

fn each_shard(view: &View<'_>, row: impl Fn(usize, u64, u64, &Counts, f64) -> Value) -> Vec<Value> {
    let ages = view.observer.process.beat_ages();
    let rows = view.each.iter().zip(ages).enumerate().map(|(shard, (counts, age))| {
        let (requests, errors) = view.answered_by(counts);
        row(shard, requests, errors, counts, age.as_secs_f64())
    });
    rows.collect()
}

fn counted<'a>(rows: impl IntoIterator<Item = (&'a str, u64)>) -> Map<String, Value> {
    let shown = rows.into_iter().filter(|(_, count)| *count > 0);
    shown.map(|(name, count)| (name.to_owned(), count.into())).collect()
}

/// Percentiles are estimated within a bucket; they are null where nothing was counted.
fn latency(durations: &Histogram) -> Map<String, Value> {
    let count = durations.count();
    let quantile = |quantile| durations.quantile_s(quantile).map(micros);
    let rows = json!({
        "count": count,
        "mean": (count > 0).then(|| micros(durations.sum_s() / count as f64)),
        "p50": quantile(0.5),
        "p90": quantile(0.9),
        "p99": quantile(0.99),
        "p99_9": quantile(0.999),
    });
    if let Value::Object(rows) = rows { rows } else { Map::new() }
}

/// To the microsecond.
fn micros(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

/// Two digits after the point.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
