//! A group of clients, compiled: each exchange of its mix ready to be stamped and sent. START HERE: what the load sees of
//! the wire is this and what it hands out.
//!
//! One connection's life: `open` until `Done`; then `render`, bytes into its `inbox` until an answer, `check`; `farewell`.

use std::sync::Arc;

use crate::wire::cycle::{Cycle, Part};
use crate::wire::door::Door;
use crate::wire::exchange::{self, Exchange};
use crate::wire::expect::Wrong;
use crate::wire::frame::{self, Opcode};
use crate::wire::names;
use crate::wire::opening::Beginning;
use crate::wire::request::Template;
use crate::wire::response::Answer;
use crate::wire::stamp::{COUNTER_FIRST, Digits, Stamped};
use crate::workload::{Clients, Face};

pub use crate::wire::inbox::Inbox;
pub use crate::wire::opening::{Opened, Opening, Peer};

/// All that connections of one group have in common. One a thread: it is mutable, since checking reuses its memory.
#[derive(Clone)]
pub struct Script {
    names: Vec<String>,
    exchanges: Vec<Exchange>,
    cycle: Cycle,
    beginning: Arc<Beginning>,
    /// A header line each, for one connection after the other.
    credentials: Arc<[Vec<u8>]>,
    farewell: Farewell,
}

#[derive(Clone)]
enum Farewell {
    None,
    /// Where the server gave a session.
    Delete(Template),
    Close(Stamped),
}

/// The status of a normal closure (RFC 6455, 7.4.1), in network order.
const NORMAL_CLOSURE: [u8; 2] = 1000_u16.to_be_bytes();

impl Script {
    /// `authority`: what goes into `Host`. An error names what to fix in the workload.
    pub fn compile(clients: &Clients, authority: &str) -> Result<Self, String> {
        let door = Door { clients, authority };
        let (mut names, mut exchanges, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for (index, share) in clients.mix.iter().enumerate() {
            let compiled = exchange::of_share(&door, share).map_err(|what| format!("mix[{index}].{what}"))?;
            let exchange_first = exchanges.len();
            parts.push(Part { weight: share.weight, exchange_first, exchange_count: compiled.len() });
            names.extend(names::of_share(share).into_iter().take(compiled.len()));
            exchanges.extend(compiled);
        }
        debug_assert_eq!(names.len(), exchanges.len());
        let cycle = Cycle::of(&parts).ok_or("mix: nothing in it has a weight, so that nothing is ever sent")?;
        Ok(Self {
            names: names::told_apart(names),
            exchanges,
            cycle,
            beginning: Arc::new(Beginning::of(&door)?),
            credentials: credential_lines(clients)?,
            farewell: match clients.face {
                Face::WebSocket => Farewell::Close(frame::masked(Opcode::Close, &NORMAL_CLOSURE)),
                Face::Mcp => Farewell::Delete(door.render(door.delete())),
                Face::Rest | Face::Command | Face::Http => Farewell::None,
            },
        })
    }

    /// Names of the exchanges, by index.
    pub fn names(&self) -> Vec<String> {
        self.names.clone()
    }

    /// Which exchange a group's `turn`-th request is. Follows the weights in a fixed order that mixes well, the same in each run.
    pub fn exchange_at(&self, turn: u64) -> usize {
        self.cycle.exchange_at(turn)
    }

    /// Appends the bytes of one request to `out`.
    pub fn render(&mut self, exchange: usize, digits: Digits, peer: &Peer, out: &mut Vec<u8>) {
        self.exchanges[exchange].append(digits, &peer.lines, out);
    }

    pub fn check(&mut self, exchange: usize, digits: Digits, answer: &Answer<'_>) -> Result<(), Wrong> {
        self.exchanges[exchange].expect.check(answer, digits)
    }

    /// Begins a connection, the `connection`-th of its group (which decides its credential).
    pub fn open(&self, connection: usize) -> Opening {
        let lines = connection.checked_rem(self.credentials.len()).map(|index| self.credentials[index].clone());
        Opening::new(Arc::clone(&self.beginning), Peer { lines: lines.unwrap_or_default(), has_session: false })
    }

    /// The inbox that goes with the face, empty.
    pub fn inbox(&self) -> Inbox {
        self.beginning.inbox()
    }

    /// What to say before a connection is closed in an orderly way (WebSocket close; DELETE of a legacy session), or nothing.
    pub fn farewell(&self, peer: &Peer, out: &mut Vec<u8>) {
        // No counter is in it.
        let digits = Digits::of(COUNTER_FIRST);
        match &self.farewell {
            Farewell::Delete(delete) if peer.has_session => delete.append(digits, &peer.lines, out),
            Farewell::Close(close) => close.append(digits, out),
            Farewell::Delete(_) | Farewell::None => {}
        }
    }
}

fn credential_lines(clients: &Clients) -> Result<Arc<[Vec<u8>]>, String> {
    let mut lines = Vec::with_capacity(clients.credentials.len());
    for (index, credential) in clients.credentials.iter().enumerate() {
        let header = &credential.header;
        if clients.headers.keys().any(|name| name.eq_ignore_ascii_case(header)) {
            return Err(format!("credentials[{index}].header: {header} is also in `headers`; leave it in one of them"));
        }
        lines.push(format!("{header}: {}\r\n", credential.value).into_bytes());
    }
    Ok(lines.into())
}

impl std::fmt::Debug for Peer {
    /// Credentials stay out of every log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Peer({} bytes of headers)", self.lines.len())
    }
}
