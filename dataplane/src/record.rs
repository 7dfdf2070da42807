//! What is known of a request once it is answered, for those who count and write it down. It never sees an argument or a
//! credential.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ringway_core::audit::Hash;
use ringway_core::identify::Lapse;
use ringway_core::identify::access::Rejection;
use ringway_core::mcp::Era;

use crate::audit::Durable;
use crate::local_tool::LocalTool;
use crate::metrics::Method;
use crate::shard::Shard;
use crate::shard::socket::Socket;
use crate::trail::{self, NotRecorded};
use crate::who::Who;

/// What a request was about.
#[derive(Clone)]
pub struct About {
    /// Its method.
    pub method: Method,
    /// The tool it called.
    pub tool: Option<Rc<LocalTool>>,
    /// Its era, where it was found out.
    pub era: Option<Era>,
    /// What stands for a call's arguments in the audit log.
    pub arguments: Option<Hash>,
    /// A call that was answered as one to an unknown tool.
    pub denied: Option<Box<Denied>>,
    /// The messages of a batch.
    pub calls: Option<Calls>,
}

/// The messages of a batch and how they ended, known to whoever carries them out and to whoever records them.
#[derive(Clone, Default)]
pub struct Calls(Rc<RefCell<Vec<Call>>>);

/// A message of a batch, and how it ended, once it has.
type Call = (About, Option<Ending>);

impl Calls {
    /// One more begins; its place.
    pub fn begin(&self, about: About) -> usize {
        let mut calls = self.0.borrow_mut();
        calls.push((about, None));
        calls.len() - 1
    }

    /// The one in this place has ended.
    pub fn end(&self, place: usize, ending: Ending) {
        if let Some((_, end)) = self.0.borrow_mut().get_mut(place) {
            *end = Some(ending);
        }
    }
}

/// A call that was denied.
#[derive(Clone, Debug)]
pub struct Denied {
    /// The tool that it named.
    pub tool: Box<str>,
    /// The rule that denied it; empty for what no rule speaks of.
    pub rule: Box<str>,
}

impl About {
    /// A request of which only the method is known.
    pub fn of(method: Method) -> About {
        About { method, tool: None, era: None, arguments: None, denied: None, calls: None }
    }

    /// A batch, and what becomes of its messages.
    pub fn of_batch(calls: &Calls) -> About {
        About { calls: Some(calls.clone()), ..About::of(Method::Batch) }
    }

    /// The same for another shard.
    pub fn to_remote(&self) -> RemoteAbout {
        let tool = self.tool.as_ref().map(|tool| tool.definition.name.clone());
        let calls = self.calls.iter().flat_map(|calls| calls.0.borrow().clone());
        RemoteAbout {
            method: self.method,
            tool,
            era: self.era,
            arguments: self.arguments,
            denied: self.denied.clone(),
            calls: calls.map(|(about, ending)| (about.to_remote(), ending)).collect(),
        }
    }
}

/// [`About`] on its way between shards.
#[derive(Debug)]
pub struct RemoteAbout {
    method: Method,
    tool: Option<String>,
    era: Option<Era>,
    arguments: Option<Hash>,
    denied: Option<Box<Denied>>,
    calls: Vec<(RemoteAbout, Option<Ending>)>,
}

impl RemoteAbout {
    /// The same for this shard.
    pub fn to_local(&self, shard: &Shard) -> About {
        let calls = self.calls.iter().map(|(about, ending)| (about.to_local(shard), *ending));
        About {
            method: self.method,
            tool: self.tool.as_deref().and_then(|name| shard.whole().tool(name).cloned()),
            era: self.era,
            arguments: self.arguments,
            denied: self.denied.clone(),
            calls: (!self.calls.is_empty()).then(|| Calls(Rc::new(calls.collect::<Vec<_>>().into()))),
        }
    }
}

/// How a request ended, beyond its HTTP status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// With what was asked for.
    #[default]
    Good,
    /// The tool failed, and its caller was told so in a result (`isError`).
    ToolError,
    /// The arguments broke the tool's schema, and the caller was told so in a result (`isError`).
    BadArguments,
    /// The call did not finish in time, and the caller got a JSON-RPC error.
    Late,
    /// Without an answer: its client cancelled it, went away, or was too slow to read.
    Cancelled,
    /// Without an answer: the credential that it was asked with is worth nothing any more.
    Lapsed(Lapse),
    /// With this JSON-RPC error code.
    Error(i32),
}

/// A request that has been answered.
pub struct Finished<'a> {
    /// What it was about.
    pub about: &'a About,
    /// How it ended.
    pub ending: Ending,
    /// HTTP status; 200 where there is none.
    pub status: u16,
    /// From its last byte to the last byte of its answer being written.
    pub took: Duration,
    /// Bytes of the answer.
    pub bytes: u64,
    /// Its name.
    pub request_id: &'a str,
    /// Who sent it; absent where nobody was asked yet.
    pub who: Option<&'a Rc<Who>>,
    /// Where it comes from, where that was asked: another address than the socket's behind a proxy.
    pub address: Option<IpAddr>,
    /// Why it got no further.
    pub rejection: Option<Rejection>,
    /// Where its client is.
    pub socket: Option<&'a Socket>,
}

/// Counts a request that has been answered, and has it written down. What comes back is to be waited for before the answer
/// goes out: the audit log is to have it first.
///
/// # Errors
/// The audit log has no place for it, and there is to be no answer without.
pub fn finished(shard: &Shard, finished: &Finished<'_>) -> Result<Option<Durable>, NotRecorded> {
    let Finished { about, ending, status, took, .. } = finished;
    let tool = about.tool.as_deref().map(|tool| (tool.id, &tool.places));
    shard.metrics.observe(about.method, tool, *ending, *status, *took);
    if let Some(log) = &shard.access_log {
        log.note(shard, finished);
    }
    shard.explanations.note(shard, finished);
    let durable = trail::submit(shard, finished)?;
    about.calls.as_ref().map_or(Ok(durable), |calls| submit_each(shard, calls, finished))
}

/// Has each message of a batch written down. Records are on disk in the order that a shard hands them over in: with the last,
/// all are.
fn submit_each(shard: &Shard, calls: &Calls, batch: &Finished<'_>) -> Result<Option<Durable>, NotRecorded> {
    // What had not ended by then ended with its batch.
    let cut = match batch.ending {
        Ending::Lapsed(lapse) => Ending::Lapsed(lapse),
        _ => Ending::Cancelled,
    };
    let mut last = None;
    for (about, ending) in calls.0.borrow().iter() {
        let call = Finished { about, ending: ending.unwrap_or(cut), status: 200, bytes: 0, rejection: None, ..*batch };
        last = trail::submit(shard, &call)?.or(last);
    }
    Ok(last)
}
