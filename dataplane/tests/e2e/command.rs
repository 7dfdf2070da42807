//! The command form and the compatibility paths, as scripts of the older systems see them.
//!
//! Goal: every answer has `success`, `data`, `error` and `timestamp`, whatever went wrong; a token goes nowhere.
//! Method: a table of bodies, one connection.

use serde_json::{Value, json};

use crate::common::fixture::Fixture;
use crate::common::wire::{Wire, request};

type Fields<'a> = &'a [(&'a str, &'a str)];
/// `data` and `error`.
type Told = (Value, Option<String>);

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[track_caller]
fn command(wire: &mut Wire, fields: Fields<'_>, method: &str, body: &str) -> (u16, Value) {
    wire.send(request(method, "/command", fields, body.as_bytes()));
    let response = wire.response();
    assert_eq!(response.head.field("content-type"), Some("application/json"), "{body}");
    (response.head.status, response.json())
}

#[test]
fn a_command_is_answered_in_its_own_form() {
    let fixture = Fixture::start();
    let mut wire = Wire::connect(fixture.address);
    let no = |error: &str| (Value::Null, Some(error.to_owned()));
    let yes = |data: Value| (data, None);
    let rows: [(&str, u16, Told); 13] = [
        (r#"{"command":"echo","token":"hush","params":{"text":"a"}}"#, 200, yes(json!("a"))),
        (r#"{"command":"list","token":"hush"}"#, 200, yes(json!([1, 2, 3]))),
        (r#"{"command":"list","token":"hush","params":null}"#, 200, yes(json!([1, 2, 3]))),
        (r#"{"command":"talk"}"#, 200, yes(json!("said"))),
        (r#"{"command":"ecko","token":"hush"}"#, 404, no("Unknown command: ecko (did you mean echo?)")),
        (r#"{"command":"echo","params":{}}"#, 422, no("Invalid arguments: missing required property `text`")),
        (r#"{"command":"echo","params":[]}"#, 422, no("`params`: expected an object, got an array")),
        (r#"{"params":{}}"#, 422, no("missing required property `command`")),
        ("[]", 422, no("the body: expected an object, got an array")),
        ("", 400, no("Parse error: the body is not one JSON value in UTF-8")),
        (r#"{"command":"echo","command":"list"}"#, 400, no("Parse error: an object has the same key twice")),
        (r#"{"command":"panic_at_once"}"#, 500, no("Internal error: the call panicked")),
        (r#"{"command":"brief"}"#, 504, no("The call did not finish in time")),
    ];
    for (body, status, (data, error)) in rows {
        let (got, answer) = command(&mut wire, &[JSON], "POST", body);
        assert_eq!(got, status, "{body}: {answer}");
        let members = answer.as_object().expect("an object");
        assert_eq!(members.keys().collect::<Vec<_>>(), ["data", "error", "success", "timestamp"], "{body}");
        assert_eq!(answer["success"], error.is_none(), "{answer}");
        assert_eq!((&answer["data"], &answer["error"]), (&data, &json!(error)), "{body}");
        let timestamp = answer["timestamp"].as_str().expect("a time");
        let shape: String = timestamp.chars().map(|each| if each.is_ascii_digit() { '0' } else { each }).collect();
        assert_eq!(shape, "0000-00-00T00:00:00.000Z");
        assert!(!answer.to_string().contains("hush"), "a token stays where it is");
    }
}

#[test]
fn refusals_have_the_same_form() {
    let fixture = Fixture::with(|options| options.policy.limits.in_flight_max = 0);
    let mut wire = Wire::connect(fixture.address);
    let good = r#"{"command":"echo","params":{"text":"a"}}"#;
    let rows: [(&str, Fields<'_>, u16); 4] = [
        ("POST", &[("Content-Type", "text/plain")], 415),
        ("POST", &[], 415),
        ("PUT", &[JSON], 405),
        ("POST", &[JSON], 503),
    ];
    for (method, fields, status) in rows {
        let (got, answer) = command(&mut wire, fields, method, good);
        assert_eq!(got, status, "{answer}");
        assert!(answer["success"] == false && answer["data"].is_null() && answer["error"].is_string(), "{answer}");
    }
    wire.send(request("POST", "/command", &[JSON], good.as_bytes()));
    assert_eq!(wire.head().field("retry-after"), Some("1"));
}

#[test]
fn a_tool_is_executed_by_any_spelling_of_its_name() {
    let fixture = Fixture::start();
    let mut wire = Wire::connect(fixture.address);
    for (body, status) in [
        (r#"{"tool_name":"echo","parameters":{"text":"a"}}"#, 200),
        (r#"{"name":"echo","arguments":{"text":"a"}}"#, 200),
        (r#"{"tool":"echo","params":{"text":"a"}}"#, 200),
        (r#"{"tool":"echo","name":"list","params":{"text":"a"}}"#, 422),
        (r#"{"tool":"nothing_like_it"}"#, 404),
        (r#"{"tool":"echo"}"#, 422),
    ] {
        wire.send(request("POST", "/api/mcp/execute-tool", &[JSON], body.as_bytes()));
        let response = wire.response();
        assert_eq!(response.head.status, status, "{body}");
        let answer = response.json();
        match status {
            200 => assert_eq!(answer, json!({ "content": [{ "type": "text", "text": "a" }], "isError": false })),
            _ => assert!(answer["error"]["message"].is_string(), "{answer}"),
        }
    }
}
