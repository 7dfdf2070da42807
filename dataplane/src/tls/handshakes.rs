//! How many handshakes a shard takes on, and how much of its time they get. A handshake costs its server a hundred times
//! what it costs whoever only pretends to want one; so that a flood of them does not starve those who are connected, they
//! have a share of each turn of the shard, one after another. It never touches a socket.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use glommio::timer::Timer;

use crate::shard::waits::Waits;

/// What handshakes may take before everybody else has a turn: two or three with ECDSA P-256. A request waits for them so long
/// at the most, and for the rest of the one that used it up.
const SHARE: Duration = Duration::from_micros(400);
/// The shortest timer that gives the executor's reactor, and with it everybody else, a turn.
const TURN: Duration = Duration::from_micros(1);

/// The handshakes of one shard.
#[derive(Default)]
pub struct Handshakes {
    under_way: Cell<usize>,
    entering: Line,
    /// What of this turn's share is used up.
    spent: Cell<Duration>,
    /// The next turn is on its way.
    is_turning: Cell<bool>,
    computing: Line,
    waits: Rc<Waits>,
}

impl Handshakes {
    /// None yet; `waits` hears that the reactor is waited for.
    pub fn new(waits: &Rc<Waits>) -> Rc<Handshakes> {
        Rc::new(Handshakes { waits: Rc::clone(waits), ..Handshakes::default() })
    }

    /// Waits until there are fewer than `count_max`, first come first served, and counts as one while what is returned
    /// lives. Safe to drop while pending.
    pub async fn enter(self: &Rc<Self>, count_max: usize) -> UnderWay {
        self.entering.wait(|| self.under_way.get() < count_max.max(1)).await;
        self.under_way.set(self.under_way.get() + 1);
        if self.under_way.get() < count_max {
            self.entering.wake_first();
        }
        UnderWay(Rc::clone(self))
    }

    /// Whether somebody waits for room.
    pub fn is_pressed(&self) -> bool {
        !self.entering.wakers.borrow().is_empty()
    }

    /// Runs a piece of work when it has its turn. Safe to drop while pending.
    pub async fn run<T>(self: &Rc<Self>, work: impl FnOnce() -> T) -> T {
        self.computing.wait(|| self.spent.get() < SHARE).await;
        let began = Instant::now();
        let done = work();
        self.spent.set(self.spent.get() + began.elapsed());
        if self.spent.get() < SHARE {
            self.computing.wake_first();
        } else {
            self.end_turn();
        }
        done
    }

    /// The share is used up: lets the others have their turn.
    fn end_turn(self: &Rc<Self>) {
        if self.is_turning.replace(true) {
            return;
        }
        let handshakes = Rc::clone(self);
        glommio::spawn_local(async move {
            let hold = handshakes.waits.hold();
            Timer::new(TURN).await;
            drop(hold);
            handshakes.is_turning.set(false);
            handshakes.spent.set(Duration::ZERO);
            handshakes.computing.wake_first();
        })
        .detach();
    }
}

/// One that is under way.
pub struct UnderWay(Rc<Handshakes>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.set(self.0.under_way.get() - 1);
        self.0.entering.wake_first();
    }
}

/// Those who wait for something, first come first served. Bounded by the connections of the shard.
#[derive(Default)]
struct Line {
    next: Cell<u64>,
    wakers: RefCell<BTreeMap<u64, Waker>>,
}

impl Line {
    /// Waits until it is one's turn and `may_go`.
    async fn wait(&self, may_go: impl Fn() -> bool) {
        if self.wakers.borrow().is_empty() && may_go() {
            return;
        }
        let number = self.next.get();
        self.next.set(number + 1);
        let _place = Place { line: self, number };
        std::future::poll_fn(|cx| {
            let is_first = self.wakers.borrow().first_key_value().is_none_or(|(first, _)| *first >= number);
            if is_first && may_go() {
                return Poll::Ready(());
            }
            self.wakers.borrow_mut().insert(number, cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn wake_first(&self) {
        let first = self.wakers.borrow().first_key_value().map(|(_, waker)| waker.clone());
        if let Some(first) = first {
            first.wake();
        }
    }
}

/// A place in a line, given up when it is dropped.
struct Place<'l> {
    line: &'l Line,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let waker = self.line.wakers.borrow_mut().remove(&self.number);
        // It may have been woken and not gone: the next one looks for itself.
        self.line.wake_first();
        drop(waker);
    }
}
