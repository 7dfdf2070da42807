//! The messages of one call or stream on their way to whoever sends them: an event log plus the wake-up of its reader.
//! It belongs to one shard and never touches a socket.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use ringway_core::session::EventLog;
use ringway_policy::Limits;

use crate::record::Ending;

/// What a reader gets.
#[derive(Debug)]
pub enum StreamEvent {
    /// A message to send, with its number for resumption.
    Message {
        /// Number in the log.
        number: u64,
        /// JSON text.
        text: Vec<u8>,
        /// How the request ended, when this is its answer.
        answers: Option<Ending>,
    },
    /// The only message there ever was: it can be answered as plain JSON with this status.
    Sole {
        /// HTTP status.
        status: u16,
        /// How the request ended.
        ending: Ending,
        /// JSON text.
        text: Vec<u8>,
    },
    /// The server wants the client to come back later for the rest (MCP 2025-11-25, SSE polling). Said once: a reader
    /// whose client cannot come back reads on.
    Suspend,
    /// Everything was read; this is how the request ended.
    End(Ending),
    /// The reader was too slow.
    Overflow,
}

/// The last message of a log.
#[derive(Clone, Copy)]
struct Last {
    status: u16,
    ending: Ending,
    /// Its number; 0 when the stream ended without one.
    number: u64,
}

/// The outbox.
pub struct Outbox {
    log: RefCell<EventLog>,
    /// The last message, once it is in.
    finished: Cell<Option<Last>>,
    /// Whether the answer was handed out as plain JSON, so that nobody can come back for it.
    answered_plainly: Cell<bool>,
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
        Outbox::with(EventLog::resumable(limits.stream_bytes_max, limits.stream_events_kept_max))
    }

    fn with(log: EventLog) -> Rc<Outbox> {
        Rc::new(Outbox {
            log: RefCell::new(log),
            finished: Cell::new(None),
            answered_plainly: Cell::new(false),
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
    pub fn finish(&self, status: u16, ending: Ending, message: Vec<u8>) {
        if self.finished.get().is_none() {
            self.push(message);
            let number = self.log.borrow().last();
            self.finished.set(Some(Last { status, ending, number }));
        }
    }

    /// Ends the stream without another message.
    pub fn end(&self) {
        self.end_as(Ending::Good);
    }

    /// Ends the stream of a call that gets no answer.
    pub fn cancel(&self) {
        self.end_as(Ending::Cancelled);
    }

    fn end_as(&self, ending: Ending) {
        if self.finished.get().is_none() {
            self.finished.set(Some(Last { status: 200, ending, number: 0 }));
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

    /// Whether the answer was handed out as plain JSON.
    pub fn was_answered_plainly(&self) -> bool {
        self.answered_plainly.get()
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
        let earlier = self.attached.get();
        self.attached.set(earlier + 1);
        self.has_reader.set(true);
        // Whoever attaches after another has come back already. The first reader comes after the work has begun, and
        // what the work has asked for since then is still to be done.
        if earlier > 0 {
            self.suspended.set(false);
        }
        self.wake();
        Reader { outbox: Rc::clone(self), ticket: self.attached.get(), after }
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
            return Poll::Ready(StreamEvent::End(Ending::Good));
        }
        if outbox.overflowed.get() {
            return Poll::Ready(StreamEvent::Overflow);
        }
        let mut log = outbox.log.borrow_mut();
        let is_first = self.after == 0 && !committed;
        if let Some((number, text)) = log.next(self.after) {
            self.after = number;
            let text = text.to_vec();
            if let (true, Some(Last { status, ending, number: 1 })) = (is_first, outbox.finished.get()) {
                outbox.answered_plainly.set(true);
                return Poll::Ready(StreamEvent::Sole { status, ending, text });
            }
            let answers = outbox.finished.get().filter(|last| last.number == number).map(|last| last.ending);
            return Poll::Ready(StreamEvent::Message { number, text, answers });
        }
        if let Some(last) = outbox.finished.get() {
            return Poll::Ready(StreamEvent::End(last.ending));
        }
        if outbox.suspended.take() {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(reader: &mut Reader) -> Poll<StreamEvent> {
        reader.poll_next(true, &mut Context::from_waker(Waker::noop()))
    }

    // Goal: work that suspends its stream is heard whether it does so before or after somebody reads, and a client that
    // has come back is not sent away for what was said before. Method: every order of attaching, suspending and polling.

    #[test]
    fn a_suspension_reaches_its_first_reader_once() {
        for suspends_first in [true, false] {
            let outbox = Outbox::resumable(&Limits::default());
            if suspends_first {
                outbox.suspend();
            }
            let mut reader = outbox.attach(0);
            if !suspends_first {
                outbox.suspend();
            }
            assert!(matches!(poll(&mut reader), Poll::Ready(StreamEvent::Suspend)));
            assert!(poll(&mut reader).is_pending());
        }
    }

    #[test]
    fn only_an_answer_is_answered_plainly() {
        let sole = |fill: &dyn Fn(&Outbox)| {
            let outbox = Outbox::plain(&Limits::default());
            fill(&outbox);
            let polled = outbox.attach(0).poll_next(false, &mut Context::from_waker(Waker::noop()));
            matches!(polled, Poll::Ready(StreamEvent::Sole { .. }))
        };
        let message = || b"{}".to_vec();
        assert!(sole(&|outbox| outbox.finish(200, Ending::Good, message())));
        assert!(!sole(&|outbox| outbox.push(message())));
        assert!(!sole(&|outbox| {
            outbox.push(message());
            outbox.end();
        }));
        assert!(!sole(&|outbox| {
            outbox.push(message());
            outbox.finish(200, Ending::Good, message());
        }));
    }

    #[test]
    fn a_client_that_came_back_stays_and_gets_the_rest() {
        let outbox = Outbox::resumable(&Limits::default());
        let mut first = outbox.attach(0);
        outbox.suspend();
        let mut second = outbox.attach(0);
        assert!(matches!(poll(&mut first), Poll::Ready(StreamEvent::End(_))));
        assert!(poll(&mut second).is_pending());
        outbox.finish(200, Ending::Good, b"{}".to_vec());
        assert!(matches!(poll(&mut second), Poll::Ready(StreamEvent::Message { number: 1, .. })));
        assert!(matches!(poll(&mut second), Poll::Ready(StreamEvent::End(_))));
    }
}
