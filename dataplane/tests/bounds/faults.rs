//! Faults of tools and of clients.

use std::net::Shutdown;

use serde_json::{Value, json};

use crate::alone;
use crate::common::checker::MODERN;
use crate::common::fixture::{Fixture, SHARDS, all_lists, until};
use crate::common::peer::{Peer, text_of};
use crate::common::tools::Beat;
use crate::common::wire::Wire;

/// Descriptors of this process.
pub fn descriptors() -> usize {
    let listed = std::fs::read_dir("/proc/self/fd").expect("procfs is mounted");
    listed.count()
}

#[test]
fn a_panic_costs_its_own_request() {
    let _alone = alone();
    let fixture = Fixture::start();
    let mut rounds = 0.0;
    for (shard, wire) in fixture.wires().into_iter().enumerate() {
        let mut modern = Peer::over(wire, fixture.address, MODERN);
        let mut held = modern.sibling_over(fixture.wires().remove(shard));
        let call = held.message("tools/call", json!({ "name": "hold", "arguments": {} }));
        held.send(&call);
        fixture.stage.expect(Beat::Entered);
        let mut session = fixture.sessions("2025-11-25", json!({})).remove(shard);
        for name in ["panic_at_once", "panic_later"] {
            for peer in [&mut modern, &mut session] {
                let call = json!({ "name": name, "arguments": {} });
                let answer = peer.call("tools/call", call);
                assert_eq!((peer.status, &answer["error"]["code"]), (200, &json!(-32603)));
                let told = answer["error"]["message"].as_str().expect("a message");
                assert!(!told.contains("planted"), "no inner detail: {told}");
                let echoed = peer.tool("echo", json!({ "text": "alive" }));
                assert_eq!(text_of(&echoed), "alive", "the same connection goes on");
                rounds += 1.0;
            }
        }
        fixture.stage.release();
        assert_eq!(text_of(&held.answer()["result"]), "held", "its neighbour too");
        fixture.stage.expect(Beat::Finished);
    }
    assert_eq!(rounds, 4.0 * SHARDS as f64);
    assert_eq!(fixture.metric("ringway_panics_total"), rounds);
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let _alone = alone();
    let fixture = Fixture::start();
    let sessions = fixture.sessions("2025-11-25", json!({}));
    let before = descriptors();
    let connections = || fixture.status()["connections"].as_u64().expect("a number");
    let open_before = connections();
    let stream = json!({ "name": "hold", "arguments": { "before": 3 }, "_meta": { "progressToken": 1 } });
    let mut calls = 0;
    for turn in 0..20 {
        // In the middle of a head, of a body, of a modern stream, of a listen, and of streams of both shards' sessions.
        let mut partial = Wire::connect(fixture.address);
        partial.send(if turn % 2 == 0 {
            "POST /mcp HT"
        } else {
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        });
        let mut modern = Peer::modern(fixture.address);
        modern.open("tools/call", stream.clone());
        let mut listener = modern.sibling();
        listener.open("subscriptions/listen", json!({ "notifications": all_lists() }));
        let mut of_session = sessions[turn % SHARDS].sibling();
        of_session.open("tools/call", stream.clone());
        calls += 2;
        let mut standalone = of_session.sibling();
        standalone.get(None);
    }
    let mut ended = 0;
    while ended < calls / 2 {
        // Modern calls end with their connections; calls of sessions go on.
        if fixture.stage.next() == Beat::Dropped {
            ended += 1;
        }
    }
    fixture.stage.open();
    until("connections are closed", || connections() == open_before);
    until("calls are over", || fixture.status()["inFlight"] == 0);
    until("listeners are gone", || fixture.status()["streams"] == 0);
    until("descriptors are back", || descriptors() <= before);
    for session in &sessions {
        let echoed = session.sibling().tool("echo", json!({ "text": "alive" }));
        assert_eq!(text_of(&echoed), "alive");
    }
}

#[test]
fn a_reset_in_the_middle_of_anything_is_only_an_end() {
    let _alone = alone();
    let fixture = Fixture::start();
    let flood = json!({ "name": "flood", "arguments": {}, "_meta": { "progressToken": 1 } });
    for _ in 0..SHARDS * 4 {
        let mut peer = Peer::modern(fixture.address);
        peer.open("tools/call", flood.clone());
        fixture.stage.expect(Beat::Entered);
        peer.expect();
        // Closing with unread bytes sends a reset.
        drop(peer);
        fixture.stage.expect(Beat::Dropped);
    }
    let mut peer = Peer::modern(fixture.address);
    let message: Value = peer.message("tools/call", flood);
    peer.send(&message);
    fixture.stage.expect(Beat::Entered);
    peer.wire.shut_down(Shutdown::Both);
    fixture.stage.expect(Beat::Dropped);
}
