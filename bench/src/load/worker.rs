//! One thread of the load: one epoll, its share of the connections and of the schedule. START HERE for the loop itself;
//! `exchange` has what happens on a connection that stands, `making` how it comes and goes.
//!
//! Requests that are due go to idle connections in the order these fell idle, over all groups: the load goes around all
//! connections, also at a low rate, and each group's part of it follows from how many it has and how soon they answer. A
//! thinking connection is not idle.
//!
//! Nothing here is shared with another thread while requests flow. What costs something a request: one send, one
//! receive, two looks at the clock (answered, sent), three histograms, no allocation.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::load::Wait;
use crate::load::clients::{Group, Phase, Slot};
use crate::load::poller::{Poller, Ready};
use crate::load::schedule::{Nanos, Schedule};
use crate::load::tally::Tally;
use crate::load::timeline::Slice;
use crate::load::timers::Timers;
use crate::load::transport::Scratch;

/// How long answers may come after the last request was due. Longer than any latency worth a name.
pub const DRAIN_NS_MAX: Nanos = 2_000_000_000;
/// How long all farewells at the end may take together: a server that failed us may also hang in a thousand of them.
const FAREWELLS_NS_MAX: Nanos = 1_000_000_000;
/// The longest sleep, so that the end of the run and of a slice are noticed.
const SLEEP_NS_MAX: Nanos = 10_000_000;
/// How often connections that are being made are looked at for their deadline.
pub const SWEEP_NS: Nanos = 100_000_000;

pub struct Worker {
    pub groups: Vec<Group>,
    pub slots: Vec<Slot>,
    /// In the order they fell idle.
    pub idle: VecDeque<usize>,
    pub timers: Timers,
    pub poller: Poller,
    pub schedule: Schedule,
    pub tally: Tally,
    /// The counter that the next request carries; threads count in ranges of their own.
    pub counter: u64,
    /// Requests handed out and not yet through, whether in flight or waiting for their connection.
    pub busy_count: usize,
    /// Connections on their way, to or from the server: those that have a deadline.
    pub transit_count: usize,
    pub wait: Wait,
    pub end_ns: Nanos,
    pub began: Instant,
    pub scratch: Scratch,
    /// What is about to be sent, of whichever connection.
    pub out: Vec<u8>,
    /// Why the first connection could not be made; ends a run that has not begun.
    pub unmade: Option<String>,
}

impl Worker {
    /// Makes all connections, `at_a_time` of them at once: a server's backlog is finite. The clock does not run yet.
    pub fn open(&mut self, at_a_time: usize, stop: &AtomicBool) -> Result<(), String> {
        let mut next = 0;
        let mut swept_ns = self.now_ns();
        while next < self.slots.len() || self.transit_count > 0 {
            while next < self.slots.len() && self.transit_count < at_a_time {
                self.make(next, None);
                next += 1;
            }
            let ready_count = self.poll(SLEEP_NS_MAX)?;
            for at in 0..ready_count {
                self.handle_ready(self.poller.ready(at));
            }
            self.sweep(&mut swept_ns, self.now_ns());
            if let Some(why) = self.unmade.take() {
                return Err(why);
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Until the schedule has ended and every answer is in, or the drain has lasted long enough.
    pub fn serve_schedule(&mut self, stop: &AtomicBool, slices: &SyncSender<Slice>) -> Result<(), String> {
        let drained_ns = self.end_ns + DRAIN_NS_MAX;
        let cpu_before = clock_gettime(ClockId::ThreadCPUTime);
        let before_ns = self.now_ns();
        let mut swept_ns = before_ns;
        self.send_due();
        let mut now_ns = self.now_ns();
        while now_ns < drained_ns && !self.is_over(now_ns) && !stop.load(Ordering::Relaxed) {
            let ready_count = self.poll(self.timeout_ns(now_ns))?;
            if ready_count == 0 || self.wait == Wait::Sleep {
                self.tally.idle(now_ns, self.now_ns());
            }
            for at in 0..ready_count {
                self.handle_ready(self.poller.ready(at));
                // After each answer and not after the batch: in the closed loop the next request leaves at once, and
                // in the open loop none waits until the batch is through.
                self.send_due();
            }
            now_ns = self.now_ns();
            let has_woken = self.handle_timers(now_ns);
            if ready_count == 0 || has_woken {
                self.send_due();
            }
            self.sweep(&mut swept_ns, now_ns);
            while let Some(slice) = self.tally.slice.poll_ended(now_ns) {
                // There is room for all slices of a run; when the other side is gone, so is the run.
                let _ = slices.try_send(slice);
            }
        }
        let cpu = clock_gettime(ClockId::ThreadCPUTime) - cpu_before;
        let cpu_ns = cpu.tv_sec as f64 * 1e9 + cpu.tv_nsec as f64;
        self.tally.cpu_ratio = cpu_ns / (self.now_ns() - before_ns).max(1) as f64;
        Ok(())
    }

    /// What was due and never answered is counted, whether it was sent or still waited; then each session is ended.
    pub fn close(mut self, slices: &SyncSender<Slice>) -> Result<Tally, String> {
        let now_ns = self.now_ns();
        for due_ns in self.schedule.overdue(now_ns) {
            self.tally.sent(due_ns, now_ns);
            self.tally.unanswered(None, due_ns, now_ns);
        }
        for slot in &self.slots {
            match slot.phase {
                Phase::Asked(asked) => {
                    let exchange = self.groups[slot.group].first_exchange + asked.exchange;
                    self.tally.unanswered(Some(exchange), asked.due_ns, now_ns);
                }
                Phase::Making { due_ns: Some(due_ns) } | Phase::BackingOff { due_ns } => {
                    self.tally.sent(due_ns, now_ns);
                    self.tally.unanswered(None, due_ns, now_ns);
                }
                Phase::Making { due_ns: None } | Phase::Idle | Phase::Thinking | Phase::Leaving => {}
            }
        }
        if self.tally.errors.unanswered > 0 {
            self.tally.errors.first.get_or_insert_with(|| "requests were not answered before the run ended".into());
        }
        let _ = slices.try_send(self.tally.slice.finish(now_ns));
        self.say_farewells(now_ns + FAREWELLS_NS_MAX)?;
        Ok(self.tally)
    }

    fn say_farewells(&mut self, until_ns: Nanos) -> Result<(), String> {
        self.timers.clear();
        self.transit_count = 0;
        for index in 0..self.slots.len() {
            if matches!(self.slots[index].phase, Phase::Idle | Phase::Thinking) {
                self.leave(index);
            } else {
                // In the middle of a request, or of being made: there is nobody to say goodbye to.
                self.slots[index].connection = None;
                self.slots[index].phase = Phase::Idle;
            }
        }
        while self.transit_count > 0 && self.now_ns() < until_ns {
            let ready_count = self.poll(SLEEP_NS_MAX)?;
            for at in 0..ready_count {
                let ready = self.poller.ready(at);
                let slot = &self.slots[ready.token.index as usize];
                if slot.token == ready.token && matches!(slot.phase, Phase::Leaving) {
                    self.handle_ready(ready);
                }
            }
        }
        Ok(())
    }

    fn is_over(&self, now_ns: Nanos) -> bool {
        self.busy_count == 0 && self.schedule.poll_timeout(now_ns).is_none()
    }

    fn poll(&mut self, timeout_ns: Nanos) -> Result<usize, String> {
        self.poller.wait(Duration::from_nanos(timeout_ns)).map_err(|error| format!("epoll: {error}"))
    }

    fn timeout_ns(&self, now_ns: Nanos) -> Nanos {
        match self.wait {
            Wait::Spin => 0,
            Wait::Sleep => {
                let due_ns = self.schedule.poll_timeout(now_ns).filter(|_| !self.idle.is_empty());
                let next_ns = [due_ns, self.timers.poll_timeout()].into_iter().flatten().min();
                next_ns.map_or(SLEEP_NS_MAX, |next_ns| next_ns.saturating_sub(now_ns).min(SLEEP_NS_MAX))
            }
        }
    }

    fn send_due(&mut self) {
        while let Some(&index) = self.idle.front() {
            let now_ns = self.now_ns();
            let Some(mut due_ns) = self.schedule.poll_due(now_ns) else {
                return;
            };
            self.idle.pop_front();
            self.busy_count += 1;
            let slot = &mut self.slots[index];
            if !self.schedule.is_open() {
                due_ns = slot.thought_until_ns.take().unwrap_or(due_ns);
            } else if slot.idle_since_ns <= due_ns {
                self.tally.late(due_ns, now_ns);
            }
            match slot.connection {
                Some(_) => self.ask(index, due_ns, now_ns),
                None => self.make(index, Some(due_ns)),
            }
        }
    }

    fn handle_ready(&mut self, ready: Ready) {
        let index = ready.token.index as usize;
        let slot = &mut self.slots[index];
        if slot.token != ready.token {
            return;
        }
        match slot.phase {
            Phase::Making { due_ns } => self.advance(index, due_ns),
            Phase::Leaving => self.hear_farewell(index),
            Phase::Idle | Phase::Thinking | Phase::Asked(_) => self.receive(index, ready.hung_up),
            Phase::BackingOff { .. } => {}
        }
    }

    /// True when a connection fell idle by it.
    fn handle_timers(&mut self, now_ns: Nanos) -> bool {
        let mut has_woken = false;
        while let Some((ended_ns, index)) = self.timers.poll_ended(now_ns) {
            let slot = &mut self.slots[index];
            match slot.phase {
                Phase::Thinking => {
                    slot.phase = Phase::Idle;
                    slot.thought_until_ns = Some(ended_ns);
                    slot.idle_since_ns = ended_ns;
                    self.idle.push_back(index);
                    has_woken = true;
                }
                Phase::BackingOff { due_ns } => self.make(index, Some(due_ns)),
                Phase::Idle | Phase::Making { .. } | Phase::Asked(_) | Phase::Leaving => {
                    debug_assert!(false, "only those two set a timer");
                }
            }
        }
        has_woken
    }

    pub fn now_ns(&self) -> Nanos {
        elapsed_ns(self.began)
    }
}

pub fn elapsed_ns(began: Instant) -> Nanos {
    began.elapsed().as_nanos().try_into().expect("a run lasts less than 584 years")
}
