//! Tools that answer at once.
//!
//! Goal: whichever way a call of such a tool goes, it is answered alike, and nothing of one call is seen by the next.
//! Method: one tool that does what its arguments say, called by both eras, over HTTP and a WebSocket.

use ringway_dataplane::{RpcError, ToolDefinition, ToolError, rpc_codes, text_fn};
use serde_json::{Value, json};

use crate::common::fixture::Fixture;
use crate::common::peer::{Peer, text_of};
use crate::common::talker::Talker;

/// Gives back its arguments as JSON, or ends as `end` says.
fn fixture() -> Fixture {
    let definition = ToolDefinition::new("mirror", "Gives back what it is given.").input(json!({
        "type": "object",
        "properties": { "end": { "type": "string" } },
    }));
    let mirror = text_fn(definition, |arguments, texts| {
        texts.give("first");
        match arguments.str("end").unwrap_or_default() {
            "failed" => return Err(ToolError::failed("it did \"not\" work")),
            "error" => return Err(RpcError::new(rpc_codes::INVALID_PARAMS, "not so").into()),
            "round" => return Err(ToolError::InputRequired),
            "panic" => panic!("planted"),
            _ => texts.give(&Value::Object(arguments.0.clone()).to_string()),
        }
        Ok(())
    });
    Fixture::offering(|builder, _| builder.tool(mirror), |_| {})
}

fn check(mut call: impl FnMut(Value) -> Value) {
    let good = |result: &Value| {
        assert_eq!(text_of(result), "first");
        result["content"][1]["text"].as_str().map(str::to_owned).expect("a second text")
    };
    let mut tool = |arguments: Value| call(json!({ "name": "mirror", "arguments": arguments }))["result"].clone();
    assert_eq!(
        good(&tool(json!({ "a": "a long text", "b": "é\n\"", "n": 1.50 }))),
        r#"{"a":"a long text","b":"é\n\"","n":1.5}"#
    );
    assert_eq!(good(&tool(json!({ "a": "b" }))), r#"{"a":"b"}"#, "nothing of the call before");
    assert_eq!(good(&tool(json!({ "a": { "c": [null, true] } }))), r#"{"a":{"c":[null,true]}}"#);
    assert_eq!(good(&tool(json!({}))), "{}");
    let failed = tool(json!({ "end": "failed" }));
    assert_eq!((text_of(&failed), &failed["isError"]), ("it did \"not\" work", &json!(true)));
    assert_eq!(failed["content"].as_array().map(Vec::len), Some(1), "what was given before is not sent");
    let wrong = tool(json!({ "end": 1 }));
    assert!(text_of(&wrong).starts_with("Invalid arguments: ") && wrong["isError"] == true, "{wrong}");
    for (end, code) in [("error", -32602), ("panic", -32603)] {
        let answer = call(json!({ "name": "mirror", "arguments": { "end": end } }));
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
    assert_eq!(call(json!({ "name": "mirror", "arguments": [] }))["error"]["code"], -32602);
    let without = call(json!({ "name": "mirror" }));
    assert_eq!(without["result"]["content"][1]["text"], "{}");
}

#[test]
fn a_call_is_answered_alike_by_both_eras_and_transports() {
    let fixture = fixture();
    let mut modern = Peer::modern(fixture.address);
    check(|params| modern.call("tools/call", params));
    let mut legacy = Peer::legacy(fixture.address, "2025-11-25");
    check(|params| legacy.call("tools/call", params));
    let mut talker = Talker::modern(fixture.address);
    check(|params| talker.call("tools/call", params));
    assert!(fixture.metric("ringway_panics_total") >= 3.0, "each panic is counted");
}

#[test]
fn a_tool_that_answers_at_once_asks_nobody() {
    let fixture = fixture();
    let mut legacy = Peer::legacy(fixture.address, "2025-06-18");
    let asked = legacy.call("tools/call", json!({ "name": "mirror", "arguments": { "end": "round" } }));
    assert_eq!(asked["error"]["code"], -32603);
    let mut modern = Peer::modern(fixture.address);
    let asked = modern.call("tools/call", json!({ "name": "mirror", "arguments": { "end": "round" } }));
    assert_eq!(asked["error"]["code"], -32603);
    // Two members of one name are read as the last by this client, and as the first by another.
    let message = modern.message("tools/call", json!({ "name": "mirror", "arguments": { "end": "failed" } }));
    modern.send(&message);
    assert_eq!(modern.wire.response().text().matches("\"content\":").count(), 1);
    // What an earlier round brings goes the long way, where it is held to its seal.
    let bad = json!({ "name": "mirror", "arguments": {}, "requestState": "made up" });
    assert_eq!(modern.call("tools/call", bad)["error"]["code"], -32602);
}
