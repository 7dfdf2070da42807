//! The requests we measure with, written out, each with what a right answer to it holds. Never touches the network.

use crate::wire::expect::{BodyBytes, Expect, Needle};
use crate::wire::request::Request;
use crate::wire::stamp::COUNTER_MARK;

const MODERN_VERSION: &str = "2026-07-28";
pub const LEGACY_VERSION: &str = "2025-11-25";

/// About what an agent sends to a small tool. The words keep clear of anything JSON would escape.
const ECHO_TEXT_BYTES: usize = 100;
const ECHO_TEXT_TAIL: &str = " and every core goes around its own ring, answers what it was asked, then listens again.";
const _: () = assert!(COUNTER_MARK.len() + ECHO_TEXT_TAIL.len() == ECHO_TEXT_BYTES);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    EchoModern,
    EchoLegacy,
    Get,
}

impl Preset {
    pub const NAMES: &str = "echo-modern, echo-legacy, get";

    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "echo-modern" => Some(Self::EchoModern),
            "echo-legacy" => Some(Self::EchoLegacy),
            "get" => Some(Self::Get),
            _ => None,
        }
    }

    pub fn target(self) -> &'static str {
        match self {
            Self::EchoModern | Self::EchoLegacy => "/mcp",
            Self::Get => "/livez",
        }
    }

    /// The legacy era begins with `initialize`, and its requests carry the session that this made.
    pub fn has_session(self) -> bool {
        self == Self::EchoLegacy
    }

    /// `argument` is the name of the echo tool's one argument.
    pub fn request(self, target: &str, argument: &str) -> Request {
        match self {
            Self::EchoModern => Request::new(
                "POST",
                target,
                &[
                    ("Content-Type", "application/json"),
                    ("Accept", "application/json, text/event-stream"),
                    ("MCP-Protocol-Version", MODERN_VERSION),
                    ("Mcp-Method", "tools/call"),
                    ("Mcp-Name", "echo"),
                ],
                &echo_body(argument, &format!(",{}", modern_meta())),
            ),
            Self::EchoLegacy => Request::new(
                "POST",
                target,
                &[
                    ("Content-Type", "application/json"),
                    ("Accept", "application/json, text/event-stream"),
                    ("MCP-Protocol-Version", LEGACY_VERSION),
                ],
                &echo_body(argument, ""),
            ),
            Self::Get => Request::new("GET", target, &[("Accept", "*/*")], ""),
        }
    }

    pub fn expect(self) -> Expect {
        match self {
            Self::EchoModern | Self::EchoLegacy => Expect {
                status: 200,
                body_bytes: BodyBytes::LikeFirst,
                id: true,
                // "result" tells a result from an error that quotes the request.
                contains: vec![Needle::new("\"result\""), Needle::new(&echo_text())],
            },
            Self::Get => Expect { status: 200, body_bytes: BodyBytes::Any, id: false, contains: Vec::new() },
        }
    }
}

fn echo_text() -> String {
    format!("{COUNTER_MARK}{ECHO_TEXT_TAIL}")
}

fn echo_body(argument: &str, meta: &str) -> String {
    let text = echo_text();
    format!(
        r#"{{"jsonrpc":"2.0","id":{COUNTER_MARK},"method":"tools/call","params":{{"name":"echo","arguments":{{"{argument}":"{text}"}}{meta}}}}}"#
    )
}

/// The client's version stays 1, so that a release of ours does not change the bytes we measure with.
fn modern_meta() -> String {
    format!(
        r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN_VERSION}","io.modelcontextprotocol/clientCapabilities":{{}},"io.modelcontextprotocol/clientInfo":{{"name":"ringway-bench","version":"1"}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stamp::{COUNTER_FIRST, Digits};

    /// Goal: the wire bytes, so that a change of what we measure with is a change someone reads.
    #[test]
    fn echo_modern_on_the_wire() {
        let mut request = Preset::EchoModern.request("/mcp", "text").render("127.0.0.1:8080", &[]);
        let want = concat!(
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nContent-Type: application/json\r\n",
            "Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n",
            "Mcp-Method: tools/call\r\nMcp-Name: echo\r\nContent-Length: 395\r\n\r\n",
            r#"{"jsonrpc":"2.0","id":100000000001,"method":"tools/call","params":{"name":"echo","arguments":{"text":"#,
            r#""100000000001 and every core goes around its own ring, answers what it was asked, then listens again."},"#,
            r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
            r#""io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":"#,
            r#"{"name":"ringway-bench","version":"1"}}}}"#,
        );
        assert_eq!(String::from_utf8_lossy(request.stamp(Digits::of(COUNTER_FIRST + 1))), want);
    }

    #[test]
    fn every_name_is_a_preset() {
        for name in Preset::NAMES.split(", ") {
            assert!(Preset::by_name(name).is_some(), "{name}");
        }
    }
}
