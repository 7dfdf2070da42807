//! A server of two shards with the tools of [`super::tools`], on a free port, stopped when the test ends. It never
//! listens anywhere but on loopback.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ringway_dataplane::{Driver, Options, Running, Server, ServerBuilder, ServerHandle, Tls};
use serde_json::{Value, json};

use super::certificates::{Authority, Folder};
use super::peer::{Peer, home_of};
use super::tools::{self, Cue, Stage};
use super::wire::{self, DEADLINE, Response, Wire};

/// Shards of every server here.
pub const SHARDS: usize = 2;

/// What `RINGWAY_TEST_DRIVER` says, so that every suite can be run on each pump; the ring where it says nothing.
pub fn driver() -> Driver {
    match std::env::var("RINGWAY_TEST_DRIVER").as_deref() {
        Ok("glommio") => Driver::Glommio,
        Ok("ring") => Driver::Ring,
        Ok(other) => panic!("RINGWAY_TEST_DRIVER={other}: ring or glommio"),
        Err(_) => Driver::Auto,
    }
}

/// What `RINGWAY_TEST_TLS` says: whether every suite is to be run in TLS.
pub fn speaks_tls() -> bool {
    match std::env::var("RINGWAY_TEST_TLS").as_deref() {
        Ok("1") => true,
        Ok(other) => panic!("RINGWAY_TEST_TLS={other}: 1 or nothing"),
        Err(_) => false,
    }
}

pub struct Fixture {
    pub address: SocketAddr,
    pub admin: SocketAddr,
    pub stage: Stage,
    running: Option<Running>,
}

impl Fixture {
    pub fn start() -> Fixture {
        Fixture::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Options)) -> Fixture {
        Fixture::offering(tools::add_to, change)
    }

    /// A server that offers what `offer` adds.
    pub fn offering(
        offer: impl FnOnce(ServerBuilder, &Cue) -> ServerBuilder,
        change: impl FnOnce(&mut Options),
    ) -> Fixture {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut options = Options {
            listen: loopback,
            admin_listen: Some(loopback),
            shards: Some(SHARDS),
            handle_signals: false,
            ..Options::default()
        };
        options.policy.limits.drain_time_max = Duration::from_secs(5);
        options.io.driver = driver();
        // A test that waits in vain fails soon.
        options.policy.limits.call_time_max = DEADLINE;
        options.policy.limits.question_time_max = DEADLINE;
        let authority = speaks_tls().then(Authority::new);
        if let Some(authority) = &authority {
            let folder = Folder::new();
            options.tls = Some(Tls::load(&authority.options(&folder), None).expect("good certificates"));
        }
        change(&mut options);
        let (stage, cue) = Stage::new();
        let builder = Server::builder("test", "1.0.0").instructions("Only for tests.");
        let server = offer(builder, &cue).build();
        let running = server.and_then(|server| server.start(options)).expect("the server starts");
        // Ports come again: one may have been another server's.
        wire::speaks_tls(running.address, authority.map(|authority| authority.anybody()));
        running.admin_address.into_iter().for_each(|address| wire::speaks_tls(address, None));
        Fixture {
            address: running.address,
            admin: running.admin_address.expect("an admin listener"),
            stage,
            running: Some(running),
        }
    }

    pub fn handle(&self) -> &ServerHandle {
        self.running.as_ref().expect("the server runs").handle()
    }

    /// Stops the server and says how long that took.
    pub fn stop(&mut self) -> Duration {
        let running = self.running.take().expect("the server runs");
        let began = Instant::now();
        running.stop().expect("no shard panics");
        began.elapsed()
    }

    /// Takes the server, to stop it on another thread.
    pub fn take(&mut self) -> Running {
        self.running.take().expect("the server runs")
    }

    /// A connection to each shard: the kernel chooses, so as many are opened as it takes.
    #[track_caller]
    pub fn wires(&self) -> Vec<Wire> {
        let mut found: Vec<Option<Wire>> = (0..SHARDS).map(|_| None).collect();
        for _ in 0..256 {
            let peer = Peer::legacy(self.address, "2025-11-25");
            let home = usize::from(peer.home());
            let mut peer = peer;
            assert_eq!(peer.delete(), 200);
            found[home].get_or_insert(peer.wire);
            if found.iter().all(Option::is_some) {
                return found.into_iter().flatten().collect();
            }
        }
        panic!("256 connections did not reach every shard");
    }

    /// A session on each shard, with the client's connection on its home shard.
    #[track_caller]
    pub fn sessions(&self, revision: &str, capabilities: Value) -> Vec<Peer> {
        let begin = |(home, wire)| {
            let peer = Peer::legacy_over(wire, self.address, revision, capabilities.clone());
            assert_eq!(usize::from(peer.home()), home);
            peer
        };
        self.wires().into_iter().enumerate().map(begin).collect()
    }

    /// What the admin listener answers to a GET.
    #[track_caller]
    pub fn get(&self, path: &str) -> Response {
        let mut wire = Wire::connect(self.admin);
        wire.send(wire::request("GET", path, &[], b""));
        wire.response()
    }

    /// The body of `/status`.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.get("/status").json()
    }

    /// One counter or gauge of `/metrics`, summed over its labels.
    #[track_caller]
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text();
        let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']));
        let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
        text.lines().filter(of_name).filter_map(value).sum()
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.stage.open();
        if let Some(running) = self.running.take() {
            let stopped = running.stop();
            assert!(stopped.is_ok() || std::thread::panicking(), "no shard panics: {stopped:?}");
        }
    }
}

/// Waits until `holds`, which something else brings about.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A name that could be a session's or a task's on `home`, and is nobody's.
pub fn made_up_handle(home: u16) -> String {
    let handle = format!("{home:04x}{}", "0123456789abcdef".repeat(2));
    assert_eq!(home_of(&handle), home);
    handle
}

/// The filter of a listen that wants everything.
pub fn all_lists() -> Value {
    json!({ "toolsListChanged": true, "promptsListChanged": true, "resourcesListChanged": true })
}
