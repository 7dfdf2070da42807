//! More of everything than there may be.

use std::time::Duration;

use serde_json::{Value, json};

use crate::alone;
use crate::common::fixture::{Fixture, SHARDS, until};
use crate::common::peer::{Peer, home_of, text_of};
use crate::common::tools::Beat;
use crate::common::wire::{Wire, request};
use crate::faults::descriptors;

const SESSIONS: usize = 10_000;
const SESSIONS_MAX: usize = 64;

/// Begins sessions that nobody ends, many requests at a time, and returns status and name of each.
fn begin_many(wire: &mut Wire, count: usize) -> Vec<(u16, Option<String>)> {
    const AT_ONCE: usize = 50;
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": { "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
    });
    let body = body.to_string();
    let fields = [("Content-Type", "application/json")];
    let one = request("POST", "/mcp", &fields, body.as_bytes());
    let mut begun = Vec::new();
    while begun.len() < count {
        let now = AT_ONCE.min(count - begun.len());
        wire.send(one.repeat(now));
        for _ in 0..now {
            let response = wire.response();
            if response.head.status == 503 {
                assert_eq!(response.head.field("retry-after"), Some("1"));
                assert_eq!(response.json()["id"], 1, "the request is named");
            }
            let name = response.head.field("mcp-session-id").map(str::to_owned);
            begun.push((response.head.status, name));
        }
    }
    begun
}

#[test]
fn sessions_nobody_ends_are_bounded_and_evicted() {
    let _alone = alone();
    let before = descriptors();
    let mut fixture = Fixture::with(|options| {
        options.policy.limits.sessions_max = SESSIONS_MAX;
        options.policy.limits.session_evict_idle_min = Duration::ZERO;
    });
    let mut used = fixture.sessions("2025-11-25", json!({}));
    let with_server = descriptors();
    // What is in use is never evicted: a call in flight keeps its session.
    for peer in &mut used {
        let call = peer.message("tools/call", json!({ "name": "hold", "arguments": {} }));
        peer.send(&call);
        fixture.stage.expect(Beat::Entered);
    }
    let mut names: Vec<Vec<String>> = Vec::new();
    for mut wire in fixture.wires() {
        let begun = begin_many(&mut wire, SESSIONS / SHARDS);
        assert!(begun.iter().all(|(status, _)| *status == 200));
        names.push(begun.into_iter().filter_map(|(_, name)| name).collect());
    }
    let held = fixture.status()["sessions"].as_u64().expect("a number");
    assert!(held <= (SESSIONS_MAX * SHARDS) as u64, "{held} sessions");
    for (home, names) in names.iter().enumerate() {
        assert!(names.iter().all(|name| usize::from(home_of(name)) == home));
        let alive = |name: &String| {
            let mut peer = used[home].sibling();
            peer.session = Some(name.clone());
            let status = peer.notify("notifications/initialized", json!({}));
            assert!(status == 202 || status == 404, "{status}");
            status == 202
        };
        assert!(!alive(&names[0]), "the coldest went");
        assert!(!alive(&names[names.len() - SESSIONS_MAX]));
        assert!(alive(&names[names.len() - 1]), "the newest is there");
        assert!(alive(&names[names.len() - SESSIONS_MAX + 1]));
    }
    fixture.stage.open();
    for peer in &mut used {
        assert_eq!(text_of(&peer.answer()["result"]), "held");
    }
    until("descriptors are back", || descriptors() <= with_server);
    drop(used);
    fixture.stop();
    // glommio 0.9 keeps one eventfd of every executor that ends.
    until("descriptors are back", || descriptors() <= before + SHARDS);
}

#[test]
fn when_no_session_may_go_the_newcomer_waits() {
    let _alone = alone();
    let fixture = Fixture::with(|options| {
        options.policy.limits.sessions_max = SESSIONS_MAX;
        options.policy.limits.session_idle_max = Duration::from_secs(1);
    });
    let mut wires = fixture.wires();
    let wire = &mut wires[0];
    let begun = begin_many(wire, SESSIONS_MAX * 2);
    let good = begun.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(good, SESSIONS_MAX);
    assert!(begun[SESSIONS_MAX..].iter().all(|(status, _)| *status == 503));
    // Modern clients, and sessions that are there, are served as ever.
    let mut modern = Peer::modern(fixture.address);
    assert_eq!(text_of(&modern.tool("echo", json!({ "text": "x" }))), "x");
    until("idle sessions have made room", || begin_many(wire, 1)[0].0 == 200);
}

#[test]
fn one_connection_too_many_is_told_so() {
    let _alone = alone();
    const MAX: usize = 4;
    let fixture = Fixture::with(|options| {
        options.policy.limits.connections_max = MAX;
        options.shards = Some(1);
    });
    let ping = br#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
    let ping = request("POST", "/mcp", &[("Content-Type", "application/json")], ping);
    let mut held: Vec<Wire> = (0..MAX).map(|_| Wire::connect(fixture.address)).collect();
    for wire in &mut held {
        wire.send(&ping);
        assert_eq!(wire.response().head.status, 200);
    }
    for talks in [false, true] {
        let mut wire = Wire::connect(fixture.address);
        if talks {
            // It may have sent much by the time it is turned away, and must see the answer all the same.
            let _ = wire.try_send(ping.repeat(200));
        }
        let response = wire.response();
        assert_eq!(response.head.status, 503);
        assert_eq!(response.head.field("retry-after"), Some("1"));
        assert!(response.head.closes() && wire.ends());
    }
    for wire in &mut held {
        wire.send(&ping);
        assert_eq!(wire.response().head.status, 200, "those inside stay");
    }
    held.pop();
    until("there is room again", || {
        let mut wire = Wire::connect(fixture.address);
        wire.send(&ping);
        wire.response().head.status == 200
    });
}

#[test]
fn one_call_too_many_is_told_so() {
    let _alone = alone();
    const MAX: usize = 3;
    let fixture = Fixture::with(|options| {
        options.policy.limits.in_flight_max = MAX;
        options.shards = Some(1);
    });
    let call = json!({ "name": "hold", "arguments": {} });
    let mut modern: Vec<Peer> = (0..MAX).map(|_| Peer::modern(fixture.address)).collect();
    for peer in &mut modern {
        let message = peer.message("tools/call", call.clone());
        peer.send(&message);
        fixture.stage.expect(Beat::Entered);
    }
    let mut session = Peer::legacy(fixture.address, "2025-11-25");
    let mut extra = Peer::modern(fixture.address);
    for peer in [&mut session, &mut extra] {
        let message: Value = peer.message("tools/call", call.clone());
        peer.send(&message);
        let response = peer.wire.response();
        assert_eq!(response.head.status, 503);
        assert_eq!(response.head.field("retry-after"), Some("1"));
        assert_eq!(response.json()["id"], message["id"]);
        assert_eq!(peer.result("tools/list", json!({}))["tools"][0]["name"], "echo");
    }
    assert!(fixture.stage.is_quiet());
    fixture.stage.open();
    for peer in &mut modern {
        assert_eq!(text_of(&peer.answer()["result"]), "held");
        fixture.stage.expect(Beat::Finished);
    }
    until("there is room again", || {
        extra.call("tools/call", call.clone());
        extra.status == 200
    });
}

#[test]
fn a_burst_of_calls_leaves_few_streams_to_come_back_to() {
    let _alone = alone();
    const KEPT: usize = 16;
    let fixture = Fixture::start();
    let session = Peer::legacy(fixture.address, "2025-11-25");
    let call = json!({ "name": "hold", "arguments": { "before": 1 }, "_meta": { "progressToken": 1 } });
    let mut peers: Vec<Peer> = (0..KEPT * 2).map(|_| session.sibling()).collect();
    for peer in &mut peers {
        peer.open("tools/call", call.clone());
        fixture.stage.expect(Beat::Entered);
    }
    fixture.stage.open();
    for peer in &mut peers {
        while peer.next().is_some() {}
    }
    let mut last = session.sibling();
    last.call("tools/call", call);
    let mut resumable = 0;
    for peer in &mut peers {
        let seen = peer.last_event.clone().expect("an event");
        let stream = seen.split_once('-').expect("a stream and a number").0;
        peer.reconnect();
        // A stream that is forgotten leads to the session's own, which one client at a time may read.
        if peer.get(Some(&format!("{stream}-0"))).status == 200 {
            let first = peer.wire.event().expect("a first event");
            let id = first.id.expect("an id");
            resumable += usize::from(id == format!("{stream}-0"));
        }
    }
    assert!(resumable < KEPT, "{resumable} can be resumed");
    assert!(resumable > 0);
}
