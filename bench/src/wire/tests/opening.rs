//! Goal: a connection begins as its face and era have it, wherever the bytes are cut, and says what went wrong.

use super::{ACCEPTED, INITIALIZED, UPGRADED, digits, http, open, script};
use crate::wire::frame::{bare, unmasked};
use crate::wire::script::{Opened, Script};
use crate::workload::Clients;

const LEGACY: &str = "era = 'legacy'\n[[mix]]\noperation = 'call'";
const SOCKET: &str = "face = 'web_socket'\n[[mix]]\noperation = 'call'";
const LEGACY_SOCKET: &str = "face = 'web_socket'\nera = 'legacy'\n[[mix]]\noperation = 'call'";

#[test]
fn most_connections_begin_at_once() {
    for face in ["mcp", "rest", "command"] {
        let script = script(&format!("face = '{face}'\n[[mix]]\noperation = 'call'"));
        let (peer, said) = open(&script, 0, &[]).expect("it opens");
        assert_eq!(said.len(), 0, "{face}");
        let mut out = Vec::new();
        script.farewell(&peer, &mut out);
        assert_eq!(out.len(), 0, "{face}");
    }
}

#[test]
fn a_session_is_carried_where_the_server_keeps_one() {
    let initialized = http("mcp-session-id: s-1\r\n", INITIALIZED);
    let (peer, said) = open(&script(LEGACY), 0, &[&initialized, ACCEPTED]).expect("it opens");
    assert_eq!(format!("{peer:?}"), "Peer(21 bytes of headers)");
    assert!(String::from_utf8_lossy(&said[1]).contains("\r\nMcp-Session-Id: s-1\r\n\r\n{\"jsonrpc\""));
    let stream = format!("event: message\ndata: {INITIALIZED}\n\n");
    let stateless = http("Content-Type: text/event-stream\r\n", &stream);
    let (peer, _) = open(&script(LEGACY), 0, &[&stateless, ACCEPTED]).expect("it opens");
    let mut out = Vec::new();
    script(LEGACY).farewell(&peer, &mut out);
    assert_eq!(out.len(), 0);
}

#[test]
fn each_connection_has_its_credential_in_turn() {
    let toml = "[[credentials]]\nheader = 'X-Key'\nvalue = 'one'\n[[credentials]]\nheader = 'X-Key'\nvalue = 'two'\n\
                [[mix]]\noperation = 'list'";
    let mut script = script(toml);
    for (connection, want) in [(0, "one"), (1, "two"), (2, "one")] {
        let (peer, _) = open(&script, connection, &[]).expect("it opens");
        let mut out = Vec::new();
        script.render(0, digits(0), &peer, &mut out);
        assert!(String::from_utf8_lossy(&out).contains(&format!("\r\nX-Key: {want}\r\n\r\n")), "{connection}");
    }
}

#[test]
fn a_web_socket_begins_with_its_upgrade() {
    let (_, said) = open(&script(SOCKET), 0, &[UPGRADED]).expect("it opens");
    assert_eq!(said.len(), 1);
    let answer = bare(0x81, INITIALIZED.as_bytes());
    let (_, said) = open(&script(LEGACY_SOCKET), 0, &[UPGRADED, &answer]).expect("it opens");
    let texts: Vec<_> = said[1..].iter().flat_map(|bytes| unmasked(bytes)).collect();
    assert!(texts[0].1.contains("\"method\":\"initialize\""));
    assert!(texts[1].1.contains("\"method\":\"notifications/initialized\""));
}

/// Goal: what a server sends right behind the upgrade is neither lost nor torn.
#[test]
fn a_ping_behind_the_upgrade_is_answered() {
    let ping = bare(0x89, b"hello");
    for cut in 0..=UPGRADED.len() + ping.len() {
        let bytes = [UPGRADED, &ping].concat();
        let mut opening = script(SOCKET).open(0);
        opening.poll_output(&mut Vec::new());
        let first = opening.handle_bytes(&bytes[..cut]).expect("right");
        if cut != UPGRADED.len() && cut != bytes.len() {
            assert!(matches!(first, Opened::NotYet), "cut at {cut}");
        }
        if cut < bytes.len() {
            assert!(matches!(opening.handle_bytes(&bytes[cut..]), Ok(Opened::Done(_))), "cut at {cut}");
        }
        let mut out = Vec::new();
        opening.poll_output(&mut out);
        assert_eq!(unmasked(&out), [(10, "hello".to_owned())], "cut at {cut}");
    }
}

#[test]
fn a_refusal_names_the_step_and_what_came() {
    #[track_caller]
    fn check(toml: &str, answers: &[&[u8]], want: &str) {
        let told = open(&script(toml), 0, answers).expect_err("a refusal");
        assert!(told.starts_with(want), "{told}");
    }
    let refused = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno";
    check(LEGACY, &[refused], "initialize was answered 401: no");
    check(LEGACY, &[b"HTTP/1.0 200 OK\r\n\r\n"], "initialize was answered malformed: NoStatusLine");
    let error = http("", r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32603}}"#);
    check(LEGACY, &[&error], r#"initialize was answered without a result: {"jsonrpc""#);
    let odd = http("Mcp-Session-Id: a\rb\r\n", INITIALIZED);
    check(LEGACY, &[&odd], "initialize was answered with the session id \"a\\rb\"");
    let right = http("", INITIALIZED);
    check(LEGACY, &[&right, refused], "notifications/initialized was answered 401");
    let closing = http("Connection: close\r\n", INITIALIZED);
    check(LEGACY, &[&closing], "initialize was answered, and the server closes the connection");
    check(SOCKET, &[refused], "the upgrade to WebSocket was answered 401");
    check(SOCKET, &[b"SSH-2.0\r\n"], "the upgrade to WebSocket: NoStatusLine");
    let upgraded = |from: &str, to: &str| String::from_utf8_lossy(UPGRADED).replace(from, to).into_bytes();
    check(
        SOCKET,
        &[&upgraded("+xOo", "+xOO")],
        "the upgrade to WebSocket was answered with a wrong Sec-WebSocket-Accept",
    );
    check(
        SOCKET,
        &[&upgraded("WebSocket\r\n", "h2c\r\n")],
        "the upgrade to WebSocket was answered 101, and not to WebSocket",
    );
    check(SOCKET, &[&upgraded(": mcp", ": chat")], "the upgrade to WebSocket was answered with the subprotocol chat");
    let deflates = upgraded("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
    check(SOCKET, &[&deflates], "the upgrade to WebSocket was answered with extensions");
    check(LEGACY_SOCKET, &[UPGRADED, &bare(0x88, &[3, 0xe8])], "initialize: the server closed the WebSocket");
    check(LEGACY_SOCKET, &[UPGRADED, &bare(0x82, b"x")], "initialize was answered malformed: BinaryMessage");
    let unasked = [UPGRADED, &bare(0x81, INITIALIZED.as_bytes())].concat();
    check(SOCKET, &[&unasked], "the connection got an answer to nothing");
}

#[test]
fn what_to_fix_in_the_workload_is_named() {
    #[track_caller]
    fn check(toml: &str, want: &str) {
        let clients: Clients = toml::from_str(toml).expect("a group");
        let told = Script::compile(&clients, "h").map(|_| ()).expect_err("a mistake");
        assert!(told.starts_with(want), "{told}");
    }
    check("[[mix]]\noperation = 'get'", "mix[0].operation: face Mcp has no Get");
    check("face = 'rest'\n[[mix]]\noperation = 'list'\n[[mix]]\noperation = 'stream'", "mix[1].operation: face Rest");
    check("[[mix]]\noperation = 'call'\nweight = 0", "mix: nothing in it has a weight");
    check("face = 'http'\n[[mix]]\noperation = 'request'", "mix[0].file: operation request needs");
    check(
        "face = 'http'\n[[mix]]\noperation = 'request'\nfile = '/nowhere/x.http'",
        "mix[0].file: /nowhere/x.http: No such",
    );
    check("[[mix]]\noperation = 'call'\ntext_bytes = [3]", "mix[0].text_bytes: 3 bytes");
    check("[[mix]]\noperation = 'call'\ntool = 'a b'", "mix[0].tool: ");
    let twice = "headers = { authorization = 'a' }\n[[credentials]]\nheader = 'Authorization'\nvalue = 'b'\n[[mix]]\noperation = 'call'";
    check(twice, "credentials[0].header: Authorization is also in `headers`");
    let both = "[[mix]]\noperation = 'call'\nexpect = { constant = true, contains = ['{{_counter}}'] }";
    check(both, "mix[0].expect: `constant` answers have no `{{_counter}}`");
}
