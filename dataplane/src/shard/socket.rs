//! A client's TCP stream, shared by the task that reads and the task that writes, on either pump: glommio's sockets or the
//! ring. Nothing beyond this file and `accept` knows which.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_lite::{AsyncRead, AsyncWrite};
use glommio::net::TcpStream;

use super::buffers::Buffers;
use crate::ring;

/// The socket.
pub struct Socket {
    stream: Stream,
    fd: RawFd,
    peer: Cell<Option<SocketAddr>>,
}

enum Stream {
    Glommio(RefCell<TcpStream>),
    Ring(ring::stream::Stream),
}

impl Socket {
    /// Takes a stream of glommio's.
    pub fn of_glommio(stream: TcpStream) -> Socket {
        let fd = stream.as_raw_fd();
        Socket { stream: Stream::Glommio(RefCell::new(stream)), fd, peer: Cell::new(None) }
    }

    /// Takes a stream of the ring.
    pub fn of_ring(stream: ring::stream::Stream) -> Socket {
        let fd = stream.fd();
        Socket { stream: Stream::Ring(stream), fd, peer: Cell::new(None) }
    }

    /// The descriptor, owned by this socket.
    pub fn fd(&self) -> RawFd {
        self.fd
    }

    /// Whether it is spoken to in TLS.
    pub fn is_tls(&self) -> bool {
        false
    }

    /// Where the client is, asked of the kernel once.
    pub fn peer(&self) -> Option<SocketAddr> {
        if self.peer.get().is_none() {
            self.peer.set(match &self.stream {
                Stream::Glommio(stream) => stream.borrow().peer_addr().ok(),
                Stream::Ring(stream) => stream.peer(),
            });
        }
        self.peer.get()
    }

    /// Reads some bytes; 0 at the end. Safe to drop while pending.
    pub async fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, room)).await
    }

    /// The same by hand.
    pub fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        match &self.stream {
            Stream::Glommio(stream) => Pin::new(&mut *stream.borrow_mut()).poll_read(cx, room),
            Stream::Ring(stream) => stream.poll_read(cx, room),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &self.stream {
            Stream::Glommio(stream) => Pin::new(&mut *stream.borrow_mut()).poll_write(cx, bytes),
            Stream::Ring(stream) => stream.poll_write(cx, bytes),
        }
    }

    /// Looks whether the client has gone without a word, which the ring may not have heard of.
    pub fn doubt(&self) {
        if let Stream::Ring(stream) = &self.stream {
            stream.doubt();
        }
    }

    /// Waits until what was written is the kernel's, so that what follows does not overtake it.
    /// `moved` is called whenever some have gone and others still wait.
    pub async fn sent(&self, moved: impl Fn()) -> io::Result<()> {
        let Stream::Ring(stream) = &self.stream else {
            // Glommio takes bytes only once they are.
            return Ok(());
        };
        let mut is_first = true;
        poll_fn(|cx| {
            let polled = stream.poll_sent(cx);
            if polled.is_pending() && !std::mem::take(&mut is_first) {
                moved();
            }
            polled
        })
        .await
    }

    /// Reads some bytes into a buffer that is only taken when there are some, and handed to `taken` with their count.
    pub async fn read_lent(&self, buffers: &Buffers, mut taken: impl FnMut(Vec<u8>, usize)) -> io::Result<usize> {
        poll_fn(|cx| {
            let mut room = buffers.room();
            let polled = self.poll_read(cx, &mut room);
            match &polled {
                Poll::Ready(Ok(count)) if *count > 0 => taken(room, *count),
                _ => buffers.give_room(room),
            }
            polled
        })
        .await
    }

    /// Writes all bytes; `moved` is called whenever the client has taken some and others still wait.
    pub async fn write_all(&self, mut bytes: &[u8], moved: impl Fn()) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = poll_fn(|cx| self.poll_write(cx, bytes)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
            if !bytes.is_empty() {
                moved();
            }
        }
        Ok(())
    }
}
