//! TLS between a connection and its socket: what comes is opened as it is read, what goes is sealed as it is written, and
//! nobody beyond `socket` knows. It never serves a request.
//!
//! Bounded both ways: a read opens what one receive brought and takes no more until that is read; a write seals two records
//! at the most and waits until the socket has taken them.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rustls::Error;

use super::raw::Raw;
use crate::metrics::Agreed;
use crate::tls::ClientCertificate;
use crate::tls::session::{RECEIVE_BYTES, Scratch, Session};

/// One connection's side of TLS.
pub struct Secured {
    session: RefCell<Session>,
    scratch: Rc<RefCell<Scratch>>,
    /// Sealed bytes that the socket has not taken, from `gone` on.
    unsent: RefCell<Vec<u8>>,
    gone: Cell<usize>,
    /// Somebody who writes waits for the socket, and is the one that it wakes.
    has_writer: Cell<bool>,
    /// We have ended reading: the end that is read then is ours, and not the client's.
    is_read_ended: Cell<bool>,
    certificate: OnceCell<Option<Rc<ClientCertificate>>>,
}

impl Secured {
    /// A session that works in the memory of its shard.
    pub fn new(session: Session, scratch: &Rc<RefCell<Scratch>>) -> Secured {
        Secured {
            session: RefCell::new(session),
            scratch: Rc::clone(scratch),
            unsent: RefCell::default(),
            gone: Cell::new(0),
            has_writer: Cell::new(false),
            is_read_ended: Cell::new(false),
            certificate: OnceCell::new(),
        }
    }

    /// Whether keys are still being agreed on.
    pub fn is_handshaking(&self) -> bool {
        self.session.borrow().is_handshaking()
    }

    /// How keys were agreed on, once they are.
    pub fn agreed(&self) -> Agreed {
        self.session.borrow().agreed()
    }

    /// What the client showed, once keys are agreed on.
    pub fn client_certificate(&self) -> Option<Rc<ClientCertificate>> {
        let read = || {
            let session = self.session.borrow();
            session.client_certificate().and_then(ClientCertificate::read).map(Rc::new)
        };
        self.certificate.get_or_init(read).clone()
    }

    /// We read no more: the end is not the client's.
    pub fn end_reading(&self) {
        self.is_read_ended.set(true);
    }

    /// Reads some bytes; 0 at the end, which the client has to have said: a stream that only stops is an error.
    pub fn poll_read(&self, raw: &Raw, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        if room.is_empty() {
            return Poll::Ready(Ok(0));
        }
        loop {
            {
                let mut session = self.session.borrow_mut();
                let count = session.take(room);
                if count > 0 {
                    return Poll::Ready(Ok(count));
                }
                if let Some(error) = session.failure() {
                    return Poll::Ready(Err(broken(error)));
                }
                if session.is_ended() {
                    return Poll::Ready(Ok(0));
                }
            }
            let mut scratch = self.scratch.borrow_mut();
            let received = ready!(self.poll_receive(raw, cx, &mut scratch))?;
            if received == 0 {
                let ended = if self.is_read_ended.get() { Ok(0) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
                return Poll::Ready(ended);
            }
            let opened = self.open(&mut scratch, received, room);
            self.pass_on(raw, cx, &scratch.outgoing);
            if opened > 0 {
                return Poll::Ready(Ok(opened));
            }
        }
    }

    /// Receives behind the room for what is carried.
    fn poll_receive(&self, raw: &Raw, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<io::Result<usize>> {
        let carried = self.session.borrow().carried();
        raw.poll_read(cx, &mut scratch.incoming[carried..carried + RECEIVE_BYTES])
    }

    /// Opens what was received, and leaves in the scratch what is to be answered.
    fn open(&self, scratch: &mut Scratch, received: usize, room: &mut [u8]) -> usize {
        let Scratch { incoming, outgoing } = scratch;
        outgoing.clear();
        self.session.borrow_mut().open(incoming, received, room, outgoing)
    }

    /// Sends what the session itself has to say, or leaves it to whoever writes next: it is little, and TLS allows it to
    /// wait (RFC 8446 section 4.6.3).
    fn pass_on(&self, raw: &Raw, cx: &mut Context<'_>, sealed: &[u8]) {
        if sealed.is_empty() && self.unsent.borrow().is_empty() {
            return;
        }
        self.unsent.borrow_mut().extend_from_slice(sealed);
        if !self.has_writer.get() {
            // An error is met by whoever reads or writes next.
            let _ = self.poll_unsent(raw, cx);
        }
    }

    /// Takes some bytes to be sent, once those before them have gone.
    pub fn poll_write(&self, raw: &Raw, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(raw, cx))?;
        let mut scratch = self.scratch.borrow_mut();
        let outgoing = &mut scratch.outgoing;
        outgoing.clear();
        let sealed = self.session.borrow_mut().seal(bytes, outgoing);
        let count = sealed.map_err(|error| broken(&error))?;
        self.send(raw, cx, outgoing)?;
        Poll::Ready(Ok(count))
    }

    /// Gives sealed bytes to the socket, and keeps what it does not take.
    fn send(&self, raw: &Raw, cx: &mut Context<'_>, sealed: &[u8]) -> io::Result<()> {
        debug_assert!(self.unsent.borrow().is_empty(), "what was sealed before goes before");
        let taken = match raw.poll_write(cx, sealed) {
            Poll::Ready(Ok(0)) if !sealed.is_empty() => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(taken) => taken?,
            Poll::Pending => 0,
        };
        if taken < sealed.len() {
            self.unsent.borrow_mut().extend_from_slice(&sealed[taken..]);
        }
        Ok(())
    }

    /// Waits until the socket has taken what is sealed. For whoever writes.
    pub fn poll_flush(&self, raw: &Raw, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = self.poll_unsent(raw, cx);
        self.has_writer.set(polled.is_pending());
        polled
    }

    fn poll_unsent(&self, raw: &Raw, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut unsent = self.unsent.borrow_mut();
        while self.gone.get() < unsent.len() {
            let taken = ready!(raw.poll_write(cx, &unsent[self.gone.get()..]))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gone.set(self.gone.get() + taken);
        }
        if self.gone.take() > 0 {
            *unsent = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    /// How many sealed bytes wait.
    pub fn unsent_bytes(&self) -> usize {
        self.unsent.borrow().len() - self.gone.get()
    }

    /// Puts down that nothing more is sent.
    pub fn say_goodbye(&self) {
        let mut unsent = self.unsent.borrow_mut();
        self.session.borrow_mut().say_goodbye(&mut unsent);
    }

    /// Receives once and puts it to what is carried, to be acted on by [`Secured::advance`]. 0 at the end.
    pub fn poll_carry(&self, raw: &Raw, cx: &mut Context<'_>, received: &mut Vec<u8>) -> Poll<io::Result<usize>> {
        let mut scratch = self.scratch.borrow_mut();
        let count = ready!(self.poll_receive(raw, cx, &mut scratch))?;
        let carried = self.session.borrow().carried();
        received.extend_from_slice(&scratch.incoming[carried..carried + count]);
        Poll::Ready(Ok(count))
    }

    /// Goes on with the handshake by what was received.
    ///
    /// # Errors
    /// Why it ends; what tells the client so waits to be sent.
    pub fn advance(&self, received: &[u8]) -> Result<(), Error> {
        let mut scratch = self.scratch.borrow_mut();
        let carried = self.session.borrow().carried();
        scratch.incoming[carried..carried + received.len()].copy_from_slice(received);
        self.open(&mut scratch, received.len(), &mut []);
        self.unsent.borrow_mut().extend_from_slice(&scratch.outgoing);
        match self.session.borrow().failure() {
            Some(error) => Err(error.clone()),
            None => Ok(()),
        }
    }
}

fn broken(error: &Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.clone())
}
