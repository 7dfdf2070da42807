//! Tools that ask one question: a form, a sample, or what a client without the capability refuses. How the question
//! travels, as a request of ours or as a round of theirs, is the library's business.

use ringway_dataplane::{Arguments, Context, Question, ServerBuilder, ToolDefinition, ToolError, ToolResult, tool_fn};
use serde_json::{Value, json};

/// Adds them.
pub fn add_to(builder: ServerBuilder) -> ServerBuilder {
    let define = ToolDefinition::new;
    builder
        .tool(tool_fn(
            define("test_sampling", "Puts a prompt to the client's model.").input(takes_text("prompt")),
            samples,
        ))
        .tool(tool_fn(
            define("test_elicitation", "Asks the user who they are.").input(takes_text("message")),
            |arguments, context| async move {
                let answer = ask(&context, arguments.str("message")?, user_schema()).await?;
                Ok(ToolResult::text(format!("User response: {answer}")))
            },
        ))
        .tool(tool_fn(
            define("test_elicitation_sep1034_defaults", "Asks the user with a default for every field."),
            |_, context| async move {
                let answer = ask(&context, "Review and change", defaults_schema()).await?;
                Ok(completed(&answer))
            },
        ))
        .tool(tool_fn(
            define("test_elicitation_sep1330_enums", "Asks the user to choose, in every way there is."),
            |_, context| async move {
                let answer = ask(&context, "Choose", enums_schema()).await?;
                Ok(completed(&answer))
            },
        ))
        .tool(tool_fn(define("test_streaming_elicitation", "Asks the user to confirm."), |_, context| async move {
            let schema = json!({
                "type": "object",
                "properties": { "ok": { "type": "boolean" } },
                "required": ["ok"]
            });
            let answer = ask(&context, "Go on?", schema).await?;
            Ok(completed(&answer))
        }))
        .tool(tool_fn(define("test_missing_capability", "Needs the client's model."), |_, context| async move {
            let answer = context.ask("sample", Question::sample("Say hello.", 100)).await?;
            Ok(completed(&answer))
        }))
}

async fn samples(arguments: Arguments, context: Context) -> Result<ToolResult, ToolError> {
    let question = Question::sample(arguments.str("prompt")?, 100);
    let answer = context.ask("sample", question).await?;
    let text = answer["content"]["text"].as_str().unwrap_or("no text");
    Ok(ToolResult::text(format!("LLM response: {text}")))
}

async fn ask(context: &Context, message: &str, schema: Value) -> Result<Value, ToolError> {
    Ok(context.ask("form", Question::form(message, schema)).await?)
}

fn completed(answer: &Value) -> ToolResult {
    ToolResult::text(format!(
        "Elicitation completed: action={}, content={}",
        answer["action"].as_str().unwrap_or("none"),
        answer["content"]
    ))
}

fn takes_text(name: &str) -> Value {
    json!({
        "type": "object",
        "properties": { name: { "type": "string" } },
        "required": [name]
    })
}

fn user_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "username": { "type": "string", "description": "User's response" },
            "email": { "type": "string", "description": "User's email address" }
        },
        "required": ["username", "email"]
    })
}

fn defaults_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "default": "John Doe" },
            "age": { "type": "integer", "default": 30 },
            "score": { "type": "number", "default": 95.5 },
            "status": {
                "type": "string",
                "enum": ["active", "inactive", "pending"],
                "default": "active"
            },
            "verified": { "type": "boolean", "default": true }
        }
    })
}

fn enums_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "untitledSingle": { "type": "string", "enum": ["option1", "option2", "option3"] },
            "titledSingle": {
                "type": "string",
                "oneOf": [
                    { "const": "value1", "title": "First Option" },
                    { "const": "value2", "title": "Second Option" },
                    { "const": "value3", "title": "Third Option" }
                ]
            },
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"]
            },
            "untitledMulti": {
                "type": "array",
                "items": { "type": "string", "enum": ["option1", "option2", "option3"] }
            },
            "titledMulti": {
                "type": "array",
                "items": {
                    "anyOf": [
                        { "const": "value1", "title": "First Choice" },
                        { "const": "value2", "title": "Second Choice" },
                        { "const": "value3", "title": "Third Choice" }
                    ]
                }
            }
        }
    })
}
