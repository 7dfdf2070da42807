//! JSON-RPC batches, which only 2025-03-26 has.
//!
//! Goal: each request of a batch is answered once, in one array; every other revision refuses the whole.
//! Method: batches on sessions of both shards from connections of both.

use serde_json::{Value, json};

use crate::common::checker::LEGACY;
use crate::common::fixture::Fixture;
use crate::common::peer::Peer;

fn ids(answer: &Value) -> Vec<u64> {
    let messages = answer.as_array().expect("an array");
    messages.iter().filter_map(|message| message["id"].as_u64()).collect()
}

fn batch(peer: &Peer) -> Value {
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let talk = json!({ "name": "talk", "arguments": {}, "_meta": { "progressToken": 1 } });
    json!([
        peer.message("ping", json!({})),
        note,
        peer.message("tools/call", talk),
        peer.message("nonsense", json!({})),
    ])
}

#[test]
fn a_batch_is_answered_as_one() {
    let fixture = Fixture::start();
    for session in fixture.sessions("2025-03-26", json!({})) {
        for wire in fixture.wires() {
            let mut peer = session.sibling_over(wire);
            let messages = batch(&peer);
            peer.send(&messages);
            let answer = peer.answer();
            let want: Vec<u64> = [0, 2, 3].iter().filter_map(|at| messages[at]["id"].as_u64()).collect();
            assert_eq!(ids(&answer), want, "{answer}");
            assert_eq!(answer[2]["error"]["code"], -32601);
            let notes = json!([{ "jsonrpc": "2.0", "method": "notifications/initialized" }]);
            assert_eq!(peer.post(notes), 202, "nothing to answer");
        }
    }
}

#[test]
fn a_bad_batch_is_refused_whole() {
    let fixture = Fixture::with(|options| options.policy.limits.batch_max = 4);
    let mut peer = Peer::legacy(fixture.address, "2025-03-26");
    let init =
        json!({ "protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let begin = json!([peer.message("initialize", init), peer.message("ping", json!({}))]);
    peer.send(&begin);
    let answer = peer.answer();
    assert_eq!(answer[0]["error"]["code"], -32600, "initialize comes alone");
    assert_eq!(answer[1]["result"], json!({}));

    let too_many: Vec<Value> = (0..5).map(|_| peer.message("ping", json!({}))).collect();
    for bad in [json!([]), Value::Array(too_many)] {
        peer.send(&bad);
        let answer = peer.answer();
        assert_eq!((peer.status, &answer["error"]["code"]), (400, &json!(-32600)));
    }
}

#[test]
fn other_revisions_have_no_batches() {
    let fixture = Fixture::start();
    for revision in LEGACY.into_iter().filter(|name| *name >= "2025-06-18") {
        for session in fixture.sessions(revision, json!({})) {
            for wire in fixture.wires() {
                let mut peer = session.sibling_over(wire);
                let messages = batch(&peer);
                peer.send(&messages);
                let answer = peer.answer();
                let got = (peer.status, &answer["error"]["code"]);
                assert_eq!(got, (400, &json!(-32600)), "{revision}: {answer}");
            }
        }
    }
    let mut peer = Peer::modern(fixture.address);
    let messages = json!([peer.message("tools/list", json!({}))]);
    peer.send(&messages);
    assert_eq!(peer.answer()["error"]["code"], -32600);
    assert_eq!(peer.status, 400);
}
