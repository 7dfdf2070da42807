//! Servers before 2026-07-28: `initialize` agrees on a revision, and often begins a session. It never speaks the older
//! HTTP+SSE pair of endpoints.

use serde::Deserialize;
use serde_json::json;

use super::exchange::{Exchange, client_info};
use super::message::Answer;
use super::trouble::Trouble;

/// Revisions with `initialize` that have Streamable HTTP, or whose servers are met over it. The first is offered.
pub const REVISIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// What `initialize` agreed.
pub struct Session {
    revision: String,
    /// Servers without sessions give none.
    id: Option<String>,
}

impl Session {
    /// The header fields of every request after `initialize`.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("mcp-protocol-version", self.revision.clone())];
        fields.extend(self.id.clone().map(|id| ("mcp-session-id", id)));
        fields
    }

    /// Whether the server keeps something that it would like to hear the end of.
    pub fn is_kept(&self) -> bool {
        self.id.is_some()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initialized {
    protocol_version: String,
}

/// Begins a session.
pub fn initialize(exchange: &mut Exchange) -> Result<(), Trouble> {
    let params = json!({ "protocolVersion": REVISIONS[0], "capabilities": {}, "clientInfo": client_info() });
    let (request, reply) = exchange.send("initialize", params, &[])?;
    let id = reply.header("mcp-session-id");
    let answer = exchange.answer(request, reply)?;
    // Whatever it says in JSON-RPC: where even `initialize` is not found, MCP is not served.
    if let Answer::Error { status: status @ (404 | 405), .. } = answer {
        return Err(Trouble::of_status(&exchange.door.url, status, ""));
    }
    let raw = answer.result(&exchange.door.url, "initialize")?;
    let agreed: Initialized = serde_json::from_str(raw.get()).map_err(|error| exchange.not_mcp(&error.to_string()))?;
    let revision = agreed.protocol_version;
    if !REVISIONS.contains(&revision.as_str()) {
        let url = &exchange.door.url;
        return Err(Trouble::Refused(format!("{url} speaks revision {revision} of MCP, which this client does not")));
    }
    exchange.session = Some(Session { revision, id });
    let done = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let reply = exchange.door.post(done, &exchange.fields())?;
    if reply.status >= 400 {
        return Err(Trouble::of_status(&exchange.door.url, reply.status, "it refuses notifications/initialized"));
    }
    Ok(())
}
