//! JSON-RPC batches, which only 2025-03-26 has: all of a batch's messages run at once, and the answers come as one array. Each
//! of its calls is recorded as any other is. It never touches a socket.

use std::rc::Rc;

use ringway_core::header_params::HeaderLookup;
use ringway_core::json::Value;
use ringway_core::mcp::era::{Carrier, McpHeaders};
use ringway_core::mcp::{RpcError, Version, render};
use ringway_core::session::Handle;

use super::plan::{self, Plan, Planned, Via};
use super::{http, legacy, work};
use crate::answer::{self, Answer, Reply};
use crate::record::{About, Calls, Ending};
use crate::session::Session;
use crate::shard::Shard;
use crate::who::Who;

/// A batch that was read.
pub struct Batch {
    /// Each message as text: none where there were too many.
    texts: Vec<Vec<u8>>,
    /// What becomes of its calls, for whoever records it.
    calls: Calls,
}

impl Batch {
    /// The batch that an array is.
    pub fn read(value: Value<'_>, count_max: usize) -> Option<Batch> {
        let count = value.array_len()?;
        let texts = match () {
            () if count > count_max => Vec::new(),
            () => value.as_array()?.map(|item| item.text().as_bytes().to_vec()).collect(),
        };
        Some(Batch { texts, calls: Calls::default() })
    }

    /// What it is about. Calls that are under way are in it as soon as they begin.
    pub fn about(&self) -> About {
        About::of_batch(&self.calls)
    }
}

/// Answers a batch that came as a POST.
pub async fn post(
    shard: &Rc<Shard>,
    session_id: Option<&[u8]>,
    headers: &McpHeaders<'_>,
    batch: Batch,
    who: &Rc<Who>,
) -> (Answer, About) {
    let about = batch.about();
    if http::headers_are_modern(headers) || headers.repeated || batch.texts.is_empty() {
        let why = "Invalid Request: a batch must have 1 to 100 messages, and 2026-07-28 has none";
        return (refused(why).into(), about);
    }
    let session = match session_id.map(Handle::parse) {
        None => None,
        // A batch for a session of another shard is carried out there.
        Some(Some(handle)) if handle.home != shard.id => {
            let body = [&b"["[..], &batch.texts.join(&b","[..]), b"]"].concat();
            return legacy::forward_post(shard, handle, headers, body, who).await;
        }
        Some(handle) => match handle.and_then(|handle| shard.session(&handle, who)) {
            Some(session) => Some(session),
            None => return (legacy::unknown_session(), about),
        },
    };
    (carry_out(shard, session.as_ref(), headers, batch, who).await.into(), about)
}

/// Runs a batch on this shard.
pub async fn carry_out(
    shard: &Rc<Shard>,
    session: Option<&Rc<Session>>,
    headers: &McpHeaders<'_>,
    batch: Batch,
    who: &Rc<Who>,
) -> Reply {
    let version = match (session, headers.version) {
        (Some(session), None) => Some(session.version),
        (None, None) => Some(Version::LEGACY_ASSUMED),
        (session, Some(name)) => {
            let named = std::str::from_utf8(name).ok().and_then(Version::parse);
            named.map(|named| session.map_or(named, |session| session.version))
        }
    };
    let plans = version.filter(|version| *version <= Version::V2025_03_26 && !batch.texts.is_empty());
    let plans = plans.and_then(|_| plans_of(shard, session, headers, &batch.texts, who));
    match plans {
        Some(plans) => join(shard, plans, session, &batch.calls, who).await,
        None => refused("Invalid Request: this revision has no batches"),
    }
}

fn refused(why: &'static str) -> Reply {
    Reply::error_with_status(400, None, &RpcError::invalid_request(why))
}

/// What each message asks for; `None` when one cannot be read.
fn plans_of(
    shard: &Rc<Shard>,
    session: Option<&Rc<Session>>,
    headers: &McpHeaders<'_>,
    texts: &[Vec<u8>],
    who: &Rc<Who>,
) -> Option<Vec<(Plan, About)>> {
    let no_params = |_: &str| HeaderLookup::Absent;
    let via = Via { carrier: Carrier::Http(*headers), params: &no_params, session, who };
    let plan = |text: &Vec<u8>| {
        let (plan, about) = shard.json.borrow_mut().with(text, |value| plan::plan(shard, value, &via)).ok()?;
        // `initialize` must come alone (MCP 2025-03-26, lifecycle), and nothing modern hides in a batch.
        if let Plan::Initialize { id, .. } | Plan::Listen { id, .. } | Plan::Task { id, .. } = &plan {
            let error = RpcError::invalid_request("Invalid Request: this method cannot be in a batch");
            let message = render::error(Vec::new(), Some(id), &error);
            return Some((Plan::Reply { status: 400, ending: Ending::Error(error.code), message, tool: None }, about));
        }
        Some((plan, about))
    };
    texts.iter().map(plan).collect()
}

/// Carries out plans side by side and joins their last messages into one array.
async fn join(
    shard: &Rc<Shard>,
    plans: Vec<(Plan, About)>,
    session: Option<&Rc<Session>>,
    calls: &Calls,
    who: &Rc<Who>,
) -> Reply {
    let mut waiting = Vec::new();
    for (plan, about) in plans {
        let call = calls.begin(about);
        let answer = match plan {
            // Within a batch nothing can be asked and nothing streamed: calls run without their session's stream.
            Plan::Work(planned) => {
                let Planned { id, mut caller, rounds, work } = *planned;
                caller.session = None;
                caller.progress_token = None;
                work::start(shard, Planned { id, caller, rounds, work }, work::Route::Connection).await
            }
            other => http::carry_out(shard, other, session, who).await,
        };
        waiting.push((call, answer));
    }
    let mut messages = Vec::new();
    for (call, answer) in waiting {
        match answer {
            Answer::Reply(reply) => {
                calls.end(call, reply.ending);
                messages.extend(Some(reply.body).filter(|body| !body.is_empty()));
            }
            Answer::Events(events) => {
                let (message, ending) = answer::last_message(events).await;
                calls.end(call, ending);
                messages.extend(message);
            }
        }
    }
    if messages.is_empty() {
        return Reply::empty(202);
    }
    Reply::json(200, [&b"["[..], &messages.join(&b","[..]), b"]"].concat())
}
