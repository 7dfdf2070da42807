//! One connection of the stand-in: bytes in, requests out, answers back. Never waits.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::stand_in::answer::request_bytes;

pub struct Connection {
    stream: TcpStream,
    /// Of a request that came in parts.
    unread: Vec<u8>,
    /// What the socket had no room for.
    unsent: Vec<u8>,
    /// Of the request before. The floor takes what is as long for the next one, without a look at where it ends.
    request_bytes: usize,
}

impl Connection {
    pub fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new(), unsent: Vec::new(), request_bytes: 0 })
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Reads until there is no more and answers `answer` to each request, with as few instructions as that takes.
    /// Whether the connection may stay.
    pub fn serve_floor(&mut self, answer: &[u8], scratch: &mut [u8], hung_up: bool) -> bool {
        self.read_on(scratch, hung_up, |connection, bytes| {
            if bytes.len() == connection.request_bytes && connection.unread.is_empty() {
                return connection.send(answer);
            }
            connection.split_requests(bytes, |connection, _| connection.send(answer))
        })
    }

    /// Reads until there is no more and hands each request to `handle`, which says whether the connection may stay.
    pub fn serve(
        &mut self,
        scratch: &mut [u8],
        hung_up: bool,
        mut handle: impl FnMut(&mut Self, &[u8]) -> bool,
    ) -> bool {
        self.read_on(scratch, hung_up, |connection, bytes| connection.split_requests(bytes, &mut handle))
    }

    /// Sends what it can and keeps the rest until there is room.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        if self.unsent.is_empty() {
            match self.stream.write(bytes) {
                Ok(sent_bytes) if sent_bytes == bytes.len() => return true,
                Ok(sent_bytes) => self.unsent.extend_from_slice(&bytes[sent_bytes..]),
                Err(error) if is_passing(&error) => self.unsent.extend_from_slice(bytes),
                Err(_) => return false,
            }
        } else {
            self.unsent.extend_from_slice(bytes);
        }
        self.flush()
    }

    fn flush(&mut self) -> bool {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent_bytes) => drop(self.unsent.drain(..sent_bytes)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        true
    }

    /// Edge-triggered: a read that fills less than it could was the last, unless the client hung up.
    fn read_on(&mut self, scratch: &mut [u8], hung_up: bool, mut handle: impl FnMut(&mut Self, &[u8]) -> bool) -> bool {
        if !self.flush() {
            return false;
        }
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return false,
                Ok(read_bytes) => {
                    if !handle(self, &scratch[..read_bytes]) {
                        return false;
                    }
                    if read_bytes < scratch.len() && !hung_up {
                        return true;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    }

    fn split_requests(&mut self, bytes: &[u8], mut handle: impl FnMut(&mut Self, &[u8]) -> bool) -> bool {
        // What came before is joined with what came after it; whole requests in one piece are not copied.
        let mut joined = std::mem::take(&mut self.unread);
        let mut rest = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &joined
        };
        loop {
            match request_bytes(rest) {
                Ok(Some(count)) => {
                    let (request, after) = rest.split_at(count);
                    self.request_bytes = count;
                    if !handle(self, request) {
                        return false;
                    }
                    rest = after;
                }
                Ok(None) => {
                    self.unread.extend_from_slice(rest);
                    return true;
                }
                Err(_) => return false,
            }
        }
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
