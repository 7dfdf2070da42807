//! A client's stream, plain or in TLS, shared by the task that reads and the task that writes. Whoever serves a connection
//! does not know which it is, nor which pump is below.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::task::{Context, Poll};

use glommio::net::TcpStream;

use super::buffers::Buffers;
use super::raw::Raw;
use super::secured::Secured;
use crate::net::{self, Direction};
use crate::ring;
use crate::tls::ClientCertificate;

/// The socket.
pub struct Socket {
    raw: Raw,
    secured: OnceCell<Box<Secured>>,
    fd: RawFd,
    peer: Cell<Option<SocketAddr>>,
}

impl Socket {
    /// Takes a stream of glommio's.
    pub fn of_glommio(stream: TcpStream) -> Socket {
        Socket::new(Raw::Glommio(RefCell::new(stream)))
    }

    /// Takes a stream of the ring.
    pub fn of_ring(stream: ring::stream::Stream) -> Socket {
        Socket::new(Raw::Ring(stream))
    }

    fn new(raw: Raw) -> Socket {
        let fd = raw.fd();
        Socket { raw, secured: OnceCell::new(), fd, peer: Cell::new(None) }
    }

    /// From here on it is in TLS.
    pub fn secure(&self, secured: Secured) -> &Secured {
        debug_assert!(self.secured.get().is_none(), "a connection is secured once");
        self.secured.get_or_init(|| Box::new(secured))
    }

    /// The bytes as they come and go, for a handshake.
    pub fn raw(&self) -> &Raw {
        &self.raw
    }

    /// Whether it is in TLS.
    pub fn is_secured(&self) -> bool {
        self.secured.get().is_some()
    }

    /// The certificate that the client has shown, signed by an authority that is taken; `None` without TLS or one.
    pub fn client_certificate(&self) -> Option<Rc<ClientCertificate>> {
        self.secured.get()?.client_certificate()
    }

    /// A proxy that may say so has said where the client is.
    pub fn comes_from(&self, client: SocketAddr) {
        self.peer.set(Some(client));
    }

    /// Where the client is: asked of the kernel once, unless a proxy has said it.
    pub fn peer(&self) -> Option<SocketAddr> {
        if self.peer.get().is_none() {
            self.peer.set(self.raw.peer());
        }
        self.peer.get()
    }

    /// Shuts a direction down at once, whatever waits in it.
    pub fn shut_down(&self, direction: Direction) {
        if let (Some(secured), true) = (self.secured.get(), direction != Direction::Write) {
            secured.end_reading();
        }
        net::shut_down(self.fd, direction);
    }

    /// Reads some bytes; 0 at the end. Safe to drop while pending.
    pub async fn read(&self, room: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, room)).await
    }

    /// The same by hand.
    pub fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        match self.secured.get() {
            None => self.raw.poll_read(cx, room),
            Some(secured) => secured.poll_read(&self.raw, cx, room),
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.secured.get() {
            None => self.raw.poll_write(cx, bytes),
            Some(secured) => secured.poll_write(&self.raw, cx, bytes),
        }
    }

    /// Looks whether the client has gone without a word, which the ring may not have heard of.
    pub fn doubt(&self) {
        self.raw.doubt();
    }

    /// Waits until what was written is the kernel's, so that what follows does not overtake it.
    /// `moved` is called whenever some have gone and others still wait.
    pub async fn sent(&self, moved: impl Fn()) -> io::Result<()> {
        self.flushed(&moved).await?;
        let mut is_first = true;
        poll_fn(|cx| {
            let polled = self.raw.poll_sent(cx);
            if polled.is_pending() && !std::mem::take(&mut is_first) {
                moved();
            }
            polled
        })
        .await
    }

    /// Says that nothing more is sent, where there are words for it, and waits until that and all before it is the kernel's.
    pub async fn finish(&self) -> io::Result<()> {
        if let Some(secured) = self.secured.get() {
            secured.say_goodbye();
        }
        self.sent(|| ()).await
    }

    /// Waits until everything that is sealed has been taken.
    pub async fn flushed(&self, moved: &impl Fn()) -> io::Result<()> {
        let Some(secured) = self.secured.get() else {
            return Ok(());
        };
        poll_fn(|cx| {
            let before = secured.unsent_bytes();
            let polled = secured.poll_flush(&self.raw, cx);
            if polled.is_pending() && secured.unsent_bytes() < before {
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
            // What was sealed before goes first, and each step of it counts as a move.
            self.flushed(&moved).await?;
            let written = poll_fn(|cx| self.poll_write(cx, bytes)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
            if !bytes.is_empty() {
                moved();
            }
        }
        self.flushed(&moved).await
    }
}
