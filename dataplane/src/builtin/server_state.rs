//! The tools through which a server tells of itself: `get_metrics`, `get_server_metrics`, `health_check` and
//! `get_available_tools`. They show what `/metrics`, `/status`, `/health` and `tools/list` show, on every transport.

use ringway_core::mcp::types::{ToolDefinition, ToolResult};
use serde_json::{Value, json};

use crate::catalog::Catalog;
use crate::cold::Unanswered;
use crate::context::Context;
use crate::observe::{Observer, report};
use crate::runtime;
use crate::tool::{Tool, ToolError, tool_fn};

/// Tools of an answer when no number is named, and at most.
const TOOLS_DEFAULT: i64 = 200;
const TOOLS_MAX: i64 = 1000;

async fn ask<T: Send + 'static>(
    context: &Context,
    question: impl FnOnce(&mut Observer) -> T + Send + 'static,
) -> Result<T, ToolError> {
    let observatory = &context.0.shard.observatory;
    observatory.ask(question).await.map_err(|reason| match reason {
        Unanswered::Full => ToolError::failed("Too many ask for the state of the server; try again soon"),
        Unanswered::Gone => ToolError::failed("The server ends, and its state is not watched any more"),
    })
}

/// An object whose members are all there.
fn object(properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
    json!({ "type": "object", "required": required, "additionalProperties": false, "properties": properties })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn counted(description: &str) -> Value {
    json!({ "type": "object", "additionalProperties": count(), "description": description })
}

fn latency() -> Value {
    let seconds = json!({ "type": ["number", "null"], "minimum": 0 });
    json!({
        "count": count(), "mean": seconds, "p50": seconds, "p90": seconds, "p99": seconds,
        "p99_9": { "type": ["number", "null"], "minimum": 0, "description": "Percentiles are estimated within buckets of 10 µs to 30 s." }
    })
}

/// All counters, gauges and latencies of the process.
pub fn get_metrics() -> impl Tool {
    let mut tool = latency();
    tool["tool"] = json!({ "type": "string" });
    tool["calls"] = count();
    tool["errors"] = count();
    if let Some(members) = tool.as_object_mut() {
        members.remove("count");
    }
    let definition = ToolDefinition::new(
        "get_metrics",
        "The metrics of this server as JSON: counters since its start, gauges, latency percentiles in seconds, and calls, \
         errors and latency of each tool that was called. For what callers recorded themselves see \
         get_performance_metrics.",
    )
    .title("Metrics")
    .output(object(json!({
        "counters": object(json!({
            "requests": counted("By method."),
            "responses": counted("By class of HTTP status."),
            "refusals": counted("By reason."),
            "errors": count(), "connections": count(), "accept_errors": count(), "panics": count(),
            "stream_overflows": count(),
        })),
        "gauges": object(json!({
            "connections": count(), "sessions": count(), "streams": count(), "tasks": count(),
            "calls_in_flight": count(), "shards": count(),
            "memory_bytes": { "type": ["integer", "null"] },
            "open_files": { "type": ["integer", "null"] },
            "cpu_percent": { "type": "number", "minimum": 0, "description": "Over the last minute; 100 is a whole core." },
            "uptime_seconds": { "type": "number", "minimum": 0 },
        })),
        "latency_seconds": object(latency()),
        "tools": { "type": "array", "items": object(tool) },
    })))
    .read_only();
    tool_fn(
        definition,
        |_, context| async move { Ok(ToolResult::structured(ask(&context, |o| report::metrics(o)).await?)) },
    )
}

/// How the server does, in short and by shard.
pub fn get_server_metrics() -> impl Tool {
    let shard = object(json!({
        "shard": count(), "requests": count(), "errors": count(), "connections": count(), "sessions": count(),
        "streams": count(), "calls_in_flight": count(),
        "heartbeat_age_seconds": { "type": "number", "minimum": 0, "description": "Below 2 in a shard that is well." },
    }));
    let definition = ToolDefinition::new(
        "get_server_metrics",
        "How this server does: uptime, requests, requests a second over the last minute, errors, connections, sessions and \
         latency percentiles in seconds, in all and by shard.",
    )
    .title("Server metrics")
    .output(object(json!({
        "version": { "type": "string" },
        "uptime_seconds": { "type": "number", "minimum": 0 },
        "requests": count(),
        "requests_per_second": { "type": "number", "minimum": 0, "description": "Over the last minute." },
        "errors": count(),
        "connections": count(),
        "sessions": count(),
        "calls_in_flight": count(),
        "latency_seconds": object(latency()),
        "shards": { "type": "array", "items": shard },
    })))
    .read_only();
    let ask = |context: Context| async move { ask(&context, |o| report::server_metrics(o)).await };
    tool_fn(definition, move |_, context| async move { Ok(ToolResult::structured(ask(context).await?)) })
}

/// All health checks, or one.
pub fn health_check() -> impl Tool {
    let status = json!({ "enum": ["healthy", "degraded", "unhealthy"] });
    let check = object(json!({
        "status": status,
        "message": { "type": "string" },
        "last_run": { "type": ["string", "null"], "format": "date-time" },
        "duration_seconds": { "type": ["number", "null"], "minimum": 0 },
        "interval_seconds": { "type": "number", "minimum": 0 },
        "consecutive_failures": count(),
    }));
    let definition = ToolDefinition::new(
        "health_check",
        "The health of this server: every check with its status, message, last run, duration, interval and consecutive \
         failures, or one check by its name.",
    )
    .title("Health check")
    .input(json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "description": "One check, such as `shards`; all when absent." }
        },
        "additionalProperties": false
    }))
    .output(object(json!({
        "status": status,
        "draining": { "type": "boolean" },
        "checks": { "type": "object", "additionalProperties": check },
    })))
    .read_only();
    tool_fn(definition, |arguments, context| async move {
        let Some(name) = arguments.value("name").and_then(Value::as_str).map(str::to_owned) else {
            return Ok(ToolResult::structured(ask(&context, |observer| report::health(observer).1).await?));
        };
        let of_thread = name.clone();
        match ask(&context, move |observer| report::health_of(observer, &of_thread)).await? {
            Ok(health) => Ok(ToolResult::structured(health)),
            Err(known) => {
                Err(ToolError::failed(format!("There is no health check `{name}`; there are {}", known.join(", "))))
            }
        }
    })
}

/// What can be called at the moment.
pub fn get_available_tools() -> impl Tool {
    let definition = ToolDefinition::new(
        "get_available_tools",
        "The tools that can be called at the moment, by name and description; with `filter` those whose name, title or \
         description has that text.",
    )
    .title("Available tools")
    .input(json!({
        "type": "object",
        "properties": {
            "filter": { "type": "string", "maxLength": 256, "description": "Text to look for, in any case." },
            "limit": {
                "type": "integer", "minimum": 1, "maximum": TOOLS_MAX, "default": TOOLS_DEFAULT,
                "description": "Tools to list."
            }
        },
        "additionalProperties": false
    }))
    .output(object(json!({
        "tools": { "type": "array", "items": {
            "type": "object",
            "properties": {
                "name": { "type": "string" },
                "title": { "type": "string" },
                "description": { "type": "string" }
            },
            "required": ["name", "description"],
            "additionalProperties": false
        } },
        "total": { "type": "integer", "minimum": 0, "description": "Tools that fit, listed or not." },
    })))
    .read_only();
    tool_fn(definition, |arguments, context| async move {
        let filter = arguments.value("filter").and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let limit = match arguments.value("limit") {
            Some(_) => arguments.integer("limit")?,
            None => TOOLS_DEFAULT,
        };
        let catalog = std::sync::Arc::clone(&context.0.caller.who.view(&context.0.shard).catalog);
        // There may be thousands of tools, and all of their text is read.
        let found = runtime::blocking(move || available(&catalog, &filter, limit.clamp(1, TOOLS_MAX) as usize)).await;
        Ok(ToolResult::structured(found))
    })
}

fn available(catalog: &Catalog, filter: &str, limit: usize) -> Value {
    let has = |text: &str| text.to_lowercase().contains(filter);
    let fits = |definition: &&ToolDefinition| {
        has(&definition.name)
            || definition.title.as_deref().is_some_and(has)
            || definition.description.as_deref().is_some_and(has)
    };
    let fitting: Vec<&ToolDefinition> = catalog.tools().iter().map(|tool| &tool.definition).filter(fits).collect();
    let row = |definition: &&ToolDefinition| {
        let mut row = json!({
            "name": definition.name,
            "description": definition.description.as_deref().unwrap_or_default(),
        });
        if let Some(title) = &definition.title {
            row["title"] = title.as_str().into();
        }
        row
    };
    json!({ "tools": fitting.iter().take(limit).map(row).collect::<Vec<_>>(), "total": fitting.len() })
}
