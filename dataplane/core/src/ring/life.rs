//! One connection's life in the ring: what it asks of the kernel next, and when its place is free. It holds no byte and no
//! descriptor; it counts what is under way, so that nothing that the kernel still uses is ever given up.
//!
//! `handle_*` is told what happened, [`Life::poll_act`] says what to do until there is nothing; neither does it.

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Ask the kernel to receive until told otherwise.
    Receive,
    /// Send what waits. Its bytes must stay where they are until [`Life::handle_sent`].
    Send,
    /// Cancel receiving alone.
    CancelReceive,
    /// Cancel all that is under way.
    CancelAll,
    /// Nothing is under way and nobody holds it: the descriptor may be closed and the place used again.
    Free,
}

/// How receiving stands after a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Bytes came.
    Bytes,
    /// There was no buffer for what came; it still waits in the socket.
    NoBuffer,
    /// It was ended by us, or for nothing; there may be more.
    Nothing,
    /// The client sends no more, or the connection is broken.
    End,
}

/// One connection.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// The kernel receives.
    receives: bool,
    /// The kernel sends.
    sends: bool,
    /// The kernel cancels.
    cancels: bool,
    /// As many bytes wait as may.
    is_full: bool,
    /// Waits for its turn at the buffers.
    is_starved: bool,
    /// What receives may have missed the end.
    is_doubted: bool,
    /// No more will come.
    has_ended: bool,
    /// There is something to send.
    has_output: bool,
    /// Nothing can be sent any more.
    is_broken: bool,
    /// Nobody holds it.
    is_closed: bool,
    /// Its place was given up.
    is_free: bool,
}

impl Life {
    /// The next thing to do; what it hands out counts as under way.
    pub fn poll_act(&mut self) -> Option<Act> {
        let act = self.next_act();
        self.check_invariants();
        act
    }

    fn next_act(&mut self) -> Option<Act> {
        if self.is_free {
            return None;
        }
        if self.is_closed {
            if self.cancels {
                return None;
            }
            // Once more where a cancellation came too early or too late for what is under way.
            if self.receives || self.sends {
                self.cancels = true;
                return Some(Act::CancelAll);
            }
            self.is_free = true;
            return Some(Act::Free);
        }
        if (self.is_full || self.is_doubted) && self.receives && !self.cancels {
            (self.cancels, self.is_doubted) = (true, false);
            return Some(Act::CancelReceive);
        }
        if !self.receives && !self.has_ended && !self.is_full && !self.is_starved {
            self.receives = true;
            return Some(Act::Receive);
        }
        if self.has_output && !self.sends && !self.is_broken {
            (self.sends, self.has_output) = (true, false);
            return Some(Act::Send);
        }
        None
    }

    /// A completion of receiving; `goes_on` if more will come of the same request.
    pub fn handle_received(&mut self, what: Received, goes_on: bool) {
        debug_assert!(self.receives, "nothing completes that was not asked for");
        self.receives = goes_on;
        match what {
            Received::Bytes | Received::Nothing => {}
            Received::NoBuffer => self.is_starved = !goes_on,
            Received::End => self.has_ended = true,
        }
        self.check_invariants();
    }

    /// The completion of a send. `is_broken` if nothing can be sent any more: then nothing comes either, and the kernel may
    /// not say so a second time.
    pub fn handle_sent(&mut self, is_broken: bool) {
        debug_assert!(self.sends, "nothing completes that was not asked for");
        self.sends = false;
        self.is_broken |= is_broken;
        self.has_ended |= is_broken;
        self.check_invariants();
    }

    /// The completion of a cancellation, whatever it found.
    pub fn handle_cancelled(&mut self) {
        debug_assert!(self.cancels, "nothing completes that was not asked for");
        self.cancels = false;
        self.check_invariants();
    }

    /// There is something to send.
    pub fn handle_output(&mut self) {
        self.has_output = true;
    }

    /// As many bytes wait as may, or fewer again.
    pub fn handle_full(&mut self, is_full: bool) {
        self.is_full = is_full;
    }

    /// It has been silent for a while: receiving is begun anew, which finds an end that was missed. A kernel may lose the
    /// wake-up of a reset that comes together with the last bytes (Linux 6.18 does, with a receive until told otherwise).
    pub fn handle_doubt(&mut self) {
        self.is_doubted = self.receives;
    }

    /// Its turn at the buffers has come.
    pub fn handle_buffers(&mut self) {
        self.is_starved = false;
    }

    /// Nobody holds it any more: what waits to be sent is not sent.
    pub fn handle_closed(&mut self) {
        self.is_closed = true;
        self.has_output = false;
    }

    /// Whether as many bytes wait as may.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// The ring is gone and the kernel has nothing of it any more: whatever was under way is over.
    pub fn handle_ring_lost(&mut self) {
        (self.receives, self.sends, self.cancels, self.is_starved) = (false, false, false, false);
        (self.has_ended, self.is_broken) = (true, true);
        self.check_invariants();
    }

    /// Whether no more will come.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Whether nothing can be sent any more.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Whether nobody holds it any more.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether the kernel has something of it.
    fn is_busy(&self) -> bool {
        self.receives || self.sends || self.cancels
    }

    fn check_invariants(&self) {
        debug_assert!(!self.is_free || !self.is_busy(), "a place is free when the kernel has nothing of it");
        debug_assert!(!self.is_free || self.is_closed, "a place is free when nobody holds it");
        debug_assert!(!self.receives || !self.is_starved, "who receives waits for no turn");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts(life: &mut Life) -> Vec<Act> {
        std::iter::from_fn(|| life.poll_act()).collect()
    }

    #[test]
    fn an_ordinary_life() {
        let mut life = Life::default();
        assert_eq!(acts(&mut life), [Act::Receive]);
        life.handle_received(Received::Bytes, true);
        assert_eq!(acts(&mut life), []);
        life.handle_output();
        assert_eq!(acts(&mut life), [Act::Send]);
        life.handle_output();
        assert_eq!(acts(&mut life), [], "one send at a time");
        life.handle_sent(false);
        assert_eq!(acts(&mut life), [Act::Send]);
        life.handle_sent(false);
        life.handle_received(Received::End, false);
        assert_eq!(acts(&mut life), [], "what has ended is not asked again");
        life.handle_closed();
        assert_eq!(acts(&mut life), [Act::Free]);
        assert_eq!(acts(&mut life), []);
    }

    #[test]
    fn a_place_is_free_after_its_last_completion() {
        let mut life = Life::default();
        life.handle_output();
        assert_eq!(acts(&mut life), [Act::Receive, Act::Send]);
        life.handle_closed();
        assert_eq!(acts(&mut life), [Act::CancelAll]);
        life.handle_sent(true);
        assert_eq!(acts(&mut life), []);
        life.handle_received(Received::Nothing, false);
        assert_eq!(acts(&mut life), [], "the cancellation itself is still under way");
        life.handle_cancelled();
        assert_eq!(acts(&mut life), [Act::Free]);
    }

    #[test]
    fn who_is_full_is_received_no_further_until_there_is_room() {
        let mut life = Life::default();
        assert_eq!(acts(&mut life), [Act::Receive]);
        life.handle_full(true);
        assert_eq!(acts(&mut life), [Act::CancelReceive]);
        life.handle_received(Received::Bytes, true);
        assert_eq!(acts(&mut life), [], "one cancellation at a time");
        life.handle_cancelled();
        assert_eq!(acts(&mut life), [Act::CancelReceive], "one that missed is repeated");
        life.handle_received(Received::Nothing, false);
        life.handle_cancelled();
        assert_eq!(acts(&mut life), [], "it stays full");
        life.handle_full(false);
        assert_eq!(acts(&mut life), [Act::Receive]);
    }

    #[test]
    fn who_found_no_buffer_waits_for_a_turn() {
        let mut life = Life::default();
        assert_eq!(acts(&mut life), [Act::Receive]);
        life.handle_received(Received::NoBuffer, false);
        assert_eq!(acts(&mut life), []);
        life.handle_buffers();
        assert_eq!(acts(&mut life), [Act::Receive]);
    }

    #[test]
    fn a_broken_connection_sends_no_more() {
        let mut life = Life::default();
        life.handle_output();
        assert_eq!(acts(&mut life), [Act::Receive, Act::Send]);
        life.handle_sent(true);
        life.handle_output();
        assert_eq!(acts(&mut life), []);
        assert!(life.is_broken() && life.has_ended());
    }

    #[test]
    fn an_end_that_was_missed_is_looked_for() {
        let mut life = Life::default();
        assert_eq!(acts(&mut life), [Act::Receive]);
        life.handle_doubt();
        assert_eq!(acts(&mut life), [Act::CancelReceive]);
        life.handle_received(Received::Nothing, false);
        life.handle_cancelled();
        assert_eq!(acts(&mut life), [Act::Receive], "once a doubt");
        life.handle_received(Received::NoBuffer, false);
        life.handle_doubt();
        assert_eq!(acts(&mut life), [], "who waits for a turn has nothing under way");
    }

    #[test]
    fn without_its_ring_a_connection_is_over_and_its_place_free_once_nobody_holds_it() {
        let mut life = Life::default();
        life.handle_output();
        assert_eq!(acts(&mut life), [Act::Receive, Act::Send]);
        life.handle_doubt();
        assert_eq!(acts(&mut life), [Act::CancelReceive]);
        life.handle_output();
        life.handle_ring_lost();
        assert!(life.is_broken() && life.has_ended());
        assert_eq!(acts(&mut life), [], "nothing is asked of a ring that is gone");
        life.handle_closed();
        assert_eq!(acts(&mut life), [Act::Free]);
    }

    #[test]
    fn one_closed_before_anything_began_is_free() {
        let mut life = Life::default();
        life.handle_closed();
        assert_eq!(acts(&mut life), [Act::Free]);
    }
}
