//! One keep-alive connection with at most one request in flight. Reads and writes; never waits and never judges.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::wire::request::Request;
use crate::wire::response::{Answer, Inbox, Malformed};
use crate::load::schedule::Nanos;
use crate::wire::session;
use crate::wire::stamp::{Digits, Stamped};

/// A server whose backlog is full drops the first SYN; the kernel sends the second after 1 s.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(3);

/// How to make a connection; the same for all of a run.
#[derive(Clone, Debug)]
pub struct Dial {
    pub addr: SocketAddr,
    pub request: Request,
    pub has_session: bool,
}

#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    session: Vec<(String, String)>,
    /// Each connection stamps its own copy, since a session puts a header of its own into it.
    request: Stamped,
    sent_bytes: usize,
    in_flight: Option<InFlight>,
    inbox: Inbox,
}

#[derive(Clone, Copy, Debug)]
pub struct InFlight {
    pub digits: Digits,
    pub due_ns: Nanos,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Closed or reset by the server, in flight or idle.
    Closed,
    Malformed(Malformed),
    /// The server answered before it had the whole request, or without one.
    Unasked,
}

pub enum Received<'a> {
    Answer(InFlight, Answer<'a>),
    /// Something came, and the answer is not whole yet.
    Part,
    Nothing,
}

impl Dial {
    pub fn connect(&self) -> Result<Connection, String> {
        let failed = |error: io::Error| format!("connect to {}: {error}", self.addr);
        let mut stream = TcpStream::connect_timeout(&self.addr, CONNECT_WAIT_MAX).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let host = self.addr.to_string();
        let session = if self.has_session { session::open(&mut stream, &host, &self.request)? } else { Vec::new() };
        stream.set_nonblocking(true).map_err(failed)?;
        let request = self.request.render(&host, &session);
        let sent_bytes = request.as_bytes().len();
        Ok(Connection { stream, session, request, sent_bytes, in_flight: None, inbox: Inbox::default() })
    }

    /// Ends the session of an idle connection.
    pub fn close(&self, mut connection: Connection) {
        if connection.in_flight.is_none() && connection.stream.set_nonblocking(false).is_ok() {
            session::close(&mut connection.stream, &self.addr.to_string(), &self.request, &connection.session);
        }
    }
}

impl Connection {
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub fn in_flight(&self) -> Option<InFlight> {
        self.in_flight
    }

    pub fn send(&mut self, digits: Digits, due_ns: Nanos) -> Result<(), Lost> {
        debug_assert!(self.in_flight.is_none());
        self.request.stamp(digits);
        self.sent_bytes = 0;
        self.in_flight = Some(InFlight { digits, due_ns });
        self.flush()
    }

    /// Sends what the socket had no room for; the poller calls again when there is room.
    pub fn flush(&mut self) -> Result<(), Lost> {
        while let Some(unsent) = self.request.as_bytes().get(self.sent_bytes..).filter(|unsent| !unsent.is_empty()) {
            match self.stream.write(unsent) {
                Ok(sent_bytes) => self.sent_bytes += sent_bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Lost::Closed),
            }
        }
        Ok(())
    }

    /// One read. `scratch` is shared by all connections, so that a thousand of them share its cache lines.
    pub fn receive<'a>(&'a mut self, scratch: &'a mut [u8]) -> Result<Received<'a>, Lost> {
        let read_bytes = match self.stream.read(scratch) {
            Ok(0) => return Err(Lost::Closed),
            Ok(read_bytes) => read_bytes,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(Received::Nothing);
            }
            Err(_) => return Err(Lost::Closed),
        };
        let all_sent = self.sent_bytes == self.request.as_bytes().len();
        if self.in_flight.is_none() || !all_sent {
            return Err(Lost::Unasked);
        }
        match self.inbox.handle_bytes(&scratch[..read_bytes]).map_err(Lost::Malformed)? {
            Some(answer) => {
                let in_flight = self.in_flight.take().expect("checked above");
                Ok(Received::Answer(in_flight, answer))
            }
            None => Ok(Received::Part),
        }
    }
}
