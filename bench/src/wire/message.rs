//! MCP's messages as text, in the form of either era. Never knows how they travel.

use serde_json::Value;

use crate::wire::call::Call;
use crate::wire::stamp::COUNTER_MARK;
use crate::workload::Era;

pub const MODERN_VERSION: &str = "2026-07-28";
pub const LEGACY_VERSION: &str = "2025-11-25";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub method: &'static str,
    /// The tool of a call.
    pub tool: Option<String>,
    pub json: String,
}

pub fn discover(era: Era) -> Message {
    match era {
        Era::Modern => request(era, "server/discover", "", ""),
        Era::Legacy => request(era, "ping", "", ""),
    }
}

pub fn list(era: Era) -> Message {
    request(era, "tools/list", "", "")
}

/// `streams`: asks for notifications of progress, under the request's own number.
pub fn call(era: Era, call: &Call, streams: bool) -> Message {
    let (name, arguments) = (Value::from(call.tool.as_str()), &call.arguments);
    let token = if streams { format!("\"progressToken\":{COUNTER_MARK}") } else { String::new() };
    let message = request(era, "tools/call", &format!("\"name\":{name},\"arguments\":{arguments}"), &token);
    Message { tool: Some(call.tool.clone()), ..message }
}

/// The legacy era's beginning. Its id is 0, which no counter is.
pub fn initialize() -> Message {
    let json = format!(
        r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{LEGACY_VERSION}","capabilities":{{}},"clientInfo":{CLIENT_INFO}}}}}"#
    );
    Message { method: "initialize", tool: None, json }
}

pub fn initialized() -> Message {
    let method = "notifications/initialized";
    Message { method, tool: None, json: format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#) }
}

/// The version stays 1, so that a release of ours does not change the bytes we measure with.
const CLIENT_INFO: &str = r#"{"name":"ringway-bench","version":"1"}"#;

/// `params` and `meta`: members, without their braces.
fn request(era: Era, method: &'static str, params: &str, meta: &str) -> Message {
    let envelope = match era {
        Era::Modern => format!(
            r#""io.modelcontextprotocol/protocolVersion":"{MODERN_VERSION}","io.modelcontextprotocol/clientCapabilities":{{}},"io.modelcontextprotocol/clientInfo":{CLIENT_INFO}"#
        ),
        Era::Legacy => String::new(),
    };
    let meta = object("_meta", &joined(&envelope, meta));
    let params = object("params", &joined(params, &meta));
    let json = joined(&format!(r#""jsonrpc":"2.0","id":{COUNTER_MARK},"method":"{method}""#), &params);
    Message { method, tool: None, json: format!("{{{json}}}") }
}

fn joined(some: &str, more: &str) -> String {
    let comma = if some.is_empty() || more.is_empty() { "" } else { "," };
    format!("{some}{comma}{more}")
}

/// An object that has members, or nothing.
fn object(name: &str, members: &str) -> String {
    if members.is_empty() { String::new() } else { format!("\"{name}\":{{{members}}}") }
}
