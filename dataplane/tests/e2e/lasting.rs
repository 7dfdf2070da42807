//! What lasts longer than a request, and the credential that it rests on.
//!
//! Goal: every kind of stream ends with its credential, revoked or expired, in words of its protocol, with the call that runs
//! behind it; what somebody else holds goes on. Method: one of each kind for two callers, on sessions of this shard and of
//! another; then one of the callers is none any more.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringway_dataplane::identify::access::{Access, Credentials};
use ringway_dataplane::identify::api_key::Pepper;
use ringway_dataplane::identify::key_ring::{KeyFile, KeyRing, api_keys};
use serde_json::{Value, json};

use crate::common::checker::MODERN;
use crate::common::fixture::Fixture;
use crate::common::peer::{META_CAPABILITIES, META_VERSION, home_of};
use crate::common::talker::{HANDSHAKE, frame, next_frame};
use crate::common::tools::Beat;
use crate::common::wire::{DEADLINE, Wire, request};

const GOING: &str = "going-0123456789-abcdefgh";
const STAYING: &str = "staying-9876543210-zyxwvuts";
const JSON: (&str, &str) = ("Content-Type", "application/json");
const ACCEPT: (&str, &str) = ("Accept", "application/json, text/event-stream");
/// The bar is a second; a busy machine may take a few.
const END_TIME_MAX: Duration = Duration::from_secs(5);

fn access(keys: &Value) -> Arc<Access> {
    let keys = KeyRing::new(KeyFile::new(Pepper::new([7; 32])), api_keys(&keys.to_string()).expect("good keys"));
    let credentials = Credentials { keys: Some(keys.expect("a ring")), ..Credentials::default() };
    Arc::new(Access { credentials: Some(credentials), ..Access::open() })
}

fn apply(fixture: &Fixture, keys: &Value) {
    let policy = ringway_dataplane::Policy::clone(&fixture.handle().policy().expect("the server runs"));
    fixture.handle().apply(policy, access(keys));
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// A call that has said nothing.
    Quiet,
    /// A call whose stream has begun.
    Call,
    Listen,
    /// The stream of a session on the connection's shard, or on another.
    Session {
        is_away: bool,
    },
    /// A call in a session.
    SessionCall {
        is_away: bool,
    },
    Pair,
    WebSocket,
}

const KINDS: [Kind; 9] = [
    Kind::Quiet,
    Kind::Call,
    Kind::Listen,
    Kind::Session { is_away: false },
    Kind::Session { is_away: true },
    Kind::SessionCall { is_away: false },
    Kind::SessionCall { is_away: true },
    Kind::Pair,
    Kind::WebSocket,
];

/// Something that lasts.
struct Held {
    kind: Kind,
    wire: Wire,
    key: &'static str,
    session: Option<String>,
    target: String,
}

fn modern(method: &str, mut params: Value) -> Value {
    params["_meta"][META_VERSION] = json!(MODERN);
    params["_meta"][META_CAPABILITIES] = json!({});
    json!({ "jsonrpc": "2.0", "id": "mine", "method": method, "params": params })
}

fn hold(steps: u64) -> Value {
    json!({ "name": "hold", "arguments": { "before": steps }, "_meta": { "progressToken": 5 } })
}

fn post(wire: &mut Wire, key: &str, extra: &[(&str, &str)], body: &Value) {
    let fields = [&[JSON, ACCEPT, ("X-API-Key", key)], extra].concat();
    wire.send(request("POST", "/mcp", &fields, body.to_string().as_bytes()));
}

/// A session, and a connection to its shard.
fn begin_session(fixture: &Fixture, key: &str) -> (Wire, String) {
    let params =
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let mut wire = Wire::connect(fixture.address);
    post(&mut wire, key, &[], &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }));
    let session = wire.response().head.field("mcp-session-id").expect("a session").to_owned();
    (wire, session)
}

fn session(fixture: &Fixture, key: &str, is_away: bool) -> (Wire, String) {
    let (wire, session) = begin_session(fixture, key);
    if !is_away {
        return (wire, session);
    }
    for _ in 0..256 {
        let (wire, other) = begin_session(fixture, key);
        if home_of(&other) != home_of(&session) {
            return (wire, session);
        }
    }
    panic!("256 connections did not reach another shard");
}

fn open(fixture: &Fixture, kind: Kind, key: &'static str) -> Held {
    let modern_call = [("MCP-Protocol-Version", MODERN), ("Mcp-Method", "tools/call"), ("Mcp-Name", "hold")];
    let credential = ("X-API-Key", key);
    let mut held = Held { kind, wire: Wire::connect(fixture.address), key, session: None, target: String::new() };
    let wire = &mut held.wire;
    match kind {
        Kind::Quiet => {
            post(wire, key, &modern_call, &modern("tools/call", hold(0)));
            fixture.stage.expect(Beat::Entered);
            return held;
        }
        Kind::Call => {
            post(wire, key, &modern_call, &modern("tools/call", hold(1)));
            fixture.stage.expect(Beat::Entered);
        }
        Kind::Listen => {
            let fields = [("MCP-Protocol-Version", MODERN), ("Mcp-Method", "subscriptions/listen")];
            let params = json!({ "notifications": { "toolsListChanged": true } });
            post(wire, key, &fields, &modern("subscriptions/listen", params));
        }
        Kind::Session { is_away } | Kind::SessionCall { is_away } => {
            let (wire, session) = self::session(fixture, key, is_away);
            held.wire = wire;
            let named = ("Mcp-Session-Id", session.as_str());
            if let Kind::Session { .. } = kind {
                held.wire.send(request("GET", "/mcp", &[("Accept", "text/event-stream"), credential, named], b""));
            } else {
                let body = json!({ "jsonrpc": "2.0", "id": "mine", "method": "tools/call", "params": hold(1) });
                post(&mut held.wire, key, &[named], &body);
                fixture.stage.expect(Beat::Entered);
            }
            held.session = Some(session);
        }
        Kind::Pair => wire.send(request("GET", "/sse", &[("Accept", "text/event-stream"), credential], b"")),
        Kind::WebSocket => {
            wire.send(request("GET", "/ws", &[&HANDSHAKE[..], &[credential]].concat(), b""));
            assert_eq!(wire.head().status, 101);
            return held;
        }
    }
    let head = held.wire.head();
    assert!(head.status == 200 && head.is_stream(), "{kind:?}: {head:?}");
    match kind {
        Kind::Call | Kind::SessionCall { .. } | Kind::Listen => {
            let first = held.wire.event().expect("a first event");
            assert!(first.data.contains("\"method\":\"notifications/"), "{kind:?}: {first:?}");
        }
        Kind::Pair => held.target = held.wire.event().expect("an endpoint").data,
        _ => {}
    }
    held
}

impl Held {
    /// It ends as its protocol has it, and nothing goes on behind it.
    #[track_caller]
    fn ends(mut self) {
        let Held { kind, wire, key, session, .. } = &mut self;
        match kind {
            Kind::Quiet => {
                let refused = wire.response();
                assert_eq!(refused.head.status, 401, "{}", refused.text());
                let challenge = refused.head.field("www-authenticate").expect("a challenge");
                assert!(challenge.contains("invalid_token"), "{challenge}");
            }
            Kind::Call | Kind::Listen => {
                let last: Value = serde_json::from_str(&wire.event().expect("a last word").data).expect("JSON");
                assert_eq!(last["id"], "mine");
                assert_eq!(last.get("result").is_some(), *kind == Kind::Listen, "{last}");
                assert_eq!(wire.event(), None, "{kind:?}");
            }
            Kind::Session { .. } | Kind::SessionCall { .. } | Kind::Pair => {
                assert_eq!(wire.event(), None, "{kind:?}: no answer to a call that was cut off");
            }
            Kind::WebSocket => {
                let (first, payload) = next_frame(wire).expect("a Close");
                assert_eq!((first, payload.first_chunk()), (0x88, Some(&1008u16.to_be_bytes())));
                return;
            }
        }
        assert!(!wire.torn, "{kind:?} has its end");
        // The connection goes on, and the credential is none.
        let mut fields = vec![("Accept", "text/event-stream"), ("X-API-Key", *key), ("Last-Event-ID", "1-1")];
        fields.extend(session.as_deref().map(|session| ("Mcp-Session-Id", session)));
        wire.send(request("GET", "/mcp", &fields, b""));
        assert_eq!(wire.response().head.status, 401, "{kind:?} cannot be taken up again");
    }

    /// It goes on. `announce_tools` was said meanwhile, and tools may end.
    #[track_caller]
    fn goes_on(mut self, fixture: &Fixture) {
        let Held { kind, wire, key, target, .. } = &mut self;
        let ping = br#"{"jsonrpc":"2.0","id":"mine","method":"ping"}"#;
        match kind {
            Kind::Quiet => assert_eq!(wire.response().head.status, 200),
            Kind::Call | Kind::SessionCall { .. } => {
                let answer = wire.event().expect("an answer").data;
                assert!(answer.contains("\"held\""), "{kind:?}: {answer}");
            }
            Kind::Listen | Kind::Session { .. } => {
                let changed = wire.event().expect("a change").data;
                assert!(changed.contains("notifications/tools/list_changed"), "{kind:?}: {changed}");
            }
            Kind::Pair => {
                let mut posts = Wire::connect(fixture.address);
                posts.send(request("POST", target, &[JSON, ("X-API-Key", *key)], ping));
                assert_eq!(posts.response().head.status, 202);
                assert!(wire.event().expect("an answer").data.contains("\"mine\""));
            }
            Kind::WebSocket => {
                wire.send(frame(0x81, ping));
                let (first, answer) = next_frame(wire).expect("an answer");
                assert!(first == 0x81 && String::from_utf8_lossy(&answer).contains("\"mine\""));
            }
        }
    }
}

#[test]
fn everything_of_a_revoked_key_ends_and_nothing_of_another() {
    let fixture = Fixture::with(|options| {
        options.access = access(&json!({ GOING: { "name": "going" }, STAYING: { "name": "staying" } }));
    });
    let going: Vec<Held> = KINDS.map(|kind| open(&fixture, kind, GOING)).into();
    let staying: Vec<Held> = KINDS.map(|kind| open(&fixture, kind, STAYING)).into();
    // A policy in which both are known takes nothing from anybody.
    apply(
        &fixture,
        &json!({ GOING: { "name": "going" }, STAYING: { "name": "staying" }, "third-5432109876-lmnopqrs": {} }),
    );
    let began = Instant::now();
    apply(&fixture, &json!({ STAYING: { "name": "staying" } }));
    going.into_iter().for_each(Held::ends);
    assert!(began.elapsed() < END_TIME_MAX, "{:?}", began.elapsed());
    // Those calls with a stream of their own and those of sessions alike.
    (0..4).for_each(|_| fixture.stage.expect(Beat::Dropped));
    fixture.handle().announce_tools();
    fixture.stage.open();
    (0..4).for_each(|_| fixture.stage.expect(Beat::Finished));
    staying.into_iter().for_each(|held| held.goes_on(&fixture));
}

#[test]
fn everything_of_an_expired_key_ends_and_nothing_of_another() {
    let now_unix_s = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let end_unix_s = now_unix_s() + 8;
    let fixture = Fixture::with(|options| {
        let going = json!({ "name": "going", "expires_at": end_unix_s });
        options.access = access(&json!({ GOING: going, STAYING: { "name": "staying" } }));
    });
    let going: Vec<Held> = KINDS.map(|kind| open(&fixture, kind, GOING)).into();
    let staying: Vec<Held> = KINDS.map(|kind| open(&fixture, kind, STAYING)).into();
    assert!(now_unix_s() < end_unix_s, "they were opened in time");
    going.into_iter().for_each(Held::ends);
    let late_s = now_unix_s().saturating_sub(end_unix_s);
    assert!(now_unix_s() >= end_unix_s && late_s < END_TIME_MAX.as_secs(), "{late_s}");
    // A call of a session goes on: its client may come back with another credential for what comes of it.
    (0..2).for_each(|_| fixture.stage.expect(Beat::Dropped));
    assert!(fixture.stage.is_quiet());
    fixture.handle().announce_tools();
    fixture.stage.open();
    (0..6).for_each(|_| fixture.stage.expect(Beat::Finished));
    staying.into_iter().for_each(|held| held.goes_on(&fixture));
}

#[test]
fn a_revoked_client_that_does_not_read_is_cut_off() {
    let fixture = Fixture::with(|options| {
        options.access = access(&json!({ GOING: { "name": "going" } }));
        // Neither its slowness nor what waits for it ends it before the test does.
        options.policy.limits.write_stall_max = 4 * DEADLINE;
        options.policy.limits.call_time_max = 4 * DEADLINE;
        options.policy.limits.stream_bytes_max = 1 << 30;
    });
    let mut wire = Wire::connect(fixture.address);
    let fields = [("MCP-Protocol-Version", MODERN), ("Mcp-Method", "tools/call"), ("Mcp-Name", "flood")];
    let params = json!({ "name": "flood", "arguments": { "burst": 32 }, "_meta": { "progressToken": 5 } });
    post(&mut wire, GOING, &fields, &modern("tools/call", params));
    fixture.stage.expect(Beat::Entered);
    // 32 MiB a second fill what the kernel holds for a client.
    std::thread::sleep(Duration::from_millis(1000));
    assert!(fixture.stage.is_quiet(), "it goes on");
    apply(&fixture, &json!({ STAYING: { "name": "staying" } }));
    fixture.stage.expect(Beat::Dropped);
}
