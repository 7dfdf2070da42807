//! Goal: certificates change while a server serves, and nobody notices but by seeing the new one.
//! Method: clients that call without a pause, on open connections and on new ones, while certificates are swapped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ringway_dataplane::{ClientAuth, Tls, TlsOptions};
use rustls::HandshakeKind;

use crate::common::certificates::Authority;
use crate::common::fixture::until;
use crate::{Secured, is_served};

#[test]
fn certificates_change_under_load_and_no_call_fails() {
    const SWAPS: usize = 5;
    let server = Secured::start();
    let (stop, calls, door) = (AtomicBool::new(false), AtomicU64::new(0), server.door());
    std::thread::scope(|scope| {
        for index in 0..4 {
            let (door, stop, calls) = (&door, &stop, &calls);
            scope.spawn(move || {
                let mut wire = door();
                while !stop.load(Ordering::Relaxed) {
                    is_served(&mut wire);
                    calls.fetch_add(1, Ordering::Relaxed);
                    if index % 2 == 0 {
                        wire = door();
                    }
                }
            });
        }
        let _stops = Stops(&stop);
        let mut options = TlsOptions::default();
        for _ in 0..SWAPS {
            let before = calls.load(Ordering::Relaxed);
            until("calls are answered", || calls.load(Ordering::Relaxed) > before + 50);
            let issued = server.authority.issue(&["localhost", "127.0.0.1"]);
            options.certificates = vec![issued.files(&server.folder, "server")];
            let tls = Tls::load(&options, server.fixture.handle().tls().as_ref()).expect("good certificates");
            server.fixture.handle().apply_tls(tls);
            let mut agreeing = 0;
            until("every shard shows it", || {
                let mut wire = server.wire_with(server.authority.anybody(), "localhost");
                is_served(&mut wire);
                let shown = wire.session().peer_certificates().and_then(|chain| chain.first()).cloned();
                agreeing = if shown.as_ref() == Some(&issued.der) { agreeing + 1 } else { 0 };
                agreeing == 10
            });
        }
    });
}

/// Ends the callers, also when what was waited for never comes: the test would wait for them.
struct Stops<'t>(&'t AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn sessions_outlive_certificates_but_not_whom_to_trust() {
    let clients = Authority::new();
    let agent = clients.issue(&["agent.example"]);
    let server = Secured::with(
        |options, _, folder| {
            options.client_ca = Some(clients.file(folder, "clients.pem"));
            options.client_auth = ClientAuth::Required;
        },
        |options| options.shards = Some(1),
    );
    let both = [&rustls::version::TLS13, &rustls::version::TLS12];
    let config = Arc::new(server.authority.client(&both, Some(&agent)));
    let kind = || {
        let mut wire = server.wire_with(Arc::clone(&config), "localhost");
        is_served(&mut wire);
        wire.session().handshake_kind()
    };
    assert_eq!(kind(), Some(HandshakeKind::Full));
    let mut options = server.authority.options(&server.folder);
    options.client_ca = Some(server.folder.path("clients.pem"));
    options.client_auth = ClientAuth::Required;
    let swap = |options: &TlsOptions| {
        let tls = Tls::load(options, server.fixture.handle().tls().as_ref()).expect("good certificates");
        server.fixture.handle().apply_tls(tls);
    };
    swap(&options);
    std::thread::sleep(std::time::Duration::from_millis(600));
    assert_eq!(kind(), Some(HandshakeKind::Resumed));
    // The same clients are trusted no longer: what was agreed on before counts no more.
    Authority::new().file(&server.folder, "clients.pem");
    swap(&options);
    until("it is refused", || {
        let mut wire = server.wire_with(Arc::clone(&config), "localhost");
        let asked =
            wire.shake_hands().and_then(|()| wire.try_send(crate::common::wire::request("GET", "/livez", &[], b"")));
        asked.is_err() || wire.is_refused()
    });
}

/// A server that does not speak TLS does not begin to while it runs.
#[test]
fn a_plain_server_stays_plain() {
    let secured = Secured::start();
    let plain = crate::common::fixture::Fixture::start();
    if plain.handle().tls().is_some() {
        return;
    }
    plain.handle().apply_tls(secured.fixture.handle().tls().expect("it speaks TLS"));
    assert!(plain.handle().tls().is_none());
}
