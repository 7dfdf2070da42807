//! TLS from outside: real clients of rustls over real sockets, on the pump that `RINGWAY_TEST_DRIVER` says. Beside these,
//! `RINGWAY_TEST_TLS=1` runs every other suite in TLS.

#[path = "../common/mod.rs"]
mod common;

mod files;

mod handshakes;

mod traffic;

mod reload;

mod counted;

use std::net::TcpStream;
use std::sync::Arc;

use common::certificates::{Authority, Folder};
use common::fixture::Fixture;
use common::wire::{Wire, request};
use ringway_dataplane::{Options, Tls, TlsOptions};
use rustls::ClientConfig;

/// A server in TLS, and who signed its certificates.
struct Secured {
    fixture: Fixture,
    authority: Authority,
    folder: Folder,
}

impl Secured {
    fn start() -> Secured {
        Secured::with(|_, _, _| {}, |_| {})
    }

    /// A server whose TLS and other options are changed.
    fn with(tls: impl FnOnce(&mut TlsOptions, &Authority, &Folder), change: impl FnOnce(&mut Options)) -> Secured {
        let (authority, folder) = (Authority::new(), Folder::new());
        let mut options = authority.options(&folder);
        tls(&mut options, &authority, &folder);
        let loaded = Tls::load(&options, None).expect("good certificates");
        let fixture = Fixture::with(|options| {
            options.tls = Some(loaded);
            change(options);
        });
        common::wire::speaks_tls(fixture.address, Some(authority.anybody()));
        Secured { fixture, authority, folder }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.fixture.address).expect("the server listens")
    }

    /// A client of the usual kind.
    fn wire(&self) -> Wire {
        self.wire_with(self.authority.anybody(), "localhost")
    }

    fn wire_with(&self, config: Arc<ClientConfig>, name: &str) -> Wire {
        Wire::secured(self.connect(), config, name)
    }

    /// What other threads need to connect as often as they like.
    fn door(&self) -> impl Fn() -> Wire + Clone + Send + Sync + use<> {
        let (address, config) = (self.fixture.address, self.authority.anybody());
        move || {
            Wire::secured(TcpStream::connect(address).expect("the server listens"), Arc::clone(&config), "localhost")
        }
    }
}

/// A request over a connection, which has to be served.
#[track_caller]
fn is_served(wire: &mut Wire) {
    wire.send(request("GET", "/livez", &[], b""));
    assert_eq!(wire.response().head.status, 200);
}
