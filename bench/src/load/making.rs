//! How connections come and go while the load runs. Never blocks: a connection that is being made has a deadline, and
//! one that could not be made is tried again after a pause, with the request that waits for it.

use crate::load::clients::Phase;
use crate::load::connection::{Advanced, Connection};
use crate::load::schedule::Nanos;
use crate::load::transport::Received;
use crate::load::worker::{SWEEP_NS, Worker};

/// For all steps together: connected, secured, opened. A server whose backlog is full drops the first SYN; the kernel
/// sends the second after 1 s.
const MAKING_NS_MAX: Nanos = 5_000_000_000;
/// For what the server has to say to a farewell.
const LEAVING_NS_MAX: Nanos = 500_000_000;

impl Worker {
    /// Begins to make a connection, for the request that was due or, before the load begins, for none.
    pub fn make(&mut self, index: usize, due_ns: Option<Nanos>) {
        let deadline_ns = self.now_ns() + MAKING_NS_MAX;
        let slot = &mut self.slots[index];
        let group = &self.groups[slot.group];
        slot.token.generation = slot.token.generation.wrapping_add(1);
        slot.phase = Phase::Making { due_ns };
        self.transit_count += 1;
        match Connection::begin(&group.dial, &group.script, slot.number, &self.poller, slot.token, deadline_ns) {
            Ok(connection) => slot.connection = Some(connection),
            Err(why) => self.unmake(index, due_ns, why),
        }
    }

    pub fn advance(&mut self, index: usize, due_ns: Option<Nanos>) {
        let slot = &mut self.slots[index];
        let Some(connection) = &mut slot.connection else {
            return;
        };
        match connection.advance(&self.groups[slot.group].dial, &mut self.scratch) {
            Ok(Advanced::Waits) => {}
            Ok(Advanced::HasMore) => {
                if let Err(error) = self.watch_again(index) {
                    self.unmake(index, due_ns, format!("epoll: {error}"));
                }
            }
            Ok(Advanced::Stands) => {
                self.transit_count -= 1;
                self.tally.connection_count.opened += 1;
                self.tally.connection_count.reconnected += u64::from(std::mem::take(&mut slot.was_lost));
                slot.is_made();
                let now_ns = self.now_ns();
                match due_ns {
                    Some(due_ns) => self.ask(index, due_ns, now_ns),
                    None => {
                        self.slots[index].phase = Phase::Idle;
                        self.idle.push_back(index);
                    }
                }
            }
            Err(why) => self.unmake(index, due_ns, why),
        }
    }

    fn unmake(&mut self, index: usize, due_ns: Option<Nanos>, why: String) {
        self.transit_count -= 1;
        let now_ns = self.now_ns();
        let slot = &mut self.slots[index];
        slot.connection = None;
        let Some(due_ns) = due_ns else {
            self.unmade.get_or_insert(why);
            return;
        };
        slot.phase = Phase::BackingOff { due_ns };
        self.timers.set(now_ns + slot.back_off_ns(), index);
        self.tally.connect_failed(why);
    }

    /// Ends a connection as the face and the era want it. Where that takes an answer, the client waits for it before its
    /// next turn.
    pub fn leave(&mut self, index: usize) {
        let now_ns = self.now_ns();
        let slot = &mut self.slots[index];
        let Some(connection) = &mut slot.connection else {
            return self.rest(index, now_ns);
        };
        self.out.clear();
        self.groups[slot.group].script.farewell(&connection.peer, &mut self.out);
        if self.out.is_empty() || connection.send(&self.out).is_err() {
            return self.part(index, now_ns);
        }
        connection.deadline_ns = now_ns + LEAVING_NS_MAX;
        slot.phase = Phase::Leaving;
        self.transit_count += 1;
    }

    /// Whatever the server says to a farewell, and be it nothing but its own, it has understood.
    pub fn hear_farewell(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        let Some(connection) = &mut slot.connection else {
            return;
        };
        let heard = connection.flush().and_then(|()| connection.receive(&mut self.scratch));
        if matches!(heard, Ok(Received::Nothing | Received::Bytes { count: 0, .. })) {
            return;
        }
        self.transit_count -= 1;
        self.part(index, self.now_ns());
    }

    pub fn reset(&mut self, index: usize, now_ns: Nanos) {
        if let Some(connection) = self.slots[index].connection.take() {
            // Where the option is refused, it closes in the usual way.
            let _ = connection.transport.reset();
        }
        self.rest(index, now_ns);
    }

    /// Looks, once in a while, whether a connection on its way has taken too long.
    pub fn sweep(&mut self, swept_ns: &mut Nanos, now_ns: Nanos) {
        if self.transit_count == 0 || now_ns < *swept_ns + SWEEP_NS {
            return;
        }
        *swept_ns = now_ns;
        for index in 0..self.slots.len() {
            let slot = &self.slots[index];
            let Some(connection) = slot.connection.as_ref().filter(|connection| connection.deadline_ns <= now_ns)
            else {
                continue;
            };
            match slot.phase {
                Phase::Making { due_ns } => {
                    let why = connection.late(&self.groups[slot.group].dial);
                    self.unmake(index, due_ns, why);
                }
                Phase::Leaving => {
                    self.transit_count -= 1;
                    self.part(index, now_ns);
                }
                Phase::Idle | Phase::Thinking | Phase::Asked(_) | Phase::BackingOff { .. } => {}
            }
        }
    }

    fn part(&mut self, index: usize, now_ns: Nanos) {
        if let Some(mut connection) = self.slots[index].connection.take() {
            connection.transport.say_goodbye();
        }
        self.rest(index, now_ns);
    }
}
