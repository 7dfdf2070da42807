//! Policies put in force while the server runs.
//!
//! Goal: every shard obeys, connections live on, what is under way finishes, and bounds of tables move too.
//! Method: one connection a shard, and requests that only one of two policies serves.

use ringway_dataplane::Policy;
use serde_json::json;

use crate::common::fixture::{Fixture, until};
use crate::common::peer::{Peer, text_of};
use crate::common::tools::Beat;
use crate::common::wire::{Wire, request};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const ORIGIN: (&str, &str) = ("Origin", "https://app.example.com");
const PING: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

fn change(fixture: &Fixture, change: impl FnOnce(&mut Policy)) {
    let mut policy = Policy::clone(&fixture.handle().policy().expect("the server runs"));
    change(&mut policy);
    fixture.handle().apply_policy(policy);
}

fn status_of(wire: &mut Wire) -> u16 {
    wire.send(request("POST", "/mcp", &[JSON, ORIGIN], PING));
    wire.response().head.status
}

#[test]
fn a_policy_reaches_every_shard_and_its_open_connections() {
    let fixture = Fixture::start();
    let mut wires = fixture.wires();
    assert!(wires.iter_mut().all(|wire| status_of(wire) == 403));
    change(&fixture, |policy| policy.allowed.allow_origin("https://app.example.com").expect("an origin"));
    for wire in &mut wires {
        until("the shard lets the page call", || status_of(wire) == 200);
    }
}

#[test]
fn a_call_finishes_by_the_policy_it_began_with() {
    let fixture = Fixture::start();
    let mut busy = Peer::modern(fixture.address);
    let call = busy.message("tools/call", json!({ "name": "hold", "arguments": {} }));
    busy.send(&call);
    fixture.stage.expect(Beat::Entered);
    change(&fixture, |policy| policy.limits.in_flight_max = 0);
    let echo = json!({ "name": "echo", "arguments": { "text": "x" } });
    until("no more calls are taken", || {
        let mut peer = Peer::modern(fixture.address);
        peer.call("tools/call", echo.clone());
        peer.status == 503
    });
    fixture.stage.release();
    assert_eq!(text_of(&busy.answer()["result"]), "held");
}

#[test]
fn fewer_sessions_are_held_from_then_on() {
    let fixture = Fixture::with(|options| {
        options.shards = Some(1);
        options.policy.limits.session_evict_idle_min = std::time::Duration::ZERO;
    });
    let first: Vec<Peer> = (0..3).map(|_| Peer::legacy(fixture.address, "2025-11-25")).collect();
    change(&fixture, |policy| policy.limits.sessions_max = 1);
    until("a newcomer displaces the one idle longest", || {
        let _newcomer = Peer::legacy(fixture.address, "2025-11-25");
        let mut oldest = first[0].sibling();
        oldest.call("ping", json!({}));
        oldest.status == 404
    });
}
