//! The older HTTP+SSE pair (MCP 2024-11-05): the stream and its posts.
//!
//! Goal: a post reaches its client's stream from every connection of every shard, and nobody else's.
//! Method: streams and posts on chosen shards; what messages mean is tested with the other duplex transports.

use serde_json::json;

use crate::common::checker::MODERN;
use crate::common::fixture::{Fixture, made_up_handle, until};
use crate::common::peer::text_of;
use crate::common::talker::{Talker, Transport, open_pair};
use crate::common::tools::Beat;
use crate::common::wire::{Wire, request};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PING: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

fn post(wire: &mut Wire, target: &str, fields: &[(&str, &str)], body: &[u8]) -> u16 {
    wire.send(request("POST", target, fields, body));
    wire.response().head.status
}

#[test]
fn a_post_reaches_its_stream_from_every_shard() {
    let fixture = Fixture::start();
    for stream in 0..2 {
        for posts in 0..2 {
            let transport = open_pair(fixture.wires().remove(stream), fixture.wires().remove(posts));
            let mut talker = Talker::over(transport, "2024-11-05");
            talker.initialize("2024-11-05");
            assert_eq!(text_of(&talker.tool("echo", json!({ "text": "x" }))), "x");
            let id = talker.begin("tools/call", json!({ "name": "hold", "arguments": {} }));
            fixture.stage.expect(Beat::Entered);
            talker.cancel(&id);
            fixture.stage.expect(Beat::Dropped);
            assert_eq!(talker.send_text("{"), 400);
        }
    }
}

#[test]
fn a_post_that_names_no_stream_is_refused() {
    let fixture = Fixture::start();
    let transport = open_pair(Wire::connect(fixture.address), Wire::connect(fixture.address));
    let Transport::Pair { target, stream, .. } = transport else { unreachable!() };
    for mut wire in fixture.wires() {
        for missing in ["/messages", "/messages?", "/messages?sessionId=", "/messages?sessionid=1"] {
            assert_eq!(post(&mut wire, missing, &[JSON], PING), 400, "{missing}");
        }
        let unknown = [made_up_handle(0), made_up_handle(1), made_up_handle(0xffff), "x".into()];
        for unknown in unknown.map(|handle| format!("/messages?sessionId={handle}")) {
            assert_eq!(post(&mut wire, &unknown, &[JSON], PING), 404, "{unknown}");
        }
        assert_eq!(post(&mut wire, &format!("{target}&x=1"), &[JSON], PING), 202);
        assert_eq!(post(&mut wire, &target, &[("Content-Type", "text/plain")], PING), 415);
        // It is not a session of the newer transport.
        let session = target.rsplit('=').next().expect("a name");
        assert_eq!(post(&mut wire, "/mcp", &[JSON, ("Mcp-Session-Id", session)], PING), 404);
        let evil = ("Origin", "https://evil.example");
        assert_eq!(post(&mut wire, &target, &[JSON, evil], PING), 403);
        wire.send(request("GET", &target, &[], b""));
        assert_eq!(wire.response().head.field("allow"), Some("POST, OPTIONS"));
        wire.send(request("GET", "/sse", &[("Accept", "application/json")], b""));
        assert_eq!(wire.response().head.status, 406);
        wire.send(request("POST", "/sse", &[JSON], PING));
        assert_eq!(wire.response().head.field("allow"), Some("GET, OPTIONS"));
    }
    drop(stream);
    let mut wire = Wire::connect(fixture.address);
    until("the name ends with the stream", || post(&mut wire, &target, &[JSON], PING) == 404);
}

#[test]
fn a_face_that_is_off_is_not_there() {
    let fixture = Fixture::with(|options| options.policy.faces.sse = false);
    let mut wire = Wire::connect(fixture.address);
    wire.send(request("GET", "/sse", &[("Accept", "text/event-stream")], b""));
    assert_eq!(wire.response().head.status, 404);
    assert_eq!(post(&mut wire, "/messages?sessionId=1", &[JSON], PING), 404);
}

#[test]
fn a_stream_whose_client_does_not_read_takes_no_endless_posts() {
    let fixture = Fixture::start();
    let mut talker = Talker::over(Transport::WebSocket(Wire::connect(fixture.address)), MODERN);
    // Few large messages wait, and not many small ones either.
    for (text_bytes, taken_max) in [(1_000_000, 30), (100_000, 300)] {
        let echo = json!({ "name": "echo", "arguments": { "text": "x".repeat(text_bytes) } });
        let transport = open_pair(Wire::connect(fixture.address), Wire::connect(fixture.address));
        let Transport::Pair { target, stream, mut posts } = transport else { unreachable!() };
        let taken = (0..1_000).take_while(|_| {
            let message = talker.message("tools/call", echo.clone()).to_string();
            let status = post(&mut posts, &target, &[JSON], message.as_bytes());
            assert!(status == 202 || status == 503, "{status}");
            status == 202
        });
        let taken = taken.count();
        assert!(taken < taken_max, "{taken} messages of {text_bytes} bytes wait");
        drop((stream, posts));
    }
}

#[test]
fn a_client_with_all_the_calls_it_may_have_can_still_cancel() {
    let fixture = Fixture::start();
    let transport = open_pair(Wire::connect(fixture.address), Wire::connect(fixture.address));
    let mut talker = Talker::over(transport, "2024-11-05");
    talker.initialize("2024-11-05");
    let hold = json!({ "name": "hold", "arguments": {} });
    let calls: Vec<_> = (0..256).map(|_| talker.begin("tools/call", hold.clone())).collect();
    for _ in &calls {
        fixture.stage.expect(Beat::Entered);
    }
    assert_eq!(talker.call("tools/call", hold.clone())["error"]["code"], -32603, "one more");
    talker.cancel(&calls[7]);
    fixture.stage.expect(Beat::Dropped);
}
