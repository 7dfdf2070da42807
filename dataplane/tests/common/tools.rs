//! Tools that do what tests need: wait at a gate, ask, panic, flood, become tasks. What happens inside is told to the
//! test as beats, so that no test guesses by sleeping.

use std::sync::mpsc;
use std::time::Duration;

use ringway_dataplane::{
    Arguments, Content, Context, LogLevel, PromptArgument, PromptDefinition, PromptMessage, PromptResult, Question,
    ResourceContents, ResourceDefinition, Role, ServerBuilder, TaskMode, TemplateDefinition, ToolDefinition, ToolError,
    ToolResult, builtin, prompt_fn, resource_fn, template_fn, tool_fn,
};
use serde_json::{Value, json};

use super::wire::DEADLINE;

/// What a tool tells the test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// It has begun.
    Entered,
    /// It has come to its end.
    Finished,
    /// It was dropped before its end.
    Dropped,
}

/// The test's side.
pub struct Stage {
    beats: mpsc::Receiver<Beat>,
    gate: async_channel::Sender<()>,
}

/// The tools' side.
#[derive(Clone)]
pub struct Cue {
    beats: mpsc::Sender<Beat>,
    gate: async_channel::Receiver<()>,
}

impl Stage {
    pub fn new() -> (Stage, Cue) {
        let (to_test, beats) = mpsc::channel();
        let (gate, of_tools) = async_channel::unbounded();
        let cue = Cue { beats: to_test, gate: of_tools };
        (Stage { beats, gate }, cue)
    }

    /// Waits for the next beat.
    #[track_caller]
    pub fn expect(&self, want: Beat) {
        assert_eq!(self.beats.recv_timeout(DEADLINE), Ok(want));
    }

    /// Waits for the next beat, whatever it is.
    #[track_caller]
    pub fn next(&self) -> Beat {
        self.beats.recv_timeout(DEADLINE).expect("a beat")
    }

    /// The next beat, if there is one yet.
    pub fn try_next(&self) -> Option<Beat> {
        self.beats.try_recv().ok()
    }

    /// Whether nothing has happened that the test has not seen.
    pub fn is_quiet(&self) -> bool {
        self.try_next().is_none()
    }

    /// Lets one waiting tool go on.
    pub fn release(&self) {
        self.gate.try_send(()).expect("the gate has room");
    }

    /// Lets all go on from here on.
    pub fn open(&self) {
        self.gate.close();
    }
}

impl Cue {
    fn enter(&self) -> Guard {
        self.tell(Beat::Entered);
        Guard { cue: self.clone(), end: Beat::Dropped }
    }

    async fn wait(&self) {
        // Closed means that nobody is to wait any more.
        let _ = self.gate.recv().await;
    }

    fn tell(&self, beat: Beat) {
        // A test that has ended hears nothing.
        let _ = self.beats.send(beat);
    }
}

/// Tells how a call ended.
struct Guard {
    cue: Cue,
    end: Beat,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.cue.tell(self.end);
    }
}

type Outcome = Result<ToolResult, ToolError>;

/// A tool that takes any object, from a function of cue, arguments and context.
fn tool<Fut>(name: &str, cue: &Cue, run: fn(Cue, Arguments, Context) -> Fut) -> impl ringway_dataplane::Tool + use<Fut>
where
    Fut: Future<Output = Outcome> + 'static,
{
    defined(ToolDefinition::new(name, "For tests.").input(json!({ "type": "object" })), cue, run)
}

fn defined<Fut>(
    definition: ToolDefinition,
    cue: &Cue,
    run: fn(Cue, Arguments, Context) -> Fut,
) -> impl ringway_dataplane::Tool + use<Fut>
where
    Fut: Future<Output = Outcome> + 'static,
{
    let cue = cue.clone();
    tool_fn(definition, move |arguments, context| run(cue.clone(), arguments, context))
}

/// Adds everything.
pub fn add_to(builder: ServerBuilder, cue: &Cue) -> ServerBuilder {
    let task =
        |name: &str, mode| ToolDefinition::new(name, "For tests.").input(json!({ "type": "object" })).task_mode(mode);
    let regional = ToolDefinition::new("regional", "Has mirrored arguments.").input(json!({
        "type": "object",
        "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "count": { "type": "integer", "x-mcp-header": "Count" },
        }
    }));
    let list = ToolDefinition::new("list", "Gives an array.").output(json!({ "type": "array" }));
    let brief = ToolDefinition::new("brief", "Has little time.").call_time_max(Duration::from_millis(50));
    let builder = builder
        .tool(builtin::echo())
        .tool(tool("hold", cue, hold))
        .tool(tool("talk", cue, talk))
        .tool(tool("every_content", cue, every_content))
        .tool(tool("ask", cue, ask))
        .tool(tool("interview", cue, interview))
        .tool(tool("survey", cue, survey))
        .tool(tool("panic_at_once", cue, panic_at_once))
        .tool(tool("panic_later", cue, panic_later))
        .tool(tool("flood", cue, flood))
        .tool(tool("poll", cue, poll))
        .tool(defined(brief, cue, hold))
        .tool(defined(regional, cue, regional_echo))
        .tool(defined(list, cue, numbers))
        .tool(defined(task("task", TaskMode::WhenOffered), cue, hold))
        .tool(defined(task("only_task", TaskMode::Required), cue, hold))
        .tool(defined(task("task_asks", TaskMode::WhenOffered), cue, ask))
        .tool(tool("late_task", cue, late_task));
    add_resources(add_prompts(builder))
}

fn add_prompts(builder: ServerBuilder) -> ServerBuilder {
    let definition = PromptDefinition {
        name: "greeting".into(),
        description: Some("Greets.".into()),
        arguments: vec![PromptArgument { name: "name".into(), required: true, ..PromptArgument::default() }],
        ..PromptDefinition::default()
    };
    let completer: ringway_dataplane::Completer = Box::new(|_, prefix| {
        let names = ["Ada", "Alan", "Grace"];
        let fits = names.into_iter().filter(|name| name.starts_with(prefix));
        fits.map(str::to_owned).collect()
    });
    builder.prompt(prompt_fn(definition, Some(completer), |arguments, _| async move {
        let text = format!("Greet {}.", arguments.str("name")?);
        Ok(PromptResult {
            description: Some("A greeting".into()),
            messages: vec![PromptMessage { role: Role::User, content: Content::text(text) }],
        })
    }))
}

fn add_resources(builder: ServerBuilder) -> ServerBuilder {
    let one = ResourceDefinition {
        uri: "test://one".into(),
        name: "one".into(),
        mime_type: Some("text/plain".into()),
        ..ResourceDefinition::default()
    };
    let items = TemplateDefinition {
        uri_template: "test://items/{id}".into(),
        name: "items".into(),
        ..TemplateDefinition::default()
    };
    builder
        .resource(resource_fn(one, |_| async { Ok(vec![ResourceContents::text("test://one", "text/plain", "1")]) }))
        .template(template_fn(items, None, |uri, variables, _context| async move {
            let (_, id) = variables.into_iter().next().unwrap_or_default();
            let found = id != "none";
            Ok(found.then(|| vec![ResourceContents::text(uri, "text/plain", id)]))
        }))
}

/// Reports `before` steps, waits at the gate, reports `after` more, and ends.
async fn hold(cue: Cue, arguments: Arguments, context: Context) -> Outcome {
    let count = |name: &str| arguments.value(name).and_then(Value::as_u64).unwrap_or(0);
    let (before, after) = (count("before"), count("after"));
    let mut guard = cue.enter();
    let report = |step: u64| context.progress(step as f64, Some((before + after) as f64), None);
    (1..=before).for_each(report);
    cue.wait().await;
    (before + 1..=before + after).for_each(report);
    guard.end = Beat::Finished;
    Ok(ToolResult::text("held"))
}

/// Logs at three levels and reports progress twice, once too often.
async fn talk(_: Cue, _: Arguments, context: Context) -> Outcome {
    context.log(LogLevel::Debug, Some("talk"), "fine detail");
    context.log(LogLevel::Info, Some("talk"), json!({ "step": 1 }));
    context.log(LogLevel::Error, None, "bad");
    context.progress(1.0, None, Some("half"));
    context.progress(0.5, None, Some("not further, so never sent"));
    Ok(ToolResult::text("said"))
}

async fn every_content(_: Cue, _: Arguments, _: Context) -> Outcome {
    Ok(ToolResult::contents(vec![
        Content::text("text"),
        Content::image("AAAA", "image/png"),
        Content::audio("AAAA", "audio/wav"),
        Content::resource(ResourceContents::text("test://one", "text/plain", "1")),
        Content::ResourceLink(ResourceDefinition {
            uri: "test://one".into(),
            name: "one".into(),
            ..ResourceDefinition::default()
        }),
    ]))
}

fn form(message: &str, field: &str) -> Question {
    let properties = json!({ field: { "type": "string" } });
    Question::Form {
        message: message.into(),
        schema: json!({ "type": "object", "properties": properties, "required": [field] }),
    }
}

/// Asks one question of the wanted `kind` and returns the answer as text.
async fn ask(_: Cue, arguments: Arguments, context: Context) -> Outcome {
    let kind = arguments.value("kind").and_then(Value::as_str).unwrap_or("form");
    let question = match kind {
        "sample" => {
            let said = json!([{ "role": "user", "content": { "type": "text", "text": "Hi" } }]);
            let params = json!({ "messages": said, "maxTokens": 5 });
            Question::Sample(params.as_object().cloned().unwrap_or_default())
        }
        "roots" => Question::Roots,
        "url" => Question::Url { message: "Look".into(), url: "https://example.com/".into() },
        _ => form("Who?", "name"),
    };
    let answer = context.ask("question", question).await?;
    Ok(ToolResult::text(answer.to_string()))
}

/// Asks in two rounds, and keeps something in between.
async fn interview(_: Cue, _: Arguments, context: Context) -> Outcome {
    let first = context.ask("first", form("Name?", "name")).await?;
    let rounds = context.kept().and_then(|kept| kept.as_u64()).unwrap_or(0);
    context.keep(json!(rounds + 1));
    let second = context.ask("second", form("Colour?", "colour")).await?;
    let (name, colour) = (&first["content"]["name"], &second["content"]["colour"]);
    Ok(ToolResult::text(format!("{name} likes {colour}, kept {rounds}")))
}

/// Asks two questions at once.
async fn survey(_: Cue, _: Arguments, context: Context) -> Outcome {
    let questions = vec![("form".to_owned(), form("Name?", "name")), ("roots".to_owned(), Question::Roots)];
    let answers = context.ask_all(questions).await?;
    Ok(ToolResult::text(Value::Array(answers).to_string()))
}

async fn panic_at_once(_: Cue, _: Arguments, _: Context) -> Outcome {
    panic!("planted: before the first await");
}

async fn panic_later(_: Cue, _: Arguments, _: Context) -> Outcome {
    glommio::timer::sleep(Duration::from_millis(1)).await;
    panic!("planted: after the first await");
}

/// Reports progress without end, `burst` KiB a millisecond.
async fn flood(cue: Cue, arguments: Arguments, context: Context) -> Outcome {
    let _guard = cue.enter();
    let burst = arguments.value("burst").and_then(Value::as_u64);
    let text = "x".repeat(1024);
    let mut step = 0.0;
    loop {
        for _ in 0..burst.unwrap_or(4) {
            step += 1.0;
            context.progress(step, None, Some(&text));
        }
        glommio::timer::sleep(Duration::from_millis(1)).await;
    }
}

/// Lets go of its connection once (SSE polling), and goes on behind the gate.
async fn poll(cue: Cue, _: Arguments, context: Context) -> Outcome {
    let mut guard = cue.enter();
    context.progress(1.0, None, None);
    context.suspend_stream();
    cue.wait().await;
    context.progress(2.0, None, None);
    guard.end = Beat::Finished;
    Ok(ToolResult::text("polled"))
}

async fn regional_echo(_: Cue, arguments: Arguments, _: Context) -> Outcome {
    Ok(ToolResult::text(Value::Object(arguments.0).to_string()))
}

async fn numbers(_: Cue, _: Arguments, _: Context) -> Outcome {
    Ok(ToolResult::structured(json!([1, 2, 3])))
}

/// Becomes a task only after it has waited.
async fn late_task(cue: Cue, _: Arguments, context: Context) -> Outcome {
    let mut guard = cue.enter();
    cue.wait().await;
    context.become_task();
    cue.wait().await;
    guard.end = Beat::Finished;
    Ok(ToolResult::text("late"))
}
