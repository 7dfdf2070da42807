//! The load itself: one thread, one epoll, every connection. START HERE to see a run from beginning to end.
//!
//! It performs what the pure parts decide: `schedule` when, `stamp` what, `response` whether it is whole, `expect`
//! whether it is right. Never prints.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::arguments::{Plan, Wait};
use crate::connection::{Connection, Dial, Lost, Received};
use crate::expect::Expect;
use crate::poller::{Poller, Ready};
use crate::response::Answer;
use crate::schedule::{Nanos, Schedule};
use crate::stamp::{COUNTER_FIRST, Digits};
use crate::tally::Tally;

/// How long answers may come after the last request was due. Longer than any latency worth a name.
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// The longest sleep, so that the end of the run is noticed.
const SLEEP_MAX: Duration = Duration::from_millis(10);
const READ_BYTES_MAX: usize = 64 << 10;

pub fn run(plan: &Plan) -> Result<Tally, String> {
    let mut load = Load::open(plan)?;
    load.serve_schedule().map_err(|error| format!("epoll: {error}"))?;
    Ok(load.close())
}

struct Load<'a> {
    dial: &'a Dial,
    wait: Wait,
    poller: Poller,
    /// `None`: lost, and could not be made again.
    connections: Vec<Option<Connection>>,
    /// In the order they fell idle: the load goes around all connections, also at a low rate.
    idle: VecDeque<usize>,
    in_flight_count: usize,
    schedule: Schedule,
    expect: Expect,
    tally: Tally,
    counter: u64,
    end_ns: Nanos,
    began: Instant,
    scratch: Vec<u8>,
}

impl<'a> Load<'a> {
    fn open(plan: &'a Plan) -> Result<Self, String> {
        let poller = Poller::new().map_err(|error| format!("epoll: {error}"))?;
        let mut connections = Vec::with_capacity(plan.connections);
        for index in 0..plan.connections {
            let connection = plan.dial.connect()?;
            poller.watch(connection.stream(), index).map_err(|error| format!("epoll: {error}"))?;
            connections.push(Some(connection));
        }
        let warmup_ns = nanos(plan.warmup);
        let end_ns = warmup_ns + nanos(plan.measured);
        Ok(Self {
            dial: &plan.dial,
            wait: plan.wait,
            poller,
            idle: (0..connections.len()).collect(),
            connections,
            in_flight_count: 0,
            schedule: match plan.rate_rps {
                Some(rate_rps) => Schedule::open(rate_rps, end_ns),
                None => Schedule::closed(end_ns),
            },
            expect: plan.expect.clone(),
            tally: Tally::new(warmup_ns..end_ns),
            counter: COUNTER_FIRST,
            end_ns,
            began: Instant::now(),
            scratch: vec![0; READ_BYTES_MAX],
        })
    }

    /// Until the schedule has ended and every answer is in, or the drain has lasted long enough.
    fn serve_schedule(&mut self) -> std::io::Result<()> {
        let drained_ns = self.end_ns + nanos(DRAIN_MAX);
        let cpu_before = clock_gettime(ClockId::ThreadCPUTime);
        let before_ns = self.now_ns();
        self.send_due();
        let mut now_ns = self.now_ns();
        while now_ns < drained_ns && !self.is_over(now_ns) {
            let ready_count = self.poller.wait(self.timeout(now_ns))?;
            if ready_count == 0 || self.wait == Wait::Sleep {
                self.tally.idle(now_ns, self.now_ns());
            }
            for at in 0..ready_count {
                self.handle_ready(self.poller.ready(at));
                // After each answer and not after the batch: in the closed loop the next request leaves at once, and
                // in the open loop none waits until the batch is through.
                self.send_due();
            }
            if ready_count == 0 {
                self.send_due();
            }
            now_ns = self.now_ns();
        }
        let cpu = clock_gettime(ClockId::ThreadCPUTime) - cpu_before;
        let cpu_ns = cpu.tv_sec as f64 * 1e9 + cpu.tv_nsec as f64;
        self.tally.cpu_ratio = cpu_ns / (now_ns - before_ns).max(1) as f64;
        Ok(())
    }

    /// What was due and never answered is counted, whether it was sent or still waited for a connection.
    fn close(mut self) -> Tally {
        let now_ns = self.now_ns();
        for due_ns in self.schedule.overdue(now_ns) {
            self.tally.sent(due_ns, now_ns);
            self.tally.unanswered(due_ns, now_ns);
        }
        for in_flight in self.connections.iter().flatten().filter_map(Connection::in_flight) {
            self.tally.unanswered(in_flight.due_ns, now_ns);
        }
        // A server that failed us may also hang in a thousand farewells.
        if self.tally.error_count() == 0 {
            self.connections.into_iter().flatten().for_each(|connection| self.dial.close(connection));
        }
        self.tally
    }

    fn is_over(&self, now_ns: Nanos) -> bool {
        let is_answered = self.schedule.poll_timeout(now_ns).is_none() && self.in_flight_count == 0;
        // Connections that could not be made again leave `idle` when their turn comes.
        is_answered || (self.in_flight_count == 0 && self.idle.is_empty())
    }

    fn timeout(&self, now_ns: Nanos) -> Duration {
        match self.wait {
            Wait::Spin => Duration::ZERO,
            Wait::Sleep => {
                let due_ns = self.schedule.poll_timeout(now_ns).filter(|_| !self.idle.is_empty());
                due_ns.map_or(SLEEP_MAX, |due_ns| Duration::from_nanos(due_ns.saturating_sub(now_ns)).min(SLEEP_MAX))
            }
        }
    }

    fn send_due(&mut self) {
        while let Some(&index) = self.idle.front() {
            let now_ns = self.now_ns();
            let Some(connection) = &mut self.connections[index] else {
                self.idle.pop_front();
                continue;
            };
            let Some(due_ns) = self.schedule.poll_due(now_ns) else {
                return;
            };
            self.idle.pop_front();
            self.in_flight_count += 1;
            let digits = Digits::of(self.counter);
            self.counter += 1;
            self.tally.sent(due_ns, now_ns);
            if let Err(lost) = connection.send(digits, due_ns) {
                self.lose(index, lost);
            }
        }
    }

    fn handle_ready(&mut self, ready: Ready) {
        let Some(connection) = &mut self.connections[ready.index] else {
            return;
        };
        if let Err(lost) = connection.flush() {
            return self.lose(ready.index, lost);
        }
        // Edge-triggered: read until there is no more. An answer is the last thing there is, unless the server hung up.
        loop {
            let Some(connection) = &mut self.connections[ready.index] else {
                return;
            };
            match connection.receive(&mut self.scratch) {
                Ok(Received::Nothing) => return,
                Ok(Received::Part) => {}
                Ok(Received::Answer(in_flight, answer)) => {
                    let now_ns = elapsed_ns(self.began);
                    match self.expect.check(&answer, in_flight.digits) {
                        Ok(()) => self.tally.answered(in_flight.due_ns, now_ns),
                        Err(wrong) => self.tally.wrong(wrong, || describe(&answer, in_flight.digits)),
                    }
                    let closes = answer.closes;
                    self.in_flight_count -= 1;
                    self.idle.push_back(ready.index);
                    if closes {
                        return self.reconnect(ready.index);
                    }
                    if !ready.hung_up {
                        return;
                    }
                }
                Err(lost) => return self.lose(ready.index, lost),
            }
        }
    }

    fn lose(&mut self, index: usize, lost: Lost) {
        let was_in_flight = self.connections[index].as_ref().is_some_and(|lost| lost.in_flight().is_some());
        self.tally.lost(lost, was_in_flight);
        if was_in_flight {
            self.in_flight_count -= 1;
            self.idle.push_back(index);
        }
        self.reconnect(index);
    }

    /// Blocks for a moment: a run in which this happens often has failed anyway, and says so.
    fn reconnect(&mut self, index: usize) {
        self.tally.reconnect_count += 1;
        self.connections[index] = None;
        let again = self.dial.connect().and_then(|connection| {
            self.poller.watch(connection.stream(), index).map_err(|error| error.to_string())?;
            Ok(connection)
        });
        match again {
            Ok(connection) => self.connections[index] = Some(connection),
            Err(why) => {
                self.tally.connect_failed_count += 1;
                self.tally.first_wrong.get_or_insert(why);
            }
        }
    }

    fn now_ns(&self) -> Nanos {
        elapsed_ns(self.began)
    }
}

fn describe(answer: &Answer<'_>, digits: Digits) -> String {
    let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(600)]);
    format!("request {}: {} {body}", String::from_utf8_lossy(digits.as_bytes()), answer.status)
}

fn elapsed_ns(began: Instant) -> Nanos {
    nanos(began.elapsed())
}

fn nanos(duration: Duration) -> Nanos {
    duration.as_nanos().try_into().expect("a run lasts less than 584 years")
}
