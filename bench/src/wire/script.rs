//! A group of clients, compiled: each exchange of its mix ready to be stamped and sent.
// Temporary: echo of the modern era and GET over HTTP, so that the load can be tried without the wire.

use crate::wire::expect::{Expect, Needle, Wrong};
use crate::wire::preset::Preset;
use crate::wire::response::{self, Answer, Malformed};
use crate::wire::stamp::{Digits, Stamped};
use crate::workload::{Clients, Operation};

/// All that connections of one group have in common. One a thread: it is mutable, since stamping and checking reuse
/// their memory.
pub struct Script {
    exchanges: Vec<(String, Stamped, Expect)>,
    handshake: Option<Vec<u8>>,
}

/// What one connection was given, or learned when it opened: credential and session, as header lines ready to send.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    session: bool,
}

/// What happens on a new connection before its first request: WebSocket's upgrade, the legacy era's `initialize`.
pub struct Opening {
    to_send: Option<Vec<u8>>,
    inbox: response::Inbox,
}

/// The bytes of one connection on their way to become an answer.
pub struct Inbox(response::Inbox);

pub enum Opened {
    /// Send what `poll_output` has, if anything, and read on.
    NotYet,
    Done(Peer),
}

impl Script {
    /// `authority`: what goes into `Host`. An error names what to fix in the workload.
    pub fn compile(clients: &Clients, authority: &str) -> Result<Self, String> {
        let legacy = clients.era == crate::workload::Era::Legacy;
        let exchanges = clients.mix.iter().map(|share| {
            let preset = if share.operation == Operation::Get { Preset::Get } else { Preset::EchoModern };
            let mut expect = preset.expect();
            if share.expect.constant {
                expect.id = false;
                expect.contains = vec![Needle::new("\"result\"")];
            }
            let target = clients.path.as_deref().unwrap_or(preset.target());
            let name = if share.name.is_empty() { "call echo".to_owned() } else { share.name.clone() };
            (name, preset.request(target, "text").render(authority, &[]), expect)
        });
        let handshake = legacy.then(|| b"POST /initialize HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_vec());
        Ok(Self { exchanges: exchanges.collect(), handshake })
    }

    /// Names of the exchanges, by index.
    pub fn names(&self) -> Vec<String> {
        self.exchanges.iter().map(|exchange| exchange.0.clone()).collect()
    }

    /// Which exchange a group's `turn`-th request is. Follows the weights in a fixed order that mixes well, the same in each run.
    pub fn exchange_at(&self, turn: u64) -> usize {
        (turn % self.exchanges.len() as u64) as usize
    }

    /// Appends the bytes of one request to `out`.
    pub fn render(&mut self, exchange: usize, digits: Digits, _peer: &Peer, out: &mut Vec<u8>) {
        out.extend_from_slice(self.exchanges[exchange].1.stamp(digits));
    }

    pub fn check(&mut self, exchange: usize, digits: Digits, answer: &Answer<'_>) -> Result<(), Wrong> {
        self.exchanges[exchange].2.check(answer, digits)
    }

    /// Begins a connection, the `connection`-th of its group (which decides its credential).
    pub fn open(&self, _connection: usize) -> Opening {
        Opening { to_send: self.handshake.clone(), inbox: response::Inbox::default() }
    }

    /// The inbox that goes with the face, empty.
    pub fn inbox(&self) -> Inbox {
        Inbox(response::Inbox::default())
    }

    /// What to say before a connection is closed in an orderly way (WebSocket close; DELETE of a legacy session), or nothing.
    pub fn farewell(&self, peer: &Peer, out: &mut Vec<u8>) {
        if peer.session {
            out.extend_from_slice(b"DELETE /mcp HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
        }
    }
}

impl Opening {
    /// Appends what must be sent; nothing when it waits for the server. `Ready` at once where there is nothing to do.
    pub fn poll_output(&mut self, out: &mut Vec<u8>) {
        if let Some(bytes) = &mut self.to_send {
            out.append(bytes);
        }
    }

    /// Also called with no bytes, right after `open`, to learn whether anything has to happen at all.
    pub fn handle_bytes(&mut self, bytes: &[u8]) -> Result<Opened, String> {
        if self.to_send.is_none() {
            return Ok(Opened::Done(Peer::default()));
        }
        if bytes.is_empty() {
            return Ok(Opened::NotYet);
        }
        match self.inbox.handle_bytes(bytes) {
            Ok(Some(answer)) if answer.status == 200 => Ok(Opened::Done(Peer { session: true })),
            Ok(Some(answer)) => Err(format!("initialize was answered {}", answer.status)),
            Ok(None) => Ok(Opened::NotYet),
            Err(malformed) => Err(format!("initialize: {malformed:?}")),
        }
    }
}

impl Inbox {
    /// Hands out the answer once it is whole. Bytes of an answer that came in one piece are not copied.
    pub fn handle_bytes<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Option<Answer<'a>>, Malformed> {
        self.0.handle_bytes(bytes)
    }

    /// Events of the answer that is arriving (streams): lets the load time the first one.
    pub fn event_count(&self) -> u32 {
        0
    }

    /// Bytes to send because of what came in (WebSocket pong), if any.
    pub fn poll_output(&mut self, _out: &mut Vec<u8>) {}
}
