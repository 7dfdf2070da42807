//! What the scenarios send, byte for byte, and what a right answer holds. Shared by everything that counts what a request
//! costs, so that all of them count the same requests. It never runs one.

/// Tools that are registered where a scenario does not say otherwise.
const TOOLS: usize = 10;
/// Tools of a gateway that stands before everything a company has.
const MANY_TOOLS: usize = 10_000;
/// The tool that is called.
pub const ECHO: &str = "echo";
/// About what an agent sends to a small tool, in characters that JSON does not escape.
const TEXT: &str =
    "100000000001 and every core goes around its own ring, answers what it was asked, then listens again.";
const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"io.modelcontextprotocol/clientInfo":{"name":"ringway-bench","version":"1"}}"#;
/// How a client masks what it sends over a WebSocket (RFC 6455 section 5.3).
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// How the bytes of a scenario are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One HTTP request.
    Http,
    /// One message of a WebSocket whose handshake is long over.
    WebSocket,
}

/// One scenario.
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// Tools that are registered, [`ECHO`] among them.
    pub tools: usize,
    /// How its bytes are framed.
    pub framing: Framing,
    /// One request.
    pub bytes: Vec<u8>,
    /// What a right answer begins with.
    pub begins: &'static str,
    /// What it holds besides.
    pub holds: String,
}

/// All of them.
pub fn scenarios() -> Vec<Scenario> {
    let good = |name, bytes, holds: &str| Scenario {
        name,
        tools: TOOLS,
        framing: Framing::Http,
        bytes,
        begins: "HTTP/1.1 200 OK\r\n",
        holds: holds.to_owned(),
    };
    let echoed = format!(
        r#""result":{{"_meta":{{"io.modelcontextprotocol/serverInfo":{{"name":"request-path","version":"1"}}}},"resultType":"complete","content":[{{"type":"text","text":"{TEXT}"}}]}}"#
    );
    let call = |name: &str| format!(r#""name":"{name}","arguments":{{"text":"{TEXT}"}}"#);
    let echo = modern("tools/call", Some(ECHO), &call(ECHO));
    vec![
        good("echo-modern", echo.clone(), &echoed),
        Scenario { tools: MANY_TOOLS, ..good("echo-modern-10k-tools", echo, &echoed) },
        good(
            "echo-legacy",
            legacy(&call(ECHO)),
            &format!(r#""result":{{"content":[{{"type":"text","text":"{TEXT}"}}]}}"#),
        ),
        good("list", modern("tools/list", None, ""), r#""tools":[{"name":"#),
        good("discover", modern("server/discover", None, ""), r#""supportedVersions":["2026-07-28"]"#),
        good("refuse-unknown-tool", modern("tools/call", Some("nobody"), &call("nobody")), "Unknown tool: nobody"),
        good(
            "rest-call",
            http("/tools/echo", &[], &format!(r#"{{"text":"{TEXT}"}}"#)),
            &format!(r#"{{"content":[{{"type":"text","text":"{TEXT}"}}],"isError":false}}"#),
        ),
        good(
            "command-call",
            http("/command", &[], &format!(r#"{{"command":"{ECHO}","params":{{"text":"{TEXT}"}}}}"#)),
            &format!(r#"{{"success":true,"data":"{TEXT}","error":null,"#),
        ),
        Scenario {
            framing: Framing::WebSocket,
            begins: "",
            ..good("websocket-call", frame(&message("tools/call", &format!("{},{META}", call(ECHO)))), &echoed)
        },
    ]
}

fn message(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":100000000001,"method":"{method}","params":{{{params}}}}}"#)
}

fn modern(method: &str, name: Option<&str>, params: &str) -> Vec<u8> {
    let mut fields = vec![("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)];
    fields.extend(name.map(|name| ("Mcp-Name", name)));
    let comma = if params.is_empty() { "" } else { "," };
    http("/mcp", &fields, &message(method, &format!("{params}{comma}{META}")))
}

fn legacy(params: &str) -> Vec<u8> {
    http("/mcp", &[("MCP-Protocol-Version", "2025-11-25")], &message("tools/call", params))
}

fn http(target: &str, fields: &[(&str, &str)], body: &str) -> Vec<u8> {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: 127.0.0.1:9999\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// One text frame of a client; its length takes two bytes of their own.
fn frame(text: &str) -> Vec<u8> {
    let masked = text.bytes().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    let length = u16::try_from(text.len()).expect("the message is short").to_be_bytes();
    [0x81, 0x80 | 126].into_iter().chain(length).chain(MASK).chain(masked).collect()
}
