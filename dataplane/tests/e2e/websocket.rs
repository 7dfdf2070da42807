//! The WebSocket itself: who gets one, what may be sent on it, and how it ends.
//!
//! Goal: RFC 6455 to the letter where a client can see it, bounds with their stated answers, nobody else disturbed.
//! Method: handshakes and frames by hand; what frames are is tested beside the core's code.

use std::time::Duration;

use ringway_dataplane::Policy;
use serde_json::json;

use crate::common::checker::MODERN;
use crate::common::fixture::{Fixture, until};
use crate::common::peer::text_of;
use crate::common::talker::{HANDSHAKE, Talker, Transport, frame, next_frame, shake_hands};
use crate::common::tools::Beat;
use crate::common::wire::{Wire, request};

const DISCOVER: &str = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

fn talker_over(wire: Wire) -> Talker {
    Talker::over(Transport::WebSocket(wire), MODERN)
}

/// A handshake with one field other than a good one's; absent when it has no value.
fn handshake_with(name: &str, value: Option<&str>) -> Vec<u8> {
    let mut fields: Vec<(&str, &str)> = HANDSHAKE.into_iter().filter(|(known, _)| *known != name).collect();
    fields.extend(value.map(|value| (name, value)));
    request("GET", "/ws", &fields, b"")
}

#[test]
fn only_a_good_handshake_is_answered_101() {
    let fixture = Fixture::start();
    let rows = [
        ("Upgrade", None, 426),
        ("Upgrade", Some("h2c"), 426),
        ("Connection", Some("keep-alive"), 426),
        ("Sec-WebSocket-Version", Some("8"), 426),
        ("Sec-WebSocket-Version", None, 426),
        ("Sec-WebSocket-Key", None, 400),
        ("Sec-WebSocket-Key", Some("short"), 400),
        ("Origin", Some("https://evil.example"), 403),
        ("Origin", Some("http://localhost:3000"), 101),
        ("Sec-WebSocket-Protocol", None, 101),
        ("Sec-WebSocket-Protocol", Some("other"), 101),
        ("Sec-WebSocket-Extensions", Some("permessage-deflate"), 101),
    ];
    for (name, value, status) in rows {
        let mut wire = Wire::connect(fixture.address);
        wire.send(handshake_with(name, value));
        let head = wire.head();
        assert_eq!(head.status, status, "{name}: {value:?}");
        match status {
            426 => {
                assert_eq!(head.field("sec-websocket-version"), Some("13"));
                assert_eq!(head.field("upgrade"), Some("websocket"));
            }
            101 => assert_eq!(head.field("sec-websocket-extensions"), None, "none is ever agreed"),
            _ => {}
        }
        if name == "Sec-WebSocket-Protocol" {
            assert_eq!(head.field("sec-websocket-protocol"), None, "what is not offered, or not ours");
        }
    }
    let mut wire = Wire::connect(fixture.address);
    wire.send(request("POST", "/ws", &HANDSHAKE, b""));
    let head = wire.response().head;
    assert_eq!((head.status, head.field("allow")), (405, Some("GET, OPTIONS")));
    let mut foreign = Wire::connect(fixture.address);
    let good = String::from_utf8(handshake_with("", None)).expect("text");
    foreign.send(good.replace("Host: localhost", "Host: evil.example"));
    assert_eq!(foreign.response().head.status, 403);
    let mut admin = Wire::connect(fixture.admin);
    admin.send(handshake_with("", None));
    assert_eq!(admin.response().head.status, 404, "operators have none");
}

#[test]
fn nothing_is_read_as_a_request_behind_a_wish_that_is_not_granted() {
    let fixture = Fixture::start();
    let rows = [
        ("GET", "/ws", ("Origin", "https://evil.example"), 403),
        ("PUT", "/ws", ("X", "y"), 405),
        ("GET", "/nowhere", ("X", "y"), 404),
        ("GET", "/livez", ("X", "y"), 200),
    ];
    for (method, target, field, status) in rows {
        let mut wire = Wire::connect(fixture.address);
        let wish = request(method, target, &[&HANDSHAKE[..], &[field]].concat(), b"");
        wire.send([wish, request("GET", "/livez", &[], b"")].concat());
        let head = wire.response().head;
        assert_eq!((head.status, head.closes()), (status, true), "{method} {target}");
        assert!(wire.ends(), "{method} {target}");
    }
}

#[test]
fn a_face_that_is_off_is_not_there() {
    let fixture = Fixture::with(|options| options.policy.faces.websocket = false);
    let mut wire = Wire::connect(fixture.address);
    wire.send(handshake_with("", None));
    assert_eq!(wire.response().head.status, 404);
    let mut policy = Policy::clone(&fixture.handle().policy().expect("the server runs"));
    policy.faces.websocket = true;
    fixture.handle().apply_policy(policy);
    until("it is there", || {
        let mut wire = Wire::connect(fixture.address);
        wire.send(handshake_with("", None));
        wire.head().status == 101
    });
}

#[test]
fn frames_may_come_with_the_handshake() {
    let fixture = Fixture::start();
    let handshake = handshake_with("", None);
    let message = frame(0x81, DISCOVER.as_bytes());
    let bytes = [&handshake[..], &message, &message].concat();
    for cut in [bytes.len(), handshake.len(), handshake.len() + 1, handshake.len() + message.len() + 3] {
        let mut wire = Wire::connect(fixture.address);
        wire.send(&bytes[..cut]);
        assert_eq!(wire.head().status, 101);
        wire.send(&bytes[cut..]);
        for _ in 0..2 {
            let (first, payload) = next_frame(&mut wire).expect("an answer");
            assert_eq!(first, 0x81);
            assert!(payload.windows(17).any(|text| text == b"supportedVersions"));
        }
    }
}

#[test]
fn messages_come_in_fragments_with_pings_between() {
    let fixture = Fixture::start();
    let mut wire = shake_hands(Wire::connect(fixture.address));
    let (front, back) = DISCOVER.as_bytes().split_at(40);
    wire.send([frame(0x01, front), frame(0x89, b"are you there"), frame(0x00, b"")].concat());
    assert_eq!(next_frame(&mut wire), Some((0x8a, b"are you there".to_vec())));
    wire.send(frame(0x80, back));
    assert_eq!(next_frame(&mut wire).expect("an answer").0, 0x81);
}

#[test]
fn what_breaks_the_protocol_ends_with_its_code() {
    let fixture = Fixture::with(|options| options.policy.limits.body_bytes_max = 1000);
    let rows: [(Vec<u8>, u16); 9] = [
        (frame(0x82, b"{}"), 1003),
        (frame(0xc1, b"{}"), 1002),
        (b"\x81\x02{}".to_vec(), 1002),
        (frame(0x81, b"\xff"), 1007),
        (frame(0x81, &[b'x'; 1001]), 1009),
        (frame(0x88, &[3, 232, b'x']), 1000),
        (frame(0x88, &[0x03, 0xed]), 1002),
        ([frame(0x01, b"")].into_iter().chain((0..200).map(|_| frame(0x00, b""))).collect::<Vec<_>>().concat(), 1008),
        (frame(0x89, b"").repeat(5000), 1008),
    ];
    for (bytes, code) in rows {
        let mut talker = talker_over(shake_hands(Wire::connect(fixture.address)));
        // The server may have closed before all is sent.
        let _ = talker.wire().try_send(&bytes);
        assert_eq!(talker.close_code(), code, "{:?}", &bytes[..bytes.len().min(8)]);
    }
    let mut silent = shake_hands(Wire::connect(fixture.address));
    silent.send(frame(0x88, b""));
    assert_eq!(next_frame(&mut silent), Some((0x88, vec![])));
    assert!(silent.ends());
    // One that sends no more gets its answers, and is told what it left out.
    let mut half = shake_hands(Wire::connect(fixture.address));
    half.send(frame(0x81, DISCOVER.as_bytes()));
    half.half_close();
    assert_eq!(next_frame(&mut half).expect("an answer").0, 0x81);
    assert_eq!(talker_over(half).close_code(), 1002);
    until("all are gone", || fixture.status()["connections"] == 1);
}

#[test]
fn a_silent_client_is_asked_and_then_left() {
    let fixture = Fixture::with(|options| {
        options.policy.limits.keep_alive_every = Duration::from_millis(300);
        options.policy.limits.write_stall_max = Duration::from_millis(700);
        // Nothing of HTTP's patience applies here.
        options.policy.limits.idle_time_max = Duration::from_millis(1);
        options.policy.limits.head_time_max = Duration::from_millis(300);
    });
    // It answers no ping, and each of its calls runs on meanwhile.
    let mut silent = Talker::modern(fixture.address);
    silent.begin("tools/call", json!({ "name": "hold", "arguments": {} }));
    fixture.stage.expect(Beat::Entered);
    assert_eq!(silent.close_code(), 1001);
    assert_eq!(silent.pings, 1);
    fixture.stage.expect(Beat::Dropped);
    // One that answers stays.
    let fixture = Fixture::with(|options| options.policy.limits.keep_alive_every = Duration::from_millis(300));
    let mut wire = shake_hands(Wire::connect(fixture.address));
    for _ in 0..4 {
        assert_eq!(next_frame(&mut wire), Some((0x89, vec![])));
        wire.send(frame(0x8a, b""));
    }
}

#[test]
fn a_message_that_does_not_end_ends_the_connection() {
    let fixture = Fixture::with(|options| options.policy.limits.body_time_max = Duration::from_millis(300));
    for begun in [frame(0x01, b"{"), frame(0x81, b"{}")[..3].to_vec(), vec![0x81]] {
        let mut talker = talker_over(shake_hands(Wire::connect(fixture.address)));
        talker.wire().send(begun);
        assert_eq!(talker.close_code(), 1008);
    }
}

#[test]
fn a_reader_that_stops_is_cut_off_and_one_that_keeps_up_is_not() {
    let fixture = Fixture::with(|options| {
        options.policy.limits.write_stall_max = Duration::from_secs(1);
        options.policy.limits.stream_bytes_max = 64 << 10;
    });
    let flood =
        |burst: u64| json!({ "name": "flood", "arguments": { "burst": burst }, "_meta": { "progressToken": 1 } });
    for revision in [MODERN, "2025-11-25"] {
        let mut slow = Talker::connect(fixture.address, "websocket", revision, json!({}));
        slow.begin("tools/call", flood(40));
        fixture.stage.expect(Beat::Entered);
        let mut other = Talker::connect(fixture.address, "websocket", revision, json!({}));
        let mut cut_off = false;
        // Nobody reads, so only the server can end this.
        until("it is cut off", || {
            assert_eq!(text_of(&other.tool("echo", json!({ "text": "x" }))), "x");
            cut_off |= fixture.stage.try_next() == Some(Beat::Dropped);
            cut_off
        });
        until("its connection is gone", || fixture.status()["connections"] == 2);
        other.begin("tools/call", flood(4));
        fixture.stage.expect(Beat::Entered);
        for step in 1..=1_000 {
            assert_eq!(other.expect()["params"]["progress"], step, "none is lost, none doubled");
        }
        drop(other);
        fixture.stage.expect(Beat::Dropped);
    }
}

#[test]
fn a_client_that_asks_and_never_reads_is_not_read_either() {
    let fixture = Fixture::with(|options| options.policy.limits.write_stall_max = Duration::from_secs(2));
    let mut greedy = shake_hands(Wire::connect(fixture.address));
    let text = "x".repeat(1_000_000);
    let call = DISCOVER
        .replace("server/discover", "tools/call")
        .replace(r#""params":{"#, &format!(r#""params":{{"name":"echo","arguments":{{"text":"{text}"}},"#));
    let message = frame(0x81, call.as_bytes());
    // Some 20 MB is what the sockets between us and the messages that wait hold; the server must stop taking more, and
    // then let go. That so few large ones wait is what bounds its memory.
    let sent = (0..2_000).take_while(|_| greedy.try_send(&message).is_ok()).count();
    assert!(sent < 40, "{sent} messages were read");
    until("it is let go", || fixture.status()["connections"] == 1);
    let mut other = Talker::modern(fixture.address);
    assert_eq!(text_of(&other.tool("echo", json!({ "text": "x" }))), "x");
}
