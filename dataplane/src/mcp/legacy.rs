//! Legacy sessions over HTTP: begun anywhere, kept on their home shard, reached from every connection (MCP transports,
//! "Session Management" and "Resumability"). It never reads or writes a socket.

use std::rc::Rc;
use std::sync::Arc;

use futures_lite::FutureExt;
use ringway_core::header_params::HeaderLookup;
use ringway_core::mcp::era::{Carrier, McpHeaders};
use ringway_core::mcp::rpc_error::{PARSE, SESSION_NOT_FOUND};
use ringway_core::mcp::{RpcError, Version};
use ringway_core::refusal::Refusal;
use ringway_core::session::Handle;
use serde_json::Value;

use super::batch::{self, Batch};
use super::plan::{self, Via};
use super::{http, lists};
use crate::answer::{Answer, Events, Reply, Source};
use crate::mailbox::{Forwarded, ForwardedAnswer, ForwardedVerb, Letter};
use crate::metrics::Method;
use crate::outbox::StreamEvent;
use crate::record::{About, Ending};
use crate::session::{STANDALONE, Session};
use crate::shard::Shard;
use crate::who::Who;

/// Events of a forwarded stream that may wait for the connection's shard.
const FORWARDED_EVENTS_MAX: usize = 64;

/// Begins a session here and answers `initialize`.
pub fn initialize(shard: &Rc<Shard>, id: &str, version: Version, capabilities: Value, who: &Rc<Who>) -> Answer {
    let handle = shard.new_handle();
    let session = Session::new(version, capabilities, Rc::clone(&who.key));
    match shard.sessions.borrow_mut().insert(handle, session, shard.now()) {
        Ok(evicted) => {
            if let Some(evicted) = evicted {
                evicted.end();
            }
        }
        Err(_) => {
            shard.metrics.count_refusal(Refusal::SessionsFull);
            return Reply::refusal_of(Refusal::SessionsFull, Some(id), "").into();
        }
    }
    Reply::json(200, lists::initialize(shard, &who.view(shard), id, version))
        .field("Mcp-Session-Id", handle.to_string())
        .into()
}

/// The answer for a session that is not there, or is somebody else's.
pub fn unknown_session() -> Answer {
    let error = RpcError::new(SESSION_NOT_FOUND, "Session not found");
    Reply::error_with_status(404, None, &error).into()
}

/// The session of that name, when it lives on this shard and is the caller's; marked as used.
pub fn session_here(shard: &Shard, session_id: &[u8], who: &Who) -> Option<Rc<Session>> {
    let handle = Handle::parse(session_id).filter(|handle| handle.home == shard.id)?;
    shard.session(&handle, who)
}

/// A message for a session.
pub async fn post(
    shard: &Rc<Shard>,
    session_id: &[u8],
    headers: &McpHeaders<'_>,
    body: &[u8],
    who: &Rc<Who>,
) -> (Answer, About) {
    let Some(handle) = Handle::parse(session_id) else {
        return (unknown_session(), About::of(Method::OfSession));
    };
    if handle.home != shard.id {
        return forward_post(shard, handle, headers, body.to_vec(), who).await;
    }
    local_post(shard, handle, headers, body, who).await
}

async fn local_post(
    shard: &Rc<Shard>,
    handle: Handle,
    headers: &McpHeaders<'_>,
    body: &[u8],
    who: &Rc<Who>,
) -> (Answer, About) {
    let Some(session) = shard.session(&handle, who) else {
        return (unknown_session(), About::of(Method::OfSession));
    };
    let no_params = |_: &str| HeaderLookup::Absent;
    let via = Via { carrier: Carrier::Http(*headers), params: &no_params, session: Some(&session), who };
    let planned = shard.json.borrow_mut().with(body, |value| match Batch::read(value, shard.limits().batch_max) {
        Some(batch) => Err(batch),
        None => Ok(plan::plan(shard, value, &via)),
    });
    match planned {
        Ok(Ok((plan, about))) => (http::carry_out(shard, plan, Some(&session), who).await, about),
        Ok(Err(batch)) => {
            let about = batch.about();
            (batch::carry_out(shard, Some(&session), headers, batch, who).await.into(), about)
        }
        Err(fault) => {
            let error = RpcError::new(PARSE, fault.to_string());
            (Reply::error_with_status(400, None, &error).into(), About::of(Method::Invalid))
        }
    }
}

/// Opens the session's stream, or takes one up again behind `last_event_id`.
pub async fn get(shard: &Rc<Shard>, session_id: Option<&[u8]>, last_event_id: Option<&[u8]>, who: &Rc<Who>) -> Answer {
    let Some(session_id) = session_id else {
        // Only a session has a stream; a client without one is told that GET is not for it.
        return Reply::refusal(Refusal::MethodNotAllowed, "POST").into();
    };
    let Some(handle) = Handle::parse(session_id) else {
        return unknown_session();
    };
    if handle.home != shard.id {
        let verb = ForwardedVerb::Get(last_event_id.map(<[u8]>::to_vec));
        return forward(shard, handle, verb, None, who).await.0;
    }
    local_get(shard, handle, last_event_id, who)
}

fn local_get(shard: &Rc<Shard>, handle: Handle, last_event_id: Option<&[u8]>, who: &Who) -> Answer {
    let Some(session) = shard.session(&handle, who) else {
        return unknown_session();
    };
    let resumed = last_event_id.and_then(parse_event_id);
    let found = resumed.and_then(|(stream, after)| Some((stream, session.stream(stream)?, after)));
    // A number that was never given out leads nowhere, as an unknown stream does.
    let found = found.filter(|(_, outbox, after)| *after <= outbox.last());
    let is_resumed = found.as_ref().is_some_and(|(_, _, after)| *after > 0);
    let (stream, outbox, after) = match found {
        Some(found) => found,
        None => {
            let standalone = session.standalone(&shard.limits());
            if standalone.has_reader() {
                let error = RpcError::new(-32000, "Conflict: the session's stream is open already").with_status(409);
                return Reply::error_with_status(409, None, &error).into();
            }
            // Opened anew it repeats nothing: only a client that names an event gets what is behind it again.
            let read = standalone.read();
            (STANDALONE, standalone, read)
        }
    };
    if shard.draining.get() {
        outbox.end();
    }
    Answer::Events(Events {
        source: Source::Local(outbox.attach(after)),
        fields: Vec::new(),
        id_prefix: Some(format!("{stream:x}-")),
        opening: None,
        primes: (session.version >= Version::V2025_11_25 && !is_resumed).then_some(after),
        always_stream: true,
        translate: None,
        guard: None,
    })
}

/// `stream-number`, both hexadecimal, as the connection writes event ids.
fn parse_event_id(id: &[u8]) -> Option<(u32, u64)> {
    let (stream, number) = std::str::from_utf8(id).ok()?.split_once('-')?;
    Some((u32::from_str_radix(stream, 16).ok()?, u64::from_str_radix(number, 16).ok()?))
}

/// Ends a session.
pub async fn delete(shard: &Rc<Shard>, session_id: Option<&[u8]>, who: &Rc<Who>) -> Answer {
    let Some(session_id) = session_id else {
        let error = RpcError::new(-32000, "Bad Request: Mcp-Session-Id is missing");
        return Reply::error_with_status(400, None, &error).into();
    };
    let Some(handle) = Handle::parse(session_id) else {
        return unknown_session();
    };
    if handle.home != shard.id {
        return forward(shard, handle, ForwardedVerb::Delete, None, who).await.0;
    }
    local_delete(shard, handle, who)
}

fn local_delete(shard: &Rc<Shard>, handle: Handle, who: &Who) -> Answer {
    let removed = match shard.session(&handle, who) {
        Some(_) => shard.sessions.borrow_mut().remove(&handle),
        None => None,
    };
    match removed {
        Some(session) => {
            session.end();
            Reply::empty(200).into()
        }
        None => unknown_session(),
    }
}

/// Has a message carried out by the session's home shard.
pub async fn forward_post(
    shard: &Rc<Shard>,
    session: Handle,
    headers: &McpHeaders<'_>,
    body: Vec<u8>,
    who: &Rc<Who>,
) -> (Answer, About) {
    forward(shard, session, ForwardedVerb::Post(body), headers.version.map(<[u8]>::to_vec), who).await
}

async fn forward(
    shard: &Rc<Shard>,
    session: Handle,
    verb: ForwardedVerb,
    version: Option<Vec<u8>>,
    who: &Rc<Who>,
) -> (Answer, About) {
    let unknown = About::of(Method::OfSession);
    if usize::from(session.home) >= shard.shard_count {
        return (unknown_session(), unknown);
    }
    let (reply, answer) = async_channel::bounded(1);
    let principal = Arc::clone(&who.principal);
    let forwarded = Forwarded { from: shard.id, session, principal, address: who.address, verb, version, reply };
    if !shard.mailboxes.send(session.home, Letter::Forwarded(forwarded)) {
        return (http::overloaded(), unknown);
    }
    match answer.recv().await {
        Ok(ForwardedAnswer::Reply(about, reply)) => (reply.into(), about.to_local(shard)),
        Ok(ForwardedAnswer::Events { about, id_prefix, primes, always_stream, events }) => {
            let events = Events {
                source: Source::Remote(events, Ending::Good),
                fields: Vec::new(),
                id_prefix,
                opening: None,
                primes,
                always_stream,
                translate: None,
                guard: None,
            };
            (Answer::Events(events), about.to_local(shard))
        }
        Err(_) => (http::overloaded(), unknown),
    }
}

/// Carries out a request that another shard took, and sends back what comes of it.
pub async fn serve_forwarded(shard: Rc<Shard>, forwarded: Forwarded) {
    let Forwarded { from, session, principal, address, verb, version, reply } = forwarded;
    let who = &shard.who(principal, address);
    let headers = McpHeaders { version: version.as_deref(), ..McpHeaders::default() };
    let is_prepared = who.is_prepared(&shard) || {
        let _hold = shard.waits.hold();
        who.prepare(&shard).await.is_ok()
    };
    let (answer, about) = match verb {
        _ if !is_prepared => (http::overloaded(), About::of(Method::OfSession)),
        ForwardedVerb::Post(body) => local_post(&shard, session, &headers, &body, who).await,
        ForwardedVerb::Get(last_event_id) => {
            (local_get(&shard, session, last_event_id.as_deref(), who), About::of(Method::Stream))
        }
        ForwardedVerb::Delete => (local_delete(&shard, session, who), About::of(Method::EndSession)),
    };
    let about = about.to_remote();
    let mut events = match answer {
        Answer::Reply(answer) => {
            // Closed means that the connection is gone, and nobody needs the answer.
            let _ = reply.try_send(ForwardedAnswer::Reply(about, answer));
            return;
        }
        Answer::Events(events) => events,
    };
    let (sender, receiver) = async_channel::bounded(FORWARDED_EVENTS_MAX);
    let first = ForwardedAnswer::Events {
        about,
        id_prefix: events.id_prefix.take(),
        primes: events.primes,
        always_stream: events.always_stream,
        events: receiver,
    };
    if reply.try_send(first).is_err() {
        return;
    }
    let mut committed = events.always_stream;
    loop {
        let next = async { Some(events.source.next(committed).await) };
        // A connection that is gone frees its stream at once: the client may be back already.
        let gone = async {
            sender.closed().await;
            None
        };
        let Some(event) = gone.or(next).await else {
            return;
        };
        committed |= matches!(event, StreamEvent::Message { .. });
        // Whether a suspension ends the stream depends on its client, which the other shard knows.
        let is_last = !matches!(event, StreamEvent::Message { .. } | StreamEvent::Suspend);
        let is_gone = {
            // A connection that takes them slowly is waited for.
            let _hold = shard.waits.hold();
            sender.send(event).await.is_err()
        };
        shard.mailboxes.wake(from);
        if is_gone || is_last {
            return;
        }
    }
}
