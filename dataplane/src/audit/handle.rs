//! A shard's end of the audit log. It never waits, takes no lock, and allocates only until as much memory goes round as the
//! shard needs.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ringway_core::audit::{Packed, Record};

use super::durable::{Durable, Waiting};
use super::open::{AuditLog, Shared};
use super::options::{Fsync, OnFailure};
use super::queue::Queue;

/// The thread looks into the queues ten times a second; so many records wake it before that, since a call of the system a
/// record would cost more than the record.
const WAKE_EVERY: u64 = 512;

/// What is being done: whether it may be done while the log cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing.
    Read,
    /// It changes something, or administers.
    Write,
}

/// What became of a record.
#[must_use = "a record may have found no room"]
pub enum Submitted {
    /// It is on its way, and nobody needs to wait for it.
    Queued,
    /// It is on its way. Whoever answers before this has ended answers for what may be lost.
    Waits(Durable),
    /// There is no room for it, and what it tells of is to be refused.
    Refused,
    /// There is no room for it, and what it tells of is to be served; it is counted.
    Lost,
}

/// Why there is no place for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPlace {
    /// What it would tell of is to be refused: 503.
    Refused,
    /// What it would tell of is to be served; that it has no record is counted.
    Lost,
}

/// One shard's end. Clones are the same.
#[derive(Clone)]
pub struct AuditHandle(Rc<Local>);

struct Local {
    log: AuditLog,
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    waiting: Rc<Waiting>,
    fsync_always: bool,
    /// Memory for records, the one used last on top: it is the warmest.
    #[expect(
        clippy::vec_box,
        reason = "the same pieces go round between threads, and 1.5 KiB are not copied for that"
    )]
    spare: RefCell<Vec<Box<Packed>>>,
    /// Pieces of it that there are.
    made: Cell<usize>,
    submitted: Cell<u64>,
}

impl AuditHandle {
    pub(super) fn new(log: AuditLog, queue: Arc<Queue>) -> AuditHandle {
        let shared = Arc::clone(&log.shared);
        AuditHandle(Rc::new(Local {
            waiting: Rc::new(Waiting::new(Arc::clone(&queue), Arc::clone(&shared))),
            fsync_always: log.shared.options.fsync == Fsync::Always,
            log,
            shared,
            queue,
            spare: RefCell::default(),
            made: Cell::new(0),
            submitted: Cell::new(0),
        }))
    }

    /// The log it is part of.
    pub fn log(&self) -> &AuditLog {
        &self.0.log
    }

    /// Whether something of this effect may be served as the log is.
    pub fn may_serve(&self, effect: Effect) -> bool {
        !self.0.shared.state.is_failing() || !is_refused(self.0.shared.options.on_failure, effect)
    }

    /// Whether a call of this effect may begin beside so many that are under way: there is room for the records of all of
    /// them, or calls are served without. One that may not is counted.
    pub fn may_begin(&self, effect: Effect, under_way: usize) -> bool {
        let is_strict = is_refused(self.0.shared.options.on_failure, effect);
        let may = !is_strict || (!self.0.shared.state.is_failing() && self.0.has_room(under_way + 1));
        if !may {
            self.0.count_no_place(effect);
        }
        may
    }

    /// A place for the record of something that is about to be done, so that it is not done and found to have none. Asks
    /// [`may_serve`](Self::may_serve) too.
    ///
    /// # Errors
    /// When there is none; it is counted.
    pub fn reserve(&self, effect: Effect) -> Result<Place, NoPlace> {
        if !self.may_serve(effect) {
            return Err(self.0.count_no_place(effect));
        }
        self.place(effect)
    }

    /// Hands a record over: to the log, whatever state it is in, as long as there is room.
    pub fn submit(&self, record: &Record<'_>, effect: Effect) -> Submitted {
        match self.place(effect) {
            Ok(place) => place.submit(record),
            Err(NoPlace::Refused) => Submitted::Refused,
            Err(NoPlace::Lost) => Submitted::Lost,
        }
    }

    fn place(&self, effect: Effect) -> Result<Place, NoPlace> {
        match self.0.memory() {
            Some(memory) => Ok(Place { local: Rc::clone(&self.0), memory: Some(memory) }),
            None => Err(self.0.count_no_place(effect)),
        }
    }
}

fn is_refused(on_failure: OnFailure, effect: Effect) -> bool {
    match on_failure {
        OnFailure::RefuseAll => true,
        OnFailure::RefuseWrites => effect == Effect::Write,
        OnFailure::Serve => false,
    }
}

impl Local {
    /// Memory for a record; `None` when as many as may wait already.
    fn memory(&self) -> Option<Box<Packed>> {
        let mut spare = self.spare.borrow_mut();
        if let Some(memory) = spare.pop() {
            return Some(memory);
        }
        while let Some(memory) = self.queue.take_spare() {
            spare.push(memory);
        }
        spare.pop().or_else(|| {
            let made = self.made.get();
            (made < self.queue.capacity()).then(|| {
                self.made.set(made + 1);
                Box::default()
            })
        })
    }

    /// Whether so many records find memory.
    fn has_room(&self, records: usize) -> bool {
        let unmade = self.queue.capacity() - self.made.get();
        let mut spare = self.spare.borrow_mut();
        while spare.len() + unmade < records {
            let Some(memory) = self.queue.take_spare() else { return false };
            spare.push(memory);
        }
        true
    }

    fn count_no_place(&self, effect: Effect) -> NoPlace {
        let (no_place, count) = if is_refused(self.shared.options.on_failure, effect) {
            (NoPlace::Refused, &self.queue.refused)
        } else {
            (NoPlace::Lost, &self.queue.lost)
        };
        count.fetch_add(1, Ordering::Relaxed);
        no_place
    }
}

/// A place for one record. One that is dropped is free again.
#[must_use = "a place that is dropped is free again"]
pub struct Place {
    local: Rc<Local>,
    /// There until it is submitted.
    memory: Option<Box<Packed>>,
}

impl Place {
    /// Hands a record over: [`Submitted::Queued`], or [`Submitted::Waits`] where records are made durable one by one.
    pub fn submit(mut self, record: &Record<'_>) -> Submitted {
        let Some(mut memory) = self.memory.take() else { return Submitted::Lost };
        let local = &self.local;
        memory.pack(record);
        local.queue.push(memory);
        let number = local.submitted.get() + 1;
        local.submitted.set(number);
        if local.fsync_always {
            local.shared.wake_writer();
            return Submitted::Waits(Durable::new(Rc::clone(&local.waiting), number));
        }
        if number.is_multiple_of(WAKE_EVERY) {
            local.shared.wake_writer();
        }
        Submitted::Queued
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(memory) = self.memory.take() {
            self.local.spare.borrow_mut().push(memory);
        }
    }
}
