//! Tools and a prompt that need input before they can finish (2026-07-28: results of type `input_required`).

use ringway_dataplane::Content;
use ringway_dataplane::{
    Context, PromptDefinition, PromptMessage, PromptResult, Question, Role, ServerBuilder, Tool, ToolDefinition,
    ToolError, ToolResult, prompt_fn, tool_fn,
};
use serde_json::{Value, json};

/// Adds them.
pub fn add_to(builder: ServerBuilder) -> ServerBuilder {
    builder
        .tool(asks("elicitation", "Asks for a name.", greets))
        .tool(asks("sampling", "Asks the client's model.", samples))
        .tool(asks("list_roots", "Asks for the client's roots.", lists_roots))
        .tool(asks("request_state", "Asks for a confirmation.", confirms))
        .tool(asks("tampered_state", "Asks for a confirmation.", confirms))
        .tool(asks("multiple_inputs", "Asks three things at once.", asks_at_once))
        .tool(asks("multi_round", "Asks two things in turn.", asks_in_turn))
        .tool(asks("capabilities", "Asks what the client can answer.", asks_what_it_can))
        .prompt(prompt_fn(
            PromptDefinition {
                name: "test_input_required_result_prompt".into(),
                description: Some("Asks for its context.".into()),
                ..PromptDefinition::default()
            },
            None,
            |_, context| fills(context),
        ))
}

fn asks<F, Fut>(of: &str, description: &str, call: F) -> impl Tool
where
    F: Fn(Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<ToolResult, ToolError>> + 'static,
{
    let name = format!("test_input_required_result_{of}");
    tool_fn(ToolDefinition::new(name, description), move |_arguments, context| call(context))
}

/// A form with one field.
pub fn form(message: &str, field: &str, kind: &str) -> Question {
    Question::form(
        message,
        json!({
            "type": "object",
            "properties": { field: { "type": kind } },
            "required": [field]
        }),
    )
}

/// What the user wrote into a field; a form that was declined ends the call.
pub fn field<'a>(answer: &'a Value, field: &str) -> Result<&'a Value, ToolError> {
    answer
        .get("content")
        .and_then(|content| content.get(field))
        .ok_or_else(|| ToolError::failed("The user does not want to answer"))
}

/// The field as text.
pub fn text<'a>(answer: &'a Value, name: &str) -> Result<&'a str, ToolError> {
    Ok(field(answer, name)?.as_str().unwrap_or_default())
}

async fn greets(context: Context) -> Result<ToolResult, ToolError> {
    let question = form("What is your name?", "name", "string");
    let answer = context.ask("user_name", question).await?;
    let name = text(&answer, "name")?;
    Ok(ToolResult::text(format!("Hello, {name}!")))
}

async fn samples(context: Context) -> Result<ToolResult, ToolError> {
    let question = Question::sample("What is the capital of France?", 100);
    let answer = context.ask("capital_question", question).await?;
    let text = answer["content"]["text"].as_str().unwrap_or("no text");
    Ok(ToolResult::text(text))
}

async fn lists_roots(context: Context) -> Result<ToolResult, ToolError> {
    let answer = context.ask("client_roots", Question::Roots).await?;
    Ok(ToolResult::text(format!("Roots: {}", answer["roots"])))
}

async fn confirms(context: Context) -> Result<ToolResult, ToolError> {
    let question = form("Please confirm", "ok", "boolean");
    let answer = context.ask("confirm", question).await?;
    let ok = field(&answer, "ok")?;
    Ok(ToolResult::text(format!("state-ok, confirmed: {ok}")))
}

async fn asks_at_once(context: Context) -> Result<ToolResult, ToolError> {
    let questions = vec![
        ("user_name".into(), form("What is your name?", "name", "string")),
        ("greeting".into(), Question::sample("Generate a greeting", 50)),
        ("client_roots".into(), Question::Roots),
    ];
    let answers = context.ask_all(questions).await?;
    let [name, greeting, roots] = &answers[..] else {
        return Err(ToolError::failed("Not all questions were answered"));
    };
    let name = text(name, "name")?;
    let greeting = greeting["content"]["text"].as_str().unwrap_or("no text");
    Ok(ToolResult::text(format!("{name}: {greeting} Roots: {}", roots["roots"])))
}

async fn asks_in_turn(context: Context) -> Result<ToolResult, ToolError> {
    let first = form("Step 1: What is your name?", "name", "string");
    let first = context.ask("step1", first).await?;
    let second = form("Step 2: What is your favorite color?", "color", "string");
    let second = context.ask("step2", second).await?;
    let (name, color) = (text(&first, "name")?, text(&second, "color")?);
    Ok(ToolResult::text(format!("{name} likes {color}.")))
}

async fn asks_what_it_can(context: Context) -> Result<ToolResult, ToolError> {
    let mut questions = vec![
        ("user_name".into(), form("What is your name?", "name", "string")),
        ("greeting".into(), Question::sample("Generate a greeting", 50)),
    ];
    questions.retain(|(_, question)| context.can_ask(question));
    let answers = context.ask_all(questions).await?;
    Ok(ToolResult::text(format!("{} answers", answers.len())))
}

async fn fills(context: Context) -> Result<PromptResult, ToolError> {
    let question = form("What context should the prompt use?", "context", "string");
    let answer = context.ask("user_context", question).await?;
    let of = text(&answer, "context")?;
    Ok(PromptResult {
        description: None,
        messages: vec![PromptMessage { role: Role::User, content: Content::text(format!("Use this context: {of}")) }],
    })
}
