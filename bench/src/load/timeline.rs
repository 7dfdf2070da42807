//! A run's time in slices: each thread fills its own, and they are joined where the threads are watched. Pure.
//!
//! An answer belongs to the slice it came in. Slices are told of in order, every one of them, also an empty one, so that
//! a slice is complete when each thread has told of it.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::load::digest::{coarse_histogram, quantile_us};
use crate::load::schedule::Nanos;
use crate::record::Interval;

/// Slices of a run at the most; a longer run has longer slices.
pub const SLICE_COUNT_MAX: u64 = 4096;

const SLICE_NS: Nanos = 1_000_000_000;
/// For runs so short that slices of a second would show no course.
const SHORT_SLICE_NS: Nanos = 100_000_000;
const SHORT_RUN_NS: Nanos = 10_000_000_000;

/// What one thread saw in one slice.
#[derive(Clone, Debug)]
pub struct Slice {
    pub index: u64,
    pub until_ns: Nanos,
    pub answer_count: u64,
    pub error_count: u64,
    /// `None`: nothing was answered.
    pub latency_ns: Option<Box<Histogram<u32>>>,
}

/// How long the slices of a run are that lasts for `run_ns` at the most.
pub fn slice_ns(run_ns: Nanos) -> Nanos {
    let mut slice_ns = if run_ns < SHORT_RUN_NS { SHORT_SLICE_NS } else { SLICE_NS };
    while run_ns / slice_ns + 1 > SLICE_COUNT_MAX {
        slice_ns *= 2;
    }
    slice_ns
}

/// The slice that a thread is in.
#[derive(Debug)]
pub struct Current {
    index: u64,
    slice_ns: Nanos,
    end_ns: Nanos,
    answer_count: u64,
    error_count: u64,
    latency_ns: Histogram<u32>,
}

impl Current {
    pub fn new(slice_ns: Nanos) -> Self {
        Self { index: 0, slice_ns, end_ns: slice_ns, answer_count: 0, error_count: 0, latency_ns: coarse_histogram() }
    }

    pub fn answered(&mut self, latency_ns: Nanos) {
        self.answer_count += 1;
        self.latency_ns.saturating_record(latency_ns);
    }

    pub fn failed(&mut self, count: u64) {
        self.error_count += count;
    }

    /// The slice that has ended by `now`; call again, since a thread held up for long may have missed several.
    pub fn poll_ended(&mut self, now_ns: Nanos) -> Option<Slice> {
        (now_ns >= self.end_ns).then(|| self.take(self.end_ns))
    }

    /// What there is of the last one, when the run ends in it.
    pub fn finish(&mut self, now_ns: Nanos) -> Slice {
        self.take(now_ns)
    }

    fn take(&mut self, until_ns: Nanos) -> Slice {
        let latency_ns = (!self.latency_ns.is_empty()).then(|| Box::new(self.latency_ns.clone()));
        let slice = Slice {
            index: self.index,
            until_ns,
            answer_count: self.answer_count,
            error_count: self.error_count,
            latency_ns,
        };
        self.latency_ns.reset();
        (self.answer_count, self.error_count) = (0, 0);
        self.index += 1;
        self.end_ns += self.slice_ns;
        slice
    }
}

/// The slices of all threads, joined.
pub struct Timeline {
    slice_ns: Nanos,
    thread_count: usize,
    /// Told of by some threads and not yet by all. As many as the threads are apart.
    incomplete: BTreeMap<u64, Joining>,
    pub intervals: Vec<Interval>,
    pub error_count: u64,
}

struct Joining {
    told_count: usize,
    slice: Slice,
}

impl Timeline {
    pub fn new(slice_ns: Nanos, thread_count: usize) -> Self {
        Self { slice_ns, thread_count, incomplete: BTreeMap::new(), intervals: Vec::new(), error_count: 0 }
    }

    /// Takes what one thread tells of. True when that completed a slice: the last of `intervals`.
    pub fn handle_slice(&mut self, slice: Slice) -> bool {
        let index = slice.index;
        self.incomplete
            .entry(index)
            .and_modify(|joining| joining.add(&slice))
            .or_insert_with(|| Joining { told_count: 1, slice });
        let complete = self.incomplete.first_entry().filter(|first| first.get().told_count == self.thread_count);
        let Some(complete) = complete else {
            return false;
        };
        let slice = complete.remove().slice;
        self.push(&slice);
        true
    }

    /// The last slices too, in which threads ended one after the other.
    pub fn finish(mut self) -> Vec<Interval> {
        while let Some((_, joining)) = self.incomplete.pop_first() {
            self.push(&joining.slice);
        }
        self.intervals
    }

    fn push(&mut self, slice: &Slice) {
        let from_ns = slice.index * self.slice_ns;
        let at = |quantile| slice.latency_ns.as_ref().map_or(0.0, |latency_ns| quantile_us(latency_ns, quantile));
        self.error_count += slice.error_count;
        self.intervals.push(Interval {
            from_s: from_ns as f64 / 1e9,
            seconds: slice.until_ns.saturating_sub(from_ns) as f64 / 1e9,
            answer_count: slice.answer_count,
            error_count: slice.error_count,
            p50_us: at(0.5),
            p99_us: at(0.99),
            max_us: at(1.0),
        });
    }
}

impl Joining {
    fn add(&mut self, other: &Slice) {
        self.told_count += 1;
        let slice = &mut self.slice;
        slice.until_ns = slice.until_ns.max(other.until_ns);
        slice.answer_count += other.answer_count;
        slice.error_count += other.error_count;
        match (&mut slice.latency_ns, &other.latency_ns) {
            (Some(latency_ns), Some(other)) => latency_ns.add(&**other).expect("all slices have the same bounds"),
            (empty @ None, Some(other)) => *empty = Some(other.clone()),
            (_, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Nanos = 1_000_000;

    #[test]
    fn slices_are_short_in_short_runs_and_few_in_long_ones() {
        assert_eq!(slice_ns(3_000 * MS), 100 * MS);
        assert_eq!(slice_ns(10_000 * MS), 1_000 * MS);
        assert_eq!(slice_ns(4_095_000 * MS), 1_000 * MS);
        assert_eq!(slice_ns(10_000_000 * MS), 4_000 * MS);
    }

    /// Goal: two threads make one course. Method: one of them ahead by a slice, one held up for two.
    #[test]
    fn slices_of_all_threads_are_joined() {
        let (mut ahead, mut behind) = (Current::new(100 * MS), Current::new(100 * MS));
        let mut timeline = Timeline::new(100 * MS, 2);
        ahead.answered(MS);
        behind.answered(3 * MS);
        behind.failed(1);
        assert!(ahead.poll_ended(99 * MS).is_none());
        assert!(!timeline.handle_slice(ahead.poll_ended(100 * MS).unwrap()));
        ahead.answered(2 * MS);
        assert!(!timeline.handle_slice(ahead.poll_ended(205 * MS).unwrap()));
        assert!(timeline.handle_slice(behind.poll_ended(230 * MS).unwrap()));
        assert!(timeline.handle_slice(behind.poll_ended(230 * MS).unwrap()));
        assert!(behind.poll_ended(230 * MS).is_none());
        timeline.handle_slice(ahead.finish(240 * MS));
        timeline.handle_slice(behind.finish(250 * MS));
        assert_eq!(timeline.error_count, 1);
        let intervals = timeline.finish();
        let seen: Vec<_> = intervals.iter().map(|slice| (slice.from_s, slice.seconds, slice.answer_count)).collect();
        assert_eq!(seen, [(0.0, 0.1, 2), (0.1, 0.1, 1), (0.2, 0.05, 0)]);
        assert!((3_000.0..3_040.0).contains(&intervals[0].max_us), "{:?}", intervals[0]);
        assert_eq!(intervals[2].max_us, 0.0);
    }
}
