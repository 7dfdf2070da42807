//! A group of clients, compiled: each exchange of its mix ready to be stamped and sent.

use crate::wire::expect::Wrong;
use crate::wire::response::{Answer, Malformed};
use crate::wire::stamp::Digits;
use crate::workload::Clients;

/// All that connections of one group have in common. One a thread: it is mutable, since stamping and checking reuse
/// their memory.
pub struct Script {}

/// What one connection was given, or learned when it opened: credential and session, as header lines ready to send.
#[derive(Clone, Debug, Default)]
pub struct Peer {}

/// What happens on a new connection before its first request: WebSocket's upgrade, the legacy era's `initialize`.
pub struct Opening {}

/// The bytes of one connection on their way to become an answer.
pub struct Inbox {}

pub enum Opened {
    /// Send what `poll_output` has, if anything, and read on.
    NotYet,
    Done(Peer),
}

impl Script {
    /// `authority`: what goes into `Host`. An error names what to fix in the workload.
    pub fn compile(_clients: &Clients, _authority: &str) -> Result<Self, String> {
        unimplemented!()
    }

    /// Names of the exchanges, by index.
    pub fn names(&self) -> Vec<String> {
        unimplemented!()
    }

    /// Which exchange a group's `turn`-th request is. Follows the weights in a fixed order that mixes well, the same in each run.
    pub fn exchange_at(&self, _turn: u64) -> usize {
        unimplemented!()
    }

    /// Appends the bytes of one request to `out`.
    pub fn render(&mut self, _exchange: usize, _digits: Digits, _peer: &Peer, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    pub fn check(&mut self, _exchange: usize, _digits: Digits, _answer: &Answer<'_>) -> Result<(), Wrong> {
        unimplemented!()
    }

    /// Begins a connection, the `connection`-th of its group (which decides its credential).
    pub fn open(&self, _connection: usize) -> Opening {
        unimplemented!()
    }

    /// The inbox that goes with the face, empty.
    pub fn inbox(&self) -> Inbox {
        unimplemented!()
    }

    /// What to say before a connection is closed in an orderly way (WebSocket close; DELETE of a legacy session), or nothing.
    pub fn farewell(&self, _peer: &Peer, _out: &mut Vec<u8>) {
        unimplemented!()
    }
}

impl Opening {
    /// Appends what must be sent; nothing when it waits for the server. `Ready` at once where there is nothing to do.
    pub fn poll_output(&mut self, _out: &mut Vec<u8>) {
        unimplemented!()
    }

    /// Also called with no bytes, right after `open`, to learn whether anything has to happen at all.
    pub fn handle_bytes(&mut self, _bytes: &[u8]) -> Result<Opened, String> {
        unimplemented!()
    }
}

impl Inbox {
    /// Hands out the answer once it is whole. Bytes of an answer that came in one piece are not copied.
    pub fn handle_bytes<'a>(&'a mut self, _bytes: &'a [u8]) -> Result<Option<Answer<'a>>, Malformed> {
        unimplemented!()
    }

    /// Events of the answer that is arriving (streams): lets the load time the first one.
    pub fn event_count(&self) -> u32 {
        unimplemented!()
    }

    /// Bytes to send because of what came in (WebSocket pong), if any.
    pub fn poll_output(&mut self, _out: &mut Vec<u8>) {
        unimplemented!()
    }
}
