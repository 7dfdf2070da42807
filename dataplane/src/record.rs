//! What is known of a request once it is answered, for those who count and write it down. It never sees an argument or a
//! credential.

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
        About { method, tool: None, era: None, arguments: None, denied: None }
    }

    /// The same for another shard.
    pub fn to_remote(&self) -> RemoteAbout {
        let tool = self.tool.as_ref().map(|tool| tool.definition.name.clone());
        RemoteAbout { method: self.method, tool, era: self.era, arguments: self.arguments, denied: self.denied.clone() }
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
}

impl RemoteAbout {
    /// The same for this shard.
    pub fn to_local(&self, shard: &Shard) -> About {
        About {
            method: self.method,
            tool: self.tool.as_deref().and_then(|name| shard.whole().tool(name).cloned()),
            era: self.era,
            arguments: self.arguments,
            denied: self.denied.clone(),
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
    trail::submit(shard, finished)
}
