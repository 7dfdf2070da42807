//! Every route by every kind of caller on both listeners, and every way to call a tool by every kind of caller.
//!
//! Goal: whatever can be asked for is closed to whoever may not have it, and a route, a face or a path that is added is asked
//! for here or does not pass. Method: the router's own list of routes, each with requests that the router takes for it; the
//! paths in its sources; a call of `echo` through each transport and face.

use ringway_core::face::Face;
use ringway_core::http::decoder::{Decoder, Step};
use ringway_core::request_path::{self, Route};
use ringway_policy::{AllowList, Faces, Limits};
use serde_json::{Value, json};

use super::identify::{NARROW, OPERATOR, READER, WRITER, call_body, fields, rule, with};
use crate::common::fixture::Fixture;
use crate::common::talker::{HANDSHAKE, frame, next_frame};
use crate::common::wire::{Head, Wire, request};

/// Whom a route is for, as it should be: the router is not asked.
#[derive(Clone, Copy, Debug, PartialEq)]
enum For {
    Everybody,
    Callers,
    Operators,
}

/// Who calls.
const CALLERS: [&str; 6] = ["none", "bad", "basic", "low", "right", "operator"];

/// The field that shows who it is.
fn shown(who: &str) -> Option<(&'static str, String)> {
    Some(match who {
        "none" => return None,
        "bad" => ("X-API-Key", "nobody-0123456789-abcdefgh".to_owned()),
        "basic" => ("Authorization", "Basic YTpi".to_owned()),
        "low" => ("X-API-Key", NARROW.to_owned()),
        "right" => ("Authorization", format!("Bearer {READER}")),
        "denied" => ("X-API-Key", WRITER.to_owned()),
        _ => ("X-API-Key", OPERATOR.to_owned()),
    })
}

type Asked = (&'static str, &'static str);

/// Whom a route is for, and requests for it: one for each of its paths.
fn asked(route: Route) -> (For, &'static [Asked]) {
    match route {
        Route::McpPost => (For::Callers, &[("POST", "/mcp")]),
        Route::McpGet => (For::Callers, &[("GET", "/mcp")]),
        Route::McpDelete => (For::Callers, &[("DELETE", "/mcp")]),
        Route::WebSocket => (For::Callers, &[("GET", "/ws")]),
        Route::SseStream => (For::Callers, &[("GET", "/sse")]),
        Route::SseMessage => (For::Callers, &[("POST", "/messages?sessionId=0")]),
        Route::Face(Face::Tools) => (For::Callers, &[("GET", "/tools"), ("GET", "/api/mcp/tools")]),
        Route::Face(Face::Tool) => (For::Callers, &[("GET", "/tools/echo")]),
        Route::Face(Face::Call) => (For::Callers, &[("POST", "/tools/echo")]),
        Route::Face(Face::Document) => (For::Callers, &[("GET", "/openapi.json")]),
        Route::Face(Face::Status) => (For::Callers, &[("GET", "/api/mcp/status")]),
        Route::Face(Face::Execute) => (For::Callers, &[("POST", "/api/mcp/execute-tool")]),
        Route::Face(Face::Command) => (For::Callers, &[("POST", "/command")]),
        Route::Livez => (For::Everybody, &[("GET", "/livez"), ("HEAD", "/livez")]),
        Route::Readyz => (For::Everybody, &[("GET", "/readyz")]),
        Route::Health => (For::Operators, &[("GET", "/health"), ("HEAD", "/health")]),
        Route::Metrics => (For::Operators, &[("GET", "/metrics")]),
        Route::Status => (For::Operators, &[("GET", "/status")]),
        Route::Explain => (For::Operators, &[("GET", "/explain/some-request")]),
        Route::Metadata => (
            For::Everybody,
            &[("GET", "/.well-known/oauth-protected-resource"), ("GET", "/.well-known/oauth-protected-resource/mcp")],
        ),
        Route::Preflight => (For::Everybody, &[("OPTIONS", "/mcp"), ("OPTIONS", "/health")]),
        Route::Options => (For::Everybody, &[("OPTIONS", "/mcp"), ("OPTIONS", "/metrics")]),
    }
}

/// What is no route, and like one: whoever is not known learns nothing of that either.
const NOTHING: [Asked; 8] = [
    ("GET", "/nothing/here"),
    ("GET", "//mcp"),
    ("GET", "/MCP"),
    ("GET", "/livez/"),
    ("GET", "/%6divez"),
    ("GET", "/.well-known/oauth-protected-resource/other"),
    ("POST", "/api/mcp/tools/execute"),
    ("PUT", "/mcp"),
];

fn fields_of(route: Option<Route>, who: &str) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("Accept", "application/json, text/event-stream".to_owned()),
        ("Content-Type", "application/json".to_owned()),
    ];
    if route == Some(Route::Preflight) {
        fields.push(("Origin", "http://localhost".to_owned()));
        fields.push(("Access-Control-Request-Method", "POST".to_owned()));
    }
    fields.extend(shown(who));
    fields
}

fn bytes_of(route: Option<Route>, (method, target): Asked, who: &str) -> Vec<u8> {
    let fields = fields_of(route, who);
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    request(method, target, &fields, b"{}")
}

#[test]
fn what_is_asked_for_is_what_the_router_takes_it_for() {
    for route in Route::all() {
        let (_, requests) = asked(route);
        assert!(!requests.is_empty(), "{route:?}");
        for &one in requests {
            let mut decoder = Decoder::default();
            decoder.feed(&bytes_of(Some(route), one, "none"));
            assert!(matches!(decoder.step(&Limits::default()), Ok(Step::Request)), "{one:?}");
            let request = decoder.request().expect("a request");
            let allowed = AllowList::loopback();
            let Ok(admitted) = request_path::admit(request, &allowed) else { panic!("a host that is allowed") };
            assert_eq!(request_path::route(&admitted, Some(&Faces::default())).ok(), Some(route), "{one:?}");
            let is_open = asked(route).0 == For::Everybody;
            assert_eq!(request_path::is_open(request), is_open, "{one:?}: who is not asked may have it");
        }
    }
}

/// Texts in quotes that begin like a path, in a source without its tests.
fn paths_in(source: &str) -> Vec<&str> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).filter(|text| text.starts_with('/')).collect()
}

#[test]
fn every_path_of_the_router_is_asked_for() {
    let sources = [
        include_str!("../../core/src/request_path.rs"),
        include_str!("../../core/src/face/mod.rs"),
        include_str!("../../core/src/identify/metadata.rs"),
    ];
    let targets: Vec<&str> =
        Route::all().into_iter().flat_map(|route| asked(route).1).map(|(_, target)| *target).collect();
    let mut found = 0;
    for path in sources.iter().flat_map(|source| paths_in(source)) {
        found += 1;
        let is_asked = |target: &&str| match path.ends_with('/') {
            true => target.starts_with(path),
            false => target.split('?').next() == Some(path),
        };
        assert!(targets.iter().any(is_asked), "{path} is in the router and not in the matrix");
    }
    assert!(found >= 17, "the paths are found: {found}");
}

#[test]
fn every_route_is_closed_to_whoever_may_not_have_it() {
    let fixture = with(Vec::new());
    let mut cases: Vec<(Option<Route>, For, Asked)> = NOTHING.map(|one| (None, For::Callers, one)).into();
    for route in Route::all() {
        let (whom, requests) = asked(route);
        cases.extend(requests.iter().map(|&one| (Some(route), whom, one)));
    }
    for address in [fixture.address, fixture.admin] {
        for &(route, whom, one) in &cases {
            for who in CALLERS {
                let mut wire = Wire::connect(address);
                wire.send(bytes_of(route, one, who));
                let head = wire.head();
                let is_known = matches!(who, "low" | "right" | "operator");
                let may = match whom {
                    For::Everybody => true,
                    For::Callers => matches!(who, "right" | "operator"),
                    For::Operators => who == "operator",
                };
                let at = format!("{one:?} by {who} on {address}: {}", head.status);
                match (is_known, may) {
                    (_, true) => assert!(!matches!(head.status, 401 | 403), "{at}"),
                    (false, false) => assert_eq!(head.status, 401, "{at}"),
                    // What is not there is not there for whoever is known.
                    (true, false) => assert!(matches!(head.status, 403..=405), "{at}"),
                }
                if head.status == 401 {
                    let challenge = head.field("www-authenticate").expect("a challenge");
                    assert!(challenge.starts_with("Bearer "), "{at}: {challenge}");
                    assert!(challenge.contains("resource_metadata=\"http://"), "{at}: {challenge}");
                    assert_eq!(challenge.contains("invalid_token"), who != "none", "{at}: {challenge}");
                }
            }
        }
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    /// It was refused with this status before anything was looked at.
    Refused(u16),
    /// There is no such tool.
    Unknown,
    Answered,
}

/// How a call of `echo` ends by each way in. A client brings the same credential with each of its requests.
type WayIn = (&'static str, fn(&Fixture, &str) -> End);
const WAYS_IN: [WayIn; 8] = [
    ("HTTP, 2026-07-28", by_modern),
    ("HTTP, 2025-11-25", by_legacy),
    ("HTTP+SSE, 2024-11-05", by_pair),
    ("WebSocket", by_web_socket),
    ("REST", by_rest),
    ("REST, compatibility set", by_execute),
    ("command", by_command),
    ("command, token in the body", by_command_token),
];

/// Sends a request that shows who it is from, and gives the connection with the answer's head.
fn ask(
    fixture: &Fixture,
    who: &str,
    (method, target): (&str, &str),
    fields: &[(&str, &str)],
    body: &[u8],
) -> (Wire, Head) {
    let shown = shown(who);
    let mut all = fields.to_vec();
    all.extend(shown.as_ref().map(|(name, value)| (*name, value.as_str())));
    let mut wire = Wire::connect(fixture.address);
    wire.send(request(method, target, &all, body));
    let head = wire.head();
    (wire, head)
}

const JSON: [(&str, &str); 2] =
    [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];

/// How a JSON-RPC answer says it.
fn told(answer: &Value) -> End {
    match answer["error"]["code"].as_i64() {
        None => {
            assert_eq!(answer["result"]["content"][0]["text"], "x", "{answer}");
            End::Answered
        }
        Some(code) => {
            assert_eq!(code, -32602, "{answer}");
            End::Unknown
        }
    }
}

/// How the status of a face says it.
fn by_status((_, head): (Wire, Head)) -> End {
    match head.status {
        200 => End::Answered,
        404 => End::Unknown,
        status => End::Refused(status),
    }
}

fn message(id: u64, method: &str, params: &Value) -> Vec<u8> {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string().into_bytes()
}

fn initialize(revision: &str) -> Vec<u8> {
    let info = json!({ "name": "matrix", "version": "1" });
    message(1, "initialize", &json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": info }))
}

fn echo() -> Value {
    json!({ "name": "echo", "arguments": { "text": "x" } })
}

fn by_modern(fixture: &Fixture, who: &str) -> End {
    let body = call_body("echo", &json!({ "text": "x" }));
    let (mut wire, head) = ask(fixture, who, ("POST", "/mcp"), &fields("tools/call", "echo", None), &body);
    let answer = wire.body(&head);
    if matches!(head.status, 401 | 403) {
        return End::Refused(head.status);
    }
    told(&serde_json::from_slice(&answer).expect("JSON"))
}

fn by_legacy(fixture: &Fixture, who: &str) -> End {
    let (_, begun) = ask(fixture, who, ("POST", "/mcp"), &JSON, &initialize("2025-11-25"));
    let Some(session) = begun.field("mcp-session-id") else { return End::Refused(begun.status) };
    let with_session = [&JSON[..], &[("Mcp-Session-Id", session)]].concat();
    let (mut wire, head) = ask(fixture, who, ("POST", "/mcp"), &with_session, &message(2, "tools/call", &echo()));
    told(&serde_json::from_slice(&wire.body(&head)).expect("JSON"))
}

fn by_pair(fixture: &Fixture, who: &str) -> End {
    let (mut stream, opened) = ask(fixture, who, ("GET", "/sse"), &[("Accept", "text/event-stream")], b"");
    if opened.status != 200 {
        return End::Refused(opened.status);
    }
    let target = stream.event().expect("the endpoint").data;
    for body in [initialize("2024-11-05"), message(2, "tools/call", &echo())] {
        assert_eq!(ask(fixture, who, ("POST", &target), &JSON[..1], &body).1.status, 202);
        // A stream is its caller's alone, and who is not known learns nothing of it.
        for stranger in CALLERS.iter().filter(|stranger| **stranger != who) {
            let status = ask(fixture, stranger, ("POST", &target), &JSON[..1], &body).1.status;
            let want = match *stranger {
                "none" | "bad" | "basic" => 401,
                "low" => 403,
                _ => 404,
            };
            assert_eq!(status, want, "{stranger} to the stream of {who}");
        }
    }
    loop {
        let event = stream.event().expect("an answer");
        let answer: Value = serde_json::from_str(&event.data).expect("JSON");
        if answer["id"] == 2 {
            return told(&answer);
        }
    }
}

fn by_web_socket(fixture: &Fixture, who: &str) -> End {
    let (mut wire, head) = ask(fixture, who, ("GET", "/ws"), &HANDSHAKE, b"");
    if head.status != 101 {
        return End::Refused(head.status);
    }
    wire.send_raw(&frame(0x81, &call_body("echo", &json!({ "text": "x" }))));
    let (_, answer) = next_frame(&mut wire).expect("an answer");
    told(&serde_json::from_slice(&answer).expect("JSON"))
}

fn by_rest(fixture: &Fixture, who: &str) -> End {
    by_status(ask(fixture, who, ("POST", "/tools/echo"), &JSON, br#"{"text":"x"}"#))
}

fn by_execute(fixture: &Fixture, who: &str) -> End {
    let body = br#"{"tool_name":"echo","parameters":{"text":"x"}}"#;
    by_status(ask(fixture, who, ("POST", "/api/mcp/execute-tool"), &JSON, body))
}

fn by_command(fixture: &Fixture, who: &str) -> End {
    let body = br#"{"command":"echo","params":{"text":"x"}}"#;
    by_status(ask(fixture, who, ("POST", "/command"), &JSON, body))
}

fn by_command_token(fixture: &Fixture, who: &str) -> End {
    let mut body = json!({ "command": "echo", "params": { "text": "x" } });
    if let Some((_, value)) = shown(who) {
        body["token"] = value.rsplit(' ').next().into();
    }
    by_status(ask(fixture, "none", ("POST", "/command"), &JSON, body.to_string().as_bytes()))
}

#[test]
fn every_way_in_ends_a_call_alike_for_every_caller() {
    let hidden = json!({ "name": "hidden", "effect": "deny", "roles": ["writer"], "tools": ["echo"] });
    let fixture = with(vec![rule(hidden)]);
    for (name, call) in WAYS_IN {
        for who in CALLERS.into_iter().chain(["denied"]) {
            let want = match who {
                "none" | "bad" | "basic" => End::Refused(401),
                "low" => End::Refused(403),
                "denied" => End::Unknown,
                _ => End::Answered,
            };
            assert_eq!(call(&fixture, who), want, "{who} by {name}");
        }
    }
}
