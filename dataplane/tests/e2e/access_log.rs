//! The access log.
//!
//! Goal: each answered request is one line that says what it was and nothing a caller wants kept secret, errors are
//! always there, files may be moved away. Method: a log in a file of its own, read back after the writer was flushed.

use std::path::PathBuf;

use ringway_dataplane::{LogFormat, LogOptions, LogOutput, LogWriter, Options};
use serde_json::{Value, json};

use crate::common::fixture::{Fixture, until};
use crate::common::peer::Peer;
use crate::common::tools::Beat;
use crate::common::wire::{Wire, request};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PING: &[u8] = br#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;

pub struct Log {
    path: PathBuf,
    writer: LogWriter,
}

impl Log {
    pub fn new(name: &str) -> Log {
        let path = std::env::temp_dir().join(format!("ringway-access-{name}-{}.log", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let access = LogOutput::File(path.clone());
        let options = LogOptions { access, access_format: LogFormat::Json, ..LogOptions::default() };
        Log { path, writer: LogWriter::start(&options).expect("the file can be written") }
    }

    pub fn set_in(&self) -> impl FnOnce(&mut Options) {
        let writer = self.writer.clone();
        move |options| options.log = Some(writer)
    }

    fn text(&self) -> String {
        self.writer.flush();
        std::fs::read_to_string(&self.path).expect("the log is text")
    }

    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.writer.end();
        let _ = std::fs::remove_file(&self.path);
    }
}

#[test]
fn a_line_says_what_was_asked_and_keeps_secrets() {
    let log = Log::new("line");
    let fixture = Fixture::with(log.set_in());
    let mut peer = Peer::modern(fixture.address);
    let call = peer.message("tools/call", json!({ "name": "echo", "arguments": { "text": "a-secret-argument" } }));
    let secrets = [("X-Request-Id", "r-1"), ("Authorization", "Bearer a-secret-token"), ("Cookie", "a-secret-cookie")];
    let own = peer.fields(&call);
    let mut fields: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.extend(secrets);
    peer.send_with(&fields, &call);
    peer.answer();
    let text = log.text();
    assert!(!text.contains("secret"), "{text}");
    let line = &log.lines()[0];
    for (name, want) in [
        ("level", json!("INFO")),
        ("request_id", json!("r-1")),
        ("principal", json!("anonymous")),
        ("method", json!("tools/call")),
        ("tool", json!("echo")),
        ("era", json!("modern")),
        ("status", json!(200)),
        ("code", Value::Null),
    ] {
        assert_eq!(line[name], want, "{name} in {line}");
    }
    assert!(line["client"].as_str().is_some_and(|client| client.starts_with("127.0.0.1:")), "{line}");
    assert!(line["bytes"].as_u64() > Some(200) && line["duration_ms"].as_f64() > Some(0.0), "{line}");
}

#[test]
fn errors_are_written_when_good_requests_are_left_out() {
    let log = Log::new("sampled");
    let fixture = Fixture::with(|options| {
        log.set_in()(options);
        options.policy.access_log.per_second_max = 0;
    });
    let mut peer = Peer::modern(fixture.address);
    for _ in 0..5 {
        peer.tool("echo", json!({ "text": "x" }));
    }
    peer.call("tools/call", json!({ "name": "nothing", "arguments": {} }));
    peer.tool("echo", json!({ "text": 1 }));
    peer.call("tools/call", json!({ "name": "panic_at_once", "arguments": {} }));
    peer.wire.send("nonsense\r\n\r\n");
    assert_eq!(peer.wire.response().head.status, 400);
    let told: Vec<(Value, Value, Value)> = log
        .lines()
        .into_iter()
        .map(|line| (line["code"].clone(), line["status"].clone(), line["left_out"].clone()))
        .collect();
    let want = [
        (json!(-32602), json!(200), json!(5)),
        (json!("bad_arguments"), json!(200), Value::Null),
        (json!(-32603), json!(200), Value::Null),
        (json!(-32600), json!(400), Value::Null),
    ];
    assert_eq!(told, want);
}

/// Goal: a call that nobody waited for is no success, wherever it was made. Method: three clients leave or cancel while
/// their tool waits.
#[test]
fn a_call_that_was_left_is_told_as_such() {
    let log = Log::new("left");
    let fixture = Fixture::with(log.set_in());
    let mut rest = Wire::connect(fixture.address);
    rest.send(request("POST", "/tools/hold", &[JSON], b"{}"));
    fixture.stage.expect(Beat::Entered);
    drop(rest);
    fixture.stage.expect(Beat::Dropped);
    let mut modern = Peer::modern(fixture.address);
    modern.send(&modern.message("tools/call", json!({ "name": "hold", "arguments": {} })));
    fixture.stage.expect(Beat::Entered);
    drop(modern);
    fixture.stage.expect(Beat::Dropped);
    let mut session = Peer::legacy(fixture.address, "2025-06-18");
    let call = session.message("tools/call", json!({ "name": "hold", "arguments": {} }));
    session.send(&call);
    fixture.stage.expect(Beat::Entered);
    session.sibling().notify("notifications/cancelled", json!({ "requestId": call["id"] }));
    fixture.stage.expect(Beat::Dropped);
    let of_hold = || log.lines().into_iter().filter(|line| line["tool"] == "hold").collect::<Vec<_>>();
    until("all three are written", || of_hold().len() == 3);
    assert!(of_hold().iter().all(|line| line["code"] == "cancelled" && line["level"] == "WARN"), "{:?}", of_hold());
    let sample = "mcp_server_operation_duration_seconds_count{mcp_method_name=\"tools/call\",gen_ai_tool_name=\"hold\"";
    assert_eq!(fixture.metric(&format!("{sample},error_type=\"cancelled\"}}")), 3.0);
    assert!(!fixture.get("/metrics").text().contains(&format!("{sample}}}")));
}

/// A call whose session lives on another shard is written by the shard that took it, and says which tool it was.
#[test]
fn what_another_shard_did_is_told() {
    let log = Log::new("home");
    let fixture = Fixture::with(log.set_in());
    for session in fixture.sessions("2025-11-25", json!({})) {
        for wire in fixture.wires() {
            session.sibling_over(wire).tool("echo", json!({ "text": "x" }));
        }
    }
    let calls: Vec<Value> = log.lines().into_iter().filter(|line| line["tool"] == "echo").collect();
    assert_eq!(calls.len(), 4, "{calls:?}");
    assert!(calls.iter().all(|line| line["method"] == "tools/call" && line["era"] == "legacy"), "{calls:?}");
    let of_shard = |shard: u64| calls.iter().filter(|line| line["shard"] == shard).count();
    assert_eq!((of_shard(0), of_shard(1)), (2, 2));
}

#[test]
fn health_checks_are_not_written_and_a_moved_file_is_opened_again() {
    let log = Log::new("moved");
    let fixture = Fixture::with(log.set_in());
    let mut wire = Wire::connect(fixture.address);
    wire.send(request("GET", "/readyz", &[], b""));
    assert_eq!(wire.response().head.status, 200);
    wire.send(request("POST", "/mcp", &[JSON], PING));
    wire.response();
    assert_eq!(log.lines().len(), 1);
    let moved = log.path.with_extension("log.1");
    std::fs::rename(&log.path, &moved).expect("same folder");
    until("a line lands in a new file", || {
        wire.send(request("POST", "/mcp", &[JSON], PING));
        wire.response();
        log.writer.flush();
        log.path.exists()
    });
    assert!(log.lines().iter().all(|line| line["method"] == "ping"));
    std::fs::remove_file(&moved).expect("it is there");
}
