//! The extension `io.modelcontextprotocol/tasks` of 2026-07-28.
//!
//! Goal: a call that became a task is watched, answered and stopped from any connection, and stops when it is told to.
//! Method: tasks on both shards, asked about through connections of both.

use serde_json::{Value, json};

use crate::common::checker::MODERN;
use crate::common::fixture::{Fixture, SHARDS, made_up_handle, until};
use crate::common::peer::{Peer, home_of, text_of};
use crate::common::tools::Beat;

fn with_tasks(fixture: &Fixture) -> Vec<Peer> {
    let of_tasks = |wire| {
        let mut peer = Peer::over(wire, fixture.address, MODERN);
        let extensions = json!({ "io.modelcontextprotocol/tasks": {} });
        peer.capabilities = json!({ "extensions": extensions, "elicitation": {} });
        peer
    };
    fixture.wires().into_iter().map(of_tasks).collect()
}

fn start(peer: &mut Peer, name: &str) -> String {
    let task = peer.tool(name, json!({}));
    assert_eq!(task["resultType"], "task", "{task}");
    task["taskId"].as_str().expect("a name").to_owned()
}

fn get(peer: &mut Peer, task: &str) -> Value {
    peer.result("tasks/get", json!({ "taskId": task }))
}

#[test]
fn a_task_is_the_same_from_every_connection() {
    let fixture = Fixture::start();
    let mut peers = with_tasks(&fixture);
    for home in 0..SHARDS {
        let task = start(&mut peers[home], "task");
        fixture.stage.expect(Beat::Entered);
        assert_eq!(usize::from(home_of(&task)), home);
        for peer in &mut peers {
            assert_eq!(get(peer, &task)["status"], "working");
        }
        fixture.stage.release();
        fixture.stage.expect(Beat::Finished);
        for peer in &mut peers {
            until("it is done", || get(peer, &task)["status"] == "completed");
            let done = get(peer, &task);
            assert_eq!(text_of(&done["result"]), "held");
            // What is over stays as it is.
            peer.result("tasks/cancel", json!({ "taskId": task }));
            assert_eq!(get(peer, &task)["status"], "completed");
        }
    }
    assert_eq!(start(&mut peers[0], "only_task").len(), 36);
    fixture.stage.expect(Beat::Entered);
    let mut plain = Peer::modern(fixture.address);
    fixture.stage.release();
    fixture.stage.release();
    let result = plain.tool("task", json!({}));
    assert_eq!(text_of(&result), "held", "in place for who takes no tasks");
}

#[test]
fn a_cancelled_task_stops_its_work() {
    let fixture = Fixture::start();
    let mut peers = with_tasks(&fixture);
    for home in 0..SHARDS {
        let task = start(&mut peers[home], "task");
        fixture.stage.expect(Beat::Entered);
        let result = peers[1 - home].result("tasks/cancel", json!({ "taskId": task }));
        assert_eq!(result["resultType"], "complete");
        fixture.stage.expect(Beat::Dropped);
        assert_eq!(get(&mut peers[home], &task)["status"], "cancelled");

        // One that became a task only after it had waited.
        let call = json!({ "name": "late_task", "arguments": {} });
        let message = peers[home].message("tools/call", call);
        peers[home].send(&message);
        fixture.stage.expect(Beat::Entered);
        fixture.stage.release();
        let created = peers[home].answer();
        let task = created["result"]["taskId"].as_str().expect("a task");
        peers[1 - home].result("tasks/cancel", json!({ "taskId": task }));
        fixture.stage.expect(Beat::Dropped);
        assert_eq!(get(&mut peers[home], task)["status"], "cancelled");
    }
    until("nothing is in flight", || fixture.status()["inFlight"] == 0);
}

#[test]
fn a_task_asks_whoever_polls() {
    let fixture = Fixture::start();
    let mut peers = with_tasks(&fixture);
    for home in 0..SHARDS {
        let task = start(&mut peers[home], "task_asks");
        let other = &mut peers[1 - home];
        until("it asks", || get(other, &task)["status"] == "input_required");
        let asked = get(other, &task);
        let requests = asked["inputRequests"].as_object().expect("questions");
        let (key, question) = requests.iter().next().expect("a question");
        assert_eq!(question["method"], "elicitation/create");
        let bad = json!({ "taskId": task, "inputResponses": { key: { "action": "perhaps" } } });
        assert_eq!(other.error("tasks/update", bad), (200, -32602));
        let answer = json!({ "action": "accept", "content": { "name": "Ada" } });
        let update = json!({ "taskId": task, "inputResponses": { key: answer, "unasked": 1 } });
        other.result("tasks/update", update);
        until("it is done", || get(other, &task)["status"] == "completed");
        let got: Value = serde_json::from_str(text_of(&get(other, &task)["result"])).expect("JSON");
        assert_eq!(got, answer);
    }
}

#[test]
fn a_task_that_is_not_there_is_unknown() {
    let fixture = Fixture::start();
    let other_server = Fixture::start();
    let foreign = start(&mut with_tasks(&other_server)[0], "task_asks");
    let mut peers = with_tasks(&fixture);
    let tasks =
        [foreign, made_up_handle(0), made_up_handle(1), made_up_handle(u16::MAX), "nonsense".into(), String::new()];
    for task in tasks {
        for peer in &mut peers {
            for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
                let params = json!({ "taskId": task, "inputResponses": {} });
                assert_eq!(peer.error(method, params), (200, -32602), "{task}");
            }
        }
    }
    // A client that takes no tasks does not learn which there are.
    let mine = start(&mut peers[0], "task_asks");
    let mut plain = Peer::modern(fixture.address);
    let got = plain.error("tasks/get", json!({ "taskId": mine }));
    assert_eq!(got, (400, -32021));
}

#[test]
fn a_listener_follows_its_tasks_from_any_shard() {
    let fixture = Fixture::start();
    let mut peers = with_tasks(&fixture);
    for home in 0..SHARDS {
        let task = start(&mut peers[home], "task");
        fixture.stage.expect(Beat::Entered);
        let mut listener = peers[1 - home].sibling();
        let filter = json!({ "notifications": { "taskIds": [task] } });
        listener.open("subscriptions/listen", filter);
        assert_eq!(listener.expect()["params"]["notifications"]["taskIds"][0], task);
        fixture.stage.release();
        fixture.stage.expect(Beat::Finished);
        let told = listener.expect();
        assert_eq!(told["method"], "notifications/tasks");
        assert_eq!(told["params"]["taskId"], task);
        assert_eq!(told["params"]["status"], "completed");
    }
}

#[test]
fn tasks_are_bounded_and_make_room() {
    let fixture = Fixture::with(|options| {
        options.policy.limits.tasks_max = 2;
        options.shards = Some(1);
    });
    let mut wire = with_one_shard(&fixture);
    let tasks: Vec<String> = (0..2).map(|_| start(&mut wire, "task")).collect();
    let got = wire.error("tools/call", json!({ "name": "task", "arguments": {} }));
    assert_eq!(got, (200, -32603), "all are at work");
    wire.result("tasks/cancel", json!({ "taskId": tasks[0] }));
    let third = start(&mut wire, "task");
    let gone = wire.error("tasks/get", json!({ "taskId": tasks[0] }));
    assert_eq!(gone, (200, -32602), "what was over made room");
    assert_eq!(get(&mut wire, &third)["status"], "working");
}

fn with_one_shard(fixture: &Fixture) -> Peer {
    let mut peer = Peer::modern(fixture.address);
    peer.capabilities = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    peer
}
