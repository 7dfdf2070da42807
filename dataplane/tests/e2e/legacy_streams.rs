//! Streams of legacy sessions: what a call says on its way, what it asks, and how a client comes back for the rest.
//!
//! Goal: each message of a stream arrives once, in order, on that stream and no other, whatever connections do.
//! Method: a tool that waits at a gate, connections dropped while it waits, on sessions of both shards and through both.

use serde_json::{Value, json};

use crate::common::checker::LEGACY;
use crate::common::fixture::{Fixture, SHARDS, until};
use crate::common::peer::{Peer, text_of};
use crate::common::tools::Beat;

fn hold(before: u64, after: u64) -> Value {
    let arguments = json!({ "before": before, "after": after });
    json!({ "name": "hold", "arguments": arguments, "_meta": { "progressToken": 5 } })
}

/// The rest of the open stream: the steps of its progress, and its answer if it has one.
#[track_caller]
fn rest(peer: &mut Peer) -> (Vec<u64>, Option<Value>) {
    let (mut steps, mut answer) = (Vec::new(), None);
    while let Some(message) = peer.next() {
        assert_eq!(answer, None, "nothing comes behind an answer");
        match message["method"].as_str() {
            Some("notifications/progress") => {
                assert_eq!(message["params"]["progressToken"], 5);
                steps.extend(message["params"]["progress"].as_u64());
            }
            None => answer = Some(message),
            Some(other) => panic!("{other} belongs to another stream"),
        }
    }
    (steps, answer)
}

/// A session on each shard, each through a connection of each shard.
fn everywhere(fixture: &Fixture, revision: &str, capabilities: Value) -> Vec<Peer> {
    let mut all = Vec::new();
    for through in 0..SHARDS {
        let sessions = fixture.sessions(revision, capabilities.clone()).into_iter();
        all.extend(sessions.map(|session| session.sibling_over(fixture.wires().remove(through))));
    }
    all
}

#[test]
fn a_dropped_stream_is_taken_up_where_it_ended() {
    let fixture = Fixture::start();
    for revision in LEGACY {
        for mut peer in everywhere(&fixture, revision, json!({})) {
            let id = peer.open("tools/call", hold(3, 2));
            fixture.stage.expect(Beat::Entered);
            for step in 1..=2 {
                assert_eq!(peer.expect()["params"]["progress"], step);
            }
            // Another call of the session has a stream of its own.
            let mut other = peer.sibling();
            other.open("tools/call", hold(1, 0));
            fixture.stage.expect(Beat::Entered);
            assert_eq!(other.expect()["params"]["progress"], 1);

            let seen = peer.last_event.clone();
            peer.reconnect();
            assert!(peer.get(seen.as_deref()).is_stream());
            assert_eq!(peer.expect()["params"]["progress"], 3, "{revision}");
            fixture.stage.release();
            fixture.stage.release();
            fixture.stage.expect(Beat::Finished);
            fixture.stage.expect(Beat::Finished);
            let (steps, answer) = rest(&mut peer);
            assert_eq!(steps, [4, 5]);
            let answer = answer.expect("the answer comes on the stream it belongs to");
            assert_eq!((&answer["id"], text_of(&answer["result"])), (&id, "held"));

            // Everything behind an event can be read again, and nothing but it.
            peer.reconnect();
            assert!(peer.get(seen.as_deref()).is_stream());
            assert_eq!(rest(&mut peer).0, [3, 4, 5]);
            assert!(rest(&mut other).1.is_some());
        }
    }
}

#[test]
fn an_event_id_that_leads_nowhere_ends_nothing() {
    let fixture = Fixture::start();
    for mut peer in everywhere(&fixture, "2025-11-25", json!({})) {
        peer.open("tools/call", hold(1, 0));
        fixture.stage.expect(Beat::Entered);
        let stream = peer.expect();
        assert_eq!(stream["params"]["progress"], 1);
        let id = peer.last_event.clone().expect("an id");
        let stream = id.split_once('-').expect("a stream and a number").0;
        for bad in [format!("{stream}-ffffffffffffffff"), "ffffffff-1".into(), "nonsense".into(), "-".into()] {
            let mut other = peer.sibling();
            let status = other.get(Some(&bad)).status;
            assert!(status == 200 || status == 409, "{bad}: {status}");
        }
        assert_eq!(peer.sibling().result("ping", json!({})), json!({}));
        fixture.stage.release();
        fixture.stage.expect(Beat::Finished);
    }
}

#[test]
fn a_call_outlives_its_connection_and_ends_when_cancelled() {
    let fixture = Fixture::start();
    for mut peer in everywhere(&fixture, "2025-11-25", json!({})) {
        let id = peer.open("tools/call", hold(1, 0));
        fixture.stage.expect(Beat::Entered);
        assert_eq!(peer.expect()["params"]["progress"], 1);
        let mut other = peer.sibling();
        // Another session's client must not be able to end it.
        let mut stranger = Peer::legacy(fixture.address, "2025-11-25");
        for unknown in [json!(id.to_string()), json!(999)] {
            let params = json!({ "requestId": unknown });
            assert_eq!(other.notify("notifications/cancelled", params), 202);
        }
        let params = json!({ "requestId": id, "reason": "test" });
        assert_eq!(stranger.notify("notifications/cancelled", params.clone()), 202);
        assert_eq!(other.result("ping", json!({})), json!({}));
        assert!(fixture.stage.is_quiet(), "it still runs");

        assert_eq!(other.notify("notifications/cancelled", params), 202);
        fixture.stage.expect(Beat::Dropped);
        let (steps, answer) = rest(&mut peer);
        assert_eq!((steps, answer), (vec![], None), "no answer to a cancelled call");
        assert!(!peer.wire.torn);

        // Leaving is not cancelling.
        peer.open("tools/call", hold(1, 0));
        fixture.stage.expect(Beat::Entered);
        drop(peer);
        assert_eq!(other.result("ping", json!({})), json!({}));
        assert!(fixture.stage.is_quiet(), "it still runs");
        fixture.stage.release();
        fixture.stage.expect(Beat::Finished);
    }
}

#[test]
fn an_id_in_use_is_refused_and_the_first_call_unharmed() {
    let fixture = Fixture::start();
    for mut peer in everywhere(&fixture, "2025-11-25", json!({})) {
        let id = peer.open("tools/call", hold(1, 0));
        fixture.stage.expect(Beat::Entered);
        let mut other = peer.sibling();
        let again = other.message_with_id(id.clone(), "tools/call", hold(0, 0));
        other.send(&again);
        assert_eq!(other.answer()["error"]["code"], -32600);
        assert_eq!(other.status, 200);
        assert!(fixture.stage.is_quiet(), "the second call never began");
        let params = json!({ "requestId": id });
        assert_eq!(other.notify("notifications/cancelled", params), 202);
        fixture.stage.expect(Beat::Dropped);
        assert_eq!(rest(&mut peer).1, None);
    }
}

#[test]
fn a_tool_asks_on_its_stream_and_is_answered_elsewhere() {
    let fixture = Fixture::start();
    let capabilities = json!({ "elicitation": { "form": {}, "url": {} }, "sampling": {}, "roots": {} });
    let accepted = json!({ "action": "accept", "content": { "name": "Ada" } });
    let sampled = json!({ "role": "assistant", "content": { "type": "text", "text": "Hi" }, "model": "m" });
    let rooted = json!({ "roots": [{ "uri": "file:///tmp" }] });
    let rows = [
        ("form", "elicitation/create", accepted, "2025-06-18"),
        ("sample", "sampling/createMessage", sampled, "2024-11-05"),
        ("roots", "roots/list", rooted, "2024-11-05"),
        ("url", "elicitation/create", json!({ "action": "accept" }), "2025-11-25"),
    ];
    for revision in LEGACY {
        for mut peer in everywhere(&fixture, revision, capabilities.clone()) {
            for (kind, method, answer, since) in &rows {
                if revision < *since {
                    continue;
                }
                let call = json!({ "name": "ask", "arguments": { "kind": kind } });
                let id = peer.open("tools/call", call);
                let question = peer.expect();
                assert_eq!(question["method"], *method, "{revision}");
                let mut other = peer.sibling();
                let message = |id: &Value| json!({ "jsonrpc": "2.0", "id": id, "result": answer });
                // An answer to a question nobody asked changes nothing.
                assert_eq!(other.post(message(&json!("ringway-999"))), 202);
                assert_eq!(other.post(message(&question["id"])), 202);
                let (_, result) = rest(&mut peer);
                let result = result.expect("an answer");
                assert_eq!(result["id"], id);
                let got: Value = serde_json::from_str(text_of(&result["result"])).expect("the answer as JSON");
                assert_eq!(got, *answer, "{revision} {kind}");
            }
        }
    }
}

#[test]
fn a_refused_or_malformed_answer_fails_the_call_alone() {
    let fixture = Fixture::start();
    let capabilities = json!({ "elicitation": {} });
    let mut peer = fixture.sessions("2025-06-18", capabilities).remove(0);
    let rows = [
        json!({ "result": { "action": "perhaps" } }),
        json!({ "result": { "action": "accept", "content": { "name": 1 } } }),
        json!({ "error": { "code": -1, "message": "no" } }),
    ];
    for mut answer in rows {
        peer.open("tools/call", json!({ "name": "ask", "arguments": {} }));
        let question = peer.expect();
        answer["jsonrpc"] = json!("2.0");
        answer["id"] = question["id"].clone();
        assert_eq!(peer.sibling().post(answer.clone()), 202);
        let outcome = peer.expect();
        assert_eq!(peer.next(), None);
        assert_eq!(outcome["result"]["isError"], true, "{answer}: {outcome}");
    }
    // What the client did not declare is not asked.
    let roots = peer.call("tools/call", json!({ "name": "ask", "arguments": { "kind": "roots" } }));
    assert!(roots.get("method").is_none(), "{roots}");
    assert!(peer.heard.is_empty());
}

#[test]
fn a_client_hears_the_levels_it_wants() {
    let fixture = Fixture::start();
    let mut peer = fixture.sessions("2025-06-18", json!({})).remove(1);
    let levels = |peer: &mut Peer| {
        let call = json!({ "name": "talk", "arguments": {} });
        peer.sibling().result("tools/call", call.clone());
        let mut other = peer.sibling();
        other.call("tools/call", call);
        let level = |message: &Value| message["params"]["level"].as_str().map(str::to_owned);
        other.heard.iter().filter_map(level).collect::<Vec<_>>()
    };
    assert_eq!(levels(&mut peer), ["info", "error"], "unless it says more");
    for (level, want) in [("debug", vec!["debug", "info", "error"]), ("error", vec!["error"]), ("emergency", vec![])] {
        peer.result("logging/setLevel", json!({ "level": level }));
        assert_eq!(levels(&mut peer), want, "{level}");
    }
}

#[test]
fn what_changes_is_announced_on_the_sessions_stream() {
    let fixture = Fixture::start();
    let added = |name: &str| {
        let definition = ringway_dataplane::ToolDefinition::new(name, "New.");
        ringway_dataplane::tool_fn(definition, |_, _| async { Ok(ringway_dataplane::ToolResult::text("new")) })
    };
    for (index, mut peer) in everywhere(&fixture, "2025-11-25", json!({})).into_iter().enumerate() {
        let mut stream = peer.sibling();
        assert!(stream.get(None).is_stream());
        peer.result("resources/subscribe", json!({ "uri": "test://one" }));
        let mut second = peer.sibling();
        assert_eq!(second.get(None).status, 409, "one stream a session");

        fixture.handle().announce_resource("test://two");
        fixture.handle().announce_resource("test://one");
        let updated = stream.expect();
        assert_eq!(updated["method"], "notifications/resources/updated");
        assert_eq!(updated["params"]["uri"], "test://one", "only what it follows");
        let name = format!("new_{index}");
        fixture.handle().add_tool(added(&name)).expect("a new name");
        let changed = stream.expect();
        assert_eq!(changed["method"], "notifications/tools/list_changed");
        let tools = peer.result("tools/list", json!({}));
        let tools = tools["tools"].as_array().expect("tools");
        assert!(tools.iter().any(|tool| tool["name"] == name));

        peer.result("resources/unsubscribe", json!({ "uri": "test://one" }));
        fixture.handle().announce_resource("test://one");
        fixture.handle().announce_prompts();
        let changed = stream.expect();
        assert_eq!(changed["method"], "notifications/prompts/list_changed");

        // What came while nobody read is there for a client that comes back, once.
        let seen = stream.last_event.clone();
        drop(stream);
        fixture.handle().remove_tool(&name);
        let mut back = peer.sibling();
        assert!(back.get(seen.as_deref()).is_stream());
        let changed = back.expect();
        assert_eq!(changed["method"], "notifications/tools/list_changed");
        assert_eq!(peer.delete(), 200);
        assert_eq!(back.next(), None, "the stream ends with its session");
        assert!(!back.wire.torn);
    }
}

#[test]
fn a_stream_opened_anew_repeats_nothing() {
    let fixture = Fixture::start();
    for peer in everywhere(&fixture, "2025-06-18", json!({})) {
        let mut stream = peer.sibling();
        assert!(stream.get(None).is_stream());
        fixture.handle().announce_tools();
        let heard = stream.expect();
        assert_eq!(heard["method"], "notifications/tools/list_changed");
        drop(stream);
        let mut again = peer.sibling();
        // Until the server has seen the first one go it says 409; it must see it soon.
        until("the stream is free", || {
            again.reconnect();
            again.get(None).is_stream()
        });
        fixture.handle().announce_prompts();
        let heard = again.expect();
        assert_eq!(heard["method"], "notifications/prompts/list_changed");
    }
}

#[test]
fn a_tool_can_let_its_client_come_back_later() {
    let fixture = Fixture::start();
    for revision in ["2025-06-18", "2025-11-25"] {
        for mut peer in everywhere(&fixture, revision, json!({})) {
            let call = json!({ "name": "poll", "arguments": {}, "_meta": { "progressToken": 5 } });
            peer.open("tools/call", call);
            fixture.stage.expect(Beat::Entered);
            assert_eq!(peer.expect()["params"]["progress"], 1);
            if revision >= "2025-11-25" {
                assert_eq!(peer.next(), None, "the connection is let go");
                assert!(!peer.wire.torn);
                let seen = peer.last_event.clone();
                assert!(peer.get(seen.as_deref()).is_stream());
            }
            fixture.stage.release();
            fixture.stage.expect(Beat::Finished);
            let (steps, answer) = rest(&mut peer);
            assert_eq!(steps, [2], "{revision}");
            assert_eq!(text_of(&answer.expect("an answer")["result"]), "polled");
        }
    }
}
