//! The PROXY protocol at the beginning of connections.
//!
//! Goal: where it is required, the header of a configured proxy says whose connection it is to everything that asks, however
//! its bytes come; a connection that begins otherwise ends, and nobody else's header is taken for one. Method: headers
//! by hand before the first request, addresses that only a header can make allowed, and metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ringway_dataplane::authorize::{Effect, RuleSpec, Rules};
use ringway_dataplane::identify::access::Access;
use ringway_dataplane::{AddressList, AuditLog, AuditOptions, Fsync, Options};
use serde_json::json;

use crate::access_log::Log;
use crate::common::checker::MODERN;
use crate::common::fixture::{self, Fixture, until};
use crate::common::peer::Peer;
use crate::common::wire::{Wire, request};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("a short rest").to_be_bytes();
    [SIGNATURE, &[command, family], &length, rest].concat()
}

/// The header of a connection from `client`, with a field behind its addresses.
fn from(client: &str) -> Vec<u8> {
    let ports = [0x30, 0x39, 0x01, 0xbb];
    let field = [0xea, 0, 3, b'v', b'p', b'c'];
    match client.parse().expect("an address") {
        IpAddr::V4(v4) => header(PROXY, TCP4, &[&v4.octets()[..], &[192, 0, 2, 1], &ports, &field].concat()),
        IpAddr::V6(v6) => header(PROXY, TCP6, &[&v6.octets()[..], &[0; 16], &ports, &field].concat()),
    }
}

fn list(entries: &[&str]) -> AddressList {
    AddressList::parse(entries).expect("networks")
}

/// Who may call from `addresses`, behind `proxies`, who say so.
fn access(addresses: &[&str], proxies: &[&str]) -> Access {
    Access {
        addresses: (!addresses.is_empty()).then(|| list(addresses)),
        proxies: Some(list(proxies)),
        proxy_protocol: true,
        ..Access::open()
    }
}

fn behind(access: Access) -> Fixture {
    Fixture::with(|options| options.access = Arc::new(access))
}

/// The first request of a connection that begins with `before`: in one write, where TLS does not come between.
fn begun(address: SocketAddr, before: &[u8], fields: &[(&str, &str)]) -> Wire {
    let mut wire = Wire::connect(address);
    let request = request("GET", "/livez", fields, b"");
    if fixture::speaks_tls() {
        wire.send_raw(before);
        wire.send(request);
    } else {
        wire.send([before, &request].concat());
    }
    wire
}

fn status(fixture: &Fixture, before: &[u8]) -> u16 {
    begun(fixture.address, before, &[]).response().head.status
}

fn ends(fixture: &Fixture, result: &str) -> f64 {
    fixture.metric(&format!("ringway_proxy_headers_total{{result=\"{result}\"}}"))
}

#[test]
fn the_address_is_the_one_of_the_header() {
    let fixture = behind(access(&["10.1.2.0/24", "2001:db8::/32"], &["127.0.0.1"]));
    assert_eq!(status(&fixture, &from("10.1.2.3")), 200);
    assert_eq!(status(&fixture, &from("10.1.3.3")), 403);
    assert_eq!(status(&fixture, &from("2001:db8::7")), 200);
    assert_eq!(status(&fixture, &from("2001:db9::7")), 403);
    assert_eq!(status(&fixture, &from("::ffff:10.1.2.3")), 200, "IPv4 within IPv6 is IPv4");
    assert_eq!(status(&fixture, &header(LOCAL, 0, &[])), 403, "a proxy that speaks for itself has its own address");
    assert_eq!(status(&fixture, &header(LOCAL, TCP4, &[10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0])), 403);
    assert_eq!((ends(&fixture, "proxied"), ends(&fixture, "local")), (5.0, 2.0));
    let itself = behind(access(&["127.0.0.1"], &["127.0.0.1"]));
    assert_eq!(status(&itself, &header(LOCAL, 0, &[])), 200);
    assert_eq!(status(&itself, &from("10.1.2.3")), 403);
}

#[test]
fn a_header_may_come_byte_by_byte_and_requests_right_behind_it() {
    let fixture = behind(access(&["10.1.2.3"], &["127.0.0.0/8"]));
    let mut wire = Wire::connect(fixture.address);
    for byte in from("10.1.2.3") {
        wire.send_raw(&[byte]);
    }
    let one = request("GET", "/livez", &[], b"");
    for byte in &one {
        wire.send([*byte]);
    }
    assert_eq!(wire.response().head.status, 200);
    let mut wire = begun(fixture.address, &from("10.1.2.3"), &[]);
    wire.send([&one[..], &one].concat());
    for _ in 0..3 {
        assert_eq!(wire.response().head.status, 200);
    }
    // As long as a header may be.
    let mut longest = from("10.1.2.3");
    longest.resize(4096, 0);
    longest[14..16].copy_from_slice(&(4096u16 - 16).to_be_bytes());
    assert_eq!(status(&fixture, &longest), 200);
}

#[test]
fn whoever_begins_otherwise_is_closed() {
    let fixture = behind(access(&[], &["127.0.0.1"]));
    let v4 = [10, 1, 2, 3, 192, 0, 2, 1, 0, 1, 0, 2];
    let cases: [(&str, Vec<u8>); 11] = [
        ("proxy_header_missing", request("GET", "/livez", &[], b"")),
        ("proxy_header_missing", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("proxy_header_version_1", b"PROXY TCP4 10.1.2.3 192.0.2.1 1 2\r\n".to_vec()),
        ("proxy_header_version", header(0x11, TCP4, &v4)),
        ("proxy_header_command", header(0x22, TCP4, &v4)),
        ("proxy_header_family", header(PROXY, 0, &[])),
        ("proxy_header_family", header(PROXY, 0x12, &v4)),
        ("proxy_header_family", header(PROXY, 0x31, &[0; 216])),
        ("proxy_header_too_short", header(PROXY, TCP4, &v4[..11])),
        ("proxy_header_too_long", header(PROXY, TCP4, &[0; 4081])),
        ("closed", from("10.1.2.3")[..20].to_vec()),
    ];
    let mut counted = BTreeMap::new();
    for (reason, bytes) in cases {
        let mut wire = Wire::over(TcpStream::connect(fixture.address).expect("the server listens"));
        // It may be closed before all is sent.
        let _ = wire
            .try_send([&bytes[..], &request("GET", "/livez", &[], b"")[..usize::from(reason != "closed")]].concat());
        if reason == "closed" {
            wire.shut_down(Shutdown::Write);
        }
        assert!(wire.ends(), "{reason}: closed without a byte");
        *counted.entry(reason).or_insert(0.0) += 1.0;
    }
    for (reason, count) in counted {
        until(reason, || ends(&fixture, reason) == count);
    }
    assert_eq!(status(&fixture, &from("10.1.2.3")), 200, "nobody else is harmed");
    assert_eq!(fixture.metric("ringway_panics_total"), 0.0);
}

#[test]
fn a_header_that_takes_too_long_is_not_waited_for() {
    let fixture = Fixture::with(|options: &mut Options| {
        options.access = Arc::new(access(&[], &["127.0.0.1"]));
        options.policy.limits.head_time_max = Duration::from_millis(300);
    });
    for bytes in [0, 1, 30] {
        let mut wire = Wire::over(TcpStream::connect(fixture.address).expect("the server listens"));
        wire.send(&from("10.1.2.3")[..bytes]);
        assert!(wire.ends(), "{bytes} bytes");
    }
    until("each is counted", || ends(&fixture, "timeout") == 3.0);
}

/// Goal: nobody but a proxy can say who it is. Method: headers of those who are none, and where none is taken; what they name
/// would be allowed.
#[test]
fn nobody_else_is_believed() {
    let of_others = access(&["10.1.2.3"], &["192.0.2.1"]);
    let off = Access { proxy_protocol: false, ..access(&["10.1.2.3"], &["127.0.0.1"]) };
    for access in [of_others, off] {
        let fixture = behind(access);
        let mut wire = Wire::over(TcpStream::connect(fixture.address).expect("the server listens"));
        wire.send([&from("10.1.2.3")[..], &request("GET", "/livez", &[], b"")].concat());
        let answer = wire.rest();
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
        assert!(fixture::speaks_tls() || answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
        assert_eq!(status(&fixture, b""), 403, "who begins as everybody does is judged by its own address");
        assert_eq!(fixture.metric("ringway_proxy_headers_total"), 0.0);
    }
}

#[test]
fn a_proxy_behind_a_proxy_may_name_its_client() {
    let fixture = behind(access(&["198.51.100.7"], &["127.0.0.1", "10.0.0.1"]));
    let status = |client: &str, forwarded: &str| {
        begun(fixture.address, &from(client), &[("X-Forwarded-For", forwarded)]).response().head.status
    };
    assert_eq!(status("10.0.0.1", "198.51.100.7"), 200);
    assert_eq!(status("10.0.0.2", "198.51.100.7"), 403, "it is no proxy, and makes it up");
    assert_eq!(status("198.51.100.7", "10.9.9.9"), 200);
}

/// Goal: rules, the access log and the audit log know the client by the header. Method: a call that a rule denies there, and
/// both logs read back.
#[test]
fn rules_and_logs_know_the_client() {
    let folder = std::env::temp_dir().join(format!("ringway-proxied-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let audit = AuditOptions { folder: folder.clone(), fsync: Fsync::Always, ..AuditOptions::default() };
    let audit = AuditLog::open(audit).expect("a folder that can be written");
    let log = Log::new("proxied");
    let rule: RuleSpec = serde_json::from_value(json!({
        "name": "not-from-there", "effect": "deny", "tools": ["echo"], "when": "address.startsWith('192.0.2.')"
    }))
    .expect("a rule");
    let rules = Rules::compile(vec![rule], Effect::Allow).expect("a good rule");
    let access = Access { rules, ..access(&[], &["127.0.0.1"]) };
    let (audited, logged) = (audit.clone(), log.set_in());
    let fixture = Fixture::with(|options| {
        options.access = Arc::new(access);
        options.audit = Some(audited);
        logged(options);
    });
    let call = |client: &str| {
        let mut wire = Wire::connect(fixture.address);
        wire.send_raw(&from(client));
        Peer::over(wire, fixture.address, MODERN)
            .call("tools/call", json!({ "name": "echo", "arguments": { "text": "x" } }))
    };
    assert!(call("198.51.100.7")["result"].is_object());
    assert_eq!(call("192.0.2.7")["error"]["code"], -32602);
    // Shards write their lines in no order.
    let clients: BTreeSet<String> =
        log.lines().iter().filter_map(|line| Some(line["client"].as_str()?.to_owned())).collect();
    assert_eq!(clients, BTreeSet::from(["192.0.2.7:12345", "198.51.100.7:12345"].map(str::to_owned)));
    let text: String = std::fs::read_dir(&folder)
        .expect("a folder")
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
        .collect();
    for client in ["198.51.100.7", "192.0.2.7"] {
        assert!(text.contains(&format!("\"client\":\"{client}\"")), "{client} in {text}");
    }
    assert!(!text.contains("127.0.0.1"), "{text}");
    drop(fixture);
    let _ = std::fs::remove_dir_all(&folder);
}
