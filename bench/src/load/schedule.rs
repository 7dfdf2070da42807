//! When each request is due. Pure: it is told the time and never asks for it.
//!
//! In the open loop request `n` is due at `n / rate`, whatever the server does. A server that stalls finds the requests
//! it delayed waiting, each with the due time it always had, so the stall shows in every one of their latencies instead
//! of in the one that happened to be in flight (coordinated omission). In the closed loop a request is due when a
//! connection is free, and a stall hides; that loop measures capacity and nothing else.
//!
//! Threads share a schedule without a word between them: the `i`-th of `n` takes requests `i`, `i + n`, `i + 2n`, …, and
//! together they are the whole, each request once. Independent callers (Poisson) add up to independent callers, so
//! there each thread draws gaps of its own at `rate / n`.

use fastrand::Rng;

/// Nanoseconds since the load began.
pub type Nanos = u64;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[derive(Clone, Debug)]
pub struct Schedule {
    pace: Pace,
    /// The next due time of the open loop, so that looking at it costs a comparison.
    next_ns: Nanos,
    end_ns: Nanos,
}

#[derive(Clone, Debug)]
enum Pace {
    Even { rate_rps: u64, next: u64, share: Share },
    Poisson { gap_ns_mean: f64, next_ns: f64, random: Rng },
    Closed,
}

/// A thread's part of the whole: the `index`-th of `count`.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub index: u64,
    pub count: u64,
}

impl Schedule {
    pub fn even(rate_rps: u64, share: Share, end_ns: Nanos) -> Self {
        debug_assert!(rate_rps > 0 && share.index < share.count);
        Self { pace: Pace::Even { rate_rps, next: share.index, share }, next_ns: due_ns(share.index, rate_rps), end_ns }
    }

    /// The same in each run: `random` is seeded by who calls.
    pub fn poisson(rate_rps: u64, share: Share, mut random: Rng, end_ns: Nanos) -> Self {
        let gap_ns_mean = NANOS_PER_SECOND as f64 * share.count as f64 / rate_rps as f64;
        let next_ns = gap_ns_mean * exponential(&mut random);
        Self { pace: Pace::Poisson { gap_ns_mean, next_ns, random }, next_ns: next_ns as Nanos, end_ns }
    }

    pub fn closed(end_ns: Nanos) -> Self {
        Self { pace: Pace::Closed, next_ns: 0, end_ns }
    }

    pub fn is_open(&self) -> bool {
        !matches!(self.pace, Pace::Closed)
    }

    /// The next request that is due by `now`, as the time it was due at. Call it only with a connection to send on: a
    /// due time handed out is gone.
    pub fn poll_due(&mut self, now_ns: Nanos) -> Option<Nanos> {
        let due_ns = self.poll_timeout(now_ns).filter(|&due_ns| due_ns <= now_ns)?;
        self.advance();
        Some(due_ns)
    }

    /// The due times that are left by `now`, when the run ends early. In the closed loop nothing is due by itself.
    pub fn overdue(&mut self, now_ns: Nanos) -> impl Iterator<Item = Nanos> {
        std::iter::from_fn(move || self.is_open().then(|| self.poll_due(now_ns)).flatten())
    }

    /// When `poll_due` has something next; `None` once the schedule has ended.
    pub fn poll_timeout(&self, now_ns: Nanos) -> Option<Nanos> {
        let due_ns = if self.is_open() { self.next_ns } else { now_ns };
        (due_ns < self.end_ns).then_some(due_ns)
    }

    fn advance(&mut self) {
        match &mut self.pace {
            Pace::Even { rate_rps, next, share } => {
                *next += share.count;
                self.next_ns = due_ns(*next, *rate_rps);
            }
            Pace::Poisson { gap_ns_mean, next_ns, random } => {
                *next_ns += *gap_ns_mean * exponential(random);
                self.next_ns = *next_ns as Nanos;
            }
            Pace::Closed => {}
        }
    }
}

/// Computed from the beginning each time, so that rounding never adds up.
fn due_ns(request: u64, rate_rps: u64) -> Nanos {
    match request.checked_mul(NANOS_PER_SECOND) {
        // The first 18 thousand million requests of a run: a division of half the width, and a fraction of its time.
        Some(scaled) => scaled / rate_rps,
        None => {
            (u128::from(request) * u128::from(NANOS_PER_SECOND) / u128::from(rate_rps)).try_into().unwrap_or(Nanos::MAX)
        }
    }
}

/// Exponentially distributed with mean 1.
pub fn exponential(random: &mut Rng) -> f64 {
    // `f64()` may be 0 and is never 1, so the logarithm is finite.
    -(1.0 - random.f64()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Nanos = 1_000_000;
    const ALL: Share = Share { index: 0, count: 1 };

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
        let latencies_ns = latencies_through_a_stall(Schedule::even(200, ALL, 2_000 * MS));
        assert_eq!(latencies_ns.len(), 400);
        assert_eq!(latencies_ns.iter().max(), Some(&(501 * MS)));
        let slow = latencies_ns.iter().filter(|&&latency_ns| latency_ns > 2 * MS).count();
        assert!((100..130).contains(&slow), "{slow} requests saw the stall");
    }

    /// A run whose server died must end in either loop.
    #[test]
    fn what_is_left_has_an_end() {
        assert_eq!(Schedule::even(1_000, ALL, 10 * MS).overdue(5 * MS).count(), 6);
        assert_eq!(Schedule::closed(10 * MS).overdue(5 * MS).count(), 0);
    }

    /// The same stall in the closed loop hides in one request: the reason the open loop exists.
    #[test]
    fn the_closed_loop_hides_the_same_stall() {
        let latencies_ns = latencies_through_a_stall(Schedule::closed(2_000 * MS));
        assert_eq!(latencies_ns.iter().filter(|&&latency_ns| latency_ns > 2 * MS).count(), 1);
    }

    #[test]
    fn due_times_do_not_drift() {
        let mut schedule = Schedule::even(30_000, ALL, 10_000_000_000);
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
        let mut schedule = Schedule::even(1_000, ALL, 2 * MS);
        assert_eq!(schedule.poll_due(0), Some(0));
        assert_eq!(schedule.poll_due(MS - 1), None);
        assert_eq!(schedule.poll_timeout(MS - 1), Some(MS));
        assert_eq!(schedule.poll_due(5 * MS), Some(MS));
        assert_eq!(schedule.poll_due(5 * MS), None);
        assert_eq!(schedule.poll_timeout(5 * MS), None);
        assert_eq!(Schedule::closed(MS).poll_due(MS), None);
    }

    /// Goal: threads together send the whole schedule, each request once. Method: three shares, merged and sorted,
    /// against one; the rate divides nothing evenly.
    #[test]
    fn shares_add_up_to_the_whole() {
        let dues = |share| {
            let mut schedule = Schedule::even(7_777, share, 900 * MS);
            std::iter::from_fn(move || schedule.poll_due(Nanos::MAX))
        };
        let mut shared: Vec<_> = (0..3).flat_map(|index| dues(Share { index, count: 3 })).collect();
        shared.sort_unstable();
        assert_eq!(shared, dues(ALL).collect::<Vec<_>>());
    }

    /// Goal: the rate is kept, and gaps lie as those of independent callers do: a share of 1 - 1/e is below the mean.
    #[test]
    fn poisson_keeps_the_rate_and_has_no_rhythm() {
        let mut dues = Vec::new();
        for index in 0..2 {
            let share = Share { index, count: 2 };
            let mut schedule = Schedule::poisson(10_000, share, Rng::with_seed(index), 10_000 * MS);
            dues.extend(std::iter::from_fn(|| schedule.poll_due(Nanos::MAX)));
        }
        dues.sort_unstable();
        // 100,000 expected, with a standard deviation of 316.
        assert!((98_500..101_500).contains(&dues.len()), "{} requests", dues.len());
        let short = dues.windows(2).filter(|gap| gap[1] - gap[0] < 100_000).count() as f64 / dues.len() as f64;
        assert!((0.62..0.645).contains(&short), "{short} of the gaps are below the mean");
    }

    #[test]
    fn due_times_far_out_do_not_overflow() {
        assert_eq!(due_ns(40_000_000_000, 1_000_000), 40_000_000_000_000);
    }
}
