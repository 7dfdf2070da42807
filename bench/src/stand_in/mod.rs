//! A minimal server on epoll, one thread: answers at once, or after a planted delay. What the harness is measured against.
//!
//! At once and with one answer for all it is the floor: a receive, a look at the length, a send. What a server costs
//! beyond that is its own. It speaks HTTP/1.1 with keep-alive and `Content-Length`, one request at a time on a
//! connection, and never looks what it was asked but for an echo.

pub mod answer;
pub mod delay;
mod connection;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::TcpListener;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::set_current_timer_slack;

use crate::load::poller::{Poller, Token};
use crate::stand_in::answer::Answer;
use crate::stand_in::connection::Connection;
use crate::stand_in::delay::Delay;

/// Connections at a time; one more is closed as soon as it comes.
const CONNECTION_COUNT_MAX: usize = 65_536;
/// Answers that wait for their time, one a connection; one more closes its connection.
const WAITING_COUNT_MAX: usize = CONNECTION_COUNT_MAX;
/// As much as one read takes.
const READ_BYTES_MAX: usize = 64 << 10;
/// The longest sleep, so that a stop is noticed.
const SLEEP_MAX: Duration = Duration::from_millis(50);
const LISTENER: Token = Token { index: u32::MAX, generation: 0 };

#[derive(Clone, Debug)]
pub struct StandIn {
    pub answer: Answer,
    pub delay: Delay,
    /// Never sleeps: answers leave on the microsecond, for the price of a core.
    pub spin: bool,
}

struct Server<'a> {
    listener: TcpListener,
    poller: Poller,
    slots: Vec<Slot>,
    /// Places in `slots` that are free.
    free: Vec<usize>,
    desk: Desk<'a>,
    scratch: Vec<u8>,
}

struct Slot {
    token: Token,
    connection: Option<Connection>,
}

/// Where requests become answers.
struct Desk<'a> {
    stand_in: &'a StandIn,
    waiting: BinaryHeap<Reverse<Waiting>>,
    request_count: u64,
    first_request_at: Option<Instant>,
    has_stalled: bool,
    out: Vec<u8>,
}

/// An answer until it leaves: the first by time, and among those of one time the first that was asked for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    at: Instant,
    number: u64,
    index: u32,
    generation: u32,
    bytes: Vec<u8>,
}

impl StandIn {
    /// Serves until `stop`.
    pub fn serve(&self, listener: TcpListener, stop: &AtomicBool) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("stand-in: {error}");
        // An answer would otherwise leave 50 us late by design.
        set_current_timer_slack(NonZeroU64::new(1)).map_err(|error| format!("timer slack: {error}"))?;
        listener.set_nonblocking(true).map_err(failed)?;
        let poller = Poller::new().map_err(failed)?;
        poller.watch(&listener, LISTENER).map_err(failed)?;
        let desk = Desk {
            stand_in: self,
            waiting: BinaryHeap::new(),
            request_count: 0,
            first_request_at: None,
            has_stalled: false,
            out: Vec::new(),
        };
        let scratch = vec![0; READ_BYTES_MAX];
        let mut server = Server { listener, poller, slots: Vec::new(), free: Vec::new(), desk, scratch };
        while !stop.load(Ordering::Relaxed) {
            let timeout = if self.spin { Duration::ZERO } else { server.desk.timeout() };
            let ready_count = server.poller.wait(timeout).map_err(failed)?;
            for at in 0..ready_count {
                let ready = server.poller.ready(at);
                match ready.token {
                    LISTENER => server.accept(),
                    token => server.handle_ready(token, ready.hung_up),
                }
            }
            if self.delay != Delay::Now {
                server.send_waiting();
                server.desk.stall();
            }
        }
        Ok(())
    }
}

impl Server<'_> {
    fn accept(&mut self) {
        // A connection that cannot be taken is the caller's to notice; the others go on.
        while let Ok((stream, _)) = self.listener.accept() {
            let index = self.free.pop().unwrap_or(self.slots.len());
            if index >= CONNECTION_COUNT_MAX {
                continue;
            }
            if index == self.slots.len() {
                let token = Token { index: index as u32, generation: 0 };
                self.slots.push(Slot { token, connection: None });
            }
            let slot = &mut self.slots[index];
            slot.token.generation = slot.token.generation.wrapping_add(1);
            match Connection::new(stream) {
                Ok(connection) if self.poller.watch(connection.stream(), slot.token).is_ok() => {
                    slot.connection = Some(connection);
                }
                _ => self.free.push(index),
            }
        }
    }

    fn handle_ready(&mut self, token: Token, hung_up: bool) {
        let slot = &mut self.slots[token.index as usize];
        let Some(connection) = slot.connection.as_mut().filter(|_| slot.token == token) else {
            return;
        };
        let desk = &mut self.desk;
        let is_alive = match &desk.stand_in.answer {
            Answer::Constant(answer) if desk.stand_in.delay == Delay::Now => {
                connection.serve_floor(answer, &mut self.scratch, hung_up)
            }
            _ => connection.serve(&mut self.scratch, hung_up, |connection, request| {
                desk.handle_request(token, request, connection)
            }),
        };
        if !is_alive {
            self.close(token.index as usize);
        }
    }

    fn send_waiting(&mut self) {
        while let Some(due) = self.desk.poll_answer(Instant::now()) {
            let slot = &mut self.slots[due.index as usize];
            let is_alive = match &mut slot.connection {
                Some(connection) if slot.token.generation == due.generation => connection.send(&due.bytes),
                _ => true,
            };
            if !is_alive {
                self.close(due.index as usize);
            }
        }
    }

    fn close(&mut self, index: usize) {
        self.slots[index].connection = None;
        self.free.push(index);
    }
}

impl Desk<'_> {
    /// Whether the connection may stay.
    fn handle_request(&mut self, token: Token, request: &[u8], connection: &mut Connection) -> bool {
        let delay = self.stand_in.delay.of(self.request_count);
        self.request_count += 1;
        if let Delay::Stall { .. } = self.stand_in.delay {
            self.first_request_at.get_or_insert_with(Instant::now);
        }
        if delay.is_zero() {
            self.out.clear();
            self.stand_in.answer.write(request, &mut self.out);
            return connection.send(&self.out);
        }
        let mut bytes = Vec::new();
        self.stand_in.answer.write(request, &mut bytes);
        let at = Instant::now() + delay;
        let Token { index, generation } = token;
        self.waiting.push(Reverse(Waiting { at, number: self.request_count, index, generation, bytes }));
        self.waiting.len() <= WAITING_COUNT_MAX
    }

    fn poll_answer(&mut self, now: Instant) -> Option<Waiting> {
        self.waiting.peek().filter(|Reverse(waiting)| waiting.at <= now)?;
        self.waiting.pop().map(|Reverse(waiting)| waiting)
    }

    fn timeout(&self) -> Duration {
        let answer_at = self.waiting.peek().map(|Reverse(waiting)| waiting.at);
        let next_at = [self.stall_at(), answer_at].into_iter().flatten().min();
        next_at.map_or(SLEEP_MAX, |at| at.saturating_duration_since(Instant::now()).min(SLEEP_MAX))
    }

    fn stall_at(&self) -> Option<Instant> {
        match self.stand_in.delay {
            Delay::Stall { after, .. } if !self.has_stalled => self.first_request_at.map(|first| first + after),
            _ => None,
        }
    }

    /// Stands still, when it is time for that.
    fn stall(&mut self) {
        if let Delay::Stall { lasts, .. } = self.stand_in.delay
            && self.stall_at().is_some_and(|at| at <= Instant::now())
        {
            self.has_stalled = true;
            std::thread::sleep(lasts);
        }
    }
}
