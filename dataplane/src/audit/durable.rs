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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::Wake;

    use super::super::AuditOptions;
    use super::*;

    /// A task that counts how often it was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    struct Sleeper(Option<Durable>, Arc<Woken>);

    impl Sleeper {
        fn poll(&mut self) -> Poll<Result<(), NotDurable>> {
            let waker = Waker::from(Arc::clone(&self.1));
            let durable = self.0.as_mut().expect("it has not left");
            Pin::new(durable).poll(&mut Context::from_waker(&waker))
        }

        fn count(&self) -> usize {
            self.1.0.load(Ordering::SeqCst)
        }
    }

    /// Three tasks that wait for records 1 to 3.
    fn three() -> (Arc<Queue>, Arc<AtomicUsize>, [Sleeper; 3]) {
        let rung = Arc::new(AtomicUsize::new(0));
        let bell = Arc::clone(&rung);
        let ring = Box::new(move || {
            bell.fetch_add(1, Ordering::SeqCst);
        });
        let queue = Arc::new(Queue::new(4, ring));
        let waiting = Rc::new(Waiting::new(Arc::clone(&queue), Shared::new(AuditOptions::default())));
        let sleeper = |number| Sleeper(Some(Durable::new(Rc::clone(&waiting), number)), Arc::default());
        let mut sleepers = [1, 2, 3].map(sleeper);
        for sleeper in &mut sleepers {
            assert!(sleeper.poll().is_pending());
        }
        (queue, rung, sleepers)
    }

    #[test]
    fn one_is_woken_from_outside_and_wakes_the_others() {
        let (queue, rung, mut sleepers) = three();
        queue.publish(2);
        assert_eq!(sleepers.each_ref().map(Sleeper::count), [1, 0, 0]);
        assert_eq!(sleepers[0].poll(), Poll::Ready(Ok(())));
        assert_eq!(sleepers.each_ref().map(Sleeper::count), [1, 1, 0], "the third waits on");
        assert_eq!(sleepers[1].poll(), Poll::Ready(Ok(())));
        queue.publish(3);
        assert_eq!((sleepers[2].count(), sleepers[2].poll()), (1, Poll::Ready(Ok(()))));
        assert_eq!(rung.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn who_leaves_does_not_take_the_wake_along() {
        let (queue, _, mut sleepers) = three();
        sleepers[0].0 = None;
        queue.publish(3);
        assert_eq!(sleepers.each_ref().map(Sleeper::count), [0, 1, 0]);
        sleepers[1].0 = None;
        assert_eq!(sleepers[2].count(), 1, "woken and gone, it leaves the next to be woken");
        assert_eq!(sleepers[2].poll(), Poll::Ready(Ok(())));
    }
}
