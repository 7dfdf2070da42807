//! Goal: operators see how many handshakes there are, of which kind, and why others fail; and a proxy's header goes before
//! TLS. Method: clients of each kind, and the counters of `/metrics`.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use ringway_dataplane::identify::access::Access;
use ringway_dataplane::{AddressList, ClientAuth};
use rustls::version;

use crate::common::certificates::Authority;
use crate::common::fixture::until;
use crate::common::wire::{DEADLINE, Wire, request};
use crate::{Secured, is_served};

#[track_caller]
fn failed(server: &Secured, reason: &str, count: f64) {
    let series = format!("ringway_tls_handshake_failures_total{{reason=\"{reason}\"}}");
    until(&format!("{count} {reason}"), || server.fixture.metric(&series) == count);
}

#[test]
fn good_ones_are_counted_by_version_and_resumption() {
    let server = Secured::start();
    for (version, name) in [(&version::TLS12, "1.2"), (&version::TLS13, "1.3")] {
        let config = Arc::new(server.authority.client(&[version], None));
        for _ in 0..3 {
            is_served(&mut server.wire_with(Arc::clone(&config), "localhost"));
        }
        for (resumed, count) in [(false, 1.0), (true, 2.0)] {
            let series = format!("ringway_tls_handshakes_total{{version=\"{name}\",resumed=\"{resumed}\"}}");
            assert_eq!(server.fixture.metric(&series), count, "{series}");
        }
    }
    assert_eq!(server.fixture.metric("ringway_tls_handshake_failures_total"), 0.0);
}

/// A client that talks until nothing comes any more.
fn talk(mut wire: Wire) {
    if wire.shake_hands().and_then(|()| wire.try_send(request("GET", "/livez", &[], b""))).is_ok() {
        let _ = wire.is_refused();
    }
}

#[test]
fn failures_are_counted_by_their_reason() {
    let clients = Authority::new();
    let foreign = Authority::new().issue(&["agent.example"]);
    let server = Secured::with(
        |options, _, folder| {
            options.client_ca = Some(clients.file(folder, "clients.pem"));
            options.client_auth = ClientAuth::Required;
        },
        |_| {},
    );
    let mut refused = 0.0;
    for version in [&version::TLS12, &version::TLS13] {
        for own in [None, Some(&foreign)] {
            talk(server.wire_with(Arc::new(server.authority.client(&[version], own)), "localhost"));
            refused += 1.0;
        }
    }
    failed(&server, "client_certificate", refused);
    // A client that trusts somebody else.
    talk(server.wire_with(clients.anybody(), "localhost"));
    failed(&server, "client_alert", 1.0);
    let mut plain = Wire::over(server.connect());
    plain.send(request("GET", "/livez", &[], b""));
    assert_eq!(plain.response().head.status, 400);
    failed(&server, "plain_http", 1.0);
    let mut garbage = Wire::over(server.connect());
    garbage.send([0x80; 64]);
    let _ = garbage.rest();
    failed(&server, "protocol", 1.0);
    let mut gone = server.connect();
    gone.write_all(b"\x16\x03\x01\x00\x02").expect("the server reads");
    gone.shutdown(Shutdown::Both).expect("an open socket");
    failed(&server, "closed", 1.0);
    assert_eq!(server.fixture.metric("ringway_tls_handshakes_total"), 0.0);
}

#[test]
fn slow_ones_and_those_without_a_turn_are_told_apart() {
    let slow = Secured::with(|options, _, _| options.handshake_time_max = Duration::from_millis(300), |_| {});
    let mut stream = slow.connect();
    stream.write_all(b"\x16\x03\x01").expect("the server reads");
    assert!(Wire::over(stream).ends());
    failed(&slow, "timeout", 1.0);
    // Three that dawdle where two may: the third has no turn before others' patience or its own time ends.
    let crowded = Secured::with(|options, _, _| options.handshakes_max = 2, |options| options.shards = Some(1));
    let pretending: Vec<TcpStream> = (0..3).map(|_| crowded.connect()).collect();
    let series = "ringway_tls_handshake_failures_total{reason=\"crowded\"}";
    until("the slowest among many is let go", || crowded.fixture.metric(series) >= 1.0);
    drop(pretending);
}

/// Goal: a header goes before TLS, also in one segment with its first bytes, and its word counts. Method: a client whose
/// bytes are put together by hand.
#[test]
fn a_proxys_header_goes_before_tls() {
    let list = |entry: &str| Some(AddressList::parse(&[entry]).expect("a network"));
    let access =
        Access { addresses: list("10.1.2.3"), proxies: list("127.0.0.1"), proxy_protocol: true, ..Access::open() };
    let server = Secured::with(|_, _, _| {}, |options| options.access = Arc::new(access));
    for (last, want) in [(3, &b"HTTP/1.1 200"[..]), (4, b"HTTP/1.1 403")] {
        let mut session =
            rustls::ClientConnection::new(server.authority.anybody(), "localhost".try_into().expect("a name"))
                .expect("a client");
        session.writer().write_all(&request("GET", "/livez", &[("Connection", "close")], b"")).expect("taken");
        let mut first = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\x01\x02".to_vec();
        first.extend_from_slice(&[last, 192, 0, 2, 1, 0x30, 0x39, 0x01, 0xbb]);
        session.write_tls(&mut first).expect("written");
        let mut stream = server.connect();
        stream.set_read_timeout(Some(DEADLINE)).expect("a time");
        stream.write_all(&first).expect("the server reads");
        let mut answer = Vec::new();
        rustls::Stream::new(&mut session, &mut stream).read_to_end(&mut answer).expect("an end that was said");
        assert!(answer.starts_with(want), "{}", String::from_utf8_lossy(&answer));
    }
    let mut missing = server.wire();
    assert!(missing.shake_hands().is_err(), "TLS alone is not what a proxy begins with");
}
