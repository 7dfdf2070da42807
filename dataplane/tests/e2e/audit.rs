//! Calls and refusals in the audit log.
//!
//! Goal: each call of a tool and each refusal to somebody is recorded once, on disk before its answer where that is asked
//! for, with who, what, decision and rule; without a place for records, calls that change something are not made.
//! Method: a folder of its own, requests over sockets, and the verifier of the core over what was written.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ringway_dataplane::audit_log::Verifier;
use ringway_dataplane::authorize::{self, RuleSpec, Rules};
use ringway_dataplane::identify::access::{Access, Credentials};
use ringway_dataplane::identify::api_key::Pepper;
use ringway_dataplane::identify::key_ring::{KeyFile, KeyRing, api_keys};
use ringway_dataplane::{AuditLog, AuditOptions, Effect, Fsync, OnFailure};
use serde_json::{Value, json};

use crate::common::checker::MODERN;
use crate::common::fixture::{Fixture, until};
use crate::common::peer::{META_CAPABILITIES, META_VERSION};
use crate::common::talker::{HANDSHAKE, frame, next_frame};
use crate::common::tools::Beat;
use crate::common::wire::{Response, Wire, request};

const KEY: &str = "caller-0123456789-abcdefgh";

/// A folder that goes with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ringway-audit-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Folder(path)
    }

    /// Every record, verified as one chain.
    fn records(&self) -> Vec<Value> {
        let mut verifier = Verifier::new(None);
        let mut records = Vec::new();
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.0)
            .expect("a folder")
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_log(path))
            .collect();
        files.sort();
        for file in files {
            let bytes = std::fs::read(&file).expect("a file");
            verifier.begin_file(&file.display().to_string()).expect("an unbroken chain");
            verifier.handle_bytes(&bytes).expect("an unbroken chain");
            let text = String::from_utf8(bytes).expect("UTF-8");
            records.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")));
        }
        verifier.finish().expect("an unbroken chain");
        records.retain(|record| matches!(record["kind"].as_str(), Some("tool_call" | "security")));
        records
    }
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log" || extension == "jsonl")
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn fixture(folder: &Folder) -> (Fixture, AuditLog) {
    let options = AuditOptions { folder: folder.0.clone(), fsync: Fsync::Always, ..AuditOptions::default() };
    let audit = AuditLog::open(options).expect("a folder that can be written");
    let keys = api_keys(&json!({ KEY: { "name": "caller", "roles": ["reader"] } }).to_string()).expect("a key");
    let keys = KeyRing::new(KeyFile::new(Pepper::new([7; 32])), keys).expect("one key");
    let rule: RuleSpec =
        serde_json::from_value(json!({ "name": "no-hold", "effect": "deny", "roles": ["reader"], "tools": ["hold"] }))
            .expect("a rule");
    let access = Access {
        credentials: Some(Credentials { keys: Some(keys), ..Credentials::default() }),
        rules: Rules::compile(vec![rule], authorize::Effect::Allow).expect("a good rule"),
        ..Access::open()
    };
    let log = audit.clone();
    let fixture = Fixture::with(|options| {
        options.access = Arc::new(access);
        options.audit = Some(log);
    });
    (fixture, audit)
}

fn call(address: SocketAddr, key: &str, tool: &str) -> Response {
    let mut params = json!({ "name": tool, "arguments": { "text": "private" } });
    params["_meta"] = json!({ META_VERSION: MODERN, META_CAPABILITIES: {} });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let fields = [
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", MODERN),
        ("Mcp-Method", "tools/call"),
        ("Mcp-Name", tool),
        ("X-API-Key", key),
        ("X-Request-Id", "audited-1"),
    ];
    let mut wire = Wire::connect(address);
    wire.send(request("POST", "/mcp", &fields, body.as_bytes()));
    wire.response()
}

#[test]
fn what_is_answered_is_on_disk() {
    let folder = Folder::new("answered");
    let (fixture, _audit) = fixture(&folder);
    let address = fixture.address;
    assert_eq!(call(address, KEY, "echo").head.status, 200);
    let records = folder.records();
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record["kind"], "tool_call");
    assert_eq!(record["principal"], "caller");
    assert_eq!(record["tool"], "echo");
    assert_eq!(record["decision"], "allowed");
    assert_eq!(record["request_id"], "audited-1");
    assert_eq!(record["status"], 200);
    assert_eq!(record["arguments_hmac"].as_str().map(str::len), Some(64), "a digest: {record}");
    assert!(!record.to_string().contains("private"), "no argument: {record}");
}

#[test]
fn what_is_denied_or_refused_is_recorded_with_its_reason() {
    let folder = Folder::new("denied");
    let (fixture, _audit) = fixture(&folder);
    let address = fixture.address;
    assert_eq!(call(address, KEY, "hold").json()["error"]["code"], -32602);
    assert_eq!(call(address, "nobody-0123456789-abcdefgh", "echo").head.status, 401);
    let records = folder.records();
    let [denied, refused] = &records[..] else { panic!("{records:?}") };
    assert_eq!(
        (&denied["decision"], &denied["tool"], &denied["rule"]),
        (&json!("denied"), &json!("hold"), &json!("no-hold"))
    );
    assert_eq!((&refused["kind"], &refused["decision"]), (&json!("security"), &json!("denied")));
    assert_eq!((&refused["stage"], &refused["rule"]), (&json!("identify"), &json!("key_unknown")));
    assert!(!refused.to_string().contains("nobody-0123"), "no credential: {refused}");
}

/// Goal: no call hides in a batch. Method: batches without a session and of one, over connections of both shards.
#[test]
fn each_call_of_a_batch_is_recorded() {
    let folder = Folder::new("batch");
    let (fixture, _audit) = fixture(&folder);
    let call = |id: u32, tool: &str| {
        let params = json!({ "name": tool, "arguments": { "text": "private" } });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let post = |session: Option<&str>, body: &Value| {
        let mut fields = vec![
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("X-API-Key", KEY),
        ];
        fields.extend(session.map(|session| ("Mcp-Session-Id", session)));
        let mut wire = Wire::connect(fixture.address);
        wire.send(request("POST", "/mcp", &fields, body.to_string().as_bytes()));
        wire.response()
    };
    let client = json!({ "name": "t", "version": "1" });
    let params = json!({ "protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": client });
    let begun = post(None, &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }));
    let session = begun.head.field("mcp-session-id").expect("a session").to_owned();
    let batch =
        json!([call(1, "echo"), call(2, "hold"), { "jsonrpc": "2.0", "id": 3, "method": "ping" }, call(4, "fail")]);
    // Eight connections reach both shards, all but surely.
    for session in [None].into_iter().chain([Some(&*session); 8]) {
        let before = folder.records().len();
        let answers = post(session, &batch).json();
        assert_eq!(answers.as_array().map(Vec::len), Some(4), "{answers}");
        let records = folder.records().split_off(before);
        let said: Vec<_> =
            records.iter().map(|record| ["tool", "decision", "rule", "principal"].map(|name| &record[name])).collect();
        assert_eq!(said.len(), 3, "{records:?}");
        assert_eq!(said[0][..2], [&json!("echo"), &json!("allowed")], "{records:?}");
        assert_eq!(said[1], [&json!("hold"), &json!("denied"), &json!("no-hold"), &json!("caller")], "{records:?}");
        assert_eq!((&records[0]["outcome"], said[0][3]), (&json!("good"), &json!("caller")));
    }
}

#[test]
fn many_answers_wait_for_few_writes_and_none_is_lost() {
    const CLIENTS: usize = 16;
    const CALLS: usize = 25;
    let folder = Folder::new("many");
    let (fixture, audit) = fixture(&folder);
    let address = fixture.address;
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(move || (0..CALLS).for_each(|_| assert_eq!(call(address, KEY, "echo").head.status, 200)));
        }
    });
    assert_eq!(folder.records().len(), CLIENTS * CALLS);
    let counts = audit.counts();
    assert_eq!((counts.lost, counts.refused, counts.failures), (0, 0, 0));
}

#[test]
fn a_call_begins_only_where_its_record_and_those_of_others_have_a_place() {
    let folder = Folder::new("room");
    let open = |on_failure, name: &str| {
        let folder = folder.0.join(name);
        AuditLog::open(AuditOptions { folder, queue_records: 2, on_failure, ..AuditOptions::default() })
            .expect("a folder")
    };
    let audit = open(OnFailure::RefuseWrites, "strict");
    let handle = audit.handle(|| ());
    assert!(handle.may_begin(Effect::Write, 0) && handle.may_begin(Effect::Write, 1));
    assert!(!handle.may_begin(Effect::Write, 2), "two are under way, and there are two places");
    assert!(handle.may_begin(Effect::Read, 2), "what changes nothing is served without");
    assert_eq!(audit.counts().refused, 1);
    let lenient = open(OnFailure::Serve, "lenient");
    assert!(lenient.handle(|| ()).may_begin(Effect::Write, 2));
}

/// A call of `hold` that has begun and said something, on a stream or a WebSocket.
fn begin_hold(fixture: &Fixture, is_stream: bool) -> Wire {
    let mut params = json!({ "name": "hold", "arguments": { "before": 1 } });
    params["_meta"] = json!({ META_VERSION: MODERN, META_CAPABILITIES: {}, "progressToken": 5 });
    let body = json!({ "jsonrpc": "2.0", "id": "mine", "method": "tools/call", "params": params }).to_string();
    let mut wire = Wire::connect(fixture.address);
    if is_stream {
        let fields = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json, text/event-stream"),
            ("MCP-Protocol-Version", MODERN),
            ("Mcp-Method", "tools/call"),
            ("Mcp-Name", "hold"),
            ("X-API-Key", KEY),
        ];
        wire.send(request("POST", "/mcp", &fields, body.as_bytes()));
        assert!(wire.head().is_stream());
    } else {
        wire.send(request("GET", "/ws", &[&HANDSHAKE[..], &[("X-API-Key", KEY)]].concat(), b""));
        assert_eq!(wire.head().status, 101);
        wire.send(frame(0x81, body.as_bytes()));
    }
    wire
}

fn next_message(wire: &mut Wire, is_stream: bool) -> Value {
    let text = match is_stream {
        true => wire.event().expect("an event").data.into_bytes(),
        false => next_frame(wire).expect("a frame").1,
    };
    serde_json::from_slice(&text).expect("JSON")
}

#[test]
fn an_answer_on_a_stream_waits_for_its_record_and_what_comes_before_it_does_not() {
    for is_stream in [true, false] {
        let folder = Folder::new(if is_stream { "stream" } else { "websocket" });
        let (fixture, _audit) = fixture_talking(&folder);
        let mut wire = begin_hold(&fixture, is_stream);
        assert_eq!(next_message(&mut wire, is_stream)["method"], "notifications/progress");
        fixture.stage.expect(Beat::Entered);
        assert!(folder.records().is_empty(), "it has not ended");
        fixture.stage.release();
        assert!(next_message(&mut wire, is_stream)["result"].is_object());
        // Before the end of the stream is read.
        let records = folder.records();
        let [record] = &records[..] else { panic!("{records:?}") };
        assert_eq!((&record["tool"], &record["outcome"]), (&json!("hold"), &json!("good")));
    }
}

#[test]
fn an_answer_on_a_stream_whose_record_cannot_be_written_is_none() {
    for is_stream in [true, false] {
        let folder = Folder::new(if is_stream { "stream-lost" } else { "websocket-lost" });
        let (fixture, _audit) = fixture_talking(&folder);
        let mut wire = begin_hold(&fixture, is_stream);
        assert_eq!(next_message(&mut wire, is_stream)["method"], "notifications/progress");
        fixture.stage.expect(Beat::Entered);
        // A log whose folder is gone cannot be gone on with.
        std::fs::remove_dir_all(&folder.0).expect("a folder");
        fixture.stage.release();
        let answer = next_message(&mut wire, is_stream);
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("mine"), &json!(-32603)), "{answer}");
        assert!(answer["error"]["message"].as_str().is_some_and(|text| text.contains("audit log")), "{answer}");
    }
}

#[test]
fn a_call_that_is_cut_off_with_its_credential_is_recorded_as_that() {
    for is_stream in [true, false] {
        let folder = Folder::new(if is_stream { "stream-cut" } else { "websocket-cut" });
        let (fixture, audit) = fixture_talking(&folder);
        let mut wire = begin_hold(&fixture, is_stream);
        next_message(&mut wire, is_stream);
        fixture.stage.expect(Beat::Entered);
        let policy = ringway_dataplane::Policy::clone(&fixture.handle().policy().expect("the server runs"));
        let nobody = Access { credentials: Some(Credentials::default()), ..Access::open() };
        fixture.handle().apply(policy, Arc::new(nobody));
        fixture.stage.expect(Beat::Dropped);
        let record = || folder.records().into_iter().find(|record| record["kind"] == "tool_call");
        until("it is recorded", || audit.flush() && record().is_some());
        let record = record().expect("a record");
        assert_eq!((&record["outcome"], &record["principal"]), (&json!("credential_revoked"), &json!("caller")));
        assert_eq!(record["decision"], "allowed", "it was");
    }
}

fn fixture_talking(folder: &Folder) -> (Fixture, AuditLog) {
    let options = AuditOptions { folder: folder.0.clone(), fsync: Fsync::Always, ..AuditOptions::default() };
    let audit = AuditLog::open(options).expect("a folder that can be written");
    let keys = api_keys(&json!({ KEY: { "name": "caller" } }).to_string()).expect("a key");
    let keys = KeyRing::new(KeyFile::new(Pepper::new([7; 32])), keys).expect("one key");
    let log = audit.clone();
    let fixture = Fixture::with(|options| {
        let credentials = Some(Credentials { keys: Some(keys), ..Credentials::default() });
        options.access = Arc::new(Access { credentials, ..Access::open() });
        options.audit = Some(log);
    });
    (fixture, audit)
}
