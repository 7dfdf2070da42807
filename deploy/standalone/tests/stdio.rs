//! `ringway stdio`: one JSON message a line, in both eras.
//!
//! Goal: every request gets its one answer and standard output nothing else, up to the end of input and no further.
//! Method: the binary as a child, line by line, each message held to its revision's schema.
#![forbid(unsafe_code)]

mod common;

use common::Ringway;
use common::checker::{Checker, MODERN};
use serde_json::{Value, json};

struct Client {
    ringway: Ringway,
    checker: Checker,
}

impl Client {
    fn start(revision: &str) -> Client {
        Client { ringway: Ringway::start(&["stdio"]), checker: Checker::new(revision) }
    }

    fn send(&mut self, message: &Value) {
        self.checker.sent(message);
        self.ringway.write(format!("{message}\n"));
    }

    /// The next message, with the HTTP status it would have had: here nothing is refused but lines.
    #[track_caller]
    fn next(&mut self) -> Option<Value> {
        let line = self.ringway.line()?;
        let message: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("only messages: {error} in {line:?}"));
        let is_unread = message.get("error").is_some() && message.get("id").is_none();
        self.checker.received(&message, if is_unread { 400 } else { 200 });
        Some(message)
    }

    #[track_caller]
    fn answer(&mut self) -> Value {
        self.next().expect("an answer")
    }

    #[track_caller]
    fn call(&mut self, id: Value, method: &str, params: Value) -> Value {
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        if self.checker.revision == MODERN {
            message["params"]["_meta"] = envelope();
        }
        self.send(&message);
        let answer = self.answer();
        assert_eq!(answer["id"], id);
        answer
    }

    #[track_caller]
    fn initialize(&mut self, revision: &str) {
        self.checker.revision = revision.to_owned();
        let info = json!({ "name": "test", "version": "1" });
        let params = json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": info });
        let answer = self.call(json!("init"), "initialize", params);
        assert_eq!(answer["result"]["protocolVersion"], revision);
        self.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    }

    #[track_caller]
    fn end(mut self) {
        self.ringway.end_input();
        assert_eq!(self.next(), None, "nothing more is said");
        assert_eq!(self.ringway.end().code(), Some(0));
        assert_eq!(self.ringway.errors(), [] as [String; 0]);
    }
}

fn envelope() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

fn echo(text: &str) -> Value {
    json!({ "name": "echo", "arguments": { "text": text } })
}

#[test]
fn both_eras_are_served_by_one_process() {
    let mut client = Client::start(MODERN);
    let found = client.call(json!("d"), "server/discover", json!({}));
    assert_eq!(found["result"]["supportedVersions"], json!([MODERN]));
    let said = client.call(json!(1), "tools/call", echo("one"));
    assert_eq!(said["result"]["content"][0]["text"], "one");
    // Clients do probe the modern era and then begin a legacy session all the same.
    for revision in ["2025-11-25", "2024-11-05"] {
        client.initialize(revision);
        assert_eq!(client.call(json!(2), "ping", json!({}))["result"], json!({}));
        let said = client.call(json!(2), "tools/call", echo("é\n\"two\""));
        assert_eq!(said["result"]["content"][0]["text"], "é\n\"two\"");
    }
    client.checker.revision = MODERN.to_owned();
    let listed = client.call(json!(-3), "tools/list", json!({}));
    assert_eq!(listed["result"]["tools"][0]["name"], "echo");
    let gone = client.call(json!(4), "ping", json!({}));
    assert_eq!(gone["error"]["code"], -32601);
    client.end();
}

#[test]
fn what_is_unknown_or_unreadable_is_answered_and_survived() {
    let mut client = Client::start("2025-11-25");
    for method in ["nonsense", "server/discover", "resources/list"] {
        let answer = client.call(json!(1), method, json!({}));
        assert_eq!(answer["error"]["code"], -32601, "{method}, before initialize");
    }
    let bad: [(&str, i64); 5] = [
        ("{", -32700),
        ("nonsense", -32700),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32700),
        ("7", -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
    ];
    for (line, code) in bad {
        // Empty lines and carriage returns are nobody's message.
        client.ringway.write(format!("\n\r\n{line}\r\n"));
        let answer = client.answer();
        assert_eq!(answer["error"]["code"], code, "{line}");
    }
    client.ringway.write([0xff, b'\n']);
    assert_eq!(client.answer()["error"]["code"], -32700);
    client.initialize("2025-11-25");
    assert_eq!(client.call(json!(1), "ping", json!({}))["result"], json!({}));
    client.end();
}

#[test]
fn only_2025_03_26_has_batches() {
    for (revision, has_batches) in [("2025-03-26", true), ("2025-06-18", false)] {
        let mut client = Client::start(revision);
        client.initialize(revision);
        let batch = json!([
            { "jsonrpc": "2.0", "id": 1, "method": "ping" },
            { "jsonrpc": "2.0", "method": "notifications/initialized" },
            { "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": echo("x") },
        ]);
        client.send(&batch);
        let answer = client.answer();
        if has_batches {
            assert_eq!(answer[0]["id"], 1);
            assert_eq!(answer[1]["result"]["content"][0]["text"], "x");
        } else {
            assert_eq!(answer["error"]["code"], -32600);
        }
        client.end();
    }
}

#[test]
fn a_line_may_be_long_and_not_too_long() {
    let mut client = Client::start(MODERN);
    let long = "é".repeat(1_000_000);
    let said = client.call(json!(1), "tools/call", echo(&long));
    assert!(said["result"]["content"][0]["text"] == long);
    client.ringway.write("x".repeat(5 << 20));
    client.ringway.write("\n");
    assert_eq!(client.answer()["error"]["code"], -32700);
    let said = client.call(json!(2), "tools/call", echo("short"));
    assert_eq!(said["result"]["content"][0]["text"], "short");
    client.end();
}

#[test]
fn the_end_of_input_waits_for_answers_that_are_due() {
    let mut client = Client::start(MODERN);
    let request = |id: u64, method: &str, mut params: Value| {
        params["_meta"] = envelope();
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    };
    let lists = json!({ "notifications": { "toolsListChanged": true } });
    for id in [7, 8] {
        client.send(&request(id, "subscriptions/listen", lists.clone()));
        let method = client.answer()["method"].clone();
        assert_eq!(method, "notifications/subscriptions/acknowledged");
    }
    let cancelled = json!({ "requestId": 8 });
    client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled }));
    let usage = json!({ "name": "get_resource_usage", "arguments": {} });
    for id in 1..=5 {
        client.send(&request(id, "tools/call", usage.clone()));
    }
    client.ringway.end_input();
    let mut answered = Vec::new();
    while let Some(message) = client.next() {
        answered.push(message["id"].as_u64().expect("an answer"));
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3, 4, 5, 7], "each once, the cancelled one never");
    assert_eq!(client.ringway.end().code(), Some(0));
}

#[test]
fn the_built_in_tools_work_without_a_network() {
    let mut client = Client::start(MODERN);
    let mut id = 0;
    let mut tool = |client: &mut Client, name: &str, arguments: Value| {
        id += 1;
        let answer = client.call(json!(id), "tools/call", json!({ "name": name, "arguments": arguments }));
        assert_eq!(answer["result"].get("isError"), None, "{name}: {answer}");
        answer["result"]["structuredContent"].clone()
    };
    for value in [3, 1, 2] {
        tool(&mut client, "record_metric", json!({ "component": "c", "metric": "m", "value": value }));
    }
    let read = tool(&mut client, "get_performance_metrics", json!({}));
    let row = &read["components"][0]["metrics"][0];
    assert_eq!((&row["count"], &row["sum"], &row["p50"]), (&json!(3), &json!(6.0), &json!(2.0)));
    let metrics = tool(&mut client, "get_metrics", json!({}));
    let recorded = metrics["tools"].as_array().expect("a list").iter().find(|row| row["tool"] == "record_metric");
    assert_eq!(recorded.expect("it was called")["calls"], 3);
    assert_eq!(tool(&mut client, "get_server_metrics", json!({}))["requests"], 5);
    assert_eq!(tool(&mut client, "get_available_tools", json!({ "filter": "health" }))["total"], 1);
    let health = tool(&mut client, "health_check", json!({ "name": "shards" }));
    assert_eq!(health["status"], "healthy", "{health}");
    // Without a listener the shard says all the same that it turns.
    loop {
        let metrics = tool(&mut client, "get_server_metrics", json!({}));
        let seconds = |value: &Value| value.as_f64().expect("a number");
        let (uptime, age) =
            (seconds(&metrics["uptime_seconds"]), seconds(&metrics["shards"][0]["heartbeat_age_seconds"]));
        if age + 0.1 < uptime {
            break;
        }
        assert!(uptime < 10.0, "no beat within 10 s: {metrics}");
    }
    client.end();
}
