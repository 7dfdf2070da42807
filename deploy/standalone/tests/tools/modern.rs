//! Servers of 2026-07-28: headers that mirror the body, pages, marked parameters, rounds, and answers that are none.

use serde_json::{Value, json};

use crate::common::stub::{Asked, Stub, plain};
use crate::{discovered, said, tool, tools};

fn modern(answer: impl Fn(&Asked) -> String + Send + 'static) -> Stub {
    Stub::start(move |asked| if asked.method() == "server/discover" { discovered(asked) } else { answer(asked) })
}

#[test]
fn pages_are_turned_to_the_last() {
    let stub = modern(|asked| {
        let cursor = asked.body["params"].get("cursor").cloned();
        let (name, next) = match cursor.as_ref().map(|cursor| cursor.as_str().expect("text")) {
            None => ("one", Some("")),
            Some("") => ("two", Some("c 3")),
            Some("c 3") => ("three", None),
            Some(other) => panic!("no such cursor: {other}"),
        };
        let mut page = json!({ "resultType": "complete", "tools": [tool(name)], "ttlMs": 0, "cacheScope": "private" });
        if let Some(next) = next {
            page["nextCursor"] = json!(next);
        }
        asked.result(page)
    });
    let listed = tools(&stub.url(), &["list"]).json();
    let names: Vec<&Value> = listed.as_array().expect("a list").iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["one", "two", "three"]);
    let table = tools(&stub.url(), &["list", "-o", "table"]).out;
    assert_eq!(table, "NAME   DESCRIPTION\none    Does one.\ntwo    Does two.\nthree  Does three.\n");

    let stub = modern(|asked| asked.result(json!({ "tools": [], "nextCursor": "again" })));
    tools(&stub.url(), &["list"]).check_refused(1, "pages of tools");
}

#[test]
fn headers_say_what_the_body_says() {
    let stub = modern(|asked| asked.result(said("ok")));
    assert_eq!(tools(&stub.url(), &["call", "größe", r#"{"a":1.50}"#]).json(), said("ok"));
    let asked = stub.asked();
    let [discover, call] = &asked[..] else {
        panic!("{asked:?}");
    };
    for request in [discover, call] {
        assert_eq!(request.verb, "POST");
        assert_eq!(request.header("mcp-protocol-version"), Some("2026-07-28"));
        assert_eq!(request.header("mcp-method"), Some(request.method()));
        assert_eq!(request.header("accept"), Some("application/json, text/event-stream"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        let meta = &request.body["params"]["_meta"];
        assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
        assert_eq!(meta["io.modelcontextprotocol/clientCapabilities"], json!({}));
        assert_eq!(meta.get("progressToken"), None, "nobody watches");
    }
    assert_eq!(call.header("mcp-name"), Some("=?base64?Z3LDtsOfZQ==?="));
    assert_eq!(call.body["params"]["arguments"].to_string(), r#"{"a":1.50}"#);
}

#[test]
fn marked_parameters_are_mirrored_when_the_schema_is_known() {
    let region = json!({ "type": "string", "x-mcp-header": "Region" });
    let schema = json!({ "type": "object", "properties": { "region": region } });
    let unfit = json!({ "name": "unfit", "inputSchema": { "properties": { "a": { "items": region } } } });
    let tools_offered = json!([{ "name": "weather", "inputSchema": schema }, unfit]);
    let stub = modern(move |asked| match (asked.method(), asked.header("mcp-param-region")) {
        ("tools/list", _) => asked.result(json!({ "resultType": "complete", "tools": tools_offered })),
        (_, Some("eu")) => asked.result(said("sunny")),
        _ => asked.error(400, json!({ "code": -32020, "message": "Mcp-Param-Region is missing" })),
    });
    // Pairs need the schema first; an object is sent as it is, and once more when the server asks for its headers.
    for (given, methods) in [
        ("region=eu", &["server/discover", "tools/list", "tools/call"][..]),
        (r#"{"region":"eu"}"#, &["server/discover", "tools/call", "tools/list", "tools/call"]),
    ] {
        let before = stub.methods().len();
        assert_eq!(tools(&stub.url(), &["call", "weather", given]).json(), said("sunny"));
        assert_eq!(stub.methods()[before..], *methods, "{given}");
    }
    tools(&stub.url(), &["call", "weather", r#"{"region":"us"}"#]).check_refused(1, "-32020");
    let listed = tools(&stub.url(), &["list"]);
    assert!(listed.err.contains("`unfit` is left out"), "{listed:?}");
    assert_eq!(tools(&stub.url(), &["list", "--quiet"]).json().as_array().map(Vec::len), Some(1));
}

#[test]
fn rounds_without_questions_are_taken_and_questions_are_refused() {
    let asks =
        |requests: Value| json!({ "resultType": "input_required", "inputRequests": requests, "requestState": "s" });
    let stub = modern(move |asked| match asked.body["params"]["requestState"].as_str() {
        Some("s") => asked.result(said("done")),
        _ => asked.result(asks(json!({}))),
    });
    assert_eq!(tools(&stub.url(), &["call", "busy"]).json(), said("done"));
    let stub = modern(move |asked| asked.result(asks(json!({}))));
    tools(&stub.url(), &["call", "busy"]).check_refused(1, "more than 10 times");
    let stub = modern(move |asked| asked.result(asks(json!({ "a": { "method": "elicitation/create" } }))));
    tools(&stub.url(), &["call", "busy"]).check_refused(1, "elicitation/create");
    let stub = modern(|asked| asked.result(json!({ "resultType": "task", "taskId": "t" })));
    tools(&stub.url(), &["call", "busy"]).check_refused(1, "`task`");
}

#[test]
fn answers_that_are_none_are_refused() {
    let json_line = "Content-Type: application/json\r\n";
    let bodies = ["", "{", "7", "{}", r#"{"jsonrpc":"2.0","id":99,"result":{"tools":[]}}"#, "\u{fffd}"];
    for body in bodies {
        let stub = modern(move |_| plain(200, json_line, body));
        tools(&stub.url(), &["list"]).check_refused(1, "answers what is not MCP");
    }
    for result in [json!({}), json!({ "tools": 7 }), json!({ "tools": [{ "name": 7 }] }), json!(null)] {
        let stub = modern(move |asked| asked.result(result.clone()));
        tools(&stub.url(), &["list"]).check_refused(1, "answers what is not MCP");
    }
    let stub =
        modern(|_| "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Type: application/json\r\n\r\n{".to_owned());
    tools(&stub.url(), &["list"]).check_refused(3, "broke the connection");
    let stub = modern(|_| "SSH-2.0-OpenSSH_9.6\r\n".to_owned());
    tools(&stub.url(), &["list"]).check_refused(1, "does not speak HTTP");
    // What a server says cannot add lines, nor steer the terminal.
    let stub = modern(|asked| asked.error(200, json!({ "code": -32603, "message": "a\nb\u{1b}[2J" })));
    tools(&stub.url(), &["list"]).check_refused(1, "refuses tools/list: a b\u{fffd}[2J (-32603)");
}
