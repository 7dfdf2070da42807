//! One shard's way to the thread that writes: records go there, their memory comes back, and word of what is on disk. It
//! holds no lock and never waits.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::task::Waker;

use crossbeam_queue::ArrayQueue;
use ringway_core::audit::Packed;

/// How a shard is reached that waits where it does not hear its tasks being woken.
pub type Ring = Box<dyn Fn() + Send + Sync>;

/// Both directions of one shard.
pub struct Queue {
    /// Records for the log. There is room for all memory that was made, so that whoever has a piece has a place.
    records: ArrayQueue<Box<Packed>>,
    /// Memory of records that were written.
    spare: ArrayQueue<Box<Packed>>,
    /// How many of the shard's records are as safe as they are made.
    durable: AtomicU64,
    /// One of the shard's tasks that wait for that; it wakes the others.
    sleeper: ArrayQueue<Waker>,
    ring: Ring,
    pub lost: AtomicU64,
    pub refused: AtomicU64,
}

impl Queue {
    /// A queue for so many records.
    pub fn new(records_max: usize, ring: Ring) -> Queue {
        Queue {
            records: ArrayQueue::new(records_max),
            spare: ArrayQueue::new(records_max),
            durable: AtomicU64::new(0),
            sleeper: ArrayQueue::new(1),
            ring,
            lost: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Records, and so pieces of memory, that there may be.
    pub fn capacity(&self) -> usize {
        self.records.capacity()
    }

    /// From the shard: a record.
    pub fn push(&self, record: Box<Packed>) {
        let pushed = self.records.push(record);
        debug_assert!(pushed.is_ok(), "no more memory is made than there is room for");
    }

    /// From the shard: memory that came back.
    pub fn take_spare(&self) -> Option<Box<Packed>> {
        self.spare.pop()
    }

    /// From the writer: the next record.
    pub fn pop(&self) -> Option<Box<Packed>> {
        self.records.pop()
    }

    /// From the writer: whether a record waits.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// From the writer: memory that is free.
    pub fn give_back(&self, record: Box<Packed>) {
        // There is room for all of it.
        let _ = self.spare.push(record);
    }

    /// How many of the shard's records are as safe as they are made.
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// From the shard: this task is to be woken when more are. Look again afterwards: they may be already.
    pub fn sleep(&self, waker: Waker) {
        self.sleeper.force_push(waker);
        // Either the writer sees the waker, or whoever looks again sees what the writer did.
        fence(Ordering::SeqCst);
    }

    /// From the writer: so many are.
    pub fn publish(&self, durable: u64) {
        if self.durable.swap(durable, Ordering::AcqRel) != durable {
            self.wake();
        }
    }

    /// From the writer: whoever waits has to look again.
    pub fn wake(&self) {
        fence(Ordering::SeqCst);
        if let Some(waker) = self.sleeper.pop() {
            waker.wake();
            (self.ring)();
        }
    }
}
