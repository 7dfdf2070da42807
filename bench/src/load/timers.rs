//! When thinking connections wake and failed ones are tried again. Pure: it is told the time.
//!
//! A connection has one timer at the most, so there are never more timers than connections and none is ever taken back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::load::schedule::Nanos;

pub struct Timers {
    heap: BinaryHeap<Reverse<(Nanos, usize)>>,
}

impl Timers {
    pub fn with_capacity(connection_count: usize) -> Self {
        Self { heap: BinaryHeap::with_capacity(connection_count) }
    }

    pub fn set(&mut self, at_ns: Nanos, connection: usize) {
        debug_assert!(self.heap.len() < self.heap.capacity(), "one timer a connection");
        self.heap.push(Reverse((at_ns, connection)));
    }

    pub fn clear(&mut self) {
        self.heap.clear();
    }

    /// The earliest timer that ended by `now`: when, and whose.
    pub fn poll_ended(&mut self, now_ns: Nanos) -> Option<(Nanos, usize)> {
        self.poll_timeout().filter(|&at_ns| at_ns <= now_ns)?;
        self.heap.pop().map(|Reverse(ended)| ended)
    }

    pub fn poll_timeout(&self) -> Option<Nanos> {
        self.heap.peek().map(|&Reverse((at_ns, _))| at_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_end_in_order_and_not_early() {
        let mut timers = Timers::with_capacity(3);
        timers.set(30, 0);
        timers.set(10, 1);
        timers.set(20, 2);
        assert_eq!(timers.poll_timeout(), Some(10));
        assert_eq!(timers.poll_ended(9), None);
        assert_eq!(timers.poll_ended(25), Some((10, 1)));
        assert_eq!(timers.poll_ended(25), Some((20, 2)));
        assert_eq!(timers.poll_ended(25), None);
    }
}
