//! HTTP/1.1 as a client sees it.
//!
//! Goal: framing, order and ends of connections are as RFC 9110 and 9112 and the bounds in `Limits` say.
//! Method: bytes written by hand, one connection a row.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::checker::{Checker, MODERN};
use crate::common::fixture::Fixture;
use crate::common::peer::{Peer, text_of};
use crate::common::tools::Beat;
use crate::common::wire::{Wire, request};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PING: &[u8] = br#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
const PONG: &str = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;

/// What may be configured and is the same for all rows.
fn small() -> Fixture {
    Fixture::with(|options| {
        options.policy.limits.head_bytes_max = 4096;
        options.policy.limits.target_bytes_max = 256;
        options.policy.limits.body_bytes_max = 64 << 10;
    })
}

#[test]
fn a_request_gets_the_status_its_form_deserves() {
    let fixture = small();
    let long = "x".repeat(5000);
    let ping = |fields: &[(&str, &str)]| request("POST", "/mcp", fields, PING);
    let bare = |lines: &str| format!("{lines}\r\n\r\n").into_bytes();
    let plain = |method: &str, target: &str| request(method, target, &[], b"");
    let rows: Vec<(Vec<u8>, u16, bool)> = vec![
        (ping(&[JSON]), 200, false),
        (ping(&[("content-type", "Application/JSON; charset=UTF-8")]), 200, false),
        (ping(&[JSON, ("Connection", "close")]), 200, true),
        (ping(&[("Content-Type", "text/plain")]), 415, false),
        (ping(&[JSON, ("Content-Encoding", "gzip")]), 415, false),
        (ping(&[JSON, ("Accept", "image/png")]), 406, false),
        (ping(&[JSON, ("Expect", "gifts")]), 417, true),
        (ping(&[JSON, ("X", &long)]), 431, true),
        (plain("GET", &format!("/{long}")), 414, true),
        (plain("GET", "/nowhere"), 404, false),
        (plain("PUT", "/mcp"), 405, false),
        // Clients take 404 for the end of a session, and 406 for a fault of theirs.
        (plain("GET", "/mcp"), 405, false),
        (plain("BREW", "/mcp"), 501, true),
        (bare("GET /livez HTTP/1.1"), 400, true),
        (bare("GET /livez HTTP/2.0\r\nHost: localhost"), 505, true),
        (bare("POST /mcp HTTP/1.1\r\nHost: localhost"), 411, true),
        (bare("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000"), 413, true),
        (bare("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked"), 400, true),
        (bare("POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip"), 501, true),
        (bare("GET /livez HTTP/1.1\r\nHost: evil.example.com"), 403, false),
        (bare("GET /livez HTTP/1.1\r\nHost: LOCALHOST:1"), 200, false),
    ];
    for (bytes, status, closes) in rows {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(90)]).into_owned();
        let mut wire = Wire::connect(fixture.address);
        wire.send(&bytes);
        let response = wire.response();
        assert_eq!(response.head.status, status, "{shown:?}");
        assert_eq!(response.head.closes(), closes, "{shown:?}");
        if response.head.field("content-type") == Some("application/json") && status >= 400 {
            Checker::new(MODERN).received(&response.json(), status);
        }
        match status {
            405 => assert!(response.head.field("allow").is_some(), "{shown:?}"),
            200 | 403..=406 | 415 if !closes => {
                wire.send(plain("GET", "/livez"));
                assert_eq!(wire.response().text(), "ok\n", "{shown:?}: it goes on");
            }
            _ => assert!(wire.ends(), "{shown:?}: it ends"),
        }
    }
}

#[test]
fn bodies_arrive_in_any_coding_and_size() {
    let fixture = Fixture::start();
    let mut wire = Wire::connect(fixture.address);
    wire.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
    wire.send("Transfer-Encoding: chunked\r\n\r\n");
    for part in PING.chunks(7) {
        wire.send(format!("{:x};note=1\r\n", part.len()));
        wire.send(part);
        wire.send("\r\n");
    }
    wire.send("0\r\nX-Trailer: 1\r\n\r\n");
    assert_eq!(wire.response().text(), PONG);

    let mut peer = Peer::modern(fixture.address);
    let text = "é".repeat(1_500_000);
    let result = peer.tool("echo", json!({ "text": text }));
    assert!(text_of(&result) == text, "3 MB come back as they went");
    let result = peer.tool("echo", json!({ "text": "small again" }));
    assert_eq!(text_of(&result), "small again");
}

#[test]
fn a_client_that_expects_100_hears_it_once() {
    let fixture = small();
    let head = |length: usize| {
        format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let mut wire = Wire::connect(fixture.address);
    wire.send(head(PING.len()));
    assert_eq!(wire.response().head.status, 100);
    wire.send(&PING[..5]);
    wire.send(&PING[5..]);
    assert_eq!(wire.response().text(), PONG);

    // A body that comes without waiting needs no invitation; one that is too large gets none.
    wire.send([head(PING.len()).as_bytes(), PING].concat());
    assert_eq!(wire.response().text(), PONG);
    wire.send(head(70_000));
    assert_eq!(wire.response().head.status, 413);
    assert!(wire.ends());
}

#[test]
fn answers_come_in_the_order_of_their_requests() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    let call = |peer: &Peer, name: &str, text: &str| {
        let arguments = json!({ "text": text });
        peer.message("tools/call", json!({ "name": name, "arguments": arguments }))
    };
    // Fast, slow, and fast ones again, all sent before the first answer is read.
    let messages: Vec<Value> = ["echo", "hold", "echo", "hold", "echo", "echo"]
        .iter()
        .enumerate()
        .map(|(index, name)| call(&peer, name, &format!("number {index}")))
        .collect();
    messages.iter().for_each(|message| peer.send(message));
    let mut held = 0;
    for (index, message) in messages.iter().enumerate() {
        if message["params"]["name"] == "hold" {
            fixture.stage.expect(Beat::Entered);
            assert!(fixture.stage.is_quiet(), "one at a time");
            fixture.stage.release();
            held += 1;
        }
        let answer = peer.answer();
        assert_eq!(answer["id"], message["id"]);
        if message["params"]["name"] == "echo" {
            assert_eq!(text_of(&answer["result"]), format!("number {index}"));
        } else {
            fixture.stage.expect(Beat::Finished);
        }
    }
    assert_eq!(held, 2);
}

#[test]
fn head_and_options_have_no_body() {
    let fixture = Fixture::start();
    let mut wire = Wire::connect(fixture.address);
    for (target, status, length) in [("/livez", 200, "3"), ("/nowhere", 404, ""), ("/mcp", 405, "")] {
        wire.send(request("HEAD", target, &[], b""));
        let head = wire.head();
        assert_eq!(head.status, status, "{target}");
        let told = head.field("content-length").expect("a length");
        assert!(told == length || (length.is_empty() && told != "0"));
    }
    for (target, allow) in
        [("/mcp", "POST, GET, DELETE, OPTIONS"), ("/livez", "GET, HEAD, OPTIONS"), ("*", "GET, HEAD, OPTIONS")]
    {
        wire.send(request("OPTIONS", target, &[], b""));
        let response = wire.response();
        assert_eq!(response.head.status, 204, "{target}");
        assert_eq!(response.head.field("allow"), Some(allow), "{target}");
    }
    // The connection is still in step.
    wire.send(request("POST", "/mcp", &[JSON], PING));
    assert_eq!(wire.response().text(), PONG);
}

#[test]
fn pages_of_allowed_origins_may_read_answers() {
    let fixture = Fixture::with(|options| {
        options.policy.allowed.allow_origin("https://app.example.com").expect("an origin");
    });
    let preflight = |origin: &str| {
        let fields = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "content-type"),
        ];
        request("OPTIONS", "/mcp", &fields, b"")
    };
    for (origin, allowed) in [
        ("https://app.example.com", true),
        ("http://localhost:3000", true),
        ("https://evil.example.com", false),
        ("https://app.example.com.evil.com", false),
        ("null", false),
    ] {
        let mut wire = Wire::connect(fixture.address);
        wire.send(preflight(origin));
        wire.send(request("POST", "/mcp", &[JSON, ("Origin", origin)], PING));
        let (preflight, post) = (wire.response(), wire.response());
        let told = allowed.then_some(origin);
        for response in [&preflight, &post] {
            let field = response.head.field("access-control-allow-origin");
            assert_eq!(field, told, "{origin}");
        }
        let statuses = (preflight.head.status, post.head.status);
        assert_eq!(statuses, if allowed { (204, 200) } else { (403, 403) });
        if allowed {
            let exposed = post.head.field("access-control-expose-headers");
            assert!(exposed.is_some_and(|names| names.contains("Mcp-Session-Id")));
            let methods = preflight.head.field("access-control-allow-methods");
            assert!(methods.is_some_and(|names| names.contains("POST")));
        }
    }
    // A stream is readable as well.
    let mut peer = Peer::modern(fixture.address);
    let message = peer.message("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let mut fields = peer.fields(&message);
    fields.push(("Origin", "https://app.example.com".into()));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    peer.send_with(&fields, &message);
    let head = peer.wire.head();
    assert_eq!(head.field("access-control-allow-origin"), Some("https://app.example.com"));
}

#[test]
fn a_client_that_has_sent_its_last_still_gets_its_answers() {
    let fixture = Fixture::start();
    let mut wire = Wire::connect(fixture.address);
    wire.send(request("POST", "/mcp", &[JSON], PING));
    wire.send(request("POST", "/mcp", &[JSON], PING));
    wire.half_close();
    assert_eq!(wire.response().text(), PONG);
    assert_eq!(wire.response().text(), PONG);
    assert!(wire.ends());

    let mut wire = Wire::connect(fixture.address);
    wire.send("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{");
    wire.half_close();
    assert_eq!(wire.response().head.status, 400, "a body cut short");
    assert!(wire.ends());
}

#[test]
fn http_1_0_is_answered_and_closed() {
    let fixture = Fixture::start();
    let post = |body: &str| {
        let length = body.len();
        format!("POST /mcp HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let mut wire = Wire::connect(fixture.address);
    wire.send(post(std::str::from_utf8(PING).expect("ASCII")));
    let response = wire.response();
    assert!(response.head.closes());
    assert_eq!(response.text(), PONG);
    assert!(wire.ends());

    // A stream for a client that knows no chunks: RFC 9112 section 6.1 forbids them here.
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"talk","_meta":{"progressToken":1}}}"#;
    let mut wire = Wire::connect(fixture.address);
    wire.send(post(body));
    let head = wire.head();
    assert!(head.is_stream() && head.closes());
    assert_eq!(head.field("transfer-encoding"), None);
    let text = String::from_utf8(wire.rest()).expect("UTF-8");
    assert!(text.starts_with("event: message\ndata: {"), "{text}");
    assert!(text.ends_with("\n\n") && text.contains(r#""id":1,"result""#), "{text}");
}

#[test]
fn a_stream_is_only_for_clients_that_take_one() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    let listen = peer.message("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } }));
    let talk = peer.message("tools/call", json!({ "name": "talk", "arguments": {}, "_meta": { "progressToken": 1 } }));
    let only_json = |message: &Value| {
        let mut fields = peer.fields(message);
        fields.retain(|(name, _)| *name != "Accept");
        fields.push(("Accept", "application/json".into()));
        fields
    };
    let (for_listen, for_talk) = (only_json(&listen), only_json(&talk));
    for (message, fields, status) in [(&talk, for_talk, 200), (&listen, for_listen, 406)] {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        peer.send_with(&fields, message);
        let answer = peer.answer();
        assert_eq!(peer.status, status, "{answer}");
        assert!(peer.heard.is_empty());
    }
}

#[test]
fn slow_clients_are_told_and_idle_ones_closed() {
    let fixture = Fixture::with(|options| {
        let soon = Duration::from_millis(300);
        let limits = &mut options.policy.limits;
        (limits.head_time_max, limits.body_time_max) = (soon, soon);
        limits.idle_time_max = soon;
    });
    let rows: [(&str, Option<u16>); 4] = [
        ("", None),
        ("POST /mcp HTTP/1.1\r\nHost: loc", Some(408)),
        ("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{", Some(408)),
        ("POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{", Some(408)),
    ];
    let mut wires: Vec<Wire> = rows
        .iter()
        .map(|(bytes, _)| {
            let mut wire = Wire::connect(fixture.address);
            wire.send(bytes);
            wire
        })
        .collect();
    // Between requests, and with a call that takes longer than any read may.
    let mut idle = Wire::connect(fixture.address);
    idle.send(request("POST", "/mcp", &[JSON], PING));
    assert_eq!(idle.response().text(), PONG);
    let mut busy = Peer::modern(fixture.address);
    let call = busy.message("tools/call", json!({ "name": "hold", "arguments": {} }));
    busy.send(&call);
    fixture.stage.expect(Beat::Entered);
    for ((bytes, status), wire) in rows.iter().zip(&mut wires) {
        if let Some(status) = status {
            let response = wire.response();
            assert_eq!(response.head.status, *status, "{bytes:?}");
            assert!(response.head.closes());
        }
        assert!(wire.ends(), "{bytes:?}");
    }
    assert!(idle.ends());
    fixture.stage.release();
    assert_eq!(text_of(&busy.answer()["result"]), "held");
}
