//! Waiting until a record is on disk. The thread that writes wakes one task of a shard, and that one the others, so that a
//! shard is woken from outside once an fsync, however many wait for it. It never blocks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use super::open::Shared;
use super::queue::Queue;

/// A record may not be on disk: the log cannot be written. It waits to be, and may come to be later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotDurable;

impl fmt::Display for NotDurable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the audit log cannot be written")
    }
}

/// Who waits on a shard.
pub struct Waiting {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    /// By the number of the record that each waits for. Bounded by the requests in flight.
    wakers: RefCell<BTreeMap<u64, Waker>>,
}

impl Waiting {
    /// Nobody waits.
    pub fn new(queue: Arc<Queue>, shared: Arc<Shared>) -> Waiting {
        Waiting { queue, shared, wakers: RefCell::default() }
    }

    /// Whether there is an end to waiting for a record.
    fn outcome(&self, number: u64) -> Option<Result<(), NotDurable>> {
        if self.queue.durable() >= number {
            Some(Ok(()))
        } else {
            let is_written = !self.shared.state.is_failing() && !self.shared.has_ended.load(Ordering::SeqCst);
            (!is_written).then_some(Err(NotDurable))
        }
    }

    /// Wakes all whose waiting has an end, and leaves one of the others to be woken from outside.
    fn settle(&self) {
        // Nothing is borrowed while a waker is woken or dropped, which may run code of tasks.
        while let Some((number, waker)) = self.first() {
            if self.outcome(number).is_none() {
                self.queue.sleep(waker);
                if self.outcome(number).is_none() {
                    return;
                }
            }
            let woken = self.wakers.borrow_mut().remove(&number);
            if let Some(waker) = woken {
                waker.wake();
            }
        }
    }

    fn first(&self) -> Option<(u64, Waker)> {
        self.wakers.borrow().first_key_value().map(|(number, waker)| (*number, waker.clone()))
    }
}

/// Ends when its record is on disk.
#[must_use = "it is on disk when this has ended"]
pub struct Durable {
    waiting: Rc<Waiting>,
    number: u64,
}

impl Durable {
    /// For a shard's record of this number, counted from 1.
    pub fn new(waiting: Rc<Waiting>, number: u64) -> Durable {
        Durable { waiting, number }
    }
}

impl Future for Durable {
    type Output = Result<(), NotDurable>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Durable { waiting, number } = &*self;
        if waiting.outcome(*number).is_none() {
            let before = waiting.wakers.borrow_mut().insert(*number, cx.waker().clone());
            drop(before);
            waiting.settle();
        }
        match waiting.outcome(*number) {
            Some(outcome) => {
                let before = waiting.wakers.borrow_mut().remove(number);
                drop(before);
                waiting.settle();
                Poll::Ready(outcome)
            }
            None => Poll::Pending,
        }
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        // Whoever leaves may be the one that was to wake the others.
        let waker = self.waiting.wakers.borrow_mut().remove(&self.number);
        if waker.is_some() {
            self.waiting.settle();
        }
    }
}
