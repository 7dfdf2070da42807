//! Goal: keys are agreed on with every good client and no other, one costs nobody else, and whoever dawdles is let go.
//! Method: clients of rustls whose bytes are held back, cut or wrong.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rcgen::date_time_ymd;
use ringway_dataplane::identify::access::{Access, Credentials};
use ringway_dataplane::{ClientAuth, TlsVersion};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, version};

use crate::common::certificates::{Authority, Issued};
use crate::common::fixture::until;
use crate::common::wire::{DEADLINE, Wire, request};
use crate::{Secured, is_served};

#[test]
fn both_versions_are_spoken_and_http_1_1_is_agreed_on() {
    let server = Secured::start();
    for (version, want) in [(&version::TLS12, ProtocolVersion::TLSv1_2), (&version::TLS13, ProtocolVersion::TLSv1_3)] {
        let mut config = server.authority.client(&[version], None);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let mut wire = server.wire_with(Arc::new(config), "localhost");
        is_served(&mut wire);
        assert_eq!(wire.session().protocol_version(), Some(want));
        assert_eq!(wire.session().alpn_protocol(), Some(&b"http/1.1"[..]));
    }
    let mut config = server.authority.client(&[&version::TLS13], None);
    config.alpn_protocols.clear();
    is_served(&mut server.wire_with(Arc::new(config), "127.0.0.1"));
    let mut config = server.authority.client(&[&version::TLS13], None);
    config.alpn_protocols = vec![b"h2".to_vec()];
    refused(&mut server.wire_with(Arc::new(config), "localhost"));
}

#[test]
fn an_old_version_is_refused_where_it_is_too_old() {
    let server = Secured::with(|options, _, _| options.min_version = TlsVersion::V1_3, |_| {});
    refused(&mut server.wire_with(Arc::new(server.authority.client(&[&version::TLS12], None)), "localhost"));
    is_served(&mut server.wire());
}

/// A connection that is not taken: at its handshake, or before its first answer (TLS 1.3 has the client done before the
/// server has looked at its certificate).
#[track_caller]
fn refused(wire: &mut Wire) {
    let asked = wire.shake_hands().and_then(|()| wire.try_send(request("GET", "/livez", &[], b"")));
    assert!(asked.is_err() || wire.is_refused(), "this is refused");
}

#[test]
fn a_session_is_resumed_on_every_shard() {
    let server = Secured::start();
    for version in [&version::TLS12, &version::TLS13] {
        let config = Arc::new(server.authority.client(&[version], None));
        let mut first = server.wire_with(Arc::clone(&config), "localhost");
        is_served(&mut first);
        assert_eq!(first.session().handshake_kind(), Some(HandshakeKind::Full));
        // As many as meet both shards, or a thousandth of runs is luckier than it should be.
        for _ in 0..10 {
            let mut next = server.wire_with(Arc::clone(&config), "localhost");
            is_served(&mut next);
            assert_eq!(next.session().handshake_kind(), Some(HandshakeKind::Resumed), "{version:?}");
        }
    }
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let mut issued: Vec<Issued> = Vec::new();
    let server = Secured::with(
        |options, authority, folder| {
            options.certificates.clear();
            for (file, names) in [
                ("first", &["localhost", "first.example"][..]),
                ("second", &["second.example"]),
                ("wild", &["*.example"]),
            ] {
                let one = authority.issue(names);
                options.certificates.push(one.files(folder, file));
                issued.push(one);
            }
        },
        |_| {},
    );
    for (name, want) in [
        ("first.example", 0),
        ("second.example", 1),
        ("SECOND.example", 1),
        ("third.example", 2),
        ("a.b.example", 0),
        ("unknown.test", 0),
        ("127.0.0.1", 0),
    ] {
        let config = dangerous::anybody();
        let mut wire = server.wire_with(config, name);
        is_served(&mut wire);
        let shown = wire.session().peer_certificates().and_then(|chain| chain.first()).cloned();
        assert_eq!(shown, Some(issued[want].der.clone()), "{name}");
    }
}

/// Clients that take any certificate: which one is shown is what is tested.
mod dangerous {
    use super::*;
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    struct Anybody;

    impl ServerCertVerifier for Anybody {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ECDSA_NISTP256_SHA256]
        }
    }

    pub fn anybody() -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        Arc::new(builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody)).with_no_client_auth())
    }
}

#[test]
fn client_certificates_are_taken_as_the_options_say() {
    let clients = Authority::new();
    let (good, foreign) = (clients.issue(&["agent.example"]), Authority::new().issue(&["agent.example"]));
    for (client_auth, without) in [(ClientAuth::Optional, true), (ClientAuth::Required, false)] {
        let server = Secured::with(
            |options, _, folder| {
                options.client_ca = Some(clients.file(folder, "clients.pem"));
                options.client_auth = client_auth;
            },
            |_| {},
        );
        for version in [&version::TLS12, &version::TLS13] {
            let wire = |own| server.wire_with(Arc::new(server.authority.client(&[version], own)), "localhost");
            is_served(&mut wire(Some(&good)));
            refused(&mut wire(Some(&foreign)));
            if without {
                is_served(&mut wire(None));
            } else {
                refused(&mut wire(None));
            }
        }
    }
}

/// Goal: a connection does not outlive the certificate that it was opened with. Method: one that counts for a few seconds more.
#[test]
fn a_certificate_that_expires_ends_with_its_time_on_an_open_connection() {
    let clients = Authority::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let agent = clients.issue_with(&["agent.example"], |params| {
        params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(now.as_secs() + 4);
    });
    let server = Secured::with(
        |options, _, folder| {
            options.client_ca = Some(clients.file(folder, "clients.pem"));
            options.client_auth = ClientAuth::Required;
        },
        |options| {
            let credentials = Some(Credentials { certificates: Some(Vec::new().into()), ..Credentials::default() });
            options.access = Arc::new(Access { credentials, ..Access::open() });
        },
    );
    let mut wire = server.wire_with(Arc::new(server.authority.client(&[&version::TLS13], Some(&agent))), "localhost");
    let mut ask = || {
        wire.send(request("GET", "/tools", &[], b""));
        wire.response().head.status
    };
    assert_eq!(ask(), 200);
    until("it is refused", || ask() == 401);
    assert!(SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970") > now + Duration::from_secs(4));
}

/// The bytes of a handshake may come one by one.
#[test]
fn a_handshake_may_come_byte_by_byte() {
    let server = Secured::start();
    for version in [&version::TLS12, &version::TLS13] {
        let config = Arc::new(server.authority.client(&[version], None));
        let mut session =
            rustls::ClientConnection::new(config, "localhost".try_into().expect("a name")).expect("a client");
        let mut stream = server.connect();
        stream.set_nodelay(true).expect("a TCP socket");
        stream.set_read_timeout(Some(DEADLINE)).expect("a time");
        session.writer().write_all(&request("GET", "/livez", &[("Connection", "close")], b"")).expect("taken");
        loop {
            let mut bytes = Vec::new();
            while session.wants_write() {
                session.write_tls(&mut bytes).expect("written");
            }
            for byte in bytes {
                stream.write_all(&[byte]).expect("the server reads");
            }
            let mut one = [0];
            match stream.read(&mut one) {
                Ok(0) => break,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                read => assert_eq!(read.expect("the server answers"), 1),
            }
            session.read_tls(&mut &one[..]).expect("taken");
            session.process_new_packets().expect("good records");
        }
        let mut answer = Vec::new();
        session.reader().read_to_end(&mut answer).expect("an end that was said");
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn whoever_speaks_plain_http_is_told() {
    let server = Secured::start();
    let mut wire = Wire::over(server.connect());
    wire.send(request("GET", "/livez", &[], b""));
    let answer = wire.response();
    assert_eq!(answer.head.status, 400);
    assert!(answer.head.closes() && answer.text().contains("TLS is spoken here"), "{}", answer.text());
    assert!(wire.ends());
}

#[test]
fn garbage_is_closed_and_costs_nobody_else() {
    let server = Secured::start();
    let mut good = server.wire();
    is_served(&mut good);
    let oversized = [&[22, 3, 1, 0xff, 0xff][..], &[0; 20_000]].concat();
    // A record that says it holds a handshake message of 16 MB.
    let endless = [&[22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff][..], &[0; 0x4000 - 4]].concat();
    for bytes in [&b"\x16\x03\x01\x00\x02\x01\x00"[..], &[0; 64], &[0x80; 9], &oversized, &endless.repeat(8)] {
        let mut stream = server.connect();
        stream.set_read_timeout(Some(DEADLINE)).expect("a time");
        // It may be closed before all is sent.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut rest = Vec::new();
        // A reset is an end as well.
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest[0] == 21, "an alert, or nothing: {rest:?}");
    }
    is_served(&mut good);
    assert_eq!(server.fixture.metric("ringway_panics_total"), 0.0);
}

#[test]
fn a_handshake_that_takes_too_long_is_closed() {
    let server = Secured::with(|options, _, _| options.handshake_time_max = Duration::from_millis(300), |_| {});
    let began = Instant::now();
    for bytes in [&b""[..], b"\x16\x03\x01"] {
        let mut stream = server.connect();
        stream.write_all(bytes).expect("the server reads");
        assert!(Wire::over(stream).ends());
    }
    assert!(began.elapsed() >= Duration::from_millis(600), "each has its time");
}

/// One too many waits its turn and is served, however many only pretend; and who is there already feels nothing.
#[test]
fn those_who_only_pretend_make_room() {
    let server = Secured::with(|options, _, _| options.handshakes_max = 2, |options| options.shards = Some(1));
    let mut established = server.wire();
    is_served(&mut established);
    let pretending: Vec<_> = (0..6).map(|_| server.connect()).collect();
    is_served(&mut established);
    is_served(&mut server.wire());
    is_served(&mut established);
    drop(pretending);
}

#[test]
fn many_at_once_are_all_served() {
    let server = Secured::with(|options, _, _| options.handshakes_max = 3, |_| {});
    let door = server.door();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    is_served(&mut door());
                }
            });
        }
    });
    until("every connection is gone", || server.fixture.metric("ringway_connections") <= 1.0);
}
