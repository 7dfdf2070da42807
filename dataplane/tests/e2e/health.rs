//! Health checks: what `/health`, `/status` and the tool `health_check` tell, with checks that hang and panic.
//!
//! Goal: an ill check is told and costs nobody else. Method: checks that wait at a gate of the test.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringway_dataplane::{Health, Server, builtin};
use serde_json::{Value, json};

use crate::common::fixture::{Fixture, until};
use crate::common::peer::{Peer, text_of};
use crate::common::tools;
use crate::common::wire;

const OFTEN: Duration = Duration::from_millis(100);

fn check(fixture: &Fixture, name: &str) -> Value {
    fixture.get("/health").json()["checks"][name].clone()
}

#[test]
fn a_well_server_says_so() {
    let fixture = Fixture::offering(|builder, _| builtin::add_to(builder), |_| {});
    until("each check has run", || {
        let checks = fixture.get("/health").json()["checks"].clone();
        checks.as_object().is_some_and(|all| all.values().all(|check| check["last_run"].is_string()))
    });
    let health = fixture.get("/health");
    assert_eq!(health.head.status, 200, "{}", health.text());
    let body = health.json();
    let names: Vec<&String> = body["checks"].as_object().expect("an object").keys().collect();
    assert_eq!(names, ["limits", "mailboxes", "memory", "shards", "system"]);
    for name in ["limits", "mailboxes", "memory", "shards"] {
        let check = &body["checks"][name];
        assert_eq!(
            (&check["status"], &check["consecutive_failures"]),
            (&json!("healthy"), &json!(0)),
            "{name}: {check}"
        );
        assert!(check["duration_seconds"].as_f64().is_some() && check["interval_seconds"].as_f64().is_some());
    }
    assert_eq!(fixture.status()["checks"]["shards"]["status"], "healthy");
    assert_eq!(fixture.get("/livez").text(), "ok\n");
    assert_eq!(fixture.get("/readyz").text(), "ready\n");
    let mut peer = Peer::modern(fixture.address);
    let all = peer.tool("health_check", json!({}));
    assert_eq!(all["structuredContent"]["checks"].as_object().map(serde_json::Map::len), Some(names.len()));
    let one = peer.tool("health_check", json!({ "name": "shards" }));
    assert_eq!(one["structuredContent"]["checks"].as_object().map(serde_json::Map::len), Some(1));
    let none = peer.tool("health_check", json!({ "name": "shard" }));
    assert_eq!(none["isError"], true);
    assert!(text_of(&none).contains("limits, mailboxes") || text_of(&none).contains("system, memory"), "{none}");
}

/// A check that waits until the test lets it go.
fn gated() -> (Sender<()>, impl Fn() -> Health + Send + Sync + 'static) {
    let (gate, waits) = channel::<()>();
    let waits = Mutex::new(waits);
    let check = move || {
        // Closed means that nobody is to wait any more.
        let _ = waits.lock().map(|waits| waits.recv());
        Health::healthy("went on")
    };
    (gate, check)
}

#[test]
fn checks_that_hang_or_panic_are_ill_and_cost_nobody_else() {
    let (gate, hangs) = gated();
    let runs = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&runs);
    let fine = move || Health::degraded(format!("run {}", counted.fetch_add(1, Ordering::Relaxed)));
    let fixture = Fixture::offering(
        |builder, cue| {
            tools::add_to(builder, cue)
                .health_check("hangs", OFTEN, hangs)
                .health_check("panics", OFTEN, || panic!("planted"))
                .health_check("fine", OFTEN, fine)
        },
        |_| {},
    );
    until("the panic counts", || check(&fixture, "panics")["consecutive_failures"].as_u64() >= Some(3));
    until("the one that hangs is found", || check(&fixture, "hangs")["status"] == "unhealthy");
    let before = runs.load(Ordering::Relaxed);
    until("the others go on", || runs.load(Ordering::Relaxed) > before + 3);
    let health = fixture.get("/health");
    assert_eq!((health.head.status, &health.json()["status"]), (503, &json!("unhealthy")));
    let body = health.json();
    assert_eq!(body["checks"]["panics"]["message"], "The check panicked");
    assert_eq!(
        (&body["checks"]["fine"]["status"], &body["checks"]["shards"]["status"]),
        (&json!("degraded"), &json!("healthy"))
    );
    assert_eq!(fixture.get("/readyz").head.status, 200, "whether it takes work is another question");
    let gauge = |name: &str| fixture.metric(&format!("ringway_health_status{{check=\"{name}\"}}"));
    assert_eq!((gauge("hangs"), gauge("fine"), gauge("shards")), (0.0, 0.5, 1.0));
    assert_eq!(text_of(&Peer::modern(fixture.address).tool("echo", json!({ "text": "served" }))), "served");
    drop(gate);
    until("it goes on", || check(&fixture, "hangs")["status"] == "healthy");
    assert_eq!(check(&fixture, "hangs")["consecutive_failures"], 0);
}

#[test]
fn a_draining_server_is_unhealthy() {
    let mut fixture = Fixture::start();
    let mut peer = Peer::modern(fixture.address);
    let call = peer.message("tools/call", json!({ "name": "hold", "arguments": {} }));
    peer.send(&call);
    // Behind a call in flight, so that it is answered in the middle of the drain.
    peer.wire.send(wire::request("GET", "/health", &[], b""));
    fixture.stage.expect(tools::Beat::Entered);
    let running = fixture.take();
    running.handle().drain();
    fixture.stage.open();
    assert_eq!(text_of(&peer.answer()["result"]), "held");
    let health = peer.wire.response();
    let body = health.json();
    assert_eq!((health.head.status, &body["status"], &body["draining"]), (503, &json!("unhealthy"), &json!(true)));
    running.join().expect("no shard panics");
}

#[test]
fn a_check_that_cannot_be_is_told_at_the_start() {
    for (name, interval) in [("system", OFTEN), ("no blanks", OFTEN), ("fast", Duration::ZERO)] {
        let built = Server::builder("test", "1").health_check(name, interval, || Health::healthy("")).build();
        assert!(built.err().is_some_and(|error| error.to_string().contains(name)), "{name}");
    }
}

#[test]
fn memory_has_the_bound_that_the_policy_sets() {
    let fixture = Fixture::with(|options| options.policy.health.memory_bytes_max = Some(1));
    until("the check finds it", || check(&fixture, "memory")["status"] == "unhealthy");
    let mut policy = (*fixture.handle().policy().expect("it runs")).clone();
    policy.health.memory_bytes_max = None;
    fixture.handle().apply_policy(policy);
    until("the new policy counts", || check(&fixture, "memory")["status"] == "healthy");
}
