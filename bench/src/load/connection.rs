//! One keep-alive connection, from the first packet to the last, with at most one request in flight. Reads and writes;
//! never waits and never judges.
//!
//! It is made in steps, each of which may have to wait for the server: connected, secured (TLS), opened (what the face
//! or the era wants first). An error says which step failed.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;

use crate::load::exchange::READS_PER_TURN_MAX;
use crate::load::poller::{Poller, Token};
use crate::load::schedule::Nanos;
use crate::load::transport::{self, Received, Scratch, Transport};
use crate::load::trust::Trust;
use crate::wire::response::Malformed;
use crate::wire::script::{Inbox, Opened, Opening, Peer, Script};

/// Connected, secured, and as many reads of what the server says to an opening as a request's answer has at a time.
const STEPS_PER_TURN_MAX: usize = 3 + READS_PER_TURN_MAX;

/// How the connections of one group are made; the same for all of a run.
#[derive(Clone, Debug)]
pub struct Dial {
    pub addr: SocketAddr,
    pub trust: Option<Trust>,
}

pub struct Connection {
    pub transport: Transport,
    pub inbox: Inbox,
    pub peer: Peer,
    /// When it has to stand, or, once it says goodbye, to be gone.
    pub deadline_ns: Nanos,
    step: Step,
    /// What the socket had no room for.
    unsent: Vec<u8>,
}

enum Step {
    Connecting(Opening),
    Securing(Opening),
    Opening(Opening),
    Open,
}

/// How far a connection came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advanced {
    /// For the server.
    Waits,
    /// Bytes that the server sent are left to be read.
    HasMore,
    /// It carries requests.
    Stands,
}

/// Why a connection ended that we would have kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Closed or reset by the server, in flight or idle.
    Closed(Cow<'static, str>),
    Malformed(Malformed),
    /// The server answered before it had the whole request, or without one.
    Unasked,
}

impl Connection {
    /// Begins to connect; `advance` does the rest, each time the poller tells of the socket.
    pub fn begin(
        dial: &Dial,
        script: &Script,
        number: usize,
        poller: &Poller,
        token: Token,
        deadline_ns: Nanos,
    ) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("connect to {}: {error}", dial.addr);
        let stream = transport::connect(dial.addr).map_err(failed)?;
        poller.watch(&stream, token).map_err(failed)?;
        Ok(Self {
            transport: Transport::new(stream, dial.trust.as_ref())?,
            inbox: script.inbox(),
            peer: Peer::default(),
            deadline_ns,
            step: Step::Connecting(script.open(number)),
            unsent: Vec::new(),
        })
    }

    /// Goes as far as the server lets it, for a number of reads at the most: what it sends has no end that we know.
    pub fn advance(&mut self, dial: &Dial, scratch: &mut Scratch) -> Result<Advanced, String> {
        for _ in 0..STEPS_PER_TURN_MAX {
            self.step = match std::mem::replace(&mut self.step, Step::Open) {
                Step::Connecting(opening) => match self.transport.is_connected() {
                    Ok(true) => Step::Securing(opening),
                    Ok(false) => return self.stay(Step::Connecting(opening)),
                    Err(error) => return Err(format!("connect to {}: {error}", dial.addr)),
                },
                Step::Securing(mut opening) => match self.transport.is_secured(scratch) {
                    Ok(true) => match opening.handle_bytes(&[])? {
                        Opened::Done(peer) => self.open(peer),
                        Opened::NotYet => Step::Opening(opening),
                    },
                    Ok(false) => return self.stay(Step::Securing(opening)),
                    Err(error) => return Err(format!("TLS with {}: {error}", dial.addr)),
                },
                Step::Opening(mut opening) => {
                    let failed = |why: &dyn fmt::Display| format!("opening at {}: {why}", dial.addr);
                    self.say(&mut opening).map_err(|lost| failed(&lost))?;
                    self.flush().map_err(|lost| failed(&lost))?;
                    match self.receive(scratch).map_err(|lost| failed(&lost))? {
                        Received::Nothing => return self.stay(Step::Opening(opening)),
                        Received::Closed => return Err(failed(&"the server closed the connection")),
                        Received::Bytes { count, .. } => {
                            match opening.handle_bytes(&scratch.bytes[..count]).map_err(|why| failed(&why))? {
                                Opened::Done(peer) => {
                                    // The last word of a handshake may be ours.
                                    self.say(&mut opening).map_err(|lost| failed(&lost))?;
                                    self.open(peer)
                                }
                                Opened::NotYet => Step::Opening(opening),
                            }
                        }
                    }
                }
                Step::Open => return Ok(Advanced::Stands),
            };
        }
        Ok(Advanced::HasMore)
    }

    fn say(&mut self, opening: &mut Opening) -> Result<(), Lost> {
        let mut bytes = Vec::new();
        opening.poll_output(&mut bytes);
        if bytes.is_empty() { Ok(()) } else { self.send(&bytes) }
    }

    /// The step that did not end in time.
    pub fn late(&self, dial: &Dial) -> String {
        match self.step {
            Step::Connecting(_) => format!("connect to {}: no answer in time", dial.addr),
            Step::Securing(_) => format!("TLS with {}: no answer in time", dial.addr),
            Step::Opening(_) | Step::Open => format!("opening at {}: no answer in time", dial.addr),
        }
    }

    /// Sends what it can and keeps the rest; the poller tells when there is room.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        // Order is kept: what waits goes first.
        let sent_bytes = if self.unsent.is_empty() { self.transport.send(bytes).map_err(closed)? } else { 0 };
        if sent_bytes < bytes.len() {
            self.unsent.extend_from_slice(&bytes[sent_bytes..]);
        }
        Ok(())
    }

    pub fn flush(&mut self) -> Result<(), Lost> {
        while !self.unsent.is_empty() {
            match self.transport.send(&self.unsent).map_err(closed)? {
                0 => return Ok(()),
                sent_bytes => drop(self.unsent.drain(..sent_bytes)),
            }
        }
        self.transport.flush().map_err(closed)
    }

    pub fn is_flushed(&self) -> bool {
        self.unsent.is_empty() && self.transport.is_flushed()
    }

    pub fn receive(&mut self, scratch: &mut Scratch) -> Result<Received, Lost> {
        self.transport.receive(scratch).map_err(closed)
    }

    fn stay(&mut self, step: Step) -> Result<Advanced, String> {
        self.step = step;
        Ok(Advanced::Waits)
    }

    fn open(&mut self, peer: Peer) -> Step {
        self.peer = peer;
        Step::Open
    }
}

fn closed(error: std::io::Error) -> Lost {
    Lost::Closed(error.to_string().into())
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(why) => write!(f, "the connection was lost: {why}"),
            Self::Malformed(malformed) => write!(f, "the answer cannot be read: {malformed:?}"),
            Self::Unasked => f.write_str("the server answered without having the whole request"),
        }
    }
}
