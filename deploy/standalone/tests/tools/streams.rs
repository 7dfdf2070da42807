//! Answers that are event streams: what comes before the answer, and streams that end too early.

use serde_json::{Value, json};

use crate::common::stub::{Stub, events, plain};
use crate::{discovered, said, tools};

fn event(message: &Value) -> String {
    format!("event: message\ndata: {message}\n\n")
}

#[test]
fn an_answer_may_come_as_a_stream() {
    let stub = Stub::start(|asked| match asked.method() {
        "server/discover" => discovered(asked),
        _ => {
            let progress = json!({ "progressToken": 1, "progress": 1 });
            let news = json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": progress });
            let answer = json!({ "jsonrpc": "2.0", "id": asked.body["id"], "result": said("at last") });
            events(&format!(": keep-alive\r\n\r\n{}{}", event(&news), event(&answer)))
        }
    });
    let called = tools(&stub.url(), &["call", "slow", "-o", "table"]);
    assert_eq!((called.code, called.out.as_str(), called.err.as_str()), (0, "at last\n", ""));
}

#[test]
fn a_modern_stream_that_ends_too_early_is_the_end() {
    let stub = Stub::start(|asked| match asked.method() {
        "server/discover" => discovered(asked),
        _ => events("id: 1\ndata:\n\n"),
    });
    tools(&stub.url(), &["call", "slow"]).check_refused(3, "before the answer");
    assert_eq!(stub.methods(), ["server/discover", "tools/call"], "and is not called twice");
    let stub = Stub::start(
        |asked| if asked.method() == "server/discover" { discovered(asked) } else { events("data: {\n\n") },
    );
    tools(&stub.url(), &["call", "slow"]).check_refused(1, "not MCP");
}

/// Goal: a session's stream is taken up where it ended, and the server's own requests are answered. Method: a stream
/// of 2025-11-25 that pings, asks a question and drops; the rest comes by GET.
#[test]
fn a_session_stream_is_taken_up() {
    let stub = Stub::start(|asked| match (asked.verb.as_str(), asked.method()) {
        ("POST", "server/discover") => plain(405, "", ""),
        ("POST", "initialize") => {
            let answer =
                json!({ "jsonrpc": "2.0", "id": asked.body["id"], "result": { "protocolVersion": "2025-11-25" } });
            let stream = events(&event(&answer));
            stream.replacen("\r\n", "\r\nMcp-Session-Id: s-2\r\n", 1)
        }
        ("POST", "tools/call") => {
            let ping = json!({ "jsonrpc": "2.0", "id": "p", "method": "ping" });
            let question = json!({ "jsonrpc": "2.0", "id": 5, "method": "sampling/createMessage", "params": {} });
            events(&format!("id: e-1\nretry: 1\ndata:\n\n{}id: e-2\n{}", event(&ping), event(&question)))
        }
        ("GET", _) if asked.header("last-event-id") == Some("e-2") => {
            events(&event(&json!({ "jsonrpc": "2.0", "id": 3, "result": said("resumed") })))
        }
        _ => plain(202, "", ""),
    });
    assert_eq!(tools(&stub.url(), &["call", "slow"]).json(), said("resumed"));
    let asked = stub.asked();
    let replies: Vec<&Value> = asked.iter().map(|asked| &asked.body).filter(|body| body["method"].is_null()).collect();
    assert_eq!(replies[0], &json!({ "jsonrpc": "2.0", "id": "p", "result": {} }));
    assert_eq!(replies[1]["error"]["code"], -32601);
    assert_eq!(replies[1]["id"], 5);
    assert!(asked[2..].iter().all(|asked| asked.header("mcp-session-id") == Some("s-2")), "{asked:?}");
}
