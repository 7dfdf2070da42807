//! Single requests of 2026-07-28.
//!
//! Goal: every method answers with its envelope; headers and body are held to each other; lists page and change.
//! Method: one table a rule, each message held to the schema.

use ringway_dataplane::{ToolDefinition, ToolResult, tool_fn};
use serde_json::{Value, json};

use crate::common::fixture::{Fixture, until};
use crate::common::peer::{Peer, text_of};

#[test]
fn every_method_answers() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    let found = peer.result("server/discover", json!({}));
    assert_eq!(found["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(found["instructions"], "Only for tests.");
    let capabilities = &found["capabilities"];
    assert_eq!(capabilities["resources"]["subscribe"], true);
    let extension = &capabilities["extensions"]["io.modelcontextprotocol/tasks"];
    assert_eq!(*extension, json!({}));

    for (method, member) in [
        ("tools/list", "tools"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
        ("prompts/list", "prompts"),
    ] {
        let list = peer.result(method, json!({}));
        assert!(list[member].as_array().is_some_and(|list| !list.is_empty()));
        assert!(list["ttlMs"].is_u64(), "{method} says how long it lasts");
    }
    assert_eq!(text_of(&peer.tool("echo", json!({ "text": "hi" }))), "hi");
    let list = peer.tool("list", json!({}));
    assert_eq!(list["structuredContent"], json!([1, 2, 3]), "not wrapped");
    let pieces = peer.tool("every_content", json!({}));
    assert_eq!(pieces["content"][4]["type"], "resource_link");
    let read = peer.result("resources/read", json!({ "uri": "test://items/7" }));
    assert_eq!(read["contents"][0]["text"], "7");
    let named = json!({ "name": "greeting", "arguments": { "name": "Ada" } });
    let prompt = peer.result("prompts/get", named);
    assert_eq!(prompt["messages"][0]["content"]["text"], "Greet Ada.");
    let completion = peer.result(
        "completion/complete",
        json!({
            "ref": { "type": "ref/prompt", "name": "greeting" },
            "argument": { "name": "name", "value": "G" },
        }),
    );
    assert_eq!(completion["completion"]["values"], json!(["Grace"]));
    let bad = peer.tool("echo", json!({ "text": 1 }));
    assert_eq!(bad["isError"], true);
    assert_eq!(peer.notify("notifications/anything", json!({})), 202);
}

#[test]
fn what_cannot_be_done_has_its_status_and_code() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    let rows = [
        ("nonsense", json!({}), 404, -32601),
        ("initialize", json!({}), 404, -32601),
        ("ping", json!({}), 404, -32601),
        ("logging/setLevel", json!({ "level": "info" }), 404, -32601),
        ("resources/subscribe", json!({ "uri": "test://one" }), 404, -32601),
        ("tasks/result", json!({ "taskId": "x" }), 404, -32601),
        ("tools/call", json!({ "name": "nonsense" }), 200, -32602),
        ("tools/list", json!({ "cursor": "" }), 200, -32602),
        ("resources/read", json!({ "uri": "test://two" }), 200, -32602),
        ("resources/read", json!({ "uri": "test://items/none" }), 200, -32602),
        ("prompts/get", json!({ "name": "greeting" }), 200, -32602),
        ("tools/call", json!({ "name": "brief" }), 200, -32603),
        ("tools/call", json!({ "name": "panic_at_once" }), 200, -32603),
        ("tools/call", json!({ "name": "panic_later" }), 200, -32603),
        ("tasks/get", json!({ "taskId": "x" }), 400, -32021),
        ("tools/call", json!({ "name": "only_task" }), 400, -32021),
        ("tools/call", json!({ "name": "ask" }), 400, -32021),
        ("subscriptions/listen", json!({}), 200, -32602),
    ];
    for (method, params, status, code) in rows {
        let got = peer.error(method, params.clone());
        assert_eq!(got, (status, code), "{method} {params}");
    }
}

#[test]
fn headers_mirror_the_body_or_nothing_is_done() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    let echo = json!({ "name": "echo", "arguments": { "text": "x" } });
    const VERSION: &str = "MCP-Protocol-Version";
    // What is put in place of a header's good value; none takes it out.
    let rows = [
        (VERSION, None, -32020),
        (VERSION, Some("2025-11-25"), -32020),
        (VERSION, Some("v9"), -32020),
        ("Mcp-Method", None, -32020),
        ("Mcp-Method", Some("tools/list"), -32020),
        ("Mcp-Method", Some("TOOLS/CALL"), -32020),
        ("Mcp-Name", None, -32020),
        ("Mcp-Name", Some("other"), -32020),
        ("Mcp-Name", Some("=?base64?b3RoZXI=?="), -32020),
        ("Mcp-Name", Some("=?base64?!?="), -32020),
        ("Mcp-Name", Some("=?base64?ZWNobw==?="), 0),
        ("Mcp-Name", Some("  echo\t"), 0),
        ("Mcp-Method", Some("tools/call"), 0),
    ];
    for (name, value, code) in rows {
        let message = peer.message("tools/call", echo.clone());
        let mut fields = peer.fields(&message);
        fields.retain(|(known, _)| *known != name);
        fields.extend(value.map(|value| (name, value.to_owned())));
        exchange(&mut peer, &fields, &message, code);
    }
    for repeated in [VERSION, "Mcp-Method", "Mcp-Name"] {
        let message = peer.message("tools/call", echo.clone());
        let mut fields = peer.fields(&message);
        let again = fields.iter().find(|(name, _)| *name == repeated).cloned();
        fields.extend(again);
        exchange(&mut peer, &fields, &message, -32020);
    }
}

#[track_caller]
fn exchange(peer: &mut Peer, fields: &[(&str, String)], message: &Value, code: i64) {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    peer.send_with(&fields, message);
    let answer = peer.answer();
    assert_eq!(answer["id"], message["id"], "{fields:?}");
    let got = answer["error"]["code"].as_i64().unwrap_or(0);
    assert_eq!(got, code, "{fields:?}: {answer}");
    assert_eq!(peer.status, if code == 0 { 200 } else { 400 });
}

#[test]
fn an_envelope_is_whole_or_refused() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
    const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
    const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
    const LEVEL: &str = "io.modelcontextprotocol/logLevel";
    let rows = [
        (VERSION, Value::Null, 400, -32602),
        (VERSION, json!(7), 400, -32602),
        (CAPABILITIES, Value::Null, 400, -32602),
        (CAPABILITIES, json!([]), 400, -32602),
        (CLIENT, json!("me"), 400, -32602),
        (LEVEL, json!("loud"), 200, -32602),
    ];
    for (key, value, status, code) in rows {
        let mut message = peer.message("tools/list", json!({}));
        if value.is_null() {
            let meta = message["params"]["_meta"].as_object_mut();
            meta.expect("an envelope").remove(key);
        } else {
            message["params"]["_meta"][key] = value.clone();
        }
        peer.send(&message);
        let answer = peer.answer();
        let got = (peer.status, answer["error"]["code"].as_i64());
        assert_eq!(got, (status, Some(code)), "{key}: {value}");
    }

    let mut message = peer.message("tools/list", json!({}));
    message["params"]["_meta"][VERSION] = json!("v999.0.0");
    let mut fields = peer.fields(&message);
    fields.retain(|(name, _)| *name != "MCP-Protocol-Version");
    fields.push(("MCP-Protocol-Version", "v999.0.0".into()));
    exchange(&mut peer, &fields, &message, -32022);

    // Ids keep their type.
    for id in [json!(0), json!(-1), json!(9_007_199_254_740_993_u64), json!("1"), json!("ü\n")] {
        let message = peer.message_with_id(id.clone(), "tools/list", json!({}));
        peer.send(&message);
        assert_eq!(peer.answer()["id"], id);
    }
}

#[test]
fn mirrored_arguments_are_held_to_their_headers() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    const REGION: &str = "Mcp-Param-Region";
    const COUNT: &str = "mcp-param-COUNT";
    type Row<'a> = (Value, &'a [(&'a str, &'a str)], i64);
    let rows: [Row<'_>; 9] = [
        (json!({}), &[], 0),
        (json!({ "region": "eu" }), &[(REGION, "eu")], 0),
        (json!({ "region": "eu" }), &[], -32020),
        (json!({ "region": "eu" }), &[(REGION, "us")], -32020),
        (json!({ "region": "eu" }), &[(REGION, "eu"), (REGION, "eu")], -32020),
        (json!({ "region": "é" }), &[(REGION, "=?base64?w6k=?=")], 0),
        (json!({ "count": 42 }), &[(COUNT, "42")], 0),
        (json!({ "count": 42 }), &[(COUNT, "43")], -32020),
        (json!({}), &[("Mcp-Param-Unknown", "1")], 0),
    ];
    for (arguments, extra, code) in rows {
        let call = json!({ "name": "regional", "arguments": arguments });
        let message = peer.message("tools/call", call);
        let mut fields = peer.fields(&message);
        fields.extend(extra.iter().map(|(n, v)| (*n, (*v).to_owned())));
        exchange(&mut peer, &fields, &message, code);
    }
    // A tool that older clients call has no headers to be held to.
    let mut old = Peer::legacy(fixture.address, "2025-11-25");
    let result = old.tool("regional", json!({ "region": "eu" }));
    assert_eq!(text_of(&result), r#"{"region":"eu"}"#);
}

fn pages(peer: &mut Peer) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut params = json!({});
    loop {
        let page = peer.result("tools/list", params);
        let tools = page["tools"].as_array().expect("tools");
        let names = tools.iter().filter_map(|tool| tool["name"].as_str());
        pages.push(names.map(str::to_owned).collect());
        match page.get("nextCursor") {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => return pages,
        }
    }
}

#[test]
fn lists_come_in_pages_and_follow_changes() {
    let fixture = Fixture::with(|options| options.policy.limits.page_items_max = 5);
    let peers = fixture.wires().into_iter();
    let mut peers: Vec<Peer> = peers.map(|wire| Peer::over(wire, fixture.address, "2026-07-28")).collect();
    let before = pages(&mut peers[0]);
    assert!(before.len() > 2 && before[..before.len() - 1].iter().all(|page| page.len() == 5));
    let mut names: Vec<String> = before.concat();
    names.dedup();
    assert_eq!(names.len(), before.concat().len(), "nothing twice");
    let mut old = Peer::legacy(fixture.address, "2025-06-18");
    assert_eq!(pages(&mut old), before, "both eras see one order");
    for bad in ["p0.1", "p0.ffff", "nonsense"] {
        assert_eq!(peers[0].error("tools/list", json!({ "cursor": bad })), (200, -32602));
    }

    let definition = ToolDefinition::new("newcomer", "New.");
    let newcomer = tool_fn(definition, |_, context| async move {
        context.server().remove_tool("newcomer");
        Ok(ToolResult::text("goodbye"))
    });
    fixture.handle().add_tool(newcomer).expect("a new name");
    let taken = tool_fn(ToolDefinition::new("echo", "Taken."), |_, _| async { Ok(ToolResult::text("")) });
    assert!(fixture.handle().add_tool(taken).is_err(), "no shadowing");
    for peer in &mut peers {
        until("the tool is listed", || pages(peer).concat().iter().any(|name| name == "newcomer"));
    }
    assert_eq!(text_of(&peers[0].tool("newcomer", json!({}))), "goodbye");
    for peer in &mut peers {
        until("the tool is gone", || pages(peer) == before);
        let got = peer.error("tools/call", json!({ "name": "newcomer" }));
        assert_eq!(got, (200, -32602));
    }
}

#[test]
fn a_call_talks_only_as_it_was_asked_to() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    const LEVEL: &str = "io.modelcontextprotocol/logLevel";
    let rows = [
        (json!({}), 0),
        (json!({ "progressToken": "t" }), 1),
        (json!({ LEVEL: "debug" }), 3),
        (json!({ LEVEL: "error" }), 1),
        (json!({ LEVEL: "info", "progressToken": 7 }), 3),
    ];
    for (meta, want) in rows {
        let call = json!({ "name": "talk", "arguments": {}, "_meta": meta });
        let answer = peer.call("tools/call", call);
        assert_eq!(text_of(&answer["result"]), "said");
        assert_eq!(peer.heard.len(), want, "{meta}: {:?}", peer.heard);
        for message in &peer.heard {
            if message["method"] == "notifications/progress" {
                assert_eq!(message["params"]["progressToken"], meta["progressToken"]);
            }
        }
    }
}

#[test]
fn a_call_ends_with_its_connection() {
    use crate::common::tools::Beat;
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    let hold = |before: u64| {
        let meta = json!({ "progressToken": 1 });
        json!({ "name": "hold", "arguments": { "before": before }, "_meta": meta })
    };
    // Before anything of the answer was sent, and in the middle of its stream.
    for before in [0, 2] {
        let message = peer.message("tools/call", hold(before));
        peer.send(&message);
        fixture.stage.expect(Beat::Entered);
        if before > 0 {
            assert!(peer.wire.head().is_stream());
            assert_eq!(peer.expect()["params"]["progress"], 1);
        }
        peer.reconnect();
        fixture.stage.expect(Beat::Dropped);
    }
    // Nobody else can end it.
    let message = peer.message("tools/call", hold(0));
    peer.send(&message);
    fixture.stage.expect(Beat::Entered);
    let mut other = peer.sibling();
    let params = json!({ "requestId": message["id"] });
    assert_eq!(other.notify("notifications/cancelled", params), 202);
    assert!(fixture.stage.is_quiet());
    fixture.stage.release();
    assert_eq!(text_of(&peer.answer()["result"]), "held");
    fixture.stage.expect(Beat::Finished);
    until("nothing is in flight", || fixture.status()["inFlight"] == 0);
}
