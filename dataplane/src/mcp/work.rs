//! Runs planned work: schema in, the user's future, schema out, and the one answer it gets whatever happens: result,
//! error, panic, time out, question. It never touches a socket.

use std::any::Any;
use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use futures_lite::FutureExt;
use ringway_core::mcp::render::{self, ResultWriter};
use ringway_core::mcp::request_state::{Binding, STATE_BYTES_MAX};
use ringway_core::mcp::types::{TaskMode, ToolResult};
use ringway_core::mcp::{Era, RpcError};
use ringway_core::refusal::Refusal;
use serde_json::{Map, Value, json};

use super::lists;
use super::plan::{Planned, Work};
use crate::answer::{Answer, Events, Reply, Source, poll_now};
use crate::catalog::ToolEntry;
use crate::context::{Context, within};
use crate::outbox::Outbox;
use crate::record::Ending;
use crate::session::Session;
use crate::shard::Shard;
use crate::stall::Doing;
use crate::stop;
use crate::task::{self, Progress, Task};
use crate::tool::{Arguments, ToolError};

/// How long a client may take between two rounds of one request.
const STATE_TTL_S: u64 = 600;

/// Where the messages of work go.
pub enum Route {
    /// To the connection alone, gone with it (2026-07-28, and legacy without a session).
    Connection,
    /// To a stream of a session, which a client can come back to.
    Session(Rc<Session>),
}

/// Runs `planned` and answers it: at once when it is done at once, else as events.
pub async fn start(shard: &Rc<Shard>, planned: Planned, route: Route) -> Answer {
    if shard.in_flight.get() >= shard.limits().in_flight_max {
        shard.metrics.count_refusal(Refusal::Overloaded);
        return Reply::refusal_of(Refusal::Overloaded, Some(&planned.id), "").into();
    }
    if let Route::Session(session) = &route
        && session.has_call(&planned.id)
    {
        let error = RpcError::invalid_request("Invalid Request: a request with this `id` is in flight");
        return Reply::error_with_status(200, Some(&planned.id), &error).into();
    }
    let (stream, outbox) = match &route {
        Route::Connection => (0, Outbox::plain(&shard.limits())),
        Route::Session(session) => session.open_stream(&shard.limits()),
    };
    let Planned { id, caller, rounds, work } = planned;
    let time_max = match &work {
        Work::Tool(entry, _) => entry.definition.call_time_max.unwrap_or(shard.limits().call_time_max),
        _ => shard.limits().call_time_max,
    };
    let context = Context::new(Rc::clone(shard), caller, Rc::clone(&outbox), rounds, time_max);
    if let Err(error) = offer_task(&work, &context) {
        let error = error.worded_for(context.version().era());
        if let Route::Session(session) = &route {
            session.close_stream(stream);
        }
        return Reply::error(Some(&id), &error).into();
    }
    let id: Rc<str> = id.into();
    let mut run = Box::pin(run(work, context.clone(), Rc::clone(&id)));
    let first = poll_now(&mut run).await;
    if let Some(task) = context.0.task.borrow().clone() {
        return answer_as_task(shard, &context, &id, &task, first, run, time_max);
    }
    if let Some(outcome) = first {
        if outbox.is_untouched() {
            if let Route::Session(session) = &route {
                session.close_stream(stream);
            }
            return Reply { ending: outcome.ending, ..Reply::json(outcome.status, outcome.message) }.into();
        }
        outbox.finish(outcome.status, outcome.ending, outcome.message);
        return events(&outbox, stream, &route, None);
    }
    context.deadline();
    let in_flight = InFlight::new(shard);
    let detached = Rc::new(Cell::new(false));
    let (stop, stopped) = stop::pair();
    let of_task = stop.clone();
    let finish = {
        let (context, outbox, detached, id) =
            (context.clone(), Rc::clone(&outbox), Rc::clone(&detached), Rc::clone(&id));
        let route_session = if let Route::Session(session) = &route { Some(Rc::clone(session)) } else { None };
        async move {
            let _in_flight = in_flight;
            // A call that becomes a task is answered then, and goes on.
            let outcome = {
                let mut bounded = Box::pin(bounded(run, time_max, &id));
                std::future::poll_fn(|cx| {
                    let polled = bounded.as_mut().poll(cx);
                    if let (false, Some(task)) = (detached.get(), context.0.task.borrow().as_ref()) {
                        detached.set(true);
                        let stop = of_task.clone();
                        // A cancelled task has its outcome already, and keeps it.
                        task.on_cancel(Box::new(move || stop.stop()));
                        outbox.finish(200, Ending::Good, created(&context, &id, task));
                    }
                    polled
                })
                .await
            };
            match context.0.task.borrow().clone() {
                Some(task) => conclude(&context, &task, outcome),
                None => outbox.finish(outcome.status, outcome.ending, outcome.message),
            }
            if let Some(session) = route_session {
                session.end_call(&id);
            }
        }
    };
    match &route {
        Route::Connection => {
            let task = shard.spawn(Doing::Call, stopped.run(finish));
            let guard = CancelGuard { task: Some(task), detached };
            events(&outbox, stream, &route, Some(Box::new(guard)))
        }
        Route::Session(session) => {
            shard.spawn(Doing::Call, stopped.run(finish)).detach();
            let cancelled = Rc::clone(&outbox);
            let cancel = Box::new(move || {
                stop.stop();
                // A cancelled request gets no answer (MCP cancellation); its stream just ends.
                cancelled.cancel();
            });
            session.begin_call(&id, Rc::clone(&context.0.caller.who), cancel);
            if outbox.is_finished() {
                session.end_call(&id);
            }
            events(&outbox, stream, &route, None)
        }
    }
}

fn events(outbox: &Rc<Outbox>, stream: u32, route: &Route, guard: Option<Box<dyn Any>>) -> Answer {
    let session = if let Route::Session(session) = route { Some(session) } else { None };
    Answer::Events(Events {
        source: Source::Local(outbox.attach(0)),
        fields: Vec::new(),
        id_prefix: session.map(|_| format!("{stream:x}-")),
        opening: None,
        primes: session.filter(|session| session.version >= ringway_core::mcp::Version::V2025_11_25).map(|_| 0),
        always_stream: false,
        translate: None,
        guard,
    })
}

/// Counts a call that waits, for as long as it lives.
struct InFlight(Rc<Shard>);

impl InFlight {
    fn new(shard: &Rc<Shard>) -> InFlight {
        shard.in_flight.set(shard.in_flight.get() + 1);
        InFlight(Rc::clone(shard))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
    }
}

/// Ends a call with its connection, unless it became a task.
struct CancelGuard {
    task: Option<glommio::Task<()>>,
    detached: Rc<Cell<bool>>,
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        if let (true, Some(task)) = (self.detached.get(), self.task.take()) {
            task.detach();
        }
    }
}

/// The one answer of a call.
struct Outcome {
    status: u16,
    ending: Ending,
    message: Vec<u8>,
    /// The same as a task records it.
    record: Progress,
}

impl Outcome {
    fn error(id: &str, error: &RpcError) -> Outcome {
        let mut record = json!({ "code": error.code, "message": error.message });
        if let (Some(data), Some(members)) = (&error.data, record.as_object_mut()) {
            members.insert("data".into(), serde_json::from_str(data).unwrap_or_default());
        }
        let message = render::error(Vec::new(), Some(id), error);
        Outcome { status: error.status, ending: Ending::Error(error.code), message, record: Progress::Failed(record) }
    }
}

async fn bounded(run: impl Future<Output = Outcome>, time_max: Duration, id: &str) -> Outcome {
    match within(time_max, run).await {
        Some(outcome) => outcome,
        None => {
            let late = Outcome::error(id, &RpcError::internal("The call did not finish in time"));
            Outcome { ending: Ending::Late, ..late }
        }
    }
}

async fn run(work: Work, context: Context, id: Rc<str>) -> Outcome {
    let target = work.target().to_owned();
    let method = work.method();
    let performed = AssertUnwindSafe(perform(work, context.clone(), &id)).catch_unwind().await;
    match performed {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(ToolError::Rpc(error))) => Outcome::error(&id, &error.worded_for(context.version().era())),
        Ok(Err(ToolError::Unsupported(capability))) => {
            let error = RpcError::missing_capability(&capability);
            Outcome::error(&id, &error.worded_for(context.version().era()))
        }
        Ok(Err(ToolError::InputRequired)) if context.version().era() == Era::Legacy => {
            Outcome::error(&id, &RpcError::internal("The tool asked for a round that this revision does not have"))
        }
        Ok(Err(ToolError::InputRequired)) => input_required(&context, &id, method, &target),
        Ok(Err(ToolError::Failed(text))) => Outcome::error(&id, &RpcError::internal(text)),
        // The panic hook has told the log; the caller learns that it was us, and nothing else.
        Err(_panic) => {
            context.0.shard.metrics.count_panic();
            Outcome::error(&id, &RpcError::internal("Internal error: the call panicked"))
        }
    }
}

async fn perform(work: Work, context: Context, id: &str) -> Result<Outcome, ToolError> {
    let version = context.version();
    let shard = Rc::clone(&context.0.shard);
    let begin = || ResultWriter::begin(Vec::new(), id, version, &shard.identity, "complete");
    let done =
        |message| Outcome { status: 200, ending: Ending::Good, message, record: Progress::Completed(Value::Null) };
    match work {
        Work::Tool(entry, arguments) => {
            let (result, ending) = call(&entry, arguments, context.clone()).await?;
            let record = context.0.task.borrow().is_some().then(|| task_result(&result));
            let message =
                render::call_result(Vec::with_capacity(512), id, version, &shard.identity, &result, entry.wraps_output);
            Ok(Outcome { ending, record: Progress::Completed(record.unwrap_or_default()), ..done(message) })
        }
        Work::Prompt(entry, arguments) => {
            let filled = async { entry.prompt.fill(Arguments(arguments), context).await };
            let mut result = shard.stalls.watch(Doing::Prompt, filled).await?;
            for message in &mut result.messages {
                if let Some(mut content) = render::downgraded(std::slice::from_ref(&message.content), version) {
                    message.content = content.remove(0);
                }
            }
            let mut writer = begin();
            if let Some(description) = &result.description {
                writer.member("description", description);
            }
            writer.member("messages", &result.messages);
            Ok(done(writer.end()))
        }
        Work::Resource(entry) => {
            let contents = shard.stalls.watch(Doing::Resource, async { entry.resource.read(context).await }).await?;
            Ok(done(read_result(begin(), version.era(), &contents)))
        }
        Work::Template(entry, uri, variables) => {
            let read = async { entry.resources.read(uri.clone(), variables, context).await };
            let contents = shard.stalls.watch(Doing::Resource, read).await?;
            let contents = contents.ok_or_else(|| lists::resource_not_found(version.era(), &uri))?;
            Ok(done(read_result(begin(), version.era(), &contents)))
        }
    }
}

fn read_result<T: serde::Serialize>(mut writer: ResultWriter, era: Era, contents: &T) -> Vec<u8> {
    writer.member("contents", contents);
    if era == Era::Modern {
        // A reader may have reasons this server does not know, so nothing is promised to last.
        writer.raw("ttlMs", b"0").raw("cacheScope", b"\"private\"");
    }
    writer.end()
}

/// A call with its schemas held on both sides. What does not fit is told to the model, which can repair it.
async fn call(
    entry: &ToolEntry,
    arguments: Map<String, Value>,
    context: Context,
) -> Result<(ToolResult, Ending), ToolError> {
    let arguments = Value::Object(arguments);
    if let Err(violations) = entry.input.check(&arguments) {
        return Ok((ToolResult::error(format!("Invalid arguments: {violations}")), Ending::BadArguments));
    }
    let Value::Object(arguments) = arguments else {
        return Err(RpcError::internal("arguments lost").into());
    };
    let shard = Rc::clone(&context.0.shard);
    // Its own code runs before its future does, and counts as well.
    let called = async move { entry.tool.call(Arguments(arguments), context).await };
    let result = match shard.stalls.watch(Doing::Tool(entry.id), called).await {
        Ok(result) => result,
        Err(ToolError::Failed(text)) => return Ok((ToolResult::error(text), Ending::ToolError)),
        Err(error) => return Err(error),
    };
    if result.is_error {
        return Ok((result, Ending::ToolError));
    }
    let Some(schema) = &entry.output else {
        return Ok((result, Ending::Good));
    };
    match result.structured.as_ref().map(|value| schema.check(value)) {
        Some(Ok(())) => Ok((result, Ending::Good)),
        Some(Err(violations)) => {
            let text = format!("tool `{}` broke its output schema: {violations}", entry.definition.name);
            Err(RpcError::internal(text).into())
        }
        None => {
            let text = format!("tool `{}` has an output schema and gave no structured result", entry.definition.name);
            Err(RpcError::internal(text).into())
        }
    }
}

/// The result that asks the client (2026-07-28), with everything the next round needs sealed into `requestState`.
fn input_required(context: &Context, id: &str, method: &str, target: &str) -> Outcome {
    let shard = &context.0.shard;
    let mut rounds = context.0.rounds.borrow_mut();
    let rounds = &mut *rounds;
    let requests: Map<String, Value> = rounds
        .open
        .drain(..)
        .map(|(key, question)| (key, json!({ "method": question.method(), "params": question.params(None) })))
        .collect();
    let mut content = json!({ "answers": std::mem::take(&mut rounds.used) });
    if let (Some(kept), Some(members)) = (rounds.kept.take(), content.as_object_mut()) {
        members.insert("kept".into(), kept);
    }
    let binding = Binding { principal: &context.0.caller.who.key, method, target };
    let state = shard.state_key.seal(binding, shard.unix_now_s() + STATE_TTL_S, &content.to_string());
    if state.len() > STATE_BYTES_MAX {
        return Outcome::error(id, &RpcError::internal("The answers of this request are too large to carry on"));
    }
    let mut writer = ResultWriter::begin(Vec::new(), id, context.version(), &shard.identity, "input_required");
    if !requests.is_empty() {
        writer.member("inputRequests", &requests);
    }
    writer.member("requestState", &state);
    Outcome { status: 200, ending: Ending::Good, message: writer.end(), record: Progress::Failed(Value::Null) }
}

fn offer_task(work: &Work, context: &Context) -> Result<(), RpcError> {
    let Work::Tool(entry, _) = work else {
        return Ok(());
    };
    match entry.definition.task_mode {
        TaskMode::Never => Ok(()),
        TaskMode::Required if !context.takes_tasks() => {
            Err(RpcError::missing_capability(&json!({ "extensions": { task::EXTENSION: {} } })))
        }
        TaskMode::WhenOffered | TaskMode::Required => {
            let wanted = context.takes_tasks();
            if wanted && !context.become_task() {
                return Err(RpcError::internal("The server holds as many tasks as it may; try again soon"));
            }
            Ok(())
        }
    }
}

fn answer_as_task(
    shard: &Rc<Shard>,
    context: &Context,
    id: &Rc<str>,
    task: &Rc<Task>,
    first: Option<Outcome>,
    run: std::pin::Pin<Box<impl Future<Output = Outcome> + 'static>>,
    time_max: Duration,
) -> Answer {
    let message = created(context, id, task);
    match first {
        Some(outcome) => conclude(context, task, outcome),
        None => {
            let in_flight = InFlight::new(shard);
            let (context, id, of_task) = (context.clone(), Rc::clone(id), Rc::clone(task));
            let (stop, stopped) = stop::pair();
            task.on_cancel(Box::new(move || stop.stop()));
            let work = async move {
                let _in_flight = in_flight;
                let outcome = bounded(run, time_max, &id).await;
                conclude(&context, &of_task, outcome);
            };
            shard.spawn(Doing::Call, stopped.run(work)).detach();
        }
    }
    Reply::json(200, message).into()
}

/// `CreateTaskResult`. The task is in its table already, so that a client can poll it at once.
fn created(context: &Context, id: &str, task: &Task) -> Vec<u8> {
    let shard = &context.0.shard;
    let mut writer = ResultWriter::begin(Vec::new(), id, context.version(), &shard.identity, "task");
    writer.members(&task.summary());
    writer.end()
}

fn conclude(context: &Context, task: &Rc<Task>, outcome: Outcome) {
    // A task that was cancelled has told so already.
    if !task.is_over() {
        task.conclude(outcome.record);
        context.0.shard.announce_task(task);
    }
}

/// A `CallToolResult` as a task keeps it.
fn task_result(result: &ToolResult) -> Value {
    let mut value = json!({ "resultType": "complete", "content": result.content });
    if let Some(members) = value.as_object_mut() {
        if let Some(structured) = &result.structured {
            members.insert("structuredContent".into(), structured.clone());
        }
        if result.is_error {
            members.insert("isError".into(), true.into());
        }
    }
    value
}
