//! One record: what happened, to whom it was allowed or not, and why. Every text has a bound and is cut there, every text is
//! escaped, and what is not known is left out. It never holds a credential or an argument.

use std::net::IpAddr;

use super::line::{Hash, push_hex};
use super::member::{Text, address, number, text};
use super::time;

/// Bytes of each text, in the order of [`Record::texts`]. Names are as long as MCP and our own tables let them be; a longer one
/// is somebody's nonsense, of which the beginning is enough.
pub(super) const TEXT_BYTES_MAX: [usize; TEXTS] = [256, 16, 128, 64, 128, 32, 128, 64, 512];
/// How many texts a record has.
pub(super) const TEXTS: usize = 9;
/// What stands for the rest of a text that was cut.
const CUT: &str = "…";

/// What a record tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Something that matters for who may do what: a refusal, a key that was made, a policy that came in force.
    #[default]
    Security,
    /// A tool was called.
    ToolCall,
    /// Records that were never written: how many is in `lost` and `refused`.
    Gap,
    /// The last line was cut by a crash, and was moved aside.
    Torn,
    /// The log before this record is not whole; `detail` says where.
    Broken,
    /// A file was removed: by the number of files to keep, or by somebody else.
    Removed,
    /// The process ended in order.
    End,
}

impl Kind {
    /// Its word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Security => "security",
            Kind::ToolCall => "tool_call",
            Kind::Gap => "gap",
            Kind::Torn => "torn",
            Kind::Broken => "broken",
            Kind::Removed => "removed",
            Kind::End => "end",
        }
    }
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// They may.
    Allowed,
    /// They may not.
    Denied,
}

impl Decision {
    /// Its word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Decision::Allowed => "allowed",
            Decision::Denied => "denied",
        }
    }
}

/// A record. A text that is empty is left out, as is what is `None` or a count of zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it happened, in microseconds since 1970.
    pub at_unix_us: u64,
    /// What it tells of.
    pub kind: Kind,
    /// Who.
    pub principal: &'a str,
    /// What they showed: the word of a [`CredentialKind`](crate::identify::CredentialKind).
    pub principal_kind: &'a str,
    /// Where from.
    pub client: Option<IpAddr>,
    /// The request's name.
    pub request_id: &'a str,
    /// The shard that took it.
    pub shard: Option<u16>,
    /// The method.
    pub method: &'a str,
    /// The tool, resource or prompt.
    pub tool: &'a str,
    /// What was decided.
    pub decision: Option<Decision>,
    /// The stage of the request's way that decided.
    pub stage: &'a str,
    /// The rule it decided by.
    pub rule: &'a str,
    /// The generation of the policy with that rule.
    pub generation: Option<u64>,
    /// HTTP status.
    pub status: Option<u16>,
    /// How it ended, in a word.
    pub outcome: &'a str,
    /// How long it took.
    pub duration_us: Option<u64>,
    /// Of a call's arguments, their digest under a key: see [`ArgumentsKey`](super::ArgumentsKey).
    pub arguments: Option<Hash>,
    /// Records that found no room, or whose place was lost; of a gap alone.
    pub lost: u64,
    /// Records that were not taken and whose callers were told so; of a gap alone.
    pub refused: u64,
    /// What else there is to say, as a sentence.
    pub detail: &'a str,
}

impl<'a> Record<'a> {
    /// All texts, in the order in which [`Packed`](super::Packed) keeps them.
    pub(super) fn texts(&self) -> [&'a str; TEXTS] {
        let Record { principal, principal_kind, request_id, method, tool, stage, rule, outcome, detail, .. } = *self;
        [principal, principal_kind, request_id, method, tool, stage, rule, outcome, detail]
    }

    /// The same record with these texts.
    #[cfg(test)]
    pub(super) fn with_texts<'b>(self, texts: [&'b str; TEXTS]) -> Record<'b> {
        self.fixed().with_texts(texts)
    }

    /// Everything but the texts.
    pub(super) fn fixed(&self) -> Fixed {
        let Record { at_unix_us, kind, client, shard, decision, generation, status, duration_us, .. } = *self;
        let Record { arguments, lost, refused, .. } = *self;
        Fixed { at_unix_us, kind, client, shard, decision, generation, status, duration_us, arguments, lost, refused }
    }

    /// Appends the record's members behind its number, each with a comma before it.
    pub(super) fn write_members(&self, out: &mut Vec<u8>) {
        let texts = self.texts();
        let bounded: [Bounded<'_>; TEXTS] = std::array::from_fn(|index| bound(texts[index], TEXT_BYTES_MAX[index]));
        self.fixed().write_members(bounded, out);
    }
}

/// Everything of a record but its texts: see [`Record`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fixed {
    at_unix_us: u64,
    kind: Kind,
    client: Option<IpAddr>,
    shard: Option<u16>,
    decision: Option<Decision>,
    generation: Option<u64>,
    status: Option<u16>,
    duration_us: Option<u64>,
    arguments: Option<Hash>,
    lost: u64,
    refused: u64,
}

impl Fixed {
    /// The record with these texts.
    pub(super) fn with_texts(self, texts: [&str; TEXTS]) -> Record<'_> {
        let [principal, principal_kind, request_id, method, tool, stage, rule, outcome, detail] = texts;
        let Fixed { at_unix_us, kind, client, shard, decision, generation, status, duration_us, .. } = self;
        let Fixed { arguments, lost, refused, .. } = self;
        Record {
            at_unix_us,
            kind,
            principal,
            principal_kind,
            client,
            request_id,
            shard,
            method,
            tool,
            decision,
            stage,
            rule,
            generation,
            status,
            outcome,
            duration_us,
            arguments,
            lost,
            refused,
            detail,
        }
    }

    /// Appends the members of the record with these texts, each with a comma before it.
    pub(super) fn write_members(&self, texts: [impl Text; TEXTS], out: &mut Vec<u8>) {
        let Fixed { at_unix_us, kind, client, shard, decision, generation, status, duration_us, .. } = *self;
        let Fixed { arguments, lost, refused, .. } = *self;
        let [principal, principal_kind, request_id, method, tool, stage, rule, outcome, detail] = texts;
        begin(out, at_unix_us, kind.word());
        text(out, br#","principal":"#, principal);
        text(out, br#","principal_kind":"#, principal_kind);
        if let Some(client) = client {
            address(out, br#","client":"#, client);
        }
        text(out, br#","request_id":"#, request_id);
        number(out, br#","shard":"#, shard.map(u64::from));
        text(out, br#","method":"#, method);
        text(out, br#","tool":"#, tool);
        text(out, br#","decision":"#, decision.map_or("", Decision::word));
        text(out, br#","stage":"#, stage);
        text(out, br#","rule":"#, rule);
        number(out, br#","generation":"#, generation);
        number(out, br#","status":"#, status.map(u64::from));
        text(out, br#","outcome":"#, outcome);
        number(out, br#","duration_us":"#, duration_us);
        if let Some(digest) = &arguments {
            out.extend_from_slice(br#","arguments_hmac":""#);
            push_hex(out, digest);
            out.push(b'"');
        }
        number(out, br#","lost":"#, Some(lost).filter(|count| *count > 0));
        number(out, br#","refused":"#, Some(refused).filter(|count| *count > 0));
        text(out, br#","detail":"#, detail);
    }
}

/// Appends what every line has behind its number: when, and what it is.
pub(super) fn begin(out: &mut Vec<u8>, at_unix_us: u64, kind: &str) {
    out.extend_from_slice(br#","time":""#);
    out.extend_from_slice(&time::rfc3339(at_unix_us));
    out.push(b'"');
    text(out, br#","kind":"#, kind);
}

/// A text, and what stands for its rest.
pub(super) type Bounded<'a> = (&'a str, &'static str);

/// The beginning of a text, and what stands for its rest; together they keep the bound.
pub(super) fn bound(text: &str, bytes_max: usize) -> Bounded<'_> {
    if text.len() <= bytes_max {
        return (text, "");
    }
    let mut end = bytes_max - CUT.len();
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (&text[..end], CUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(record: &Record<'_>, want: &str) {
        let mut out = Vec::new();
        record.write_members(&mut out);
        assert_eq!(String::from_utf8_lossy(&out), want);
    }

    #[test]
    fn members_come_in_their_order_and_only_when_known() {
        let at_unix_us = 1_700_000_000_000_001;
        let bare = Record { at_unix_us, ..Record::default() };
        check(&bare, r#","time":"2023-11-14T22:13:20.000001Z","kind":"security""#);
        let call = Record {
            at_unix_us,
            kind: Kind::ToolCall,
            principal: "ada \"x\"\n",
            principal_kind: "jwt",
            client: Some(IpAddr::from([192, 0, 2, 7])),
            request_id: "r-1",
            shard: Some(0),
            method: "tools/call",
            tool: "echo",
            decision: Some(Decision::Denied),
            stage: "authorize",
            rule: "deny-echo",
            generation: Some(3),
            status: Some(403),
            outcome: "tool_denied",
            duration_us: Some(61),
            arguments: Some([0xab; 32]),
            lost: 1,
            refused: 2,
            detail: "no",
        };
        let digest = "ab".repeat(32);
        check(
            &call,
            &format!(
                r#","time":"2023-11-14T22:13:20.000001Z","kind":"tool_call","principal":"ada \"x\"\n","principal_kind":"jwt","client":"192.0.2.7","request_id":"r-1","shard":0,"method":"tools/call","tool":"echo","decision":"denied","stage":"authorize","rule":"deny-echo","generation":3,"status":403,"outcome":"tool_denied","duration_us":61,"arguments_hmac":"{digest}","lost":1,"refused":2,"detail":"no""#
            ),
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(bound("four", 4), ("four", ""));
        assert_eq!(bound("fours", 4), ("f", "…"));
        assert_eq!(bound("ééééé", 8), ("éé", "…"), "the third would be cut in half");
        let name = "x".repeat(300);
        let cut = "x".repeat(253);
        check(
            &Record { principal: &name, ..Record::default() },
            &format!(r#","time":"1970-01-01T00:00:00.000000Z","kind":"security","principal":"{cut}…""#),
        );
    }
}
