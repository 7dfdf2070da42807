//! What somebody may see of a large catalog.
//!
//! Goal: while the first request of a caller waits for what it may see of thousands of tools, its shard serves others; what
//! it sees is right, also when the catalog changes meanwhile. Method: one shard, ten thousand tools, a caller
//! whom rules hide one of them from, and another connection's pings until the first list is there.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::Arc;

use ringway_dataplane::authorize::{Effect, RuleSpec, Rules};
use ringway_dataplane::identify::access::{Access, Credentials};
use ringway_dataplane::identify::api_key::Pepper;
use ringway_dataplane::identify::key_ring::{KeyFile, KeyRing, api_keys};
use ringway_dataplane::{ServerBuilder, ToolDefinition, ToolResult, tool_fn};
use serde_json::{Value, json};

use crate::common::checker::MODERN;
use crate::common::fixture::{self, Fixture, until};
use crate::common::peer::{META_CAPABILITIES, META_VERSION};
use crate::common::wire::{Wire, request};

const TOOLS: usize = 10_000;
const WHOLE: &str = "whole-0123456789-abcdefgh";
const READER: &str = "reader-0123456789-abcdefgh";
const LATER: &str = "later-0123456789-abcdefgh";

fn tool(number: usize) -> impl ringway_dataplane::Tool {
    let definition = ToolDefinition::new(format!("tool-{number}"), "One of many.").input(json!({
        "type": "object", "properties": { "text": { "type": "string", "description": "What is said." } }
    }));
    tool_fn(definition, |_, _| async move { Ok(ToolResult::text("done")) })
}

fn many(builder: ServerBuilder, count: usize) -> ServerBuilder {
    (0..count).fold(builder, |builder, number| builder.tool(tool(number)))
}

fn access() -> Access {
    let keys = json!({
        WHOLE: { "name": "whole" },
        READER: { "name": "reader", "roles": ["reader"] },
        LATER: { "name": "later", "roles": ["reader"] },
    });
    let keys = KeyRing::new(KeyFile::new(Pepper::new([7; 32])), api_keys(&keys.to_string()).expect("good keys"));
    let hidden: RuleSpec = serde_json::from_value(json!({
        "name": "hidden", "effect": "deny", "roles": ["reader"], "tools": ["tool-7"]
    }))
    .expect("a rule");
    Access {
        credentials: Some(Credentials { keys: Some(keys.expect("different keys")), ..Credentials::default() }),
        rules: Rules::compile(vec![hidden], Effect::Allow).expect("a good rule"),
        ..Access::open()
    }
}

fn asked(key: &str, method: &str, mut params: Value) -> Vec<u8> {
    params["_meta"] = json!({ META_VERSION: MODERN, META_CAPABILITIES: {} });
    let name = params["name"].as_str().map(str::to_owned);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let mut fields = vec![
        ("Content-Type", "application/json"),
        ("Accept", "application/json, text/event-stream"),
        ("MCP-Protocol-Version", MODERN),
        ("Mcp-Method", method),
        ("X-API-Key", key),
    ];
    fields.extend(name.as_deref().map(|name| ("Mcp-Name", name)));
    request("POST", "/mcp", &fields, body.as_bytes())
}

/// What `tools/list` has on its pages.
#[track_caller]
fn listed(fixture: &Fixture, key: &str) -> Vec<String> {
    let mut wire = Wire::connect(fixture.address);
    let (mut names, mut params) = (Vec::new(), json!({}));
    loop {
        wire.send(asked(key, "tools/list", params));
        let answer = wire.response().json();
        let result = &answer["result"];
        let page = result["tools"].as_array().unwrap_or_else(|| panic!("tools in {answer}"));
        names.extend(page.iter().filter_map(|tool| Some(tool["name"].as_str()?.to_owned())));
        match result["nextCursor"].as_str() {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => return names,
        }
    }
}

#[test]
fn others_are_served_while_a_view_is_made() {
    // In TLS it cannot be seen from outside whether an answer is there.
    if fixture::speaks_tls() {
        return;
    }
    let fixture = Fixture::offering(
        |builder, _| many(builder, TOOLS),
        |options| {
            options.access = Arc::new(access());
            options.shards = Some(1);
        },
    );
    let mut other = Wire::connect(fixture.address);
    let mut pings = || {
        other.send(request("GET", "/tools/tool-1", &[("X-API-Key", WHOLE)], b""));
        assert_eq!(other.response().head.status, 200);
    };
    // Whoever sees everything waits for nothing, once that is known.
    pings();
    let stream = TcpStream::connect(fixture.address).expect("the server listens");
    let look = stream.try_clone().expect("a second handle");
    let mut first = Wire::over(stream);
    first.send(asked(READER, "tools/list", json!({})));
    let mut served = 0;
    let is_there = || {
        look.set_nonblocking(true).expect("a socket");
        let seen = look.peek(&mut [0]);
        look.set_nonblocking(false).expect("a socket");
        match seen {
            Ok(_) => true,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted), "{error}");
                false
            }
        }
    };
    while !is_there() {
        pings();
        served += 1;
    }
    assert_eq!(first.response().head.status, 200);
    // A shard that is kept answers the one that it reads together with the list, at the most.
    assert!(served >= 3, "{served} requests of others were served meanwhile");
    let names = listed(&fixture, READER);
    assert_eq!(names.len(), TOOLS - 1);
    assert!(!names.contains(&"tool-7".to_owned()));
    assert_eq!(listed(&fixture, WHOLE).len(), TOOLS);
}

/// Goal: who waits for one view waits together, each is answered from the newest catalog, and a change meanwhile harms
/// nobody. Method: many connections of one caller at once, on both shards, around a tool that goes.
#[test]
fn many_who_wait_are_all_answered_right() {
    const COUNT: usize = 1_000;
    let fixture = Fixture::offering(|builder, _| many(builder, COUNT), |options| options.access = Arc::new(access()));
    let mut wires: Vec<Wire> = (0..24).map(|_| Wire::connect(fixture.address)).collect();
    let call = |wire: &mut Wire, key: &str, name: &str| {
        wire.send(asked(key, "tools/call", json!({ "name": name, "arguments": {} })));
    };
    wires.iter_mut().for_each(|wire| call(wire, LATER, "tool-8"));
    for wire in &mut wires {
        let answer = wire.response();
        assert_eq!(answer.json()["result"]["content"][0]["text"], "done", "{}", answer.text());
    }
    wires.iter_mut().for_each(|wire| call(wire, LATER, "tool-7"));
    for wire in &mut wires {
        assert_eq!(wire.response().json()["error"]["code"], -32602, "it is not for this caller");
    }
    fixture.handle().remove_tool("tool-8");
    wires.iter_mut().for_each(|wire| call(wire, LATER, "tool-9"));
    for wire in &mut wires {
        assert_eq!(wire.response().json()["result"]["content"][0]["text"], "done");
    }
    for wire in &mut wires {
        until("its shard knows that the tool is gone", || {
            call(wire, LATER, "tool-8");
            wire.response().json()["error"]["code"] == -32602
        });
    }
    assert_eq!(listed(&fixture, LATER).len(), COUNT - 2);
    assert_eq!(fixture.metric("ringway_panics_total"), 0.0);
}
