//! The tools that every Ringway has.

mod performance;

pub(crate) mod resource_usage;

mod server_state;

use std::cell::RefCell;

use ringway_core::mcp::types::{ToolDefinition, ToolResult};
use serde_json::json;

use crate::runtime;
use crate::server::ServerBuilder;
use crate::tool::{Tool, text_fn, tool_fn};

/// Adds all of them.
pub fn add_to(builder: ServerBuilder) -> ServerBuilder {
    let (record_metric, get_performance_metrics) = performance::tools();
    builder
        .tool(echo())
        .tool(get_resource_usage())
        .tool(record_metric)
        .tool(get_performance_metrics)
        .tool(server_state::get_metrics())
        .tool(server_state::get_server_metrics())
        .tool(server_state::health_check())
        .tool(server_state::get_available_tools())
}

/// Gives back the text it is given.
pub fn echo() -> impl Tool {
    let definition = ToolDefinition::new("echo", "Gives back the text it is given.")
        .title("Echo")
        .input(json!({
            "type": "object",
            "properties": { "text": { "type": "string", "description": "What to give back." } },
            "required": ["text"],
            "additionalProperties": false
        }))
        .read_only();
    text_fn(definition, |arguments, texts| {
        texts.give(arguments.str("text")?);
        Ok(())
    })
}

/// What this machine and process use at the moment.
pub fn get_resource_usage() -> impl Tool {
    let definition = ToolDefinition::new(
        "get_resource_usage",
        "CPU, memory, disks, load and GPUs of the machine Ringway runs on, and what its own process uses.",
    )
    .title("Resource usage")
    .output(resource_usage::output_schema())
    .read_only();
    tool_fn(definition, |_, _| async move {
        thread_local! {
            // Each shard compares with what it saw last.
            static LAST: RefCell<Option<resource_usage::Counters>> = const { RefCell::new(None) };
        }
        let last = LAST.with(RefCell::take);
        let sample = move || resource_usage::sample(last.as_ref());
        let (usage, counters) = runtime::blocking(sample).await;
        LAST.with(|last| last.replace(Some(counters)));
        Ok(ToolResult::structured(usage))
    })
}
