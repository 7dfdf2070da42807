//! The end of a server that is stopped while it serves.
//!
//! Goal: what was begun is answered, what only waits is ended, nothing new is taken, and all within the drain time.
//! Method: one connection in every state, then `Running::stop` on another thread.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::fixture::{Fixture, all_lists, until};
use crate::common::peer::{Peer, text_of};
use crate::common::tools::Beat;
use crate::common::wire::{Wire, request};

#[test]
fn a_server_ends_when_its_answers_are_out() {
    let mut fixture = Fixture::start();
    let hold = json!({ "name": "hold", "arguments": { "after": 2 }, "_meta": { "progressToken": 1 } });
    let mut modern = Peer::modern(fixture.address);
    let call = modern.message("tools/call", hold.clone());
    modern.send(&call);
    fixture.stage.expect(Beat::Entered);
    let mut sessions = fixture.sessions("2025-11-25", json!({}));
    let mut wires = fixture.wires();
    wires.reverse();
    let mut legacy: Vec<Peer> = sessions.iter().zip(wires).map(|(session, wire)| session.sibling_over(wire)).collect();
    for peer in &mut legacy {
        let call = peer.message("tools/call", hold.clone());
        peer.send(&call);
        fixture.stage.expect(Beat::Entered);
    }
    let mut standalone = sessions[0].sibling();
    assert!(standalone.get(None).is_stream());
    let mut listener = Peer::modern(fixture.address);
    let listen = listener.open("subscriptions/listen", json!({ "notifications": all_lists() }));
    listener.expect();
    let mut silent = Wire::connect(fixture.address);
    let mut probe = Wire::connect(fixture.admin);
    probe.send(request("GET", "/readyz", &[], b""));
    assert_eq!(probe.response().head.status, 200);

    let running = fixture.take();
    let stopping = std::thread::spawn(move || running.stop());
    let ended = listener.expect();
    assert_eq!(ended["id"], listen, "a listener is told the end");
    assert_eq!(listener.next(), None);
    assert_eq!(standalone.next(), None);
    assert!(!standalone.wire.torn && !listener.wire.torn);
    for idle in sessions.iter_mut().map(|peer| &mut peer.wire) {
        assert!(idle.ends(), "between requests");
    }
    assert!(silent.ends(), "before its first request");
    assert!(probe.ends());
    let address = fixture.address;
    until("nobody is let in", || TcpStream::connect(address).is_err());
    assert!(!stopping.is_finished(), "calls are waited for");

    fixture.stage.open();
    for peer in legacy.iter_mut().chain([&mut modern]) {
        let answer = peer.answer();
        assert_eq!(text_of(&answer["result"]), "held");
        assert_eq!(peer.heard.len(), 2, "and all that came before the answer");
        assert!(peer.wire.ends());
    }
    stopping.join().expect("the thread ends").expect("no shard panics");
}

#[test]
fn an_endless_call_does_not_hold_the_end() {
    let mut fixture = Fixture::with(|options| {
        options.policy.limits.drain_time_max = Duration::from_millis(300);
    });
    let mut peer = Peer::modern(fixture.address);
    let call = peer.message("tools/call", json!({ "name": "hold", "arguments": {} }));
    peer.send(&call);
    fixture.stage.expect(Beat::Entered);
    let took = fixture.stop();
    assert!(took >= Duration::from_millis(300), "it was given its time");
    assert!(took < Duration::from_secs(3), "{took:?}");
    fixture.stage.expect(Beat::Dropped);
    assert!(peer.wire.ends());
}

#[test]
fn an_idle_server_ends_at_once() {
    let mut fixture = Fixture::start();
    let wires: Vec<Wire> = (0..20).map(|_| Wire::connect(fixture.address)).collect();
    let mut peer = Peer::modern(fixture.address);
    peer.tool("echo", json!({ "text": "x" }));
    let handle = fixture.handle().clone();
    handle.drain();
    let began = Instant::now();
    let took = fixture.stop();
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert!(began.elapsed() < Duration::from_secs(3));
    // A handle outlives its server, and does nothing.
    handle.drain();
    handle.announce_tools();
    drop(wires);
}
