//! Multi-round-trip requests of 2026-07-28: a result that asks, and the request again with answers.
//!
//! Goal: questions, answers and what a tool keeps survive the way through the client; what the client changed does not.
//! Method: rounds on connections of both shards, then every way to bring back something else.

use std::time::{SystemTime, UNIX_EPOCH};

use ringway_core::mcp::request_state::{Binding, StateKey};
use ringway_dataplane::Options;
use serde_json::{Value, json};

use crate::common::checker::MODERN;
use crate::common::fixture::Fixture;
use crate::common::peer::{Peer, text_of};

fn capable(fixture: &Fixture) -> Vec<Peer> {
    let capable = |wire| {
        let mut peer = Peer::over(wire, fixture.address, MODERN);
        peer.capabilities = json!({ "elicitation": { "form": {}, "url": {} }, "sampling": {}, "roots": {} });
        peer
    };
    fixture.wires().into_iter().map(capable).collect()
}

fn accept(content: Value) -> Value {
    json!({ "action": "accept", "content": content })
}

/// One round: a call of `name` with answers and state.
fn round(peer: &mut Peer, name: &str, answers: Value, state: &Value) -> Value {
    let mut params = json!({ "name": name, "arguments": {}, "inputResponses": answers });
    if !state.is_null() {
        params["requestState"] = state.clone();
    }
    peer.call("tools/call", params)
}

#[test]
fn rounds_may_come_to_any_shard() {
    let fixture = Fixture::start();
    let mut peers = capable(&fixture);
    for turn in 0..4 {
        let (first, second) = (turn & 1, turn >> 1);
        let asked = peers[first].tool("interview", json!({}));
        assert_eq!(asked["resultType"], "input_required");
        assert_eq!(asked["inputRequests"]["first"]["method"], "elicitation/create");
        assert!(asked["inputRequests"].get("second").is_none());
        let answers = json!({ "first": accept(json!({ "name": "Ada" })), "unasked": 1 });
        let asked = round(&mut peers[second], "interview", answers, &asked["requestState"]);
        let asked = &asked["result"];
        assert_eq!(asked["inputRequests"].as_object().map(|o| o.len()), Some(1));
        let answers = json!({ "second": accept(json!({ "colour": "blue" })) });
        let done = round(&mut peers[first], "interview", answers, &asked["requestState"]);
        let text = text_of(&done["result"]);
        assert_eq!(text, r#""Ada" likes "blue", kept 1"#);
    }
}

#[test]
fn several_questions_may_be_answered_bit_by_bit() {
    let fixture = Fixture::start();
    let mut peer = capable(&fixture).remove(0);
    let asked = peer.tool("survey", json!({}));
    let requests = asked["inputRequests"].as_object().expect("questions");
    let methods: Vec<&Value> = requests.values().map(|asked| &asked["method"]).collect();
    assert_eq!(methods, ["elicitation/create", "roots/list"]);
    let name = accept(json!({ "name": "Ada" }));
    let asked = round(&mut peer, "survey", json!({ "form": name }), &asked["requestState"]);
    let asked = &asked["result"];
    let open: Vec<&String> = asked["inputRequests"].as_object().expect("a question").keys().collect();
    assert_eq!(open, ["roots"], "what was answered is not asked again");
    let roots = json!({ "roots": { "roots": [] } });
    let done = round(&mut peer, "survey", roots, &asked["requestState"]);
    let got: Value = serde_json::from_str(text_of(&done["result"])).expect("JSON");
    assert_eq!(got, json!([name, { "roots": [] }]));
}

#[test]
fn only_declared_capabilities_are_asked_for() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    let rows = [
        (json!({ "elicitation": {} }), "form", true),
        (json!({ "elicitation": { "url": {} } }), "form", false),
        (json!({ "elicitation": {} }), "url", false),
        (json!({ "elicitation": { "url": {} } }), "url", true),
        (json!({ "sampling": {} }), "sample", true),
        (json!({ "roots": {} }), "sample", false),
        (json!({ "roots": {} }), "roots", true),
    ];
    for (capabilities, kind, is_asked) in rows {
        peer.capabilities = capabilities.clone();
        let call = json!({ "name": "ask", "arguments": { "kind": kind } });
        let answer = peer.call("tools/call", call);
        if is_asked {
            assert_eq!(answer["result"]["resultType"], "input_required", "{kind}");
        } else {
            assert_eq!(peer.status, 400, "{capabilities} {kind}");
            assert_eq!(answer["error"]["code"], -32021);
        }
    }
}

#[test]
fn a_state_that_is_not_the_requests_own_is_refused() {
    let fixture = Fixture::start();
    let other_server = Fixture::start();
    let mut peer = capable(&fixture).remove(0);
    let state = |peer: &mut Peer, name: &str| {
        let asked = peer.tool(name, json!({}));
        asked["requestState"].as_str().expect("a state").to_owned()
    };
    let own = state(&mut peer, "interview");
    let of_another_tool = state(&mut peer, "survey");
    let of_another_server = state(&mut capable(&other_server).remove(0), "interview");
    let mut flipped = own.clone().into_bytes();
    flipped[3] ^= 1;
    let rows = [
        json!(of_another_tool),
        json!(of_another_server),
        json!(String::from_utf8(flipped).expect("ASCII")),
        json!(format!("{own}A")),
        json!(own.replace('.', "")),
        json!(""),
        json!(7),
        json!("A".repeat(100_000)),
    ];
    let name = json!({ "first": accept(json!({ "name": "Ada" })) });
    for bad in rows {
        let answer = round(&mut peer, "interview", name.clone(), &bad);
        assert_eq!(answer["error"]["code"], -32602, "{bad:.80}");
        assert_eq!(peer.status, 200);
    }
    let good = round(&mut peer, "interview", name, &json!(own));
    assert_eq!(good["result"]["resultType"], "input_required");
    for bad in
        [json!({ "first": { "action": "perhaps" } }), json!({ "first": accept(json!({ "name": 7 })) }), json!([])]
    {
        let answer = round(&mut peer, "interview", bad.clone(), &json!(own));
        assert_eq!(answer["error"]["code"], -32602, "{bad}");
    }
}

#[test]
fn replicas_with_one_key_share_their_clients() {
    let shared = |options: &mut Options| options.state_key = Some([7; 32]);
    let (first, second) = (Fixture::with(shared), Fixture::with(shared));
    let asked = capable(&first).remove(0).tool("interview", json!({}));
    let name = json!({ "first": accept(json!({ "name": "Ada" })) });
    let mut peer = capable(&second).remove(0);
    let next = round(&mut peer, "interview", name, &asked["requestState"]);
    assert_eq!(next["result"]["resultType"], "input_required");
    assert!(next["result"]["inputRequests"].get("second").is_some());
}

#[test]
fn a_state_lasts_only_so_long() {
    let fixture = Fixture::with(|options| options.state_key = Some([7; 32]));
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.expect("a clock behind 1970").as_secs();
    let binding = Binding { principal: "anonymous", method: "tools/call", target: "interview" };
    let sealed = |expires| {
        let name = accept(json!({ "name": "Ada" }));
        let content = json!({ "answers": { "first": name } }).to_string();
        json!(StateKey::new(&[7; 32]).seal(binding, expires, &content))
    };
    let mut peer = capable(&fixture).remove(0);
    let late = round(&mut peer, "interview", json!({}), &sealed(now - 1));
    assert_eq!(late["error"]["code"], -32602);
    let good = round(&mut peer, "interview", json!({}), &sealed(now + 60));
    let asked = good["result"]["inputRequests"].as_object();
    assert!(asked.is_some_and(|asked| asked.contains_key("second")));
}
