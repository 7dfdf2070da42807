//! Clients whose messages come and go on one connection, in both eras, on a WebSocket and with the older HTTP+SSE pair.
//!
//! Goal: what stdio serves they serve: every request has its one answer, in any order, and all ends with the connection.
//! Method: each scenario over each transport and era, with tools that wait at a gate.

use serde_json::{Value, json};

use crate::common::checker::{LEGACY, MODERN};
use crate::common::fixture::{Fixture, all_lists, until};
use crate::common::peer::text_of;
use crate::common::talker::{TRANSPORTS, Talker};
use crate::common::tools::Beat;

const ERAS: [&str; 2] = ["2025-11-25", MODERN];

/// Runs a scenario over every transport, in the newest revision of each era.
fn everywhere(fixture: &Fixture, capabilities: &Value, scenario: impl Fn(&str, &str, Talker)) {
    for transport in TRANSPORTS {
        for revision in ERAS {
            let talker = Talker::connect(fixture.address, transport, revision, capabilities.clone());
            scenario(transport, revision, talker);
        }
    }
}

fn hold(before: u64, after: u64) -> Value {
    let arguments = json!({ "before": before, "after": after });
    json!({ "name": "hold", "arguments": arguments, "_meta": { "progressToken": "p" } })
}

#[test]
fn every_revision_lists_and_calls() {
    let fixture = Fixture::start();
    for transport in TRANSPORTS {
        for revision in LEGACY.into_iter().chain([MODERN]) {
            let mut talker = Talker::connect(fixture.address, transport, revision, json!({}));
            let tools = talker.result("tools/list", json!({}));
            assert_eq!(tools["tools"][0]["name"], "echo", "{transport} {revision}");
            let text = "\"é\" \\ 日本語 🎉\n";
            assert_eq!(text_of(&talker.tool("echo", json!({ "text": text }))), text);
            let long = "x".repeat(200_000);
            assert_eq!(text_of(&talker.tool("echo", json!({ "text": long }))), long);
            assert_eq!(talker.call("nonsense", json!({}))["error"]["code"], -32601);
            assert!(talker.heard.is_empty());
        }
    }
}

#[test]
fn both_eras_share_a_connection() {
    let fixture = Fixture::start();
    for transport in TRANSPORTS {
        let mut talker = Talker::connect(fixture.address, transport, MODERN, json!({}));
        assert_eq!(talker.result("server/discover", json!({}))["supportedVersions"], json!([MODERN]));
        talker.initialize("2025-06-18");
        assert_eq!(talker.result("ping", json!({})), json!({}));
        talker.speak(MODERN);
        assert_eq!(text_of(&talker.tool("echo", json!({ "text": "x" }))), "x");
        // Beginning again ends what was before.
        talker.initialize("2024-11-05");
        until("one session is left", || fixture.status()["sessions"] == 1);
    }
}

#[test]
fn what_is_unreadable_is_answered_and_survived() {
    let fixture = Fixture::start();
    for revision in ERAS {
        let mut talker = Talker::connect(fixture.address, "websocket", revision, json!({}));
        for (text, code) in [("{", -32700), ("", -32700), ("7", -32600), ("[]", -32600), ("{\"id\":null}", -32600)] {
            talker.send_text(text);
            assert_eq!(talker.expect()["error"]["code"], code, "{text}");
        }
        assert_eq!(text_of(&talker.tool("echo", json!({ "text": "x" }))), "x");
        // The pair has statuses for such.
        let mut talker = Talker::connect(fixture.address, "pair", revision, json!({}));
        assert_eq!(talker.send_text("{"), 400);
        assert_eq!(talker.send_text("7"), 202);
        assert_eq!(talker.expect()["error"]["code"], -32600);
        assert_eq!(text_of(&talker.tool("echo", json!({ "text": "x" }))), "x");
    }
}

#[test]
fn calls_run_side_by_side_and_report() {
    let fixture = Fixture::start();
    everywhere(&fixture, &json!({}), |transport, revision, mut talker| {
        let first = talker.begin("tools/call", hold(2, 1));
        fixture.stage.expect(Beat::Entered);
        for step in 1..=2 {
            let report = talker.expect();
            assert_eq!(report["params"]["progress"], step, "{transport} {revision}");
            assert_eq!(report["params"]["progressToken"], "p");
        }
        let second = talker.begin("tools/call", json!({ "name": "hold", "arguments": {} }));
        fixture.stage.expect(Beat::Entered);
        assert_eq!(text_of(&talker.tool("echo", json!({ "text": "meanwhile" }))), "meanwhile");
        assert!(talker.heard.is_empty());
        fixture.stage.release();
        fixture.stage.release();
        let (mut answers, mut reports) = (Vec::new(), 0);
        while answers.len() < 2 {
            let message = talker.expect();
            match message.get("method") {
                Some(_) => reports += 1,
                None => answers.push(message["id"].clone()),
            }
        }
        assert_eq!(reports, 1);
        assert!(answers.contains(&first) && answers.contains(&second));
        fixture.stage.expect(Beat::Finished);
        fixture.stage.expect(Beat::Finished);
    });
}

#[test]
fn a_cancelled_call_ends_without_an_answer() {
    let fixture = Fixture::start();
    everywhere(&fixture, &json!({}), |transport, revision, mut talker| {
        let id = talker.begin("tools/call", hold(0, 0));
        fixture.stage.expect(Beat::Entered);
        // Nobody else's call has this id, however alike.
        let mut stranger = Talker::connect(fixture.address, transport, revision, json!({}));
        stranger.cancel(&id);
        talker.cancel(&json!(id.to_string()));
        assert_eq!(text_of(&stranger.tool("echo", json!({ "text": "x" }))), "x");
        assert_eq!(text_of(&talker.tool("echo", json!({ "text": "x" }))), "x");
        assert!(fixture.stage.is_quiet(), "it still runs");
        talker.cancel(&id);
        fixture.stage.expect(Beat::Dropped);
        assert_eq!(text_of(&talker.tool("echo", json!({ "text": "x" }))), "x");
        assert!(talker.heard.is_empty(), "no answer to a cancelled call");
    });
}

#[test]
fn an_id_in_use_is_refused_and_ids_of_others_do_not_matter() {
    let fixture = Fixture::start();
    everywhere(&fixture, &json!({}), |transport, revision, mut talker| {
        let mut other = Talker::connect(fixture.address, transport, revision, json!({}));
        let call = talker.message_with_id(json!("same"), "tools/call", hold(0, 0));
        talker.send(&call);
        fixture.stage.expect(Beat::Entered);
        talker.send(&call);
        assert_eq!(talker.expect()["error"]["code"], -32600, "{transport} {revision}");
        let echo = json!({ "name": "echo", "arguments": { "text": "other" } });
        let echo = other.message_with_id(json!("same"), "tools/call", echo);
        other.send(&echo);
        assert_eq!(text_of(&other.answer(&json!("same"))["result"]), "other");
        assert!(fixture.stage.is_quiet(), "the first call is unharmed");
        fixture.stage.release();
        assert_eq!(text_of(&talker.answer(&json!("same"))["result"]), "held");
        assert!(talker.heard.is_empty());
        fixture.stage.expect(Beat::Finished);
        // An id is free again as soon as it is answered.
        talker.send(&call);
        fixture.stage.expect(Beat::Entered);
        fixture.stage.release();
        assert_eq!(text_of(&talker.answer(&json!("same"))["result"]), "held");
        fixture.stage.expect(Beat::Finished);
    });
}

#[test]
fn tools_ask_in_the_way_of_each_era() {
    let fixture = Fixture::start();
    let accepted = json!({ "action": "accept", "content": { "name": "Ada" } });
    everywhere(&fixture, &json!({ "elicitation": { "form": {} } }), |transport, revision, mut talker| {
        let ask = json!({ "name": "ask", "arguments": {} });
        let answer = if revision == MODERN {
            let asked = talker.result("tools/call", ask.clone());
            assert_eq!(asked["resultType"], "input_required");
            assert_eq!(asked["inputRequests"]["question"]["method"], "elicitation/create");
            let mut again = ask;
            again["requestState"] = asked["requestState"].clone();
            again["inputResponses"] = json!({ "question": accepted });
            talker.result("tools/call", again)
        } else {
            let id = talker.begin("tools/call", ask);
            let question = talker.expect();
            assert_eq!(question["method"], "elicitation/create", "{transport}");
            // Meanwhile the connection serves on.
            assert_eq!(talker.result("ping", json!({})), json!({}));
            talker.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": accepted }));
            talker.answer(&id)["result"].clone()
        };
        let got: Value = serde_json::from_str(text_of(&answer)).expect("the answer as JSON");
        assert_eq!(got, accepted, "{transport} {revision}");
    });
}

#[test]
fn what_changes_is_announced() {
    let fixture = Fixture::start();
    everywhere(&fixture, &json!({}), |transport, revision, mut talker| {
        let mut listen = Value::Null;
        if revision == MODERN {
            listen = talker.begin("subscriptions/listen", json!({ "notifications": all_lists() }));
            assert_eq!(talker.expect()["method"], "notifications/subscriptions/acknowledged");
        } else {
            talker.result("resources/subscribe", json!({ "uri": "test://one" }));
            fixture.handle().announce_resource("test://two");
            fixture.handle().announce_resource("test://one");
            assert_eq!(talker.expect()["params"]["uri"], "test://one");
        }
        fixture.handle().announce_prompts();
        let changed = talker.expect();
        assert_eq!(changed["method"], "notifications/prompts/list_changed", "{transport} {revision}");
        if revision == MODERN {
            assert_eq!(changed["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], listen);
            talker.cancel(&listen);
            until("the subscription is gone", || fixture.status()["streams"] == 0);
            fixture.handle().announce_tools();
            assert_eq!(text_of(&talker.tool("echo", json!({ "text": "x" }))), "x");
            assert!(talker.heard.is_empty());
        }
    });
}

#[test]
fn everything_ends_with_the_connection() {
    let fixture = Fixture::start();
    everywhere(&fixture, &json!({}), |_, revision, mut talker| {
        talker.begin("tools/call", hold(0, 0));
        fixture.stage.expect(Beat::Entered);
        if revision == MODERN {
            talker.begin("subscriptions/listen", json!({ "notifications": all_lists() }));
            talker.expect();
        }
        drop(talker);
        fixture.stage.expect(Beat::Dropped);
        until("nothing is left", || {
            let status = fixture.status();
            status["sessions"] == 0 && status["streams"] == 0 && status["connections"] == 1
        });
    });
}

#[test]
fn too_many_calls_of_one_connection_are_refused_one_by_one() {
    let fixture = Fixture::start();
    let mut talker = Talker::modern(fixture.address);
    for _ in 0..256 {
        talker.begin("tools/call", hold(0, 0));
        fixture.stage.expect(Beat::Entered);
    }
    let refused = talker.call("tools/call", hold(0, 0));
    assert_eq!(refused["error"]["code"], -32603, "{refused}");
    // What takes no time is served all the same, and another connection has bounds of its own.
    assert!(talker.result("tools/list", json!({})).is_object());
    let mut other = Talker::modern(fixture.address);
    assert_eq!(text_of(&other.tool("echo", json!({ "text": "x" }))), "x");
    fixture.stage.open();
    for _ in 0..256 {
        assert_eq!(text_of(&talker.expect()["result"]), "held");
    }
    assert_eq!(text_of(&talker.tool("echo", json!({ "text": "x" }))), "x");
}

#[test]
fn a_drain_finishes_what_was_asked_and_refuses_what_is_new() {
    for transport in TRANSPORTS {
        for revision in ERAS {
            let mut fixture = Fixture::start();
            let capabilities = json!({ "elicitation": { "form": {} } });
            let mut busy = Talker::connect(fixture.address, transport, revision, capabilities);
            let mut idle = Talker::connect(fixture.address, transport, revision, json!({}));
            let id = busy.begin("tools/call", hold(0, 1));
            fixture.stage.expect(Beat::Entered);
            // With the pair a client would need a connection for its answer, and a draining server has none.
            let asks = transport == "websocket" && revision != MODERN;
            let asked = asks.then(|| {
                let id = busy.begin("tools/call", json!({ "name": "ask", "arguments": {} }));
                (id, busy.expect())
            });
            let running = fixture.take();
            let stopping = std::thread::spawn(move || running.stop());
            assert_eq!(idle.next(), None, "{transport} {revision}");
            if let Some((id, question)) = asked {
                // An answer is not a new request.
                let refused = json!({ "action": "decline" });
                busy.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": refused }));
                assert!(busy.answer(&id).get("result").is_some());
                assert_eq!(busy.call("tools/call", hold(0, 0))["error"]["code"], -32603);
            }
            assert!(!stopping.is_finished(), "calls are waited for");
            fixture.stage.open();
            let answer = busy.answer(&id);
            assert_eq!(text_of(&answer["result"]), "held");
            while busy.next().is_some() {}
            if transport == "websocket" {
                assert_eq!((busy.close_code, idle.close_code), (Some(1001), Some(1001)));
            }
            assert!(!busy.wire().torn && !idle.wire().torn);
            drop((busy, idle));
            stopping.join().expect("the thread ends").expect("no shard panics");
        }
    }
}

#[test]
fn messages_are_counted_as_requests_are() {
    let fixture = Fixture::start();
    for transport in TRANSPORTS {
        let mut talker = Talker::connect(fixture.address, transport, MODERN, json!({}));
        let counted = || fixture.metric("ringway_requests_total{mcp_method_name=\"tools/call\"}");
        let before = counted();
        talker.tool("echo", json!({ "text": "x" }));
        let id = talker.begin("tools/call", hold(0, 0));
        fixture.stage.expect(Beat::Entered);
        talker.cancel(&id);
        fixture.stage.expect(Beat::Dropped);
        until("both are counted", || counted() == before + 2.0);
    }
}
