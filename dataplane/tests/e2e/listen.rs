//! `subscriptions/listen` of 2026-07-28.
//!
//! Goal: a stream first says what it honours, then tells that and nothing else, and keeps its place apart from others.
//! Method: listeners with different filters on both shards, and changes that only some of them want.

use std::time::Duration;

use serde_json::{Value, json};

use crate::common::checker::MODERN;
use crate::common::fixture::{Fixture, all_lists, until};
use crate::common::peer::Peer;

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// Opens a stream and returns what it honours.
#[track_caller]
fn listen(peer: &mut Peer, id: Value, filter: Value) -> Value {
    let params = json!({ "notifications": filter });
    let message = peer.message_with_id(id.clone(), "subscriptions/listen", params);
    peer.send(&message);
    assert!(peer.wire.head().is_stream());
    peer.status = 200;
    let first = peer.expect();
    let method = "notifications/subscriptions/acknowledged";
    assert_eq!(first["method"], method);
    assert_eq!(first["params"]["_meta"][SUBSCRIPTION], id);
    first["params"]["notifications"].clone()
}

#[test]
fn a_listener_hears_what_it_asked_for() {
    let fixture = Fixture::start();
    let wires = fixture.wires().into_iter().chain(fixture.wires());
    let mut peers: Vec<Peer> = wires.map(|wire| Peer::over(wire, fixture.address, MODERN)).collect();
    let resources = json!({ "resourceSubscriptions": ["test://one"] });
    let filters = [
        (json!(1), all_lists()),
        (json!("1"), json!({ "promptsListChanged": true, "toolsListChanged": false })),
        (json!(-5), resources),
        (json!("é"), json!({})),
    ];
    for (peer, (id, filter)) in peers.iter_mut().zip(&filters) {
        let honoured = listen(peer, id.clone(), filter.clone());
        let mut want = filter.clone();
        let members = want.as_object_mut().expect("an object");
        members.retain(|_, wanted| *wanted != json!(false));
        assert_eq!(honoured, want);
    }
    // The last change is heard by all but one, and whatever came before it came before it.
    fixture.handle().announce_resource("test://two");
    fixture.handle().announce_tools();
    fixture.handle().announce_prompts();
    fixture.handle().announce_resource("test://one");
    let heard = [
        vec!["notifications/tools/list_changed", "notifications/prompts/list_changed"],
        vec!["notifications/prompts/list_changed"],
        vec!["notifications/resources/updated"],
        vec![],
    ];
    for ((peer, (id, _)), methods) in peers.iter_mut().zip(&filters).zip(heard) {
        for method in methods {
            let message = peer.expect();
            assert_eq!(message["method"], method, "{id}");
            assert_eq!(message["params"]["_meta"][SUBSCRIPTION], *id);
        }
    }
    until("four are counted", || fixture.status()["streams"] == 4);
    for peer in &mut peers {
        peer.reconnect();
    }
    until("none is counted", || fixture.status()["streams"] == 0);
}

#[test]
fn a_quiet_stream_is_kept_alive() {
    let fixture = Fixture::with(|options| {
        options.policy.limits.keep_alive_every = Duration::from_millis(50);
        options.policy.limits.idle_time_max = Duration::from_millis(100);
    });
    let mut peer = Peer::modern(fixture.address);
    listen(&mut peer, json!(1), all_lists());
    // Only a change ends this wait; comments fill the time until then.
    std::thread::sleep(Duration::from_millis(600));
    fixture.handle().announce_tools();
    let changed = peer.expect();
    assert_eq!(changed["method"], "notifications/tools/list_changed");
    assert!(peer.wire.comments >= 3, "{} comments", peer.wire.comments);
}

#[test]
fn filters_and_their_number_are_bounded() {
    let fixture = Fixture::with(|options| {
        options.policy.limits.listens_max = 2;
        options.shards = Some(1);
    });
    let mut peer = Peer::modern(fixture.address);
    let too_many: Vec<String> = (0..2000).map(|n| format!("test://{n}")).collect();
    for bad in [
        json!(7),
        json!({ "toolsListChanged": 1 }),
        json!({ "resourceSubscriptions": "test://one" }),
        json!({ "resourceSubscriptions": [1] }),
        json!({ "resourceSubscriptions": too_many }),
        json!({ "taskIds": { } }),
    ] {
        let params = json!({ "notifications": bad });
        let got = peer.error("subscriptions/listen", params);
        assert_eq!(got, (200, -32602));
    }
    let mut open: Vec<Peer> = (0..2).map(|_| peer.sibling()).collect();
    for (index, peer) in open.iter_mut().enumerate() {
        listen(peer, json!(100 + index), all_lists());
    }
    let params = json!({ "notifications": all_lists() });
    let got = peer.error("subscriptions/listen", params);
    assert_eq!(got, (200, -32603), "one more than there may be");
    drop(open);
    until("there is room again", || {
        let mut next = peer.sibling();
        let message = next.message("subscriptions/listen", json!({ "notifications": all_lists() }));
        next.send(&message);
        next.wire.head().is_stream()
    });
}
