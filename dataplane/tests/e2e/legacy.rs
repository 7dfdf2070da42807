//! Sessions of the revisions before 2026-07-28.
//!
//! Goal: every method answers as its revision words it, and a session is the same from every connection of every shard.
//! Method: peers on connections of both shards, each message held to its revision's schema.

use serde_json::{Value, json};

use crate::common::checker::LEGACY;
use crate::common::fixture::{Fixture, SHARDS, made_up_handle, until};
use crate::common::peer::{Peer, text_of};
use crate::common::wire::{Wire, request};

#[test]
fn initialize_agrees_on_a_revision() {
    let fixture = Fixture::start();
    let latest = "2025-11-25";
    let rows = LEGACY.map(|revision| (revision, revision));
    let others = ["2099-01-01", "2026-07-28", "2024-10-07", "nonsense"].map(|wish| (wish, latest));
    for (wish, agreed) in rows.into_iter().chain(others) {
        let mut peer = Peer::over(Wire::connect(fixture.address), fixture.address, latest);
        let result = peer.initialize(wish);
        assert_eq!(result["protocolVersion"], agreed, "wished {wish}");
        assert_eq!(result["serverInfo"]["name"], "test");
        assert_eq!(result["instructions"], "Only for tests.");
        assert_eq!(result["capabilities"]["tools"]["listChanged"], true);
        assert!(result["capabilities"].get("extensions").is_none());
        let session = peer.session.clone().expect("a session begins");
        assert!(session.len() >= 32 && session.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}

#[test]
fn every_method_answers_in_every_revision() {
    let fixture = Fixture::start();
    for revision in LEGACY {
        let mut peer = Peer::legacy(fixture.address, revision);
        let mut result = |method: &str, params: Value| peer.result(method, params);
        assert_eq!(result("ping", json!({})), json!({}));
        assert_eq!(result("logging/setLevel", json!({ "level": "info" })), json!({}));
        let tools = result("tools/list", json!({}));
        assert_eq!(tools["tools"][0]["name"], "echo");
        assert!(tools.get("ttlMs").is_none());
        let resources = result("resources/list", json!({}));
        assert_eq!(resources["resources"][0]["uri"], "test://one");
        let templates = result("resources/templates/list", json!({}));
        assert_eq!(templates["resourceTemplates"][0]["uriTemplate"], "test://items/{id}");
        for (uri, text) in [("test://one", "1"), ("test://items/7", "7")] {
            let read = result("resources/read", json!({ "uri": uri }));
            assert_eq!(read["contents"][0]["text"], text);
        }
        let prompts = result("prompts/list", json!({}));
        assert_eq!(prompts["prompts"][0]["name"], "greeting");
        let named = json!({ "name": "greeting", "arguments": { "name": "Ada" } });
        let prompt = result("prompts/get", named);
        assert_eq!(prompt["messages"][0]["content"]["text"], "Greet Ada.");
        let reference = json!({ "type": "ref/prompt", "name": "greeting" });
        let argument = json!({ "name": "name", "value": "A" });
        let completion = result("completion/complete", json!({ "ref": reference, "argument": argument }));
        assert_eq!(completion["completion"]["values"], json!(["Ada", "Alan"]));

        let structured = peer.tool("list", json!({}));
        let wrapped = (revision >= "2025-06-18").then(|| json!({ "result": [1, 2, 3] }));
        assert_eq!(structured.get("structuredContent"), wrapped.as_ref());
        let pieces = peer.tool("every_content", json!({}));
        assert_eq!(pieces["content"].as_array().map(Vec::len), Some(5));
        let bad = peer.tool("echo", json!({ "text": 1 }));
        assert_eq!(bad["isError"], true, "a bad argument is told to the model");
    }
}

#[test]
fn what_cannot_be_done_has_its_code() {
    let fixture = Fixture::start();
    let rows = [
        ("nonsense", json!({}), -32601),
        ("server/discover", json!({}), -32601),
        ("subscriptions/listen", json!({}), -32601),
        ("tools/call", json!({ "name": "nonsense" }), -32602),
        ("tools/call", json!({}), -32602),
        ("tools/list", json!({ "cursor": "nonsense" }), -32602),
        ("prompts/get", json!({ "name": "nonsense" }), -32602),
        ("prompts/get", json!({ "name": "greeting" }), -32602),
        ("resources/read", json!({ "uri": "test://two" }), -32002),
        ("resources/read", json!({ "uri": "test://items/none" }), -32002),
        ("logging/setLevel", json!({ "level": "loud" }), -32602),
    ];
    for revision in LEGACY {
        let mut peer = Peer::legacy(fixture.address, revision);
        for (method, params, code) in rows.clone() {
            let got = peer.error(method, params);
            assert_eq!(got, (200, code), "{revision} {method}");
        }
    }
}

#[test]
fn a_session_is_one_from_every_connection() {
    let fixture = Fixture::start();
    let sessions = fixture.sessions("2025-11-25", json!({}));
    assert_eq!(sessions.len(), SHARDS);
    for session in &sessions {
        for (shard, wire) in fixture.wires().into_iter().enumerate() {
            let mut peer = session.sibling_over(wire);
            assert_eq!(peer.result("ping", json!({})), json!({}), "shard {shard}");
            assert_eq!(text_of(&peer.tool("echo", json!({ "text": "é" }))), "é");
            let answer =
                peer.call("tools/call", json!({ "name": "talk", "arguments": {}, "_meta": { "progressToken": "p" } }));
            assert_eq!(text_of(&answer["result"]), "said");
            assert_eq!(peer.heard.len(), 3, "{:?}", peer.heard);
            assert_eq!(peer.heard[2]["params"]["progressToken"], "p");
            assert_eq!(peer.error("nonsense", json!({})), (200, -32601));
            assert_eq!(peer.notify("notifications/initialized", json!({})), 202);
            // The former connection's stream is seen to be gone in a moment.
            until("its stream is free", || {
                peer.reconnect();
                peer.get(None).is_stream()
            });
        }
    }
    // Ended from a connection of the other shard, it is gone for all.
    let mut wires = fixture.wires();
    wires.reverse();
    for (session, wire) in sessions.iter().zip(wires) {
        let mut peer = session.sibling_over(wire);
        assert_eq!(peer.delete(), 200);
        assert_eq!(peer.delete(), 404);
        assert_eq!(session.sibling().error("ping", json!({})), (404, -32001));
        assert_eq!(session.sibling().get(None).status, 404);
    }
}

#[test]
fn a_session_that_is_not_there_is_not_found() {
    let fixture = Fixture::start();
    let other_shards = u16::try_from(SHARDS).expect("few shards");
    let rows = [
        (Some(made_up_handle(0)), [404, 404, 404]),
        (Some(made_up_handle(1)), [404, 404, 404]),
        (Some(made_up_handle(other_shards)), [404, 404, 404]),
        (Some(made_up_handle(u16::MAX)), [404, 404, 404]),
        (Some("not-a-handle-of-ours".into()), [404, 404, 404]),
        (Some("short".into()), [404, 404, 404]),
        // Without one: a stateless message, no stream to open, nothing to end.
        (None, [200, 405, 400]),
    ];
    for (session, want) in rows {
        let mut fields = vec![("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
        if let Some(session) = &session {
            fields.push(("Mcp-Session-Id", session));
        }
        let mut wire = Wire::connect(fixture.address);
        let ping = br#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;
        wire.send(request("POST", "/mcp", &fields, ping));
        wire.send(request("GET", "/mcp", &fields, b""));
        wire.send(request("DELETE", "/mcp", &fields, b""));
        let got = [(); 3].map(|()| wire.response().head.status);
        assert_eq!(got, want, "{session:?}");
    }
}

#[test]
fn a_version_header_is_held_to_what_is_served() {
    let fixture = Fixture::start();
    let mut peer = Peer::legacy(fixture.address, "2025-06-18");
    let session = peer.session.clone().expect("a session");
    for (version, status) in [
        ("2025-06-18", 200),
        // Clients do send another one than agreed; any that is served will do.
        ("2025-11-25", 200),
        ("1999-01-01", 400),
        ("", 400),
    ] {
        let message = peer.message("ping", json!({}));
        let fields =
            [("Content-Type", "application/json"), ("MCP-Protocol-Version", version), ("Mcp-Session-Id", &*session)];
        peer.send_with(&fields, &message);
        peer.answer();
        assert_eq!(peer.status, status, "{version:?}");
    }
}
