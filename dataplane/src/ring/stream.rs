//! A client's connection as its task has it: reads, writes, and closes when it is dropped.

use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::{Context, Poll};

use ringway_core::ring::token::Place;

use super::table::Table;

/// The connection.
pub struct Stream {
    table: Rc<Table>,
    place: Place,
}

impl Stream {
    /// The connection at `place`, which nobody else has.
    pub(super) fn new(table: &Rc<Table>, place: Place) -> Stream {
        Stream { table: Rc::clone(table), place }
    }

    /// Its descriptor, which lives at least as long as this.
    pub fn fd(&self) -> RawFd {
        self.table.fd(self.place)
    }

    /// Where the client is.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.table.peer(self.place)
    }

    /// Reads some bytes; 0 at the end.
    pub fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        self.table.poll_read(self.place, cx, room)
    }

    /// Takes some bytes to be sent. They are on their way, and [`Stream::poll_sent`] tells when they have gone.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.table.poll_write(self.place, cx, bytes)
    }

    /// Looks whether the client has gone without a word.
    pub fn doubt(&self) {
        self.table.doubt(self.place);
    }

    /// Waits until all that was taken has been sent.
    pub fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.table.poll_sent(self.place, cx)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.table.close(self.place);
    }
}
