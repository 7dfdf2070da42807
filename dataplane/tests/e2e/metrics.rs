//! `/metrics`: names, labels and bounds, as Prometheus sees them.
//!
//! Goal: a scrape is well formed and never more than 2,000 samples, whatever is offered and called. Method: more tools
//! than there is room for, each called.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use ringway_dataplane::{ToolDefinition, ToolResult, builtin, tool_fn};
use serde_json::json;

use crate::common::fixture::{Fixture, until};
use crate::common::peer::Peer;

/// What Prometheus' own linter says of a scrape, line by line; `None` where it is not installed.
fn lint(fixture: &Fixture) -> Option<Vec<String>> {
    let text = fixture.get("/metrics").body;
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = promtool.spawn() else {
        eprintln!("skipped: promtool (Debian package `prometheus`) is not installed, so names are not linted");
        return None;
    };
    child.stdin.take().expect("it is piped").write_all(&text).expect("promtool reads");
    let output = child.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&said).lines().map(str::to_owned).collect())
}

/// The samples of a scrape: name with labels, and value. Every family must have said its help and type before.
#[track_caller]
fn scrape(fixture: &Fixture) -> BTreeMap<String, f64> {
    let text = fixture.get("/metrics").text();
    let mut told: BTreeMap<&str, &str> = BTreeMap::new();
    let mut helped = BTreeSet::new();
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(helped.insert(help.split(' ').next().expect("a name")), "twice: {line}");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a type");
            assert!(helped.contains(name), "help comes first: {line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            told.insert(name, kind);
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let name = series.split('{').next().expect("a name");
            let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
            assert!(
                told.contains_key(name) || of_histogram.is_some_and(|name| told.get(name) == Some(&"histogram")),
                "{line}"
            );
            let value = value.parse().expect("a number");
            assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
        }
    }
    samples
}

const CALLS: &str = "mcp_server_operation_duration_seconds_count{mcp_method_name=\"tools/call\",";

#[test]
fn an_operation_has_the_names_of_opentelemetry() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    peer.tool("echo", json!({ "text": "x" }));
    peer.tool("echo", json!({ "text": 1 }));
    peer.call("tools/call", json!({ "name": "panic_at_once", "arguments": {} }));
    peer.call("tools/call", json!({ "name": "nobody's", "arguments": {} }));
    peer.result("tools/list", json!({}));
    let samples = scrape(&fixture);
    for (labels, count) in [
        ("mcp_method_name=\"tools/call\",gen_ai_tool_name=\"echo\"", 1.0),
        ("mcp_method_name=\"tools/call\",gen_ai_tool_name=\"echo\",error_type=\"tool_error\"", 1.0),
        (
            "mcp_method_name=\"tools/call\",gen_ai_tool_name=\"panic_at_once\",error_type=\"-32603\",\
             rpc_response_status_code=\"-32603\"",
            1.0,
        ),
        ("mcp_method_name=\"tools/call\",error_type=\"-32602\",rpc_response_status_code=\"-32602\"", 1.0),
        ("mcp_method_name=\"tools/list\"", 1.0),
    ] {
        let name = format!("mcp_server_operation_duration_seconds_count{{{labels}}}");
        assert_eq!(samples.get(&name), Some(&count), "{name}");
    }
    assert_eq!(lint(&fixture).unwrap_or_default(), [] as [String; 0]);
    assert!(samples.keys().all(|name| !name.contains("nobody")), "no label comes from a caller");
    let bounds = samples
        .keys()
        .filter(|name| name.starts_with("mcp_server_operation_duration_seconds_bucket{mcp_method_name=\"tools/list\""));
    let below_1_ms = ["1e-5", "0.00001", "0.0005"];
    let bounds: Vec<&String> = bounds.collect();
    assert!(
        bounds.iter().any(|name| below_1_ms.iter().any(|bound| name.contains(&format!("le=\"{bound}\"")))),
        "{bounds:?}"
    );
    assert_eq!(samples["ringway_requests_total{mcp_method_name=\"tools/call\"}"], 4.0);
    for shard in 0..2 {
        assert!(samples.contains_key(&format!("ringway_shard_connections{{shard=\"{shard}\"}}")), "shard {shard}");
    }
    assert!(samples["ringway_shard_heartbeat_age_seconds{shard=\"0\"}"] < 2.0);
}

#[test]
fn a_scrape_has_a_bound_whatever_is_called() {
    let fixture = Fixture::offering(
        |builder, _| builtin::add_to(builder),
        |options| {
            options.policy.metrics.enterprise = true;
            options.policy.metrics.mcpo = true;
        },
    );
    let mut peer = Peer::modern(fixture.address);
    let tools = 150;
    for number in 0..tools {
        let definition =
            ToolDefinition::new(format!("tool-{number}"), "One of many.").input(json!({ "type": "object" }));
        let tool = tool_fn(definition, |arguments, _| async move {
            Ok(if arguments.0.is_empty() { ToolResult::text("good") } else { ToolResult::error("bad") })
        });
        fixture.handle().add_tool(tool).expect("its name is free");
    }
    until("the last one can be called", || {
        let found = peer.tool("get_available_tools", json!({ "filter": format!("tool-{}", tools - 1) }));
        found["structuredContent"]["total"] == 1
    });
    for number in 0..tools {
        peer.tool(&format!("tool-{number}"), json!({}));
        peer.tool(&format!("tool-{number}"), json!({ "a": "b" }));
    }
    for method in ["tools/list", "ping", "prompts/list", "resources/read", "nonsense", "server/discover"] {
        peer.call(method, json!({ "cursor": "?" }));
    }
    let samples = scrape(&fixture);
    assert!(samples.len() <= 2000, "{} samples", samples.len());
    assert!(samples.len() > 1000, "there is room for many: {} samples", samples.len());
    let good = |name: &str| samples.get(&format!("{CALLS}gen_ai_tool_name=\"{name}\"}}")).copied();
    assert_eq!(good("tool-0"), Some(1.0));
    assert_eq!(good(&format!("tool-{}", tools - 1)), None);
    let of_tools = samples.iter().filter(|(name, _)| name.starts_with(CALLS) && !name.contains("get_available_tools"));
    let calls: f64 = of_tools.map(|(_, count)| count).sum();
    assert_eq!(calls, 2.0 * f64::from(tools), "every call is counted somewhere");
    assert!(good("other") > Some(100.0), "the rest is told together: {:?}", good("other"));
    let executions = |name: &str| samples.get(&format!("mcpo_tool_execution_time_seconds_count{{tool=\"{name}\"}}"));
    assert!(executions("tool-0").is_some() && executions("other") > Some(&200.0));
}

#[test]
fn older_names_are_there_when_they_are_switched_on() {
    let fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    let older = |samples: &BTreeMap<String, f64>| -> BTreeSet<String> {
        let names = samples.keys().filter_map(|name| name.split('{').next());
        let older = names
            .filter(|name| name.starts_with("mcp_") && !name.starts_with("mcp_server") || name.starts_with("mcpo_"));
        older.map(str::to_owned).collect()
    };
    assert_eq!(older(&scrape(&fixture)), BTreeSet::new());
    let mut policy = (*fixture.handle().policy().expect("it runs")).clone();
    policy.metrics.enterprise = true;
    policy.metrics.mcpo = true;
    fixture.handle().apply_policy(policy);
    until("the new policy counts", || !older(&scrape(&fixture)).is_empty());
    let samples = scrape(&fixture);
    for zero in [
        "mcp_requests_total{method=\"tools/call\",status=\"error\"}",
        "mcp_errors_total{error_type=\"tool_error\"}",
        "mcpo_tool_execution_time_seconds_count{tool=\"other\"}",
    ] {
        assert_eq!(samples.get(zero), Some(&0.0), "{zero} is there before the first call");
    }
    peer.tool("echo", json!({ "text": "x" }));
    peer.tool("echo", json!({ "text": 1 }));
    let samples = scrape(&fixture);
    let want = [
        "mcp_cpu_percent",
        "mcp_errors_total",
        "mcp_latency_ms",
        "mcp_memory_bytes",
        "mcp_optimizations_total",
        "mcp_request_duration_seconds_bucket",
        "mcp_request_duration_seconds_count",
        "mcp_request_duration_seconds_sum",
        "mcp_requests_total",
        "mcpo_request_duration_seconds_bucket",
        "mcpo_request_duration_seconds_count",
        "mcpo_request_duration_seconds_sum",
        "mcpo_requests_total",
        "mcpo_tool_execution_time_seconds_bucket",
        "mcpo_tool_execution_time_seconds_count",
        "mcpo_tool_execution_time_seconds_sum",
    ];
    assert_eq!(older(&samples), want.map(str::to_owned).into());
    // Names that others chose, and that are what this set is for.
    let complaints = lint(&fixture).unwrap_or_default();
    let known = ["mcp_cpu_percent", "mcp_latency_ms"];
    assert!(complaints.iter().all(|line| known.iter().any(|name| line.starts_with(name))), "{complaints:?}");
    assert_eq!(samples["mcp_requests_total{method=\"tools/call\",status=\"success\"}"], 1.0);
    assert_eq!(samples["mcp_requests_total{method=\"tools/call\",status=\"error\"}"], 1.0);
    assert_eq!(samples["mcp_errors_total{error_type=\"tool_error\"}"], 1.0);
    assert_eq!(samples["mcp_request_duration_seconds_count"], 2.0);
    assert_eq!(samples["mcpo_tool_execution_time_seconds_count{tool=\"echo\"}"], 2.0);
}
