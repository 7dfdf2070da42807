//! A client's TCP stream on either pump: glommio's sockets or the ring. Nothing beyond this file and `accept` knows which.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::{AsyncRead, AsyncWrite};
use glommio::net::TcpStream;

use crate::ring;

/// The stream.
pub enum Raw {
    /// One of glommio's.
    Glommio(RefCell<TcpStream>),
    /// One of the ring.
    Ring(ring::stream::Stream),
}

impl Raw {
    /// Its descriptor.
    pub fn fd(&self) -> RawFd {
        match self {
            Raw::Glommio(stream) => stream.borrow().as_raw_fd(),
            Raw::Ring(stream) => stream.fd(),
        }
    }

    /// Where the client is.
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Raw::Glommio(stream) => stream.borrow().peer_addr().ok(),
            Raw::Ring(stream) => stream.peer(),
        }
    }

    /// Reads some bytes; 0 at the end.
    pub fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Raw::Glommio(stream) => Pin::new(&mut *stream.borrow_mut()).poll_read(cx, room),
            Raw::Ring(stream) => stream.poll_read(cx, room),
        }
    }

    /// Takes some bytes to be sent. Who asked last is the one that is woken when there is room.
    pub fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Raw::Glommio(stream) => Pin::new(&mut *stream.borrow_mut()).poll_write(cx, bytes),
            Raw::Ring(stream) => stream.poll_write(cx, bytes),
        }
    }

    /// Waits until what was taken is the kernel's.
    pub fn poll_sent(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            // Glommio takes bytes only once they are.
            Raw::Glommio(_) => Poll::Ready(Ok(())),
            Raw::Ring(stream) => stream.poll_sent(cx),
        }
    }

    /// Looks whether the client has gone without a word, which the ring may not have heard of.
    pub fn doubt(&self) {
        if let Raw::Ring(stream) = self {
            stream.doubt();
        }
    }
}
