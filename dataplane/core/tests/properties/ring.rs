//! A connection's life in the ring, beside a kernel that is too simple to be wrong: it completes what it was asked for in any
//! order, early, late, or together with a cancellation.

use proptest::collection::vec;
use proptest::prelude::*;
use ringway_core::ring::life::{Act, Life, Received};

/// What happens next, as far as it can.
#[derive(Clone, Copy, Debug)]
enum Event {
    Bytes,
    NoBuffer,
    /// A receive that ends although nobody asked for its end, as on an overflow.
    Dropped,
    End,
    Sent,
    Broken,
    Cancelled,
    Output,
    Full,
    Room,
    Buffers,
    Doubt,
    Closed,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    use Event::*;
    let all = [Bytes, NoBuffer, Dropped, End, Sent, Broken, Cancelled, Output, Full, Room, Buffers, Doubt, Closed];
    vec(prop::sample::select(all.to_vec()), 0..200)
}

/// What the kernel has of one connection.
#[derive(Debug, Default)]
struct Kernel {
    receives: u32,
    sends: u32,
    cancels: u32,
    /// A cancellation got hold of what receives, sends.
    ends: [bool; 2],
    freed: u32,
    is_closed: bool,
    output_count: u32,
    send_count: u32,
}

impl Kernel {
    fn perform(&mut self, life: &mut Life) {
        while let Some(act) = life.poll_act() {
            assert_eq!(self.freed, 0, "{act:?} after the place was given up");
            match act {
                Act::Receive => self.receives += 1,
                Act::Send => {
                    self.sends += 1;
                    self.send_count += 1;
                }
                Act::CancelReceive | Act::CancelAll => {
                    self.cancels += 1;
                    self.ends[0] |= self.receives > 0;
                    self.ends[1] |= act == Act::CancelAll && self.sends > 0;
                }
                Act::Free => {
                    assert_eq!((self.receives, self.sends, self.cancels), (0, 0, 0), "freed while the kernel uses it");
                    assert!(self.is_closed, "freed while somebody holds it");
                    self.freed += 1;
                }
            }
            assert!(self.receives <= 1 && self.sends <= 1 && self.cancels <= 1, "{self:?}");
        }
    }

    /// Completes what may complete.
    fn handle(&mut self, event: Event, life: &mut Life) {
        let mut received = |kernel: &mut Kernel, what, goes_on: bool| {
            if kernel.receives > 0 {
                kernel.receives -= u32::from(!goes_on);
                kernel.ends[0] &= goes_on;
                life.handle_received(what, goes_on);
            }
        };
        match event {
            Event::Bytes => received(self, Received::Bytes, !self.ends[0]),
            Event::NoBuffer => received(self, Received::NoBuffer, false),
            Event::Dropped => received(self, Received::Nothing, false),
            Event::End => received(self, Received::End, false),
            Event::Sent | Event::Broken if self.sends > 0 => {
                self.sends -= 1;
                self.ends[1] = false;
                life.handle_sent(matches!(event, Event::Broken));
            }
            Event::Cancelled if self.cancels > 0 => {
                self.cancels -= 1;
                life.handle_cancelled();
            }
            Event::Output if !self.is_closed => {
                self.output_count += 1;
                life.handle_output();
            }
            Event::Full if !self.is_closed => life.handle_full(true),
            Event::Room if !self.is_closed => life.handle_full(false),
            Event::Buffers => life.handle_buffers(),
            Event::Doubt => life.handle_doubt(),
            Event::Closed if !self.is_closed => {
                self.is_closed = true;
                life.handle_closed();
            }
            _ => {}
        }
    }

    /// Completes what is left, as a kernel does at last.
    fn settle(&mut self, life: &mut Life) {
        for _ in 0..16 {
            if self.is_closed {
                if self.ends[0] {
                    self.handle(Event::Dropped, life);
                }
                if self.ends[1] {
                    self.handle(Event::Broken, life);
                }
            } else {
                self.handle(Event::Sent, life);
            }
            self.handle(Event::Cancelled, life);
            self.handle(Event::Buffers, life);
            self.perform(life);
        }
    }
}

proptest! {
    /// Goal: the place is free exactly once, after the last completion, whatever the order; nothing is asked twice at once.
    #[test]
    fn a_place_is_freed_once_after_its_last_completion(events in events()) {
        let (mut life, mut kernel) = (Life::default(), Kernel::default());
        kernel.perform(&mut life);
        for event in events {
            kernel.handle(event, &mut life);
            kernel.perform(&mut life);
        }
        kernel.handle(Event::Closed, &mut life);
        kernel.settle(&mut life);
        prop_assert_eq!(kernel.freed, 1);
    }

    /// Goal: while it is held, what is to be sent is sent, and who has room receives.
    #[test]
    fn nothing_is_forgotten(events in events()) {
        let (mut life, mut kernel) = (Life::default(), Kernel::default());
        kernel.perform(&mut life);
        let mut is_over = false;
        for event in events.into_iter().filter(|event| !matches!(event, Event::Closed | Event::Broken)) {
            is_over |= matches!(event, Event::End) && kernel.receives > 0;
            kernel.handle(event, &mut life);
            kernel.perform(&mut life);
        }
        kernel.handle(Event::Room, &mut life);
        kernel.settle(&mut life);
        // What a cancellation of a full connection got hold of ends, and is asked for again.
        if kernel.ends[0] {
            kernel.handle(Event::Dropped, &mut life);
        }
        kernel.settle(&mut life);
        prop_assert_eq!(kernel.receives, u32::from(!is_over));
        prop_assert_eq!(kernel.send_count > 0, kernel.output_count > 0);
        prop_assert_eq!(kernel.sends, 0);
        prop_assert_eq!(kernel.freed, 0);
    }
}
