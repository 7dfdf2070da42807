//! No allocation on the request path.
//!
//! Goal: a call of `echo` by a modern client allocates nothing on the thread of its shard once buffers have grown, be callers
//! known and audited or not.
//! Method: a whole server, counted by an allocator that tells the reactor's allocations from the others by who makes them.
//! See `examples/allocations`.

use std::sync::Arc;

use ringway_dataplane::authorize::{Effect, RuleSpec, Rules};
use ringway_dataplane::identify::access::{Access, Credentials};
use ringway_dataplane::identify::claims::Expected;
use ringway_dataplane::identify::jwk_key::VerifyingKey;
use ringway_dataplane::identify::jws_algorithm::Algorithm;
use ringway_dataplane::identify::key_set::KeySet;
use ringway_dataplane::{AddressList, AuditLog, AuditOptions};
use serde_json::json;
use zeroize::Zeroizing;

#[path = "../examples/allocations/counting.rs"]
mod counting;

#[path = "../examples/allocations/measure.rs"]
mod measure;

const SECRET: &[u8] = b"counted-by-a-test-and-nobody-else";
/// Signed with it: `iss` and `aud` as below, `sub` agent-1, `scope` tools:call, `exp` in the year 2100.
const TOKEN: &str = concat!(
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.",
    "eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoiaHR0cHM6Ly9tY3AudGVzdC9tY3AiLCJzdWIiOiJhZ2VudC0xIiwiZXhwIjo0MTAyNDQ0O",
    "DAwLCJzY29wZSI6InRvb2xzOmNhbGwifQ.",
    "_kKLhC0_sc2ywqbfMLSWM5Mee8brDKCs_UXQ9prwnCc"
);

/// One test, since what is counted is one for the process.
#[test]
fn a_call_of_echo_allocates_nothing() {
    check(&measure::measure(|_| (), ""));
    let folder = std::env::temp_dir().join(format!("ringway-allocations-{}", std::process::id()));
    let audit = AuditLog::open(AuditOptions { folder: folder.clone(), ..AuditOptions::default() }).expect("a folder");
    let change = |options: &mut ringway_dataplane::Options| {
        (options.access, options.audit) = (Arc::new(access()), Some(audit.clone()));
    };
    let counted = measure::measure(change, &format!("Authorization: Bearer {TOKEN}\r\n"));
    audit.end();
    let counts = audit.counts();
    // Before anything is asserted, so that it is gone whatever comes out.
    let _ = std::fs::remove_dir_all(folder);
    check(&counted);
    assert!(counts.written > 10_000 && counts.lost == 0, "each call is recorded: {counts:?}");
}

#[track_caller]
fn check(counted: &measure::Counted) {
    assert!(counted.all > 0.0, "the reactor's are counted, so that something was");
    assert!(counted.own == 0.0, "{} allocations a request, of {} in all", counted.own, counted.all);
}

/// Tokens, a list of addresses, and rules, one of them in CEL.
fn access() -> Access {
    let secret = Zeroizing::new(Box::from(SECRET));
    let key = VerifyingKey::from_secret(None, Algorithm::Hs256, secret).expect("long enough");
    let expected = Expected {
        issuers: ["https://issuer.test".into()].into(),
        audiences: ["https://mcp.test/mcp".into()].into(),
        ..Expected::default()
    };
    let rules = [
        json!({ "name": "callers", "effect": "allow", "scopes": ["tools:call"], "tools": ["echo", "mark"] }),
        json!({ "name": "no-records", "effect": "deny", "roles": ["reader"], "tools": ["record_*"] }),
        json!({ "name": "issuers", "effect": "deny", "when": "principal.claims.iss != 'https://issuer.test'" }),
    ];
    let rules = rules.map(|rule| serde_json::from_value::<RuleSpec>(rule).expect("a rule"));
    Access {
        addresses: Some(AddressList::parse(&["127.0.0.0/8", "10.0.0.0/8", "::1/128"]).expect("networks")),
        credentials: Some(Credentials {
            tokens: Some((KeySet::new(vec![key]).expect("one key"), expected)),
            ..Credentials::default()
        }),
        rules: Rules::compile(rules.into(), Effect::Deny).expect("good rules"),
        ..Access::open()
    }
}
