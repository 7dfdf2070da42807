//! The wire as a whole: bytes that go out, bytes that come in, and what is made of them.

mod goldens;
mod opening;
mod splits;
mod checks;

use crate::wire::script::{Opened, Peer, Script};
use crate::wire::stamp::{COUNTER_FIRST, Digits};

const AUTHORITY: &str = "127.0.0.1:8080";

fn script(toml: &str) -> Script {
    Script::compile(&toml::from_str(toml).expect("a group"), AUTHORITY).expect("a script")
}

fn digits(count: u64) -> Digits {
    Digits::of(COUNTER_FIRST + count)
}

/// Plays a server that answers each thing a connection says before its first request. Returns all that was said.
fn open(script: &Script, connection: usize, answers: &[&[u8]]) -> Result<(Peer, Vec<Vec<u8>>), String> {
    let mut opening = script.open(connection);
    let mut said = Vec::new();
    let mut opened = opening.handle_bytes(b"")?;
    for answer in answers {
        assert!(matches!(opened, Opened::NotYet), "done before {:?}", String::from_utf8_lossy(answer));
        let mut out = Vec::new();
        opening.poll_output(&mut out);
        said.push(out);
        opened = opening.handle_bytes(answer)?;
    }
    let mut out = Vec::new();
    opening.poll_output(&mut out);
    if !out.is_empty() {
        said.push(out);
    }
    match opened {
        Opened::Done(peer) => Ok((peer, said)),
        Opened::NotYet => Err("it waits for more".into()),
    }
}

const UPGRADED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n\
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mcp\r\n\r\n";
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}"#;
const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

fn http(headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
