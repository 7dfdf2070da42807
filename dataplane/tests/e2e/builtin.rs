//! The tools every Ringway has, over real connections.
//!
//! Goal: what they tell is the same whichever connection and shard is asked, true, and true at once. Method: two shards,
//! a connection to each, in both eras.

use ringway_dataplane::{ToolDefinition, ToolResult, builtin, tool_fn};
use serde_json::{Value, json};

use crate::common::checker::MODERN;
use crate::common::fixture::{Fixture, SHARDS};
use crate::common::peer::{Peer, text_of};

fn start() -> Fixture {
    Fixture::offering(|builder, _| builtin::add_to(builder), |_| {})
}

/// A modern client on each shard, and a legacy one.
fn peers(fixture: &Fixture) -> Vec<Peer> {
    let modern = fixture.wires().into_iter().map(|wire| Peer::over(wire, fixture.address, MODERN));
    modern.chain(fixture.sessions("2025-11-25", json!({}))).collect()
}

#[track_caller]
fn structured(result: &Value) -> &Value {
    assert_ne!(result["isError"], true, "{result}");
    &result["structuredContent"]
}

#[track_caller]
fn refused(result: &Value) -> &str {
    assert_eq!(result["isError"], true, "{result}");
    text_of(result)
}

fn record(peer: &mut Peer, component: &str, metric: &str, value: f64) -> Value {
    peer.tool("record_metric", json!({ "component": component, "metric": metric, "value": value }))
}

#[test]
fn what_one_connection_records_every_other_reads_at_once() {
    let fixture = start();
    let mut peers = peers(&fixture);
    let mut sum = 0.0;
    for round in 0..20 {
        for writer in 0..peers.len() {
            let value = f64::from(round) - 9.5;
            let recorded = record(&mut peers[writer], "decoder", "step_ms", value);
            assert_eq!(structured(&recorded)["recorded"], true);
            sum += value;
            let reader = (writer + round as usize + 1) % peers.len();
            let read = peers[reader].tool("get_performance_metrics", json!({ "component": "decoder" }));
            let row = &structured(&read)["components"][0]["metrics"][0];
            let count = round as u64 * 2 * SHARDS as u64 + writer as u64 + 1;
            assert_eq!((row["metric"].as_str(), row["count"].as_u64()), (Some("step_ms"), Some(count)));
            assert_eq!(row["sum"].as_f64(), Some(sum));
            assert_eq!((row["min"].as_f64(), row["max"].as_f64()), (Some(-9.5), Some(value)));
        }
    }
    record(&mut peers[0], "encoder", "step_ms", 1.0);
    let all = peers[1].tool("get_performance_metrics", json!({ "window_seconds": 3600 }));
    let names: Vec<&Value> =
        structured(&all)["components"].as_array().expect("a list").iter().map(|one| &one["component"]).collect();
    assert_eq!(names, ["decoder", "encoder"]);
    let row = &structured(&all)["components"][0]["metrics"][0];
    assert_eq!((row["p50"].as_f64(), row["p99_9"].as_f64()), (Some(-0.5), Some(9.5)));
}

#[test]
fn a_bad_or_too_large_metric_is_told() {
    let fixture = start();
    let mut peer = Peer::modern(fixture.address);
    let call = |peer: &mut Peer, name: &str, arguments: &str| {
        let arguments: Value = serde_json::from_str(arguments).expect("JSON");
        refused(&peer.tool(name, arguments));
    };
    for arguments in [
        "{}",
        r#"{"component":"","metric":"m","value":1}"#,
        r#"{"component":"c","metric":"m","value":"1"}"#,
        r#"{"component":"c","metric":"m","value":1,"unit":"s"}"#,
    ] {
        call(&mut peer, "record_metric", arguments);
    }
    for window in ["0", "3601", "1.5"] {
        call(&mut peer, "get_performance_metrics", &format!(r#"{{"window_seconds":{window}}}"#));
    }
    for component in 0..256 {
        structured(&record(&mut peer, &component.to_string(), "m", 1.0));
    }
    let told = refused(&record(&mut peer, "one more", "m", 1.0)).to_owned();
    assert!(told.contains("256 components"), "{told}");
    for metric in 0..63 {
        structured(&record(&mut peer, "7", &metric.to_string(), 1.0));
    }
    assert!(refused(&record(&mut peer, "7", "one more", 1.0)).contains("64 metrics"));
    structured(&record(&mut peer, "7", "m", 2.0));
}

/// JSON Schema calls `300.0` an integer, and clients in languages without whole numbers write it.
#[test]
fn a_whole_number_may_be_written_with_a_point() {
    let fixture = start();
    let mut peer = Peer::modern(fixture.address);
    for window in ["60", "60.0", "6e1"] {
        let arguments = serde_json::from_str(&format!(r#"{{"window_seconds":{window}}}"#)).expect("JSON");
        structured(&peer.tool("get_performance_metrics", arguments));
    }
    let listed = peer.tool("get_available_tools", json!({ "limit": 2.0 }));
    assert_eq!(structured(&listed)["tools"].as_array().map(Vec::len), Some(2));
}

#[test]
fn the_server_counts_what_it_answers() {
    let fixture = start();
    let mut peers = peers(&fixture);
    for peer in &mut peers {
        for _ in 0..3 {
            peer.tool("echo", json!({ "text": "x" }));
        }
        refused(&peer.tool("echo", json!({ "text": 7 })));
    }
    let calls = peers.len() as u64 * 4;
    for peer in &mut peers {
        let answer = peer.tool("get_metrics", json!({}));
        let metrics = structured(&answer);
        let tools = metrics["tools"].as_array().expect("a list");
        let echo = tools.iter().find(|row| row["tool"] == "echo").expect("it was called");
        assert_eq!((echo["calls"].as_u64(), echo["errors"].as_u64()), (Some(calls), Some(calls / 4)));
        assert!(echo["p50"].as_f64().is_some_and(|seconds| seconds > 0.0 && seconds < 10.0), "{echo}");
        assert!(metrics["counters"]["requests"]["tools/call"].as_u64() >= Some(calls), "{metrics}");
        assert!(metrics["gauges"]["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20));
        let answer = peer.tool("get_server_metrics", json!({}));
        let server = structured(&answer);
        let shards = server["shards"].as_array().expect("a list");
        assert_eq!(shards.len(), SHARDS);
        let requests: u64 = shards.iter().filter_map(|shard| shard["requests"].as_u64()).sum();
        assert_eq!(Some(requests), server["requests"].as_u64());
        assert!(shards.iter().all(|shard| shard["requests"].as_u64() >= Some(8)), "both have worked: {server}");
        assert!(server["errors"].as_u64() >= Some(calls / 4) && server["requests_per_second"].as_f64() > Some(0.0));
        assert!(server["connections"].as_u64() >= Some(peers_open()), "{server}");
    }
}

fn peers_open() -> u64 {
    2 * SHARDS as u64
}

#[test]
fn available_tools_are_those_of_the_moment() {
    let fixture = start();
    let mut peers = peers(&fixture);
    let names = |peer: &mut Peer, arguments: Value| {
        let answer = peer.tool("get_available_tools", arguments);
        let found = structured(&answer).clone();
        let tools = found["tools"].as_array().expect("a list");
        let names: Vec<String> = tools.iter().filter_map(|tool| Some(tool["name"].as_str()?.to_owned())).collect();
        (names, found["total"].as_u64().expect("a number"))
    };
    let (all, total) = names(&mut peers[0], json!({}));
    assert_eq!((all.len() as u64, all[0].as_str()), (total, "echo"));
    assert_eq!(names(&mut peers[1], json!({ "filter": "PERCENTILES", "limit": 1 })).0.len(), 1);
    assert_eq!(names(&mut peers[1], json!({ "filter": "no such text" })), (vec![], 0));
    let late = ToolDefinition::new("late", "Comes at run time.").input(json!({ "type": "object" }));
    let tool = tool_fn(late, |_, _| async { Ok(ToolResult::text("here")) });
    fixture.handle().add_tool(tool).expect("its name is free");
    for peer in &mut peers {
        crate::common::fixture::until("the shard has the new tool", || {
            names(peer, json!({ "filter": "Run Time" })).0 == ["late"]
        });
    }
    fixture.handle().remove_tool("late");
    for peer in &mut peers {
        crate::common::fixture::until("the tool is gone", || names(peer, json!({})).1 == total);
    }
}
