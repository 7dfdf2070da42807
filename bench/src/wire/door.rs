//! Where a group of clients knocks, and with what in hand: its face's path, the headers of each face and era, and the
//! user's own. Makes HTTP requests; never says what is asked.

use crate::wire::message::{LEGACY_VERSION, MODERN_VERSION, Message};
use crate::wire::request::{Request, Template};
use crate::workload::{Clients, Era, Face};

/// The key of RFC 6455's own example, and the proof that a server gives for it. The key is there to unmask a cache that
/// answers for the server; none lies between a bench and its server, so that one key does for all connections.
const WEB_SOCKET_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub const WEB_SOCKET_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
pub const SUBPROTOCOL: &str = "mcp";

const JSON: (&str, &str) = ("Content-Type", "application/json");
const ACCEPT_JSON: (&str, &str) = ("Accept", "application/json");
const ACCEPT_BOTH: (&str, &str) = ("Accept", "application/json, text/event-stream");

#[derive(Clone, Copy, Debug)]
pub struct Door<'a> {
    pub clients: &'a Clients,
    pub authority: &'a str,
}

impl Door<'_> {
    fn path(&self) -> &str {
        self.clients.path.as_deref().unwrap_or(match self.clients.face {
            Face::Mcp => "/mcp",
            Face::WebSocket => "/ws",
            Face::Rest => "/tools",
            Face::Command => "/command",
            Face::Http => "/livez",
        })
    }

    /// Streamable HTTP.
    pub fn post(&self, message: &Message) -> Result<Request, String> {
        let mut headers = vec![JSON, ACCEPT_BOTH];
        match self.clients.era {
            Era::Modern => {
                headers.extend([("MCP-Protocol-Version", MODERN_VERSION), ("Mcp-Method", message.method)]);
                if let Some(tool) = &message.tool {
                    check_header_value(tool)?;
                    headers.push(("Mcp-Name", tool));
                }
            }
            // Which one it is, is agreed by `initialize`.
            Era::Legacy if message.method == "initialize" => {}
            Era::Legacy => headers.push(("MCP-Protocol-Version", LEGACY_VERSION)),
        }
        Ok(Request::new("POST", self.path(), &headers, &message.json))
    }

    /// The end of a legacy session.
    pub fn delete(&self) -> Request {
        Request::new("DELETE", self.path(), &[("MCP-Protocol-Version", LEGACY_VERSION)], "")
    }

    pub fn upgrade(&self) -> Request {
        let headers = [
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", WEB_SOCKET_KEY),
            ("Sec-WebSocket-Protocol", SUBPROTOCOL),
        ];
        Request::new("GET", self.path(), &headers, "")
    }

    pub fn list_tools(&self) -> Request {
        Request::new("GET", self.path(), &[ACCEPT_JSON], "")
    }

    pub fn post_tool(&self, tool: &str, arguments: &str) -> Request {
        let target = format!("{}/{}", self.path().trim_end_matches('/'), percent_encoded(tool));
        Request::new("POST", &target, &[JSON, ACCEPT_JSON], arguments)
    }

    pub fn post_command(&self, json: &str) -> Request {
        Request::new("POST", self.path(), &[JSON, ACCEPT_JSON], json)
    }

    pub fn plain_get(&self, path: Option<&str>) -> Request {
        Request::new("GET", path.unwrap_or(self.path()), &[("Accept", "*/*")], "")
    }

    /// With the group's own headers, which take the place of ours.
    pub fn render(&self, request: Request) -> Template {
        let headers = self.clients.headers.iter();
        headers.fold(request, |request, (name, value)| request.with_header(name, value)).render(self.authority)
    }

    /// What a file says stays; the group's headers are added where it says nothing.
    pub fn render_file(&self, request: Request) -> Template {
        let missing = self.clients.headers.iter().filter(|(name, _)| !request.has_header(name)).collect::<Vec<_>>();
        missing
            .into_iter()
            .fold(request, |request, (name, value)| request.with_header(name, value))
            .render(self.authority)
    }
}

/// Other names would have to be encoded (MCP 2026-07-28, 2.3), and no server under test has such a tool.
fn check_header_value(tool: &str) -> Result<(), String> {
    if tool.is_empty() || !tool.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("tool: {tool:?} cannot stand in the header Mcp-Name; letters of ASCII without spaces can"));
    }
    Ok(())
}

fn percent_encoded(segment: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    segment.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_one_segment_of_a_path() {
        assert_eq!(percent_encoded("get_a-b.c~1"), "get_a-b.c~1");
        assert_eq!(percent_encoded("git/log ü%"), "git%2Flog%20%C3%BC%25");
    }

    #[test]
    fn a_name_that_is_no_header_value_is_told() {
        assert_eq!(check_header_value("git/log"), Ok(()));
        for tool in ["", "a b", "ü", "a\r\nb"] {
            assert!(check_header_value(tool).expect_err("a mistake").starts_with("tool: "), "{tool:?}");
        }
    }
}
