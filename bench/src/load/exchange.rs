//! What happens on a connection that stands: a request goes out, an answer comes back and is checked, and the client
//! rests until its next turn.

use crate::load::clients::{Asked, Churning, Phase};
use crate::load::connection::Lost;
use crate::load::schedule::Nanos;
use crate::load::transport::Received;
use crate::load::worker::{Worker, elapsed_ns};
use crate::wire::response::Answer;
use crate::wire::stamp::Digits;

/// Of a wrong answer's body, what is shown.
const SHOWN_BYTES_MAX: usize = 600;
/// Reads from one connection before the others have their turn: a mebibyte, more than nearly every answer.
pub const READS_PER_TURN_MAX: usize = 16;

impl Worker {
    /// Sends the request that was due, on a connection that stands.
    pub fn ask(&mut self, index: usize, due_ns: Nanos, now_ns: Nanos) {
        let slot = &mut self.slots[index];
        let group = &mut self.groups[slot.group];
        let Some(connection) = &mut slot.connection else {
            return;
        };
        let exchange = group.take_turn();
        let digits = Digits::of(self.counter);
        self.counter += 1;
        self.out.clear();
        group.script.render(exchange, digits, &connection.peer, &mut self.out);
        connection.inbox.forget_events();
        self.tally.sent(due_ns, now_ns);
        slot.phase = Phase::Asked(Asked { exchange, digits, due_ns, had_event: false });
        slot.request_count += 1;
        if let Err(lost) = connection.send(&self.out) {
            self.lose(index, lost);
        }
    }

    /// Edge-triggered: read until there is no more. A read that brings less than it could was the last, and so is an
    /// answer, unless the server hung up.
    ///
    /// A server that sends faster than we read would keep us here for ever, and with us the clock of the run and every
    /// other connection. So after some reads it is the others' turn.
    pub fn receive(&mut self, index: usize, hung_up: bool) {
        for _ in 0..READS_PER_TURN_MAX {
            let slot = &mut self.slots[index];
            let group = &mut self.groups[slot.group];
            let Some(connection) = &mut slot.connection else {
                return;
            };
            if let Err(lost) = connection.flush() {
                return self.lose(index, lost);
            }
            let (count, more) = match connection.receive(&mut self.scratch) {
                Ok(Received::Bytes { count, more }) => (count, more || hung_up),
                Ok(Received::Nothing) => return,
                Ok(Received::Closed) => return self.lose(index, Lost::Closed("closed by the server".into())),
                Err(lost) => return self.lose(index, lost),
            };
            let now_ns = elapsed_ns(self.began);
            let is_flushed = connection.is_flushed();
            let closes = match connection.inbox.handle_bytes(&self.scratch.bytes[..count]) {
                Ok(None) => None,
                Ok(Some(answer)) => {
                    let Phase::Asked(asked) = slot.phase else {
                        return self.lose(index, Lost::Unasked);
                    };
                    if !is_flushed {
                        return self.lose(index, Lost::Unasked);
                    }
                    let exchange = group.first_exchange + asked.exchange;
                    match group.script.check(asked.exchange, asked.digits, &answer) {
                        Ok(()) => self.tally.answered(exchange, asked.due_ns, now_ns),
                        Err(wrong) => self.tally.wrong(exchange, wrong, |name| describe(name, &answer, asked.digits)),
                    }
                    Some(answer.closes)
                }
                Err(malformed) => return self.lose(index, Lost::Malformed(malformed)),
            };
            if let Phase::Asked(asked) = &mut slot.phase
                && !asked.had_event
                && connection.inbox.event_count() > 0
            {
                asked.had_event = true;
                self.tally.first_event(asked.due_ns, now_ns);
            }
            self.out.clear();
            connection.inbox.poll_output(&mut self.out);
            if !self.out.is_empty()
                && let Err(lost) = connection.send(&self.out)
            {
                return self.lose(index, lost);
            }
            if let Some(closes) = closes {
                self.finish(index, now_ns, closes);
            } else if connection.inbox.is_closed() {
                // Its socket may stand for long; a request on it would be for nobody.
                return self.lose(index, Lost::Closed("closed by the server".into()));
            }
            if let Phase::Leaving = self.slots[index].phase {
                // What was answered was the last of this connection; what else there is belongs to the farewell.
                if more {
                    self.hear_farewell(index);
                }
                return;
            }
            if !more {
                return;
            }
        }
        if let Err(error) = self.watch_again(index) {
            self.lose(index, Lost::Closed(error.to_string().into()));
        }
    }

    /// The poller is to tell of the connection again, which may hold more than was read.
    pub fn watch_again(&self, index: usize) -> std::io::Result<()> {
        let slot = &self.slots[index];
        let Some(connection) = &slot.connection else {
            return Ok(());
        };
        self.poller.watch_again(connection.transport.stream(), slot.token)
    }

    /// The connection is gone, and with it what was in flight on it.
    fn lose(&mut self, index: usize, lost: Lost) {
        let slot = &mut self.slots[index];
        slot.connection = None;
        slot.was_lost = true;
        if let Phase::Asked(asked) = slot.phase {
            self.tally.lost(Some(self.groups[slot.group].first_exchange + asked.exchange), &lost);
            self.busy_count -= 1;
            self.rest(index, self.now_ns());
        } else {
            self.tally.lost(None, &lost);
        }
    }

    fn finish(&mut self, index: usize, now_ns: Nanos, closes: bool) {
        self.busy_count -= 1;
        let slot = &mut self.slots[index];
        if closes {
            slot.connection = None;
            slot.was_lost = true;
        } else if let Some(churning) = self.groups[slot.group].churn_after(slot.request_count) {
            self.tally.connection_count.churned += 1;
            return match churning {
                Churning::Orderly => self.leave(index),
                Churning::Reset => self.reset(index, now_ns),
            };
        }
        self.rest(index, now_ns);
    }

    /// Until the client's next turn.
    pub fn rest(&mut self, index: usize, now_ns: Nanos) {
        let slot = &mut self.slots[index];
        if let Some(think_ns) = self.groups[slot.group].think_ns() {
            slot.phase = Phase::Thinking;
            self.timers.set(now_ns + think_ns, index);
        } else {
            slot.phase = Phase::Idle;
            slot.idle_since_ns = now_ns;
            self.idle.push_back(index);
        }
    }
}

fn describe(name: &str, answer: &Answer<'_>, digits: Digits) -> String {
    let body = &answer.body[..answer.body.len().min(SHOWN_BYTES_MAX)];
    let (number, body) = (String::from_utf8_lossy(digits.as_bytes()), String::from_utf8_lossy(body));
    format!("{name}, request {number}: answered {} {body}", answer.status)
}
