//! What keeps a shard is told by its name: in the log, and in `ringway_shard_stalls_total`.
//!
//! Goal: a tool that blocks its shard is named, once a stall and while it lasts, and nothing else is. Method: tools that
//! block on purpose, and a collector of log lines in place of a log. The lines of this whole process are collected, so
//! tests here run one at a time.

#[path = "../common/mod.rs"]
mod common;

mod collector;

use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use ringway_dataplane::{
    Arguments, Context, PromptDefinition, PromptResult, ServerBuilder, Texts, ToolDefinition, ToolResult, builtin,
    prompt_fn, runtime, text_fn, tool_fn,
};
use serde_json::json;

use collector::{Line, lines};
use common::fixture::{Fixture, until};
use common::peer::Peer;

const STALLS: &str = "ringway_shard_stalls_total";
const ENDED: &str = "a task kept its shard";
const LASTS: &str = "a task keeps its shard and has not come back";

static ALONE: Mutex<()> = Mutex::new(());

/// Keeps the other tests of this process out, and forgets their lines.
fn alone() -> MutexGuard<'static, ()> {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    collector::install();
    lines().clear();
    guard
}

/// Takes `ms`, a number.
fn definition(name: &str) -> ToolDefinition {
    let schema = json!({ "type": "object", "properties": { "ms": { "type": "integer" } } });
    ToolDefinition::new(name, "For tests.").input(schema)
}

fn time_of(arguments: &Arguments) -> Duration {
    Duration::from_millis(arguments.0["ms"].as_u64().unwrap_or_default())
}

fn offer(builder: ServerBuilder) -> ServerBuilder {
    let blocks = tool_fn(definition("blocks"), |arguments: Arguments, _| async move {
        thread::sleep(time_of(&arguments));
        Ok(ToolResult::text("done"))
    });
    let blocks_later = tool_fn(definition("blocks_later"), |arguments: Arguments, _| async move {
        runtime::sleep(Duration::from_millis(1)).await;
        thread::sleep(time_of(&arguments));
        Ok(ToolResult::text("done"))
    });
    let waits = tool_fn(definition("waits"), |arguments: Arguments, _| async move {
        runtime::sleep(time_of(&arguments)).await;
        Ok(ToolResult::text("done"))
    });
    let slow = PromptDefinition { name: "slow".into(), ..PromptDefinition::default() };
    let prompt = prompt_fn(slow, None, |_: Arguments, _: Context| async move {
        thread::sleep(Duration::from_millis(50));
        Ok(PromptResult::default())
    });
    let blocks_at_once = text_fn(definition("blocks_at_once"), |arguments: &Arguments, texts: &mut Texts<'_>| {
        thread::sleep(time_of(arguments));
        texts.give("done");
        Ok(())
    });
    builder.tool(blocks).tool(blocks_later).tool(blocks_at_once).tool(waits).tool(builtin::echo()).prompt(prompt)
}

fn fixture() -> Fixture {
    Fixture::offering(|builder, _| offer(builder), |_| {})
}

/// The lines told so far that hold for `of`.
fn told(of: impl Fn(&Line) -> bool) -> Vec<Line> {
    lines().iter().filter(|line| [ENDED, LASTS].contains(&line.message.as_str()) && of(line)).cloned().collect()
}

#[test]
fn a_tool_that_blocks_is_named_with_its_time() {
    let _alone = alone();
    let fixture = fixture();
    let mut peer = Peer::modern(fixture.address);
    for tool in ["blocks", "blocks_later", "blocks_at_once"] {
        peer.tool(tool, json!({ "ms": 50 }));
        let of_tool = told(|line| line.field("tool") == Some(tool));
        let [line] = &of_tool[..] else { panic!("one line of {tool}: {of_tool:?}") };
        assert_eq!((line.level.as_str(), line.message.as_str()), ("WARN", ENDED));
        assert_eq!(line.field("task"), Some("tool"));
        assert!(["0", "1"].map(Some).contains(&line.field("shard")), "{line:?}");
        // The coarse clock ticks each 10 ms at the most.
        assert!(line.number("stalled_ms").expect("a time") >= 40, "{line:?}");
    }
    peer.result("prompts/get", json!({ "name": "slow" }));
    let of_prompt = told(|line| line.field("task") == Some("prompt"));
    assert_eq!(of_prompt.len(), 1, "{of_prompt:?}");
    assert_eq!(fixture.metric(STALLS), told(|_| true).len() as f64, "each line is counted");
}

#[test]
fn an_ordinary_load_is_none() {
    const CALLS: usize = 300;
    let _alone = alone();
    let fixture = fixture();
    let mut peer = Peer::modern(fixture.address);
    for number in 0..CALLS {
        peer.tool("echo", json!({ "text": number.to_string() }));
    }
    for _ in 0..20 {
        peer.tool("waits", json!({ "ms": 20 }));
    }
    assert_eq!(told(|line| line.field("tool") == Some("waits")), [], "to wait is not to block");
    // A machine that takes the core away inside a call looks the same: it may, now and then, and not each time.
    assert!(fixture.metric(STALLS) < CALLS as f64 / 10.0, "{:?}", lines());
}

#[test]
fn many_stalls_are_few_lines_and_all_are_counted() {
    const CALLS: usize = 40;
    let _alone = alone();
    let fixture = fixture();
    let mut peer = Peer::modern(fixture.address);
    for _ in 0..CALLS {
        peer.tool("blocks", json!({ "ms": 25 }));
    }
    let written = told(|_| true).len();
    assert!((1..CALLS / 2).contains(&written), "{written} lines of {CALLS} stalls");
    // The next second says what was left out in this one.
    thread::sleep(Duration::from_millis(1100));
    peer.tool("blocks", json!({ "ms": 25 }));
    let accounted: u64 = told(|_| true).iter().map(|line| 1 + line.number("left_out").unwrap_or_default()).sum();
    assert!(accounted > CALLS as u64, "{accounted} stalls are accounted for");
    assert_eq!(fixture.metric(STALLS), accounted as f64);
}

#[test]
fn a_tool_that_does_not_come_back_is_named_while_it_is_away() {
    let _alone = alone();
    let (release, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let mut fixture = Fixture::offering(
        |builder, _| {
            builder.tool(tool_fn(definition("away"), move |_: Arguments, _| {
                // It fails when the test has let go.
                let _ = gate.lock().unwrap_or_else(PoisonError::into_inner).recv();
                async { Ok(ToolResult::text("back")) }
            }))
        },
        |_| {},
    );
    // Let go first where an assertion fails: the server waits for its shards.
    let release = release;
    let mut peer = Peer::modern(fixture.address);
    let call = peer.message("tools/call", json!({ "name": "away", "arguments": {} }));
    peer.send(&call);
    let of_tool = || told(|line| line.field("tool") == Some("away"));
    until("the log tells of it", || !of_tool().is_empty());
    let lasting = of_tool();
    assert!(lasting.iter().all(|line| line.message == LASTS && line.field("task") == Some("tool")), "{lasting:?}");
    drop(release);
    peer.answer();
    until("its shard tells how long it was", || of_tool().len() == 2);
    let ended = of_tool().pop().expect("two lines");
    assert_eq!(ended.message, ENDED);
    assert!(ended.number("stalled_ms") >= Some(1000), "{ended:?}");
    assert_eq!(fixture.metric(STALLS), (told(|_| true).len() - 1) as f64, "both lines are of one stall");
    fixture.stop();
}
