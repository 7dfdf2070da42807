//! Who is asked who they are, what they are told, and what they may see.
//!
//! Goal: a key or token that is too little is told apart from
//! one that is none, and what is denied is in no list and unknown to every call.
//! Method: raw requests, and callers with different rights; `matrix.rs` has every route and every way in.

use std::sync::Arc;

use ringway_dataplane::authorize::{Effect, RuleSpec, Rules};
use ringway_dataplane::identify::access::{Access, Credentials};
use ringway_dataplane::identify::api_key::Pepper;
use ringway_dataplane::identify::key_ring::{KeyFile, KeyRing, api_keys};
use ringway_dataplane::identify::metadata::Resource;
use serde_json::{Value, json};

use crate::common::checker::MODERN;
use crate::common::fixture::{Fixture, until};
use crate::common::peer::{META_CAPABILITIES, META_VERSION};
use crate::common::wire::{Response, Wire, request};

pub const READER: &str = "reader-0123456789-abcdefgh";
pub const WRITER: &str = "writer-9876543210-zyxwvuts";
pub const NARROW: &str = "narrow-5432109876-lmnopqrs";
pub const OPERATOR: &str = "operator-1357924680-acegik";

/// Keys with different rights, as an older system would have them in its environment.
fn keys() -> KeyRing {
    let older = json!({
        READER: { "name": "reader", "scopes": ["mcp:call"], "roles": ["reader"] },
        WRITER: { "name": "writer", "scopes": ["mcp:call"], "roles": ["writer"] },
        NARROW: { "name": "narrow" },
        OPERATOR: { "name": "operator", "scopes": ["mcp:call"], "roles": ["operator"] },
    });
    let older = api_keys(&older.to_string()).expect("good keys");
    KeyRing::new(KeyFile::new(Pepper::new([7; 32])), older).expect("different keys")
}

fn access(rules: Vec<RuleSpec>) -> Access {
    Access {
        credentials: Some(Credentials {
            keys: Some(keys()),
            scopes: ["mcp:call".into()].into(),
            ..Credentials::default()
        }),
        resource: Resource { authorization_servers: ["https://auth.example".into()].into(), ..Resource::default() },
        rules: Rules::compile(rules, Effect::Allow).expect("good rules"),
        asks_operators: true,
        ..Access::open()
    }
}

pub fn with(rules: Vec<RuleSpec>) -> Fixture {
    Fixture::with(|options| options.access = Arc::new(access(rules)))
}

pub fn rule(text: Value) -> RuleSpec {
    serde_json::from_value(text).expect("a rule")
}

pub fn call_body(name: &str, arguments: &Value) -> Vec<u8> {
    let mut params = json!({ "name": name, "arguments": arguments });
    params["_meta"] = json!({ META_VERSION: MODERN, META_CAPABILITIES: {} });
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string().into_bytes()
}

pub fn fields<'a>(method: &'a str, name: &'a str, key: Option<&'a str>) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", MODERN),
        ("Mcp-Method", method),
    ];
    if !name.is_empty() {
        fields.push(("Mcp-Name", name));
    }
    fields.extend(key.map(|key| ("X-API-Key", key)));
    fields
}

fn call(fixture: &Fixture, key: Option<&str>, name: &str, arguments: Value) -> Response {
    let mut wire = Wire::connect(fixture.address);
    wire.send(request("POST", "/mcp", &fields("tools/call", name, key), &call_body(name, &arguments)));
    wire.response()
}

fn tool_names(fixture: &Fixture, key: &str) -> Vec<String> {
    let params = json!({ "_meta": { META_VERSION: MODERN, META_CAPABILITIES: {} } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params }).to_string();
    let mut wire = Wire::connect(fixture.address);
    wire.send(request("POST", "/mcp", &fields("tools/list", "", Some(key)), body.as_bytes()));
    let listed = wire.response().json();
    let tools = listed["result"]["tools"].as_array().expect("tools");
    tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_bare_401_leads_to_the_metadata() {
    let fixture = with(Vec::new());
    let refused = call(&fixture, None, "echo", json!({ "text": "x" }));
    assert_eq!(refused.head.status, 401);
    let challenge = refused.head.field("www-authenticate").expect("a challenge").to_owned();
    let metadata = challenge.split("resource_metadata=\"").nth(1).and_then(|rest| rest.split('"').next());
    let metadata = metadata.expect("where it is").to_owned();
    let path = metadata.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..])).expect("a path");
    let mut wire = Wire::connect(fixture.address);
    wire.send(request("GET", path, &[], b""));
    let document = wire.response();
    assert_eq!(document.head.status, 200);
    let document = document.json();
    assert_eq!(document["authorization_servers"], json!(["https://auth.example"]));
    assert!(document["resource"].as_str().is_some_and(|uri| uri.ends_with("/mcp")), "{document}");
    let scope = call(&fixture, Some(NARROW), "echo", json!({ "text": "x" }));
    assert_eq!(scope.head.status, 403);
    let challenge = scope.head.field("www-authenticate").expect("a challenge");
    assert!(challenge.contains("insufficient_scope") && challenge.contains("scope=\"mcp:call\""), "{challenge}");
}

#[test]
fn what_is_denied_is_in_no_list_and_unknown_to_every_call() {
    let fixture = with(vec![
        rule(json!({ "name": "no-echo", "effect": "deny", "roles": ["reader"], "tools": ["echo"] })),
        rule(
            json!({ "name": "short", "effect": "deny", "roles": ["writer"], "tools": ["echo"], "when": "size(args.text) > 5" }),
        ),
    ]);
    assert!(!tool_names(&fixture, READER).contains(&"echo".to_owned()));
    assert!(tool_names(&fixture, WRITER).contains(&"echo".to_owned()));
    assert!(tool_names(&fixture, OPERATOR).contains(&"echo".to_owned()));
    let denied = call(&fixture, Some(READER), "echo", json!({ "text": "x" })).json();
    let mut unknown = call(&fixture, Some(READER), "echt", json!({ "text": "x" })).json();
    unknown["error"]["message"] = unknown["error"]["message"].as_str().expect("a text").replace("echt", "echo").into();
    assert_eq!(denied, unknown, "as if it were not there");
    assert!(call(&fixture, Some(WRITER), "echo", json!({ "text": "short" })).json()["result"].is_object());
    assert_eq!(call(&fixture, Some(WRITER), "echo", json!({ "text": "longer" })).json(), denied);
    assert!(call(&fixture, Some(OPERATOR), "echo", json!({ "text": "longer" })).json()["result"].is_object());
    for (method, target, body) in [
        ("POST", "/tools/echo", r#"{"text":"x"}"#),
        ("POST", "/api/mcp/execute-tool", r#"{"tool_name":"echo","parameters":{"text":"x"}}"#),
        ("GET", "/tools/echo", ""),
    ] {
        let mut wire = Wire::connect(fixture.address);
        wire.send(request(
            method,
            target,
            &[("Content-Type", "application/json"), ("X-API-Key", READER)],
            body.as_bytes(),
        ));
        let answer = wire.response();
        assert_eq!(answer.head.status, 404, "{target}: {}", answer.text());
    }
    let mut wire = Wire::connect(fixture.address);
    wire.send(request("GET", "/openapi.json", &[("X-API-Key", READER)], b""));
    assert!(!wire.response().text().contains("/tools/echo"));
}

#[test]
fn a_session_is_its_owners_alone() {
    let fixture = with(Vec::new());
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } } });
    let base = [("Content-Type", "application/json"), ("Accept", "application/json, text/event-stream")];
    let send = |key: &str, session: Option<&str>, method: &str, body: &Value| {
        let mut fields = base.to_vec();
        fields.push(("X-API-Key", key));
        fields.extend(session.map(|session| ("Mcp-Session-Id", session)));
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let mut wire = Wire::connect(fixture.address);
        wire.send(request(method, "/mcp", &fields, body.as_bytes()));
        wire.response()
    };
    let begun = send(READER, None, "POST", &initialize);
    let session = begun.head.field("mcp-session-id").expect("a session").to_owned();
    let ping = json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
    // Connections of both shards: the session is looked for at home, wherever it is asked for.
    for _ in 0..8 {
        assert_eq!(send(READER, Some(&session), "POST", &ping).head.status, 200);
        assert_eq!(send(WRITER, Some(&session), "POST", &ping).head.status, 404);
        assert_eq!(send(WRITER, Some(&session), "DELETE", &ping).head.status, 404);
    }
    assert_eq!(send(READER, Some(&session), "DELETE", &ping).head.status, 200);
    assert_eq!(send(READER, Some(&session), "POST", &ping).head.status, 404);
}

#[test]
fn a_key_that_is_taken_back_is_refused_on_open_connections_too() {
    let fixture = with(Vec::new());
    let mut wires: Vec<Wire> = (0..8).map(|_| Wire::connect(fixture.address)).collect();
    let status = |wire: &mut Wire| {
        let body = call_body("echo", &json!({ "text": "x" }));
        wire.send(request("POST", "/mcp", &fields("tools/call", "echo", Some(READER)), &body));
        wire.response().head.status
    };
    assert!(wires.iter_mut().all(|wire| status(wire) == 200));
    let mut socket = Wire::connect(fixture.address);
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("X-API-Key", READER),
    ];
    socket.send(request("GET", "/ws", &upgrade, b""));
    assert_eq!(socket.head().status, 101);
    let left = json!({ WRITER: { "name": "writer", "scopes": ["mcp:call"] } });
    let left = KeyRing::new(KeyFile::new(Pepper::new([7; 32])), api_keys(&left.to_string()).expect("a key"));
    let credentials = Credentials { keys: Some(left.expect("one key")), ..Credentials::default() };
    let policy = ringway_dataplane::Policy::clone(&fixture.handle().policy().expect("the server runs"));
    fixture.handle().apply(policy, Arc::new(Access { credentials: Some(credentials), ..Access::open() }));
    for wire in &mut wires {
        until("it is refused", || status(wire) == 401);
    }
    assert!(websocket_ends(&mut socket), "a connection that lasts is ended with its credential");
}

#[test]
fn a_request_is_explained_by_its_name() {
    let fixture =
        with(vec![rule(json!({ "name": "no-echo", "effect": "deny", "roles": ["reader"], "tools": ["echo"] }))]);
    let body = call_body("echo", &json!({ "text": "private" }));
    for (key, name) in [(Some(READER), "denied-1"), (Some(WRITER), "allowed-1"), (None, "unknown-1")] {
        let mut fields = fields("tools/call", "echo", key);
        fields.push(("X-Request-Id", name));
        let mut wire = Wire::connect(fixture.address);
        wire.send(request("POST", "/mcp", &fields, &body));
        wire.response();
    }
    // Asked on either shard.
    for _ in 0..4 {
        let explain = |name: &str| {
            let mut wire = Wire::connect(fixture.address);
            wire.send(request("GET", &format!("/explain/{name}"), &[("X-API-Key", OPERATOR)], b""));
            wire.response()
        };
        let decision = |name: &str| explain(name).json()["decisions"][0].clone();
        let denied = decision("denied-1");
        assert_eq!((&denied["decision"], &denied["stage"]), (&json!("denied"), &json!("authorize")));
        assert_eq!((&denied["rule"], &denied["tool"]), (&json!("no-echo"), &json!("echo")));
        assert_eq!(denied["principal"], "api_key:reader");
        let allowed = decision("allowed-1");
        assert_eq!((&allowed["decision"], &allowed["rule"]), (&json!("allowed"), &json!(null)));
        let unknown = decision("unknown-1");
        assert_eq!((&unknown["stage"], &unknown["rule"]), (&json!("identify"), &json!("none_shown")));
        assert_eq!(explain("never-1").head.status, 404);
        assert!(!explain("allowed-1").text().contains("private"));
    }
}

#[test]
fn rules_about_addresses_are_not_escaped_by_doubt() {
    let mut access = access(vec![rule(json!({
        "name": "not-from-there", "effect": "deny", "tools": ["echo"], "when": "address.startsWith('192.0.2.')"
    }))]);
    access.proxies = Some(ringway_dataplane::AddressList::parse(&["127.0.0.1"]).expect("a network"));
    let fixture = Fixture::with(|options| options.access = Arc::new(access));
    let call = |forwarded: &str| {
        let mut fields = fields("tools/call", "echo", Some(READER));
        fields.push(("X-Forwarded-For", forwarded));
        let mut wire = Wire::connect(fixture.address);
        wire.send(request("POST", "/mcp", &fields, &call_body("echo", &json!({ "text": "x" }))));
        wire.response()
    };
    assert!(call("198.51.100.7").json()["result"].is_object());
    assert_eq!(call("192.0.2.7").json()["error"]["code"], -32602);
    assert_eq!(call("192.0.2.7, nowhere").head.status, 403);
}

#[test]
fn the_command_form_may_bring_its_token_in_the_body() {
    let fixture = with(Vec::new());
    let command = |token: Option<&str>, target: &str| {
        let mut body = json!({ "command": "health_check", "params": {} });
        if let Some(token) = token {
            body["token"] = token.into();
        }
        let mut wire = Wire::connect(fixture.address);
        wire.send(request("POST", target, &[("Content-Type", "application/json")], body.to_string().as_bytes()));
        wire.response().head.status
    };
    assert_ne!(command(Some(READER), "/command"), 401);
    assert_eq!(command(Some("nobody-0123456789-abcdefgh"), "/command"), 401);
    assert_eq!(command(None, "/command"), 401);
    assert_eq!(command(Some(READER), "/mcp"), 401, "nowhere else");
    assert_eq!(command(None, &format!("/command?token={READER}")), 401, "a token in a URI is none");
}

/// Sends a ping of MCP, masked with zeros, and reads to the end: false when there is an answer and none.
fn websocket_ends(socket: &mut Wire) -> bool {
    let text = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text);
    socket.send(frame);
    let rest = socket.rest();
    !rest.windows(8).any(|part| part == b"\"result\"")
}

#[test]
fn addresses_that_are_not_listed_are_refused_whatever_they_say() {
    let listed = |addresses: &[&str], proxies: &[&str]| {
        let list = |entries: &[&str]| ringway_dataplane::AddressList::parse(entries).expect("networks");
        let proxies = (!proxies.is_empty()).then(|| list(proxies));
        let access = Access { addresses: Some(list(addresses)), proxies, ..Access::open() };
        Fixture::with(|options| options.access = Arc::new(access))
    };
    let status = |fixture: &Fixture, fields: &[(&str, &str)]| {
        let mut wire = Wire::connect(fixture.address);
        wire.send(request("GET", "/livez", fields, b""));
        wire.response().head.status
    };
    let here = listed(&["127.0.0.0/8"], &[]);
    assert_eq!(status(&here, &[]), 200);
    let elsewhere = listed(&["10.0.0.0/8"], &[]);
    assert_eq!(status(&elsewhere, &[]), 403);
    assert_eq!(status(&elsewhere, &[("X-Forwarded-For", "10.1.2.3")]), 403, "nobody's word is taken");
    let nobody = listed(&[], &[]);
    assert_eq!(status(&nobody, &[]), 403, "an empty list is nobody");
    let proxied = listed(&["10.0.0.0/8"], &["127.0.0.1"]);
    assert_eq!(status(&proxied, &[("X-Forwarded-For", "10.1.2.3")]), 200);
    assert_eq!(status(&proxied, &[("X-Forwarded-For", "10.1.2.3, 192.0.2.1")]), 403, "the right-most that is no proxy");
    assert_eq!(status(&proxied, &[("Forwarded", "for=10.1.2.3")]), 200);
    assert_eq!(status(&proxied, &[]), 403);
}
