//! Goal: what works in plain works in TLS, to the byte, and an end that nobody has said is never taken for one.
//! Method: the clients of the other suites over connections in TLS, and rustls by hand where a client does wrong.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;

use rustls::version;
use serde_json::{Value, json};

use crate::common::peer::{Peer, text_of};
use crate::common::talker::Talker;
use crate::common::tools::Beat;
use crate::common::wire::{Wire, request};
use crate::{Secured, is_served};

const MEGABYTE: usize = 1 << 20;

fn echo(text: &str) -> Value {
    json!({ "name": "echo", "arguments": { "text": text } })
}

#[test]
fn a_megabyte_goes_both_ways() {
    let server = Secured::start();
    let text: String = (0..MEGABYTE).map(|at| char::from(b'a' + (at / 7 % 26) as u8)).collect();
    for version in [&version::TLS12, &version::TLS13] {
        let wire = server.wire_with(Arc::new(server.authority.client(&[version], None)), "localhost");
        let mut peer = Peer::over(wire, server.fixture.address, "2026-07-28");
        for _ in 0..3 {
            let answer = peer.call("tools/call", echo(&text));
            assert!(text_of(&answer["result"]) == text, "{version:?}");
        }
    }
}

/// Many requests in one record, one request in many, and a client that reads late.
#[test]
fn requests_may_be_cut_anyhow() {
    let server = Secured::start();
    let mut wire = server.wire();
    let one = request("GET", "/livez", &[], b"");
    wire.send(one.repeat(500));
    for _ in 0..500 {
        assert_eq!(wire.response().head.status, 200);
    }
    for byte in &one {
        wire.send([*byte]);
    }
    assert_eq!(wire.response().head.status, 200);
}

#[test]
fn streams_and_websockets_run_in_tls() {
    let server = Secured::start();
    let hold = json!({ "name": "hold", "arguments": { "after": 2 }, "_meta": { "progressToken": 1 } });
    let mut peer = Peer::modern(server.fixture.address);
    let call = peer.message("tools/call", hold);
    peer.send(&call);
    server.fixture.stage.expect(Beat::Entered);
    server.fixture.stage.release();
    let answer = peer.answer();
    assert_eq!((text_of(&answer["result"]), peer.heard.len()), ("held", 2));

    for transport in ["websocket", "pair"] {
        for revision in ["2025-11-25", "2026-07-28"] {
            let mut talker = Talker::connect(server.fixture.address, transport, revision, json!({}));
            let result = talker.result("tools/call", echo("over there"));
            assert_eq!(text_of(&result), "over there", "{transport} {revision}");
        }
    }
}

/// A client that has said its end still gets its answer, and the server says its own.
#[test]
fn half_a_close_is_half_a_close() {
    let server = Secured::start();
    let mut wire = server.wire();
    wire.send(request("GET", "/livez", &[], b""));
    wire.half_close();
    assert_eq!(wire.response().head.status, 200);
    assert!(wire.ends() && !wire.is_cut, "the server says that it ends");
    for close in [true, false] {
        let mut wire = server.wire();
        let fields = [("Connection", if close { "close" } else { "keep-alive" })];
        wire.send(request("GET", "/livez", &fields, b""));
        assert_eq!(wire.response().head.status, 200);
        if !close {
            wire.half_close();
        }
        assert!(wire.ends() && !wire.is_cut, "the server says that it ends");
    }
}

/// A body to the end of the connection does not exist in HTTP requests, so that what is cut is never whole; and it is not
/// answered as if the client could have meant it.
#[test]
fn what_is_cut_off_is_not_taken_for_whole() {
    let server = Secured::start();
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
    let whole = request("POST", "/mcp", &[("Content-Type", "application/json")], body.as_bytes());
    let cut = &whole[..whole.len() - 1];
    // Said: the client has given up, and is told.
    let mut wire = server.wire();
    wire.send(cut);
    wire.half_close();
    assert_eq!(wire.response().head.status, 400);
    // Not said: anybody may have cut the line.
    let mut wire = server.wire();
    wire.send(cut);
    wire.shut_down(Shutdown::Write);
    assert!(wire.is_refused());
    // Inside a record.
    let mut wire = server.wire();
    is_served(&mut wire);
    let (session, mut sealed) = (wire.session(), Vec::new());
    session.writer().write_all(&whole).expect("taken");
    session.write_tls(&mut sealed).expect("sealed");
    wire.send_raw(&sealed[..sealed.len() - 1]);
    wire.shut_down(Shutdown::Write);
    assert!(wire.is_refused());
    // A byte that was changed on the way.
    let mut wire = server.wire();
    is_served(&mut wire);
    let (session, mut sealed) = (wire.session(), Vec::new());
    session.writer().write_all(&whole).expect("taken");
    session.write_tls(&mut sealed).expect("sealed");
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    wire.send_raw(&sealed);
    assert!(wire.is_refused());
    assert_eq!(server.fixture.metric("ringway_panics_total"), 0.0);
}

/// Keys may be changed while the connection lasts, also in the middle of a body.
#[test]
fn keys_may_be_renewed() {
    let server = Secured::start();
    let config = Arc::new(server.authority.client(&[&version::TLS13], None));
    let mut wire = server.wire_with(config, "localhost");
    is_served(&mut wire);
    let whole = request("GET", "/livez", &[], b"");
    for _ in 0..40 {
        wire.send(&whole[..10]);
        wire.session().refresh_traffic_keys().expect("TLS 1.3");
        wire.send(&whole[10..]);
        assert_eq!(wire.response().head.status, 200);
    }
}

#[test]
fn who_reads_slowly_gets_everything_and_holds_nobody() {
    let server = Secured::with(|_, _, _| {}, |options| options.shards = Some(1));
    let mut slow = server.wire();
    is_served(&mut slow);
    let one = request("GET", "/tools", &[], b"");
    let writer = std::thread::spawn({
        let whole = one.repeat(400);
        move || {
            slow.send(whole);
            slow
        }
    });
    let mut other = server.wire();
    for _ in 0..20 {
        is_served(&mut other);
    }
    let mut slow = writer.join().expect("it is taken");
    let first = slow.response().text();
    for _ in 1..400 {
        assert!(slow.response().text() == first);
    }
    is_served(&mut slow);
}

#[test]
fn a_drain_ends_idle_connections_with_a_word() {
    let mut server = Secured::start();
    let mut idle = server.wire();
    is_served(&mut idle);
    let mut silent = Wire::over(server.connect());
    server.fixture.stop();
    assert!(idle.ends() && !idle.is_cut);
    assert!(silent.ends());
}
