//! When each request is due. Pure: it is told the time and never asks for it.
//!
//! In the open loop request `n` is due at `n / rate`, whatever the server does. A server that stalls finds the requests
//! it delayed waiting, each with the due time it always had, so the stall shows in every one of their latencies instead
//! of in the one that happened to be in flight (coordinated omission). In the closed loop a request is due when a
//! connection is free, and a stall hides; that loop measures capacity and nothing else.

/// Nanoseconds since the load began.
pub type Nanos = u64;

#[derive(Clone, Debug)]
pub struct Schedule {
    pace: Pace,
    end_ns: Nanos,
}

#[derive(Clone, Debug)]
enum Pace {
    Open { rate_rps: u64, taken: u64 },
    Closed,
}

impl Schedule {
    pub fn open(rate_rps: u64, end_ns: Nanos) -> Self {
        debug_assert!(rate_rps > 0);
        Self { pace: Pace::Open { rate_rps, taken: 0 }, end_ns }
    }

    pub fn closed(end_ns: Nanos) -> Self {
        Self { pace: Pace::Closed, end_ns }
    }

    /// The next request that is due by `now`, as the time it was due at. Call it only with a connection to send on: a
    /// due time handed out is gone.
    pub fn poll_due(&mut self, now_ns: Nanos) -> Option<Nanos> {
        let due_ns = self.poll_timeout(now_ns).filter(|&due_ns| due_ns <= now_ns)?;
        if let Pace::Open { taken, .. } = &mut self.pace {
            *taken += 1;
        }
        Some(due_ns)
    }

    /// The due times that are left by `now`, when the run ends early. In the closed loop nothing is due by itself.
    pub fn overdue(&mut self, now_ns: Nanos) -> Vec<Nanos> {
        match self.pace {
            Pace::Open { .. } => std::iter::from_fn(|| self.poll_due(now_ns)).collect(),
            Pace::Closed => Vec::new(),
        }
    }

    /// When `poll_due` has something next; `None` once the schedule has ended.
    pub fn poll_timeout(&self, now_ns: Nanos) -> Option<Nanos> {
        let due_ns = match self.pace {
            // Computed from the beginning each time, so that rounding never adds up.
            Pace::Open { rate_rps, taken } => {
                (u128::from(taken) * 1_000_000_000 / u128::from(rate_rps)).try_into().unwrap_or(Nanos::MAX)
            }
            Pace::Closed => now_ns,
        };
        (due_ns < self.end_ns).then_some(due_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Nanos = 1_000_000;

    /// One connection, a server that answers in 1 ms, except that it stands still from 100 ms to 600 ms.
    /// The virtual clock jumps from event to event; returns each request's latency, counted from its due time.
    fn latencies_through_a_stall(mut schedule: Schedule) -> Vec<Nanos> {
        let mut now_ns = 0;
        let mut latencies_ns = Vec::new();
        while let Some(next_ns) = schedule.poll_timeout(now_ns) {
            now_ns = now_ns.max(next_ns);
            let due_ns = schedule.poll_due(now_ns).expect("it is due by now");
            let stalled = (100 * MS..600 * MS).contains(&now_ns);
            now_ns = if stalled { 600 * MS } else { now_ns } + MS;
            latencies_ns.push(now_ns - due_ns);
        }
        latencies_ns
    }

    /// Goal: a stall is charged to every request that was due in it. Method: the stall above at 200 requests a second:
    /// 100 of the 400 requests were due in it, and the latest of these only just missed its end.
    #[test]
    fn a_stall_shows_in_every_request_it_delayed() {
        let latencies_ns = latencies_through_a_stall(Schedule::open(200, 2_000 * MS));
        assert_eq!(latencies_ns.len(), 400);
        assert_eq!(latencies_ns.iter().max(), Some(&(501 * MS)));
        let slow = latencies_ns.iter().filter(|&&latency_ns| latency_ns > 2 * MS).count();
        assert!((100..130).contains(&slow), "{slow} requests saw the stall");
    }

    /// A run whose server died must end in either loop.
    #[test]
    fn what_is_left_has_an_end() {
        assert_eq!(Schedule::open(1_000, 10 * MS).overdue(5 * MS).len(), 6);
        assert!(Schedule::closed(10 * MS).overdue(5 * MS).is_empty());
    }

    /// The same stall in the closed loop hides in one request: the reason the open loop exists.
    #[test]
    fn the_closed_loop_hides_the_same_stall() {
        let latencies_ns = latencies_through_a_stall(Schedule::closed(2_000 * MS));
        assert_eq!(latencies_ns.iter().filter(|&&latency_ns| latency_ns > 2 * MS).count(), 1);
    }

    #[test]
    fn due_times_do_not_drift() {
        let mut schedule = Schedule::open(30_000, 10_000_000_000);
        let mut count = 0;
        let mut last_ns = 0;
        while let Some(due_ns) = schedule.poll_due(Nanos::MAX) {
            debug_assert!(due_ns >= last_ns);
            last_ns = due_ns;
            count += 1;
        }
        assert_eq!(count, 300_000);
        assert_eq!(last_ns, 299_999 * 100_000 / 3);
    }

    #[test]
    fn nothing_is_due_before_its_time_or_after_the_end() {
        let mut schedule = Schedule::open(1_000, 2 * MS);
        assert_eq!(schedule.poll_due(0), Some(0));
        assert_eq!(schedule.poll_due(MS - 1), None);
        assert_eq!(schedule.poll_timeout(MS - 1), Some(MS));
        assert_eq!(schedule.poll_due(5 * MS), Some(MS));
        assert_eq!(schedule.poll_due(5 * MS), None);
        assert_eq!(schedule.poll_timeout(5 * MS), None);
        assert_eq!(Schedule::closed(MS).poll_due(MS), None);
    }
}
