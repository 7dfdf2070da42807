//! Streams whose readers do not keep up.

use std::time::Duration;

use serde_json::json;

use crate::alone;
use crate::common::fixture::{Fixture, all_lists, until};
use crate::common::peer::{Peer, text_of};
use crate::common::tools::Beat;

/// Memory of this process that is resident.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").expect("procfs is mounted");
    let pages = status.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    let pages: usize = pages.expect("statm has pages");
    pages * 4096
}

#[test]
fn a_reader_that_stops_is_cut_off_and_costs_little() {
    let _alone = alone();
    let fixture = Fixture::with(|options| {
        options.policy.limits.write_stall_max = Duration::from_secs(1);
        options.policy.limits.stream_bytes_max = 64 << 10;
    });
    let before = resident_bytes();
    let arguments = json!({ "burst": 40 });
    let flood = json!({ "name": "flood", "arguments": arguments, "_meta": { "progressToken": 1 } });
    let mut slow: Vec<Peer> = (0..4).map(|_| Peer::modern(fixture.address)).collect();
    for peer in &mut slow {
        peer.open("tools/call", flood.clone());
        fixture.stage.expect(Beat::Entered);
    }
    let mut other = Peer::modern(fixture.address);
    let (mut dropped, mut most) = (0, before);
    // Nobody reads, so only the server can end this.
    until("all are cut off", || {
        assert_eq!(text_of(&other.tool("echo", json!({ "text": "x" }))), "x");
        most = most.max(resident_bytes());
        dropped += usize::from(fixture.stage.try_next() == Some(Beat::Dropped));
        dropped == slow.len()
    });
    let grown = most - before;
    assert!(grown < 16 << 20, "{} MiB more", grown >> 20);
    let cut = fixture.metric("ringway_stream_overflows_total");
    assert!(cut <= slow.len() as f64);
    for peer in &mut slow {
        while peer.next().is_some() {}
        assert!(peer.wire.torn, "it is not said to be whole");
    }
}

#[test]
fn a_reader_that_keeps_up_is_not_cut_off() {
    let _alone = alone();
    let fixture = Fixture::with(|options| options.policy.limits.stream_bytes_max = 256 << 10);
    let flood = json!({ "name": "flood", "arguments": {}, "_meta": { "progressToken": 1 } });
    let mut peer = Peer::modern(fixture.address);
    peer.open("tools/call", flood);
    for step in 1..=2_000 {
        let message = peer.expect();
        assert_eq!(message["params"]["progress"], step, "none is lost, none doubled");
    }
}

#[test]
fn a_listener_that_stops_is_cut_off() {
    let _alone = alone();
    let fixture = Fixture::with(|options| {
        options.policy.limits.write_stall_max = Duration::from_secs(1);
        options.policy.limits.stream_bytes_max = 16 << 10;
    });
    let mut peer = Peer::modern(fixture.address);
    peer.open("subscriptions/listen", json!({ "notifications": all_lists() }));
    peer.expect();
    until("it is cut off", || {
        (0..500).for_each(|_| fixture.handle().announce_tools());
        fixture.status()["streams"] == 0 && fixture.status()["connections"] == 1
    });
    let mut other = Peer::modern(fixture.address);
    assert_eq!(text_of(&other.tool("echo", json!({ "text": "x" }))), "x");
}

#[test]
fn a_session_keeps_a_bounded_part_of_a_flood() {
    let _alone = alone();
    let fixture = Fixture::with(|options| {
        options.policy.limits.stream_bytes_max = 64 << 10;
        options.policy.limits.stream_events_kept_max = 32;
    });
    let flood = json!({ "name": "flood", "arguments": {}, "_meta": { "progressToken": 1 } });
    for mut peer in fixture.sessions("2025-11-25", json!({})) {
        let id = peer.open("tools/call", flood.clone());
        fixture.stage.expect(Beat::Entered);
        peer.expect();
        let seen = peer.last_event.clone();
        peer.reconnect();
        std::thread::sleep(Duration::from_millis(200));
        assert!(peer.get(seen.as_deref()).is_stream());
        // What is left is the newest, in order, and the session lives on.
        let step = |message: serde_json::Value| message["params"]["progress"].as_u64();
        let first = step(peer.expect()).expect("a step");
        assert!(first > 2, "the oldest are gone");
        assert!(step(peer.expect()) > Some(first));
        let params = json!({ "requestId": id });
        assert_eq!(peer.sibling().notify("notifications/cancelled", params), 202);
        fixture.stage.expect(Beat::Dropped);
    }
}
