//! Tools that become tasks (extension `io.modelcontextprotocol/tasks`), always, sometimes, late, or never.

use std::time::Duration;

use ringway_dataplane::runtime::sleep;
use ringway_dataplane::{
    Arguments, Context, Question, RpcError, ServerBuilder, TaskMode, ToolDefinition, ToolError, ToolResult, tool_fn,
};
use serde_json::json;

use crate::input_required::{field, form, text};

/// JSON-RPC "Internal error".
const INTERNAL: i32 = -32603;
/// How long a job that fails works before it does.
const FAILING_TIME: Duration = Duration::from_millis(500);

/// Adds them.
pub fn add_to(builder: ServerBuilder) -> ServerBuilder {
    let define = ToolDefinition::new;
    builder
        .tool(tool_fn(
            define("greet", "Greets somebody at once.").input(json!({
                "type": "object",
                "properties": { "name": { "type": "string" } },
                "required": ["name"]
            })),
            |arguments, _| async move {
                let name = arguments.str("name")?;
                Ok(ToolResult::text(format!("Hello, {name}!")))
            },
        ))
        .tool(tool_fn(
            define("slow_compute", "Computes for some seconds.")
                .input(json!({
                    "type": "object",
                    "properties": {
                        "seconds": { "type": "number", "minimum": 0, "maximum": 60 },
                        "label": { "type": "string" }
                    },
                    "required": ["seconds"]
                }))
                .task_mode(TaskMode::WhenOffered)
                .call_time_max(Duration::from_secs(70)),
            |arguments, _| computes(arguments),
        ))
        .tool(tool_fn(define("failing_job", "Works, then fails.").task_mode(TaskMode::Required), |_, _| async {
            sleep(FAILING_TIME).await;
            Err(ToolError::failed("The job failed, as it always does"))
        }))
        .tool(tool_fn(
            define("protocol_error_job", "Works, then ends in a protocol error.").task_mode(TaskMode::Required),
            |_, _| async {
                sleep(FAILING_TIME).await;
                Err(RpcError::new(INTERNAL, "The job broke, as it always does").into())
            },
        ))
        .tool(tool_fn(
            define("confirm_delete", "Asks before it deletes; nothing is deleted.")
                .input(json!({
                    "type": "object",
                    "properties": { "filename": { "type": "string" } },
                    "required": ["filename"]
                }))
                .task_mode(TaskMode::WhenOffered),
            confirms_delete,
        ))
        .tool(tool_fn(
            define("multi_input", "Asks two things at once.").task_mode(TaskMode::WhenOffered),
            |_, context| asks_at_once(context),
        ))
        .tool(tool_fn(define("test_tool_with_task", "Asks for a name, then goes on as a task."), |_, context| {
            asks_then_works(context)
        }))
}

async fn computes(arguments: Arguments) -> Result<ToolResult, ToolError> {
    #[derive(serde::Deserialize)]
    struct Computation {
        seconds: f64,
        #[serde(default)]
        label: String,
    }
    let Computation { seconds, label } = arguments.parse()?;
    sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default()).await;
    Ok(ToolResult::text(format!("Computed {label} for {seconds} s.")))
}

async fn confirms_delete(arguments: Arguments, context: Context) -> Result<ToolResult, ToolError> {
    let filename = arguments.str("filename")?;
    let question = form(&format!("Delete {filename}?"), "confirm", "boolean");
    let answer = context.ask("confirm", question).await?;
    let deleted = field(&answer, "confirm")?.as_bool().unwrap_or_default();
    let outcome = if deleted { "Deleted" } else { "Kept" };
    Ok(ToolResult::text(format!("{outcome} {filename}.")))
}

async fn asks_at_once(context: Context) -> Result<ToolResult, ToolError> {
    let question = |name: &str| -> (String, Question) {
        let question = form(&format!("What is the {name} name?"), "name", "string");
        (name.to_owned(), question)
    };
    let answers = context.ask_all(vec![question("first"), question("last")]).await?;
    let mut names = Vec::new();
    for answer in &answers {
        names.push(text(answer, "name")?);
    }
    Ok(ToolResult::text(names.join(" ")))
}

async fn asks_then_works(context: Context) -> Result<ToolResult, ToolError> {
    let question = form("What is your name?", "name", "string");
    let answer = context.ask("user_name", question).await?;
    // A client that takes no tasks waits.
    context.become_task();
    sleep(FAILING_TIME).await;
    let name = text(&answer, "name")?;
    Ok(ToolResult::text(format!("Hello, {name}!")))
}
