//! The REST face and the OpenAPI document, as clients see them.
//!
//! Goal: a call by plain HTTP goes the way of an MCP call, with the same bounds, and every end of it has its status.
//! Method: requests written by hand; the tools' beats tell when a call has begun and how it ended.

use std::time::Duration;

use ringway_dataplane::{Policy, ToolDefinition, ToolError, tool_fn};
use serde_json::{Value, json};

use crate::common::fixture::{Fixture, until};
use crate::common::tools::Beat;
use crate::common::wire::{Response, Wire, request};

type Fields<'a> = &'a [(&'a str, &'a str)];

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[track_caller]
fn get(wire: &mut Wire, target: &str) -> Response {
    wire.send(request("GET", target, &[], b""));
    wire.response()
}

#[track_caller]
fn post(wire: &mut Wire, target: &str, body: &str) -> Response {
    wire.send(request("POST", target, &[JSON], body.as_bytes()));
    wire.response()
}

fn names(listed: &Value) -> Vec<&str> {
    let tools = listed["tools"].as_array().expect("tools");
    tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect()
}

#[test]
fn tools_are_listed_and_shown() {
    let fixture = Fixture::start();
    let mut wire = Wire::connect(fixture.address);
    let listed = get(&mut wire, "/tools").json();
    assert!(names(&listed).len() > 10 && names(&listed)[0] == "echo", "{listed}");
    assert_eq!(get(&mut wire, "/api/mcp/tools").json(), listed);
    for (tool, name) in listed["tools"].as_array().expect("tools").iter().zip(names(&listed)) {
        assert!(tool["description"].is_string() && tool["inputSchema"]["type"] == "object", "{tool}");
        assert_eq!(&get(&mut wire, &format!("/tools/{name}")).json(), tool);
    }
    assert_eq!(listed["tools"][0]["annotations"]["readOnlyHint"], true);
    let missing = get(&mut wire, "/tools/ecko");
    assert_eq!(missing.head.status, 404);
    assert_eq!(missing.json()["error"]["message"], "Unknown tool: ecko (did you mean echo?)");
    let status = get(&mut wire, "/api/mcp/status").json();
    assert_eq!((&status["status"], &status["server"]["name"]), (&json!("healthy"), &json!("test")));
    assert_eq!(status["tools"], names(&listed).len());

    wire.send(request("HEAD", "/tools/echo", &[], b""));
    let head = wire.head();
    assert!(head.status == 200 && head.field("content-length") != Some("0"));
    // In step still; and what is for callers is not on the operators' listener.
    assert_eq!(get(&mut wire, "/tools/echo").head.status, 200);
    let mut operator = Wire::connect(fixture.admin);
    for path in ["/tools", "/tools/echo", "/openapi.json", "/api/mcp/status"] {
        assert_eq!(get(&mut operator, path).head.status, 404, "{path}");
    }
    assert_eq!(post(&mut operator, "/command", r#"{"command":"echo"}"#).head.status, 404);
}

#[test]
fn every_end_of_a_call_has_its_status() {
    let fixture = Fixture::start();
    let failing = ToolDefinition::new("fails", "For tests.");
    let failing = tool_fn(failing, |_, _| async { Err(ToolError::failed("no such disk")) });
    fixture.handle().add_tool(failing).expect("a good tool");
    let mut wire = Wire::connect(fixture.address);
    until("the tool is there", || get(&mut wire, "/tools/fails").head.status == 200);
    let deep = format!(r#"{{"text":{}1{}}}"#, "[".repeat(64), "]".repeat(64));
    let text = |text: &str| json!([{ "type": "text", "text": text }]);
    let done = |content: Value| json!({ "content": content, "isError": false });
    let numbers = json!({ "content": text("[1,2,3]"), "structuredContent": [1, 2, 3], "isError": false });
    let rows: [(&str, &str, u16, Value); 20] = [
        ("/tools/echo", r#"{"text":"a\u0062ć"}"#, 200, done(text("abć"))),
        ("/tools/%65ch%6f", r#"{"text":""}"#, 200, done(text(""))),
        ("/tools/list", "{}", 200, numbers.clone()),
        ("/tools/list", "", 200, numbers),
        ("/tools/talk", "{}", 200, done(text("said"))),
        ("/tools/fails", "{}", 200, json!({ "content": text("no such disk"), "isError": true })),
        ("/tools/regional", r#"{"region":"x"}"#, 200, done(text(r#"{"region":"x"}"#))),
        ("/tools/echo", "", 422, json!("missing required property `text`")),
        ("/tools/echo", r#"{"text":1}"#, 422, json!("`text`: expected a string, got 1")),
        ("/tools/echo", r#"{"text":"a","txt":"b"}"#, 422, json!("did you mean `text`?")),
        ("/tools/echo", "[]", 422, json!("expected an object, got an array")),
        ("/tools/echo", r#"{"text":"a","text":"b"}"#, 400, json!("the same key twice")),
        ("/tools/echo", &deep, 400, json!("nested more than 64 deep")),
        ("/tools/echo", r#"{"text":"#, 400, json!("not one JSON value")),
        ("/tools/%zz", "{}", 400, json!("percent-encoded")),
        ("/tools/a%2Fb", "{}", 404, json!("Unknown tool: a/b")),
        ("/tools/ask", r#"{"kind":"form"}"#, 409, json!("only MCP can carry")),
        ("/tools/only_task", "{}", 409, json!("only MCP can carry")),
        ("/tools/panic_at_once", "{}", 500, json!("the call panicked")),
        ("/tools/panic_later", "{}", 500, json!("the call panicked")),
    ];
    for (path, body, status, want) in rows {
        let response = post(&mut wire, path, body);
        assert_eq!(response.head.status, status, "{path} {body}: {}", response.text());
        assert_eq!(response.head.field("content-type"), Some("application/json"));
        let got = response.json();
        match want.as_str() {
            None => assert_eq!(got, want, "{path} {body}"),
            Some(part) => {
                assert!(
                    got["error"]["message"].as_str().is_some_and(|told| told.contains(part)),
                    "{path} {body}: {got}"
                );
                assert!(got["error"]["code"].is_i64(), "{got}");
            }
        }
    }
    let pieces = post(&mut wire, "/tools/every_content", "{}").json();
    assert_eq!(pieces["content"].as_array().map(Vec::len), Some(5), "{pieces}");
    let late = post(&mut wire, "/tools/brief", "{}");
    assert_eq!((late.head.status, &late.json()["error"]["code"]), (504, &json!(-32603)));
    fixture.stage.expect(Beat::Entered);
    fixture.stage.expect(Beat::Dropped);
}

#[test]
fn the_form_of_a_request_is_held_to() {
    let fixture = Fixture::start();
    let mut wire = Wire::connect(fixture.address);
    // `curl -X POST` says nothing of a body, and has none.
    wire.send("POST /tools/list HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(wire.response().head.status, 200);
    let rows: [(&str, &str, Fields<'_>, u16, Option<&str>); 8] = [
        ("POST", "/tools/echo", &[("Content-Type", "text/plain")], 415, None),
        ("POST", "/tools/echo", &[JSON, ("Content-Encoding", "gzip")], 415, None),
        ("POST", "/tools/echo", &[JSON, ("Origin", "https://evil.example.com")], 403, None),
        ("PUT", "/tools/echo", &[JSON], 405, Some("GET, HEAD, POST, OPTIONS")),
        ("QUERY", "/tools/echo", &[JSON], 405, Some("GET, HEAD, POST, OPTIONS")),
        ("POST", "/openapi.json", &[JSON], 405, Some("GET, HEAD, OPTIONS")),
        ("OPTIONS", "/tools/echo", &[], 204, Some("GET, HEAD, POST, OPTIONS")),
        ("OPTIONS", "/api/mcp/execute-tool", &[], 204, Some("POST, OPTIONS")),
    ];
    for (method, target, fields, status, allow) in rows {
        wire.send(request(method, target, fields, b"{}"));
        let response = wire.response();
        assert_eq!((response.head.status, response.head.field("allow")), (status, allow), "{method} {target}");
    }
}

#[test]
fn an_answer_that_comes_late_is_no_stream() {
    let fixture = Fixture::with(|options| {
        options.shards = Some(1);
        options.policy.limits.keep_alive_every = Duration::from_millis(1);
    });
    let (mut wire, mut other) = (Wire::connect(fixture.address), Wire::connect(fixture.address));
    for accept in ["text/event-stream", "application/json, text/event-stream", "image/png"] {
        let page = [JSON, ("Origin", "http://localhost:3000"), ("Accept", accept)];
        wire.send(request("POST", "/tools/hold", &page, b"{}"));
        fixture.stage.expect(Beat::Entered);
        // The shard serves others only once the call waits; a stream would say that it is alive meanwhile.
        for _ in 0..20 {
            assert_eq!(get(&mut other, "/tools/echo").head.status, 200);
        }
        fixture.stage.release();
        fixture.stage.expect(Beat::Finished);
        let response = wire.response();
        assert_eq!(response.head.field("content-type"), Some("application/json"), "{accept}");
        assert_eq!(response.head.field("access-control-allow-origin"), Some("http://localhost:3000"));
        assert_eq!(response.json()["content"][0]["text"], "held");
    }
}

#[test]
fn a_call_is_bounded_as_any_other() {
    let fixture = Fixture::with(|options| options.policy.limits.in_flight_max = 0);
    let mut wire = Wire::connect(fixture.address);
    let response = post(&mut wire, "/tools/echo", r#"{"text":"a"}"#);
    assert_eq!((response.head.status, response.head.field("retry-after")), (503, Some("1")));
    assert_eq!(response.json()["error"]["message"], "Too many requests in flight; try again soon");
    assert_eq!(get(&mut wire, "/tools/echo").head.status, 200, "what runs nothing is answered");
}

#[test]
fn a_call_ends_with_its_connection() {
    let fixture = Fixture::start();
    for path in ["/tools/hold", "/api/mcp/execute-tool", "/command"] {
        let body: &[u8] = if path == "/tools/hold" { b"{}" } else { br#"{"tool":"hold"}"# };
        let body = if path == "/command" { br#"{"command":"hold"}"# } else { body };
        let mut wire = Wire::connect(fixture.address);
        wire.send(request("POST", path, &[JSON], body));
        fixture.stage.expect(Beat::Entered);
        drop(wire);
        fixture.stage.expect(Beat::Dropped);
    }
}

#[test]
fn lists_are_live_on_every_shard() {
    let fixture = Fixture::start();
    let mut wires = fixture.wires();
    let tag = |response: &Response| response.head.field("etag").expect("a tag").to_owned();
    let before: Vec<[String; 2]> =
        wires.iter_mut().map(|wire| ["/tools", "/openapi.json"].map(|path| tag(&get(wire, path)))).collect();
    assert!(before.iter().all(|tags| *tags == before[0]), "the same text, the same tag: {before:?}");
    let late = || {
        let definition = ToolDefinition::new("late", "Comes late.").input(json!({
            "type": "object", "properties": { "next": { "$ref": "#" } }
        }));
        tool_fn(definition, |_, _| async { Err(ToolError::failed("late")) })
    };
    for is_there in [true, false] {
        match is_there {
            true => fixture.handle().add_tool(late()).expect("a good tool"),
            false => fixture.handle().remove_tool("late"),
        }
        for wire in &mut wires {
            until("the shard lists it, or does not", || {
                let listed = get(wire, "/tools").json();
                names(&listed).contains(&"late") == is_there
            });
            let document = get(wire, "/openapi.json").json();
            let operation = document["paths"].get("/tools/late");
            assert_eq!(operation.is_some(), is_there);
            if is_there {
                let next = &document["components"]["schemas"]["late.input"]["properties"]["next"];
                assert_eq!(next["$ref"], "#/components/schemas/late.input");
            }
            for (path, tag) in ["/tools", "/openapi.json"].into_iter().zip(&before[0]) {
                wire.send(request("GET", path, &[("If-None-Match", tag)], b""));
                let head = wire.head();
                assert_eq!(head.status, if is_there { 200 } else { 304 }, "{path}");
                if is_there {
                    wire.body(&head);
                }
            }
        }
    }
}

#[test]
fn a_face_can_be_switched_off() {
    let fixture = Fixture::start();
    let mut wire = Wire::connect(fixture.address);
    let statuses = |wire: &mut Wire| {
        let command = post(wire, "/command", r#"{"command":"echo","params":{"text":"a"}}"#).head.status;
        ["/tools", "/tools/echo", "/openapi.json", "/api/mcp/status"].map(|path| (get(wire, path).head.status, command))
    };
    assert_eq!(statuses(&mut wire), [(200, 200); 4]);
    for (rest, command) in [(false, true), (true, false)] {
        let mut policy = Policy::clone(&fixture.handle().policy().expect("the server runs"));
        (policy.faces.rest, policy.faces.command) = (rest, command);
        fixture.handle().apply_policy(policy);
        let status = |on: bool| if on { 200 } else { 404 };
        until("the shard obeys", || statuses(&mut wire) == [(status(rest), status(command)); 4]);
    }
}
