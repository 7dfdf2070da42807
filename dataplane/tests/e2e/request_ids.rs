//! Every answer carries its request's name.
//!
//! Goal: a client's name comes back, harmful ones are replaced, and what has none gets one that is its own.
//! Method: bytes written by hand, on every kind of answer: results, refusals, streams, what cannot be read at all.

use std::collections::BTreeSet;

use serde_json::json;

use crate::common::fixture::{Fixture, all_lists};
use crate::common::peer::Peer;
use crate::common::wire::{Wire, request};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const PING: &[u8] = br#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;

#[test]
fn a_clients_name_comes_back() {
    let fixture = Fixture::start();
    let mut wire = Wire::connect(fixture.address);
    let mut named = |path: &str, fields: &[(&str, &str)]| {
        let mut all = vec![JSON];
        all.extend(fields);
        wire.send(request("POST", path, &all, PING));
        let head = wire.response().head;
        (head.field("x-request-id").unwrap_or_default().to_owned(), head.field("x-correlation-id").map(str::to_owned))
    };
    for path in ["/mcp", "/nowhere"] {
        assert_eq!(named(path, &[("X-Request-Id", "a-1")]), ("a-1".into(), None));
        assert_eq!(named(path, &[("X-Correlation-Id", "c-1")]), ("c-1".into(), Some("c-1".into())));
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(named(path, &[("traceparent", trace)]).0, "0af7651916cd43dd8448eb211c80319c");
        assert_ne!(named(path, &[("X-Request-Id", "<script>")]).0, "<script>");
    }
}

#[test]
fn what_has_no_name_gets_its_own() {
    let fixture = Fixture::start();
    let mut seen = BTreeSet::new();
    let mut see = |id: Option<&str>| {
        let id = id.expect("a name").to_owned();
        assert_eq!(id.len(), 24, "{id}");
        assert!(seen.insert(id.clone()), "{id} was given twice");
    };
    for wire in &mut fixture.wires() {
        for _ in 0..3 {
            wire.send(request("POST", "/mcp", &[JSON], PING));
            see(wire.response().head.field("x-request-id"));
        }
        wire.send("nonsense\r\n\r\n");
        see(wire.response().head.field("x-request-id"));
    }
    let mut peer = Peer::modern(fixture.address);
    let listen = peer.message("subscriptions/listen", json!({ "notifications": all_lists() }));
    peer.send(&listen);
    see(peer.wire.head().field("x-request-id"));
}
