//! The messages of one call or stream on their way to whoever sends them: an event log plus the wake-up of its reader.
//! It belongs to one shard and never touches a socket.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ringway_core::limits::Limits;
use ringway_core::session::EventLog;

/// What a reader gets.
#[derive(Debug)]
pub enum StreamEvent {
    /// A message to send, with its number for resumption.
    Message {
        /// Number in the log.
        number: u64,
        /// JSON text.
        text: Vec<u8>,
    },
    /// The only message there ever was: it can be answered as plain JSON with this status.
    Sole {
        /// HTTP status.
        status: u16,
        /// JSON text.
        text: Vec<u8>,
    },
    /// The server wants the client to come back later for the rest (MCP 2025-11-25, SSE polling).
    Suspend,
    /// Everything was read.
    End,
    /// The reader was too slow.
    Overflow,
}

/// The outbox.
pub struct Outbox {
    log: RefCell<EventLog>,
    /// HTTP status of the last message, once it is in.
    finished: Cell<Option<u16>>,
    overflowed: Cell<bool>,
    suspended: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    /// Counts attachments, so that a displaced reader notices.
    attached: Cell<u64>,
    has_reader: Cell<bool>,
}

impl Outbox {
    /// An outbox that forgets what was read.
    pub fn plain(limits: &Limits) -> Rc<Outbox> {
        Outbox::with(EventLog::plain(limits.stream_bytes_max))
    }

    /// An outbox that keeps messages for a client that comes back.
    pub fn resumable(limits: &Limits) -> Rc<Outbox> {
        Outbox::with(EventLog::resumable(
            limits.stream_bytes_max,
            limits.stream_events_kept_max,
        ))
    }

    fn with(log: EventLog) -> Rc<Outbox> {
        Rc::new(Outbox {
            log: RefCell::new(log),
            finished: Cell::new(None),
            overflowed: Cell::new(false),
            suspended: Cell::new(false),
            reader: RefCell::new(None),
            attached: Cell::new(0),
            has_reader: Cell::new(false),
        })
    }

    /// Adds a message. After the last one nothing is added.
    pub fn push(&self, message: Vec<u8>) {
        if self.finished.get().is_some() || self.overflowed.get() {
            return;
        }
        if self.log.borrow_mut().push(message).is_err() {
            self.overflowed.set(true);
        }
        self.wake();
    }

    /// Adds the last message.
    pub fn finish(&self, status: u16, message: Vec<u8>) {
        self.push(message);
        self.end(status);
    }

    /// Ends the stream without another message.
    pub fn end(&self, status: u16) {
        if self.finished.get().is_none() {
            self.finished.set(Some(status));
            self.wake();
        }
    }

    /// Asks the reader to close its connection and leave the rest for a client that comes back.
    pub fn suspend(&self) {
        self.suspended.set(true);
        self.wake();
    }

    /// Whether no message was ever added.
    pub fn is_untouched(&self) -> bool {
        self.log.borrow().last() == 0 && !self.suspended.get()
    }

    /// Whether the last message is in.
    pub fn is_finished(&self) -> bool {
        self.finished.get().is_some()
    }

    /// The number of the last message that was read.
    pub fn read(&self) -> u64 {
        self.log.borrow().read()
    }

    /// The number of the last message.
    pub fn last(&self) -> u64 {
        self.log.borrow().last()
    }

    /// Whether somebody reads.
    pub fn has_reader(&self) -> bool {
        self.has_reader.get()
    }

    /// Becomes the reader, displacing another.
    pub fn attach(self: &Rc<Outbox>, after: u64) -> Reader {
        // The first reader is the connection that a call may have let go of before anybody read.
        if self.attached.get() > 0 {
            self.suspended.set(false);
        }
        self.attached.set(self.attached.get() + 1);
        self.has_reader.set(true);
        self.wake();
        Reader {
            outbox: Rc::clone(self),
            ticket: self.attached.get(),
            after,
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.reader.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// The one that reads an outbox.
pub struct Reader {
    outbox: Rc<Outbox>,
    ticket: u64,
    after: u64,
}

impl Reader {
    /// The next event. `committed` says that a stream has begun, so that nothing can be answered as plain JSON.
    pub fn poll_next(&mut self, committed: bool, cx: &mut Context<'_>) -> Poll<StreamEvent> {
        let outbox = &self.outbox;
        if outbox.attached.get() != self.ticket {
            return Poll::Ready(StreamEvent::End);
        }
        if outbox.overflowed.get() {
            return Poll::Ready(StreamEvent::Overflow);
        }
        let mut log = outbox.log.borrow_mut();
        let is_sole = log.last() == 1 && self.after == 0 && !committed;
        if let Some((number, text)) = log.next(self.after) {
            self.after = number;
            let text = text.to_vec();
            if let (true, Some(status)) = (is_sole, outbox.finished.get()) {
                return Poll::Ready(StreamEvent::Sole { status, text });
            }
            return Poll::Ready(StreamEvent::Message { number, text });
        }
        if outbox.finished.get().is_some() {
            return Poll::Ready(StreamEvent::End);
        }
        if outbox.suspended.get() {
            return Poll::Ready(StreamEvent::Suspend);
        }
        outbox.reader.borrow_mut().replace(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.outbox.attached.get() == self.ticket {
            self.outbox.has_reader.set(false);
        }
    }
}
