//! What of a request goes into the audit log: each call of a tool, made or denied, and each refusal to somebody. It decides
//! nothing, and never holds an argument or a credential.

use std::time::{SystemTime, UNIX_EPOCH};

use ringway_core::audit::{Decision, Kind, Record};
use ringway_core::identify::access::Rejection;
use ringway_core::json::Value;
use ringway_core::mcp::types::ToolDefinition;
use ringway_core::mcp::{RpcError, render};
use ringway_core::refusal::Refusal;

use crate::audit::{Durable, Effect, Submitted};
use crate::metrics::Method;
use crate::record::{About, Ending, Finished};
use crate::shard::Shard;

/// What callers are told while the log cannot be written and calls are not made without.
pub const CANNOT_WRITE: &str = "The audit log cannot be written; try again soon";

/// What calling a tool does, as its definition has it; one that says nothing writes.
fn effect_of(definition: &ToolDefinition) -> Effect {
    let reads = definition.annotations.as_ref().and_then(|annotations| annotations.read_only_hint);
    if reads == Some(true) { Effect::Read } else { Effect::Write }
}

/// Whether a tool may be called as the audit log is: its record will have a place, or is not insisted on.
pub fn may_call(shard: &Shard, definition: &ToolDefinition) -> bool {
    let in_flight = shard.in_flight.get();
    shard.audit.as_ref().is_none_or(|audit| audit.may_begin(effect_of(definition), in_flight))
}

/// The message in place of an answer whose record is not on disk. What it did is done; who asked for it must not take it for
/// recorded.
pub fn not_recorded(shard: &Shard, answer: &[u8]) -> Vec<u8> {
    let id = |value: Value<'_>| value.as_object()?.get("id").map(|id| id.text().to_owned());
    let id = shard.json.borrow_mut().with(answer, id).ok().flatten();
    render::error(Vec::new(), id.as_deref(), &RpcError::internal(CANNOT_WRITE))
}

/// The record is not in the log, and without it there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotRecorded;

/// Hands over the record of a request that has been answered. What comes back is to be waited for before the answer goes
/// out.
///
/// # Errors
/// There is no place for it, where one is insisted on.
pub fn submit(shard: &Shard, finished: &Finished<'_>) -> Result<Option<Durable>, NotRecorded> {
    let Some(audit) = &shard.audit else { return Ok(None) };
    let about = finished.about;
    let is_call = about.method == Method::ToolsCall;
    if !is_call && finished.rejection.is_none_or(|rejection| !is_about_somebody(rejection.refusal)) {
        return Ok(None);
    }
    let Verdict { tool, is_denied, stage, rule } = Verdict::of(about, finished.rejection);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let record = Record {
        at_unix_us: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
        kind: if is_call && finished.rejection.is_none() { Kind::ToolCall } else { Kind::Security },
        principal: finished.who.map_or("", |who| &who.principal.name),
        principal_kind: finished.who.map_or("", |who| who.principal.kind.word()),
        client: finished.address.or_else(|| finished.socket?.peer().map(|peer| peer.ip())),
        request_id: finished.request_id,
        shard: Some(shard.id),
        method: about.method.label(),
        tool: tool.unwrap_or_default(),
        // What is not there was neither.
        decision: if is_denied { Some(Decision::Denied) } else { tool.map(|_| Decision::Allowed) },
        stage,
        rule: rule.unwrap_or_default(),
        generation: Some(shard.generation()),
        status: Some(finished.status),
        outcome: outcome_of(finished.ending),
        duration_us: u64::try_from(finished.took.as_micros()).ok(),
        arguments: about.arguments,
        ..Record::default()
    };
    let effect = about.tool.as_ref().map_or(Effect::Read, |tool| effect_of(&tool.definition));
    match audit.submit(&record, effect) {
        Submitted::Waits(durable) => Ok(Some(durable)),
        // What is lost is counted.
        Submitted::Queued | Submitted::Lost => Ok(None),
        Submitted::Refused => Err(NotRecorded),
    }
}

/// What was decided of a request, for whoever writes it down.
pub struct Verdict<'a> {
    /// The tool that it called, or named in vain.
    pub tool: Option<&'a str>,
    /// Whether it got what it asked for.
    pub is_denied: bool,
    /// The stage that decided.
    pub stage: &'static str,
    /// The rule that denied it, or why else it got no further.
    pub rule: Option<&'a str>,
}

impl<'a> Verdict<'a> {
    /// What was decided.
    pub fn of(about: &'a About, rejection: Option<Rejection>) -> Verdict<'a> {
        let denied = about.denied.as_deref();
        let tool = about.tool.as_ref().map(|tool| tool.definition.name.as_str());
        Verdict {
            tool: tool.or(denied.map(|denied| &*denied.tool)),
            is_denied: denied.is_some() || rejection.is_some(),
            stage: rejection.map_or("authorize", |rejection| stage_of(rejection.refusal)),
            rule: denied.map(|denied| &*denied.rule).or(rejection.map(|rejection| rejection.why)),
        }
    }
}

/// Stage and rule of what was denied to somebody.
pub fn why(finished: &Finished<'_>) -> Option<(&'static str, Box<str>)> {
    let rejection = finished.rejection.filter(|rejection| is_about_somebody(rejection.refusal));
    let Verdict { is_denied, stage, rule, .. } = Verdict::of(finished.about, rejection);
    is_denied.then(|| (stage, rule.unwrap_or_default().into()))
}

/// Refusals that say something of who asked, rather than of how.
fn is_about_somebody(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::AddressNotAllowed
            | Refusal::Unauthenticated
            | Refusal::BadCredential
            | Refusal::NotPermitted
            | Refusal::HostNotAllowed
            | Refusal::OriginNotAllowed
    )
}

fn stage_of(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::HostNotAllowed | Refusal::OriginNotAllowed => "admit",
        Refusal::NotPermitted => "authorize",
        _ => "identify",
    }
}

fn outcome_of(ending: Ending) -> &'static str {
    match ending {
        Ending::Good => "good",
        Ending::ToolError => "tool_error",
        Ending::BadArguments => "bad_arguments",
        Ending::Late => "late",
        Ending::Cancelled => "cancelled",
        Ending::Lapsed(lapse) => lapse.word(),
        Ending::Error(_) => "error",
    }
}
