//! Tools that fail, report progress, log, announce changes, lose their stream, or have unusual input schemas.

use std::time::Duration;

use ringway_dataplane::runtime::sleep;
use ringway_dataplane::{Arguments, Context, LogLevel, ServerBuilder, ToolDefinition, ToolError, ToolResult, tool_fn};
use serde_json::{Value, json};

/// Between two messages of a call, so that a client sees them arrive one by one.
const PAUSE: Duration = Duration::from_millis(50);

/// Adds them.
pub fn add_to(builder: ServerBuilder) -> ServerBuilder {
    let define = ToolDefinition::new;
    builder
        .tool(tool_fn(define("test_error_handling", "Always fails."), |_, _| async {
            Err(ToolError::failed("This tool intentionally returns an error for testing"))
        }))
        .tool(tool_fn(define("test_tool_with_progress", "Reports progress."), |_, context| reports_progress(context)))
        .tool(tool_fn(define("test_tool_with_logging", "Logs what it does."), |_, context| logs(context)))
        .tool(tool_fn(define("test_logging_tool", "Logs what it does, briefly."), |_, context| async move {
            context.log(LogLevel::Info, None, "Working");
            Ok(ToolResult::text("Done."))
        }))
        .tool(tool_fn(
            define("test_trigger_tool_change", "Tells clients to list tools again."),
            |_, context| async move {
                context.server().announce_tools();
                Ok(ToolResult::text("Announced."))
            },
        ))
        .tool(tool_fn(
            define("test_trigger_prompt_change", "Tells clients to list prompts again."),
            |_, context| async move {
                context.server().announce_prompts();
                Ok(ToolResult::text("Announced."))
            },
        ))
        .tool(tool_fn(
            define("test_reconnection", "Sends its client away and answers when it comes back."),
            |_, context| async move {
                context.suspend_stream();
                sleep(2 * PAUSE).await;
                Ok(ToolResult::text("Welcome back."))
            },
        ))
        .tool(tool_fn(
            define("json_schema_2020_12_tool", "Tool with JSON Schema 2020-12 features").input(contact_schema()),
            |arguments, _| names_arguments(arguments),
        ))
        .tool(tool_fn(
            define("test_custom_header", "Takes an argument that clients repeat in a header.").input(json!({
                "type": "object",
                "properties": { "region": { "type": "string", "x-mcp-header": "Region" } },
                "required": ["region"]
            })),
            |arguments, _| names_arguments(arguments),
        ))
}

async fn reports_progress(context: Context) -> Result<ToolResult, ToolError> {
    for done in [0.0, 50.0, 100.0] {
        context.progress(done, Some(100.0), Some(&format!("Completed step {done} of 100")));
        sleep(PAUSE).await;
    }
    Ok(ToolResult::text("Progress was reported."))
}

async fn logs(context: Context) -> Result<ToolResult, ToolError> {
    context.log(LogLevel::Info, None, "Tool execution started");
    sleep(PAUSE).await;
    context.log(LogLevel::Info, None, "Tool processing data");
    sleep(PAUSE).await;
    context.log(LogLevel::Info, None, "Tool execution completed");
    Ok(ToolResult::text("Three messages were logged."))
}

async fn names_arguments(arguments: Arguments) -> Result<ToolResult, ToolError> {
    let text = Value::Object(arguments.0).to_string();
    Ok(ToolResult::text(format!("Called with {text}")))
}

fn contact_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
            }
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" }
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": {
            "properties": { "contactMethod": { "const": "phone" } },
            "required": ["contactMethod"]
        },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false
    })
}
