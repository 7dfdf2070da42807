//! One line of the access log: what a shard hands over, and how it reads. It never sees a header, a token or an argument.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use ringway_core::mcp::Era;
use serde::Serialize;

use super::LogFormat;
use crate::record::Ending;

/// An answered request.
#[derive(Debug)]
pub struct Entry {
    /// When it was answered.
    pub at: SystemTime,
    /// Its name.
    pub request_id: Box<str>,
    /// Where its client is.
    pub client: Option<SocketAddr>,
    /// Whose credential was checked.
    pub principal: Box<str>,
    /// Its method, from a fixed set.
    pub method: &'static str,
    /// The tool it called.
    pub tool: Option<Box<str>>,
    /// Its era.
    pub era: Option<Era>,
    /// HTTP status.
    pub status: u16,
    /// How it ended.
    pub ending: Ending,
    /// From its last byte to its answer.
    pub took: Duration,
    /// Bytes of the answer.
    pub bytes: u64,
    /// Why it was denied: the stage and its rule.
    pub denied: Option<(&'static str, Box<str>)>,
    /// The shard that took it.
    pub shard: u16,
    /// Good requests before it that were not written.
    pub left_out: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'static str,
    message: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<SocketAddr>,
    principal: &'a str,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    era: Option<&'static str>,
    status: u16,
    /// JSON-RPC error code, or `tool_error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    duration_ms: f64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    shard: u16,
    #[serde(skip_serializing_if = "is_zero")]
    left_out: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Code {
    Rpc(i32),
    Tool(&'static str),
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Entry {
    /// Appends the entry's line.
    pub fn write(&self, out: &mut Vec<u8>, format: LogFormat) {
        match format {
            LogFormat::Json => self.write_json(out),
            LogFormat::Pretty => self.write_pretty(out),
        }
        out.push(b'\n');
    }

    fn level(&self) -> &'static str {
        match (self.status, self.ending) {
            // 501 and 505 say that the client wants what HTTP has and this server has not.
            (500 | 502..=504, _) => "ERROR",
            (..400, Ending::Good) => "INFO",
            _ => "WARN",
        }
    }

    fn write_json(&self, out: &mut Vec<u8>) {
        let line = Line {
            timestamp: humantime::format_rfc3339_micros(self.at).to_string(),
            level: self.level(),
            message: "request",
            request_id: &self.request_id,
            client: self.client,
            principal: &self.principal,
            method: self.method,
            tool: self.tool.as_deref(),
            era: self.era.map(era_name),
            status: self.status,
            code: match self.ending {
                Ending::Good => None,
                Ending::ToolError => Some(Code::Tool("tool_error")),
                Ending::BadArguments => Some(Code::Tool("bad_arguments")),
                Ending::Late => Some(Code::Tool("late")),
                Ending::Cancelled => Some(Code::Tool("cancelled")),
                Ending::Lapsed(lapse) => Some(Code::Tool(lapse.word())),
                Ending::Error(code) => Some(Code::Rpc(code)),
            },
            duration_ms: self.took.as_nanos() as f64 / 1e6,
            bytes: self.bytes,
            stage: self.denied.as_ref().map(|(stage, _)| *stage),
            rule: self.denied.as_ref().map(|(_, rule)| &**rule),
            shard: self.shard,
            left_out: self.left_out,
        };
        // Writing text and numbers to memory does not fail.
        let _ = serde_json::to_writer(out, &line);
    }

    fn write_pretty(&self, out: &mut Vec<u8>) {
        use std::io::Write;
        let time = humantime::format_rfc3339_millis(self.at);
        let _ = write!(out, "{time} {:>5} {} {}", self.level(), self.status, self.method);
        if let Some(tool) = &self.tool {
            let _ = write!(out, " {tool}");
        }
        match self.ending {
            Ending::Good => {}
            Ending::ToolError => out.extend_from_slice(b" (tool error)"),
            Ending::BadArguments => out.extend_from_slice(b" (bad arguments)"),
            Ending::Late => out.extend_from_slice(b" (late)"),
            Ending::Cancelled => out.extend_from_slice(b" (cancelled)"),
            Ending::Lapsed(lapse) => {
                let _ = write!(out, " ({})", lapse.word());
            }
            Ending::Error(code) => {
                let _ = write!(out, " (error {code})");
            }
        }
        let _ = write!(out, " {:.3} ms {} B", self.took.as_nanos() as f64 / 1e6, self.bytes);
        if let Some(client) = self.client {
            let _ = write!(out, " from {client}");
        }
        let _ = write!(out, " id {}", self.request_id);
        if self.left_out > 0 {
            let _ = write!(out, " ({} not written)", self.left_out);
        }
    }
}

fn era_name(era: Era) -> &'static str {
    match era {
        Era::Legacy => "legacy",
        Era::Modern => "modern",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            at: SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_001),
            request_id: "a-1".into(),
            client: Some(SocketAddr::from(([127, 0, 0, 1], 80))),
            principal: "anonymous".into(),
            method: "tools/call",
            tool: Some("echo".into()),
            era: Some(Era::Modern),
            status: 200,
            ending: Ending::Good,
            took: Duration::from_micros(61),
            bytes: 312,
            denied: None,
            shard: 1,
            left_out: 0,
        }
    }

    #[track_caller]
    fn check(entry: Entry, format: LogFormat, want: &str) {
        let mut out = Vec::new();
        entry.write(&mut out, format);
        assert_eq!(String::from_utf8_lossy(&out), format!("{want}\n"));
    }

    #[test]
    fn a_line_reads_as_documented() {
        check(
            entry(),
            LogFormat::Json,
            r#"{"timestamp":"2023-11-14T22:13:20.000001Z","level":"INFO","message":"request","request_id":"a-1","client":"127.0.0.1:80","principal":"anonymous","method":"tools/call","tool":"echo","era":"modern","status":200,"duration_ms":0.061,"bytes":312,"shard":1}"#,
        );
        let failed = Entry { status: 503, ending: Ending::Error(-32603), tool: None, era: None, ..entry() };
        check(
            Entry { client: None, left_out: 7, ..failed },
            LogFormat::Json,
            r#"{"timestamp":"2023-11-14T22:13:20.000001Z","level":"ERROR","message":"request","request_id":"a-1","principal":"anonymous","method":"tools/call","status":503,"code":-32603,"duration_ms":0.061,"bytes":312,"shard":1,"left_out":7}"#,
        );
        check(
            Entry { ending: Ending::ToolError, ..entry() },
            LogFormat::Pretty,
            "2023-11-14T22:13:20.000Z  WARN 200 tools/call echo (tool error) 0.061 ms 312 B from 127.0.0.1:80 id a-1",
        );
    }
}
