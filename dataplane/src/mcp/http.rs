//! A POST to the MCP endpoint, from body to answer. It never reads or writes a socket.

use std::rc::Rc;

use ringway_core::header_params::HeaderLookup;
use ringway_core::http::decoder::Request;
use ringway_core::json::JsonFault;
use ringway_core::mcp::era::{self, Carrier, McpHeaders};
use ringway_core::mcp::rpc_error::PARSE;
use ringway_core::mcp::{Era, RpcError, Version, message};
use ringway_core::refusal::Refusal;
use ringway_core::request_path;

use super::batch::{self, Batch};
use super::plan::{self, Plan, Via};
use super::{legacy, listen, tasks, work};
use crate::answer::{Answer, Reply};
use crate::metrics::Method;
use crate::record::About;
use crate::session::Session;
use crate::shard::Shard;
use crate::who::Who;

/// What the first look at a body finds.
pub enum First {
    /// A plan, and the legacy session of this shard that it is for.
    Planned(Plan, About, Option<Rc<Session>>),
    /// A legacy message for a session that is not here.
    OfSession,
    /// A batch.
    Batch(Batch),
}

fn mcp_headers<'b>(request: Request<'b>) -> McpHeaders<'b> {
    let head = request.head;
    McpHeaders {
        version: head.mcp_version.bytes(request.bytes),
        method: head.mcp_method.bytes(request.bytes),
        name: head.mcp_name.bytes(request.bytes),
        repeated: head.mcp_version.count > 1 || head.mcp_method.count > 1 || head.mcp_name.count > 1,
    }
}

/// The `Mcp-Param-*` field whose name ends so.
fn mirrored_param<'b>(request: Request<'b>, suffix: &str) -> HeaderLookup<'b> {
    let mut found = HeaderLookup::Absent;
    for (name, value) in &request.head.mcp_params {
        if name.of_bytes(request.bytes).eq_ignore_ascii_case(suffix.as_bytes()) {
            found = match found {
                HeaderLookup::Absent => HeaderLookup::One(value.of_bytes(request.bytes)),
                _ => HeaderLookup::Repeated,
            };
        }
    }
    found
}

/// Answers a GET: the stream of a legacy session.
pub async fn get(shard: &Rc<Shard>, request: Request<'_>, who: &Rc<Who>) -> Answer {
    if let Err(error) = era::select_without_body(&mcp_headers(request)) {
        return refused_without_body(&error);
    }
    let head = request.head;
    let last_event_id = head.last_event_id.bytes(request.bytes);
    legacy::get(shard, head.session_id.bytes(request.bytes), last_event_id, who).await
}

/// Answers a DELETE: the end of a legacy session.
pub async fn delete(shard: &Rc<Shard>, request: Request<'_>, who: &Rc<Who>) -> Answer {
    if let Err(error) = era::select_without_body(&mcp_headers(request)) {
        return refused_without_body(&error);
    }
    legacy::delete(shard, request.head.session_id.bytes(request.bytes), who).await
}

fn refused_without_body(error: &RpcError) -> Answer {
    let reply = Reply::error(None, error);
    if error.status == 405 { reply.field("Allow", "POST").into() } else { reply.into() }
}

/// What has become of a POST without waiting for anything.
pub enum Begun {
    /// It is answered.
    Answered(Answer, About),
    /// There is more to do, by [`go_on`].
    Unfinished(First),
}

/// Begins to answer a POST.
pub fn begin(shard: &Rc<Shard>, request: Request<'_>, who: &Rc<Who>) -> Begun {
    let head = request.head;
    let headers = mcp_headers(request);
    let session_id = head.session_id.bytes(request.bytes);
    let first = shard.json.borrow_mut().with(request.body, |value| {
        if let Some(batch) = Batch::read(value, shard.limits().batch_max) {
            return First::Batch(batch);
        }
        let mut session = None;
        // Two values of a header are two requests to two readers, whatever the era and wherever the session lives.
        if let Some(session_id) = session_id.filter(|_| !headers.repeated) {
            let is_legacy = match message::read(value) {
                Ok(message) => !era::is_modern(&message) && !headers_are_modern(&headers),
                Err(_) => false,
            };
            if is_legacy {
                session = legacy::session_here(shard, session_id, who);
                if session.is_none() {
                    return First::OfSession;
                }
            }
        }
        if session_id.is_some_and(|id| !request_path::is_plausible_session_id(id)) {
            return First::Planned(guessed_session(shard), About::of(Method::Invalid), None);
        }
        let params = |suffix: &str| mirrored_param(request, suffix);
        let via = Via { carrier: Carrier::Http(headers), params: &params, session: session.as_ref(), who };
        let (plan, about) = plan::plan(shard, value, &via);
        First::Planned(plan, about, session)
    });
    match first {
        Err(fault) => Begun::Answered(parse_error(fault), About::of(Method::Invalid)),
        // What is a stream by nature cannot be answered otherwise.
        Ok(First::Planned(Plan::Listen { .. }, about, _)) if !head.accept.event_stream() => {
            Begun::Answered(Reply::refusal(Refusal::NotAcceptable, "").into(), about)
        }
        Ok(First::Planned(Plan::Reply { status, ending, message, .. }, about, _)) => {
            Begun::Answered(Reply { ending, ..Reply::json(status, message) }.into(), about)
        }
        Ok(first) => Begun::Unfinished(first),
    }
}

/// The answer to a modern message with a session id that nobody could have minted.
fn guessed_session(shard: &Shard) -> Plan {
    shard.metrics.count_refusal(Refusal::SessionIdMalformed);
    let Reply { status, ending, body, .. } = Reply::refusal(Refusal::SessionIdMalformed, "");
    Plan::Reply { status, ending, message: body, tool: None }
}

/// Answers a POST whose answer may have to be waited for.
pub async fn go_on(shard: &Rc<Shard>, request: Request<'_>, first: First, who: &Rc<Who>) -> (Answer, About) {
    let headers = mcp_headers(request);
    let session_id = request.head.session_id.bytes(request.bytes);
    match first {
        First::Planned(plan, about, session) => (carry_out(shard, plan, session.as_ref(), who).await, about),
        First::OfSession => legacy::post(shard, session_id.unwrap_or_default(), &headers, request.body, who).await,
        First::Batch(batch) => batch::post(shard, session_id, &headers, batch, who).await,
    }
}

/// Whether a modern version is named, whatever the message is.
pub fn headers_are_modern(headers: &McpHeaders<'_>) -> bool {
    let named = headers.version.and_then(|version| std::str::from_utf8(version).ok()).and_then(Version::parse);
    named.is_some_and(|version| version.era() == Era::Modern)
}

fn parse_error(fault: JsonFault) -> Answer {
    let error = RpcError::new(PARSE, fault.to_string());
    Reply::error_with_status(400, None, &error).into()
}

/// Carries out the plan for a single message.
pub async fn carry_out(shard: &Rc<Shard>, plan: Plan, session: Option<&Rc<Session>>, who: &Rc<Who>) -> Answer {
    match plan {
        Plan::Reply { status, ending, message, .. } => Reply { ending, ..Reply::json(status, message) }.into(),
        Plan::Accepted | Plan::Cancel { .. } => Reply::empty(202).into(),
        Plan::Initialize { id, version, capabilities } => legacy::initialize(shard, &id, version, capabilities, who),
        Plan::Work(planned) => work::start(shard, *planned, route(session)).await,
        Plan::Listen { id, filter } => listen::open(shard, id, filter, who),
        Plan::Task { id, task, caller, verb } => tasks::answer(shard, &id, task, caller, verb).await,
    }
}

fn route(session: Option<&Rc<Session>>) -> work::Route {
    session.map_or(work::Route::Connection, |session| work::Route::Session(Rc::clone(session)))
}

/// The answer to a request that found the shard's mailbox full.
pub fn overloaded() -> Answer {
    Reply::refusal(Refusal::Overloaded, "").into()
}
