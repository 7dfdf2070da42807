//! Goal: every byte that goes out, for each face, era and operation, so that a change of what we measure with is a change
//! someone reads. Method: `goldens.txt` has them all; a CR is written `\r`, a WebSocket's frames unmasked with their opcode.

use super::{ACCEPTED, INITIALIZED, UPGRADED, digits, http, open, script};
use crate::wire::frame::{bare, unmasked};

const WANT: &str = include_str!("goldens.txt");

/// Name of the golden, and the group in TOML without its operation.
const GROUPS: [(&str, &str, &[&str]); 7] = [
    ("mcp modern", "", &MCP),
    ("mcp legacy", "era = 'legacy'", &MCP),
    ("web_socket modern", "face = 'web_socket'", &MCP),
    ("web_socket legacy", "face = 'web_socket'\nera = 'legacy'", &MCP),
    ("rest", "face = 'rest'", &["list", "call", "call\ntool = 'git/log'\narguments = '{\"n\":{{_counter}}}'"]),
    (
        "command",
        "face = 'command'",
        &["call", "call\ntool = 'add'\narguments = '{\"a\":\"{{_text}}\"}'\ntext_bytes = [16]"],
    ),
    ("http", "face = 'http'", &["get", "get\npath = '/status'"]),
];

const MCP: [&str; 5] = [
    "discover",
    "list",
    "call",
    "call\ntool = 'search'\narguments = '{\"q\":\"{{_text}}\",\"n\":{{_counter}}}'",
    "stream",
];

#[test]
fn every_byte_that_goes_out() {
    let mut got = String::new();
    let credentials = "[[credentials]]\nheader = 'Authorization'\nvalue = 'Bearer k'";
    for (group, toml, operations) in GROUPS {
        for (index, operation) in operations.iter().enumerate() {
            let toml = format!(
                "{toml}\nheaders = {{ X-Tenant = 't' }}\n{credentials}\n[[mix]]\noperation = {}",
                quoted(operation)
            );
            let mut script = script(&toml);
            let is_socket = group.starts_with("web_socket");
            let initialized = http("Mcp-Session-Id: s-1\r\n", INITIALIZED);
            let frame = bare(0x81, INITIALIZED.as_bytes());
            let answers: &[&[u8]] = match group {
                "mcp legacy" => &[&initialized, ACCEPTED],
                "web_socket modern" => &[UPGRADED],
                "web_socket legacy" => &[UPGRADED, &frame],
                _ => &[],
            };
            let (peer, said) = open(&script, 0, answers).expect("it opens");
            let said = said.iter().enumerate().filter(|_| index == 0);
            for (step, bytes) in said {
                got += &shown(&format!("{group}: opening {step}"), is_socket && step > 0, bytes);
            }
            let mut bytes = Vec::new();
            script.render(0, digits(1), &peer, &mut bytes);
            got += &shown(&format!("{group}: {}", script.names()[0]), is_socket, &bytes);
            if index == 0 {
                let mut bytes = Vec::new();
                script.farewell(&peer, &mut bytes);
                got += &shown(&format!("{group}: farewell"), is_socket, &bytes);
            }
        }
    }
    if let Some(path) = std::env::var_os("GOLDENS_TO") {
        std::fs::write(path, &got).expect("a path");
    }
    for (got, want) in got.split("\n=== ").zip(WANT.split("\n=== ")) {
        assert_eq!(got, want);
    }
    assert_eq!(got, WANT, "GOLDENS_TO=PATH writes what there is");
}

/// `call\ntool = …` is an operation and the rest of its share.
fn quoted(operation: &str) -> String {
    let (operation, rest) = operation.split_once('\n').unwrap_or((operation, ""));
    format!("'{operation}'\n{rest}")
}

fn shown(name: &str, is_frames: bool, bytes: &[u8]) -> String {
    let text = if is_frames {
        let frames =
            unmasked(bytes).into_iter().map(|(opcode, payload)| format!("[{opcode}] {}", payload.escape_debug()));
        frames.collect::<Vec<_>>().join("\n").replace("\\\"", "\"")
    } else {
        String::from_utf8_lossy(bytes).replace("\r\n", "\\r\n")
    };
    format!("=== {name}\n{text}\n\n")
}

#[test]
fn sizes_and_lengths_add_up() {
    for face in ["mcp", "web_socket", "rest", "command"] {
        let mut script =
            script(&format!("face = '{face}'\n[[mix]]\noperation = 'call'\ntext_bytes = [12, 1000, 65536]"));
        let mut lengths = Vec::new();
        for (exchange, text_bytes) in [12, 1000, 65_536].into_iter().enumerate() {
            let mut out = Vec::new();
            script.render(exchange, digits(5), &super::Peer::default(), &mut out);
            let payload = if face == "web_socket" { unmasked(&out).remove(0).1 } else { body(&out) };
            let json: serde_json::Value = serde_json::from_str(&payload).expect("JSON");
            let arguments = json.pointer("/params/arguments").or(json.get("params")).unwrap_or(&json);
            let text = arguments["text"].as_str().expect("a text");
            assert!(text.starts_with("100000000005") && text.len() == text_bytes, "{face}");
            lengths.push(payload.len() - text_bytes);
        }
        assert!(lengths.iter().all(|&length| length == lengths[0]), "{face}: {lengths:?}");
    }
}

fn body(request: &[u8]) -> String {
    let request = String::from_utf8(request.to_vec()).expect("text");
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains(&format!("Content-Length: {}", body.len())), "{head}");
    body.to_owned()
}

/// Goal: a request from a file goes out as it is, with what the group and the connection add.
#[test]
fn a_file_goes_out_byte_for_byte() {
    let path = std::env::temp_dir().join(format!("ringway-bench-{}.http", std::process::id()));
    std::fs::write(&path, "POST /x HTTP/1.1\nX-Tenant: file\n\n{\"n\":{{_counter}}}\n").expect("a file");
    let toml = format!(
        "face = 'http'\nheaders = {{ x-tenant = 'group', X-A = 'b' }}\n[[mix]]\noperation = 'request'\nfile = '{}'",
        path.display()
    );
    let mut script = script(&toml);
    std::fs::remove_file(&path).expect("it was there");
    let mut out = Vec::new();
    script.render(0, digits(2), &super::Peer::default(), &mut out);
    assert_eq!(
        String::from_utf8_lossy(&out),
        "POST /x HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Tenant: file\r\nX-A: b\r\nContent-Length: 19\r\n\r\n{\"n\":100000000002}\n"
    );
}
