//! `record_metric` and `get_performance_metrics`: numbers that callers record, and what they were within a window. One
//! thread keeps them, so that the answer is the same whichever shard is asked, and a caller finds what it has recorded.

mod ordinal;

mod series;

mod store;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ringway_core::mcp::types::{ToolAnnotations, ToolDefinition, ToolResult};
use serde_json::{Value, json};

use crate::cold::{Cold, Resident, Unanswered};
use crate::tool::{Tool, ToolError, tool_fn};
use store::Store;

/// Calls that wait for the thread.
const WAITING_MAX: usize = 1024;
/// How often old records are forgotten while nobody calls.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// The window that is answered for when none is named, in seconds.
const WINDOW_DEFAULT_S: i64 = 300;
const NAME_CHARS_MAX: usize = 128;

/// The thread's own.
struct Keeper {
    store: Store,
    began: Instant,
    expired: Duration,
}

impl Resident for Keeper {
    fn turn(&mut self) -> Option<Duration> {
        let now = self.began.elapsed();
        if now - self.expired >= EXPIRE_EVERY {
            self.expired = now;
            self.store.expire(now);
        }
        Some(EXPIRE_EVERY)
    }
}

/// What both tools share. The thread begins with the first call.
#[derive(Clone, Default)]
struct Recorder(Arc<OnceLock<Cold<Keeper>>>);

impl Recorder {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Store, Duration) -> T + Send + 'static,
    ) -> Result<T, ToolError> {
        let keeper = || Keeper { store: Store::default(), began: Instant::now(), expired: Duration::ZERO };
        let cold = self.0.get_or_init(|| Cold::start("performance", WAITING_MAX, keeper));
        cold.ask(|keeper| question(&mut keeper.store, keeper.began.elapsed())).await.map_err(|reason| match reason {
            Unanswered::Full => ToolError::failed(format!("{WAITING_MAX} calls wait for the metrics; try again soon")),
            Unanswered::Gone => ToolError::failed("The metrics cannot be reached"),
        })
    }
}

/// The two tools, on one store.
pub fn tools() -> (impl Tool, impl Tool) {
    let recorder = Recorder::default();
    (record_metric(recorder.clone()), get_performance_metrics(recorder))
}

fn name_schema(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": NAME_CHARS_MAX, "description": description })
}

fn record_metric(recorder: Recorder) -> impl Tool {
    let definition = ToolDefinition::new(
        "record_metric",
        "Records one value of a metric of a component, such as the latency of a step or the length of a queue. Values of \
         the last hour can be read with get_performance_metrics at once, from any connection. At most 256 components \
         with 64 metrics each are kept.",
    )
    .title("Record a metric")
    .input(json!({
        "type": "object",
        "properties": {
            "component": name_schema("What the value is about, such as `inference`."),
            "metric": name_schema("What was measured, with its unit, such as `latency_ms`."),
            "value": { "type": "number", "description": "The value: any number, negative and fractional ones too." }
        },
        "required": ["component", "metric", "value"],
        "additionalProperties": false
    }))
    .output(json!({
        "type": "object",
        "properties": {
            "recorded": { "const": true },
            "component": { "type": "string" },
            "metric": { "type": "string" },
            "value": { "type": "number" }
        },
        "required": ["recorded", "component", "metric", "value"],
        "additionalProperties": false
    }))
    .annotations(ToolAnnotations {
        read_only_hint: Some(false),
        destructive_hint: Some(false),
        idempotent_hint: Some(false),
        open_world_hint: Some(false),
        ..ToolAnnotations::default()
    });
    tool_fn(definition, move |arguments, _| {
        let recorder = recorder.clone();
        async move {
            let (component, metric) = (arguments.str("component")?.to_owned(), arguments.str("metric")?.to_owned());
            let value = arguments.number("value")?;
            if !value.is_finite() {
                return Err(ToolError::failed("`value` must be within ±1.8e308"));
            }
            let answer = json!({ "recorded": true, "component": component, "metric": metric, "value": value });
            let recorded = recorder.ask(move |store, now| store.record(now, &component, &metric, value)).await?;
            recorded.map_err(|full| ToolError::failed(format!("Not recorded: {full}")))?;
            Ok(ToolResult::structured(answer))
        }
    })
}

fn get_performance_metrics(recorder: Recorder) -> impl Tool {
    let number = |description: &str| json!({ "type": "number", "description": description });
    let row = json!({
        "type": "object",
        "properties": {
            "metric": { "type": "string" },
            "count": { "type": "integer", "minimum": 1 },
            "sum": number("Exact, as are min, max and mean."),
            "min": { "type": "number" },
            "max": { "type": "number" },
            "mean": { "type": "number" },
            "p50": number("50 of 100 values do not exceed this. Percentiles are right to 0.4 % of the value."),
            "p90": { "type": "number" },
            "p99": { "type": "number" },
            "p99_9": { "type": "number" },
            "rate_per_second": number("Values a second, over the whole window.")
        },
        "required": ["metric", "count", "sum", "min", "max", "mean", "p50", "p90", "p99", "p99_9", "rate_per_second"],
        "additionalProperties": false
    });
    let definition = ToolDefinition::new(
        "get_performance_metrics",
        "What was recorded with record_metric within the last seconds: count, sum, min, max, mean, percentiles and rate \
         of each metric of one component, or of all.",
    )
    .title("Performance metrics")
    .input(json!({
        "type": "object",
        "properties": {
            "component": name_schema("Whose metrics; those of all components when absent."),
            "window_seconds": {
                "type": "integer",
                "minimum": 1,
                "maximum": series::WINDOW_MAX.as_secs(),
                "default": WINDOW_DEFAULT_S,
                "description": "How far back to look."
            }
        },
        "additionalProperties": false
    }))
    .output(json!({
        "type": "object",
        "properties": {
            "window_seconds": {
                "type": "number",
                "description": "The window in fact: it begins with a whole slice of 5 s, so that it may be up to 5 s longer; \
                                shorter where old values were forgotten for want of memory (64 MiB)."
            },
            "components": { "type": "array", "items": {
                "type": "object",
                "properties": { "component": { "type": "string" }, "metrics": { "type": "array", "items": row } },
                "required": ["component", "metrics"],
                "additionalProperties": false
            } },
            "left_out": { "type": "integer", "minimum": 0, "description": "Metrics beyond the 256 of an answer: name a component to see all of its own." }
        },
        "required": ["window_seconds", "components", "left_out"],
        "additionalProperties": false
    }))
    .read_only();
    tool_fn(definition, move |arguments, _| {
        let recorder = recorder.clone();
        async move {
            let component = arguments.value("component").and_then(Value::as_str).map(str::to_owned);
            let seconds = match arguments.value("window_seconds") {
                Some(_) => arguments.integer("window_seconds")?,
                None => WINDOW_DEFAULT_S,
            };
            let window = Duration::from_secs(seconds.unsigned_abs()).min(series::WINDOW_MAX);
            let report = recorder.ask(move |store, now| store.report(now, component.as_deref(), window)).await?;
            Ok(ToolResult::structured(report))
        }
    })
}
