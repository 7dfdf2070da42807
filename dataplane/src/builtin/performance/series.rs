//! What was recorded of one metric within the last hour, in slices of five seconds. It is told the time, and knows no
//! names.

use std::collections::VecDeque;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::ordinal;

/// A window begins with a whole slice, so that it may be longer than asked for by up to this.
pub const SLICE: Duration = Duration::from_secs(5);
/// The longest window.
pub const WINDOW_MAX: Duration = Duration::from_secs(3600);

/// What a slice, and a value in it that differs from the others, take at most: containers grow by doubling.
pub const SLICE_BYTES: usize = 2 * size_of::<Slice>();
/// See [`SLICE_BYTES`].
pub const CELL_BYTES: usize = 2 * size_of::<Cell>();

/// How often a step occurred.
struct Cell {
    step: i16,
    count: u32,
}

struct Slice {
    number: u64,
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    /// In the order of their steps.
    cells: Vec<Cell>,
}

/// One metric.
#[derive(Default)]
pub struct Series {
    /// In the order of time; a time without records has none.
    slices: VecDeque<Slice>,
}

/// A window in numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Records.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The values that 50, 90, 99 and 99.9 of 100 records do not exceed.
    pub percentiles: [f64; 4],
}

/// What [`Summary::percentiles`] are.
pub const QUANTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

impl Series {
    /// What recording `value` would add to [`Series::bytes`].
    pub fn bytes_for(&self, now: Duration, value: f64) -> usize {
        match self.slices.back().filter(|slice| slice.number == number(now)) {
            None => SLICE_BYTES + CELL_BYTES,
            Some(slice) => match find(&slice.cells, ordinal::of(value)) {
                Ok(_) => 0,
                Err(_) => CELL_BYTES,
            },
        }
    }

    /// Records a finite value.
    pub fn record(&mut self, now: Duration, value: f64) {
        debug_assert!(value.is_finite());
        let number = number(now);
        if self.slices.back().is_none_or(|slice| slice.number < number) {
            let (min, max) = (f64::INFINITY, f64::NEG_INFINITY);
            self.slices.push_back(Slice { number, count: 0, sum: 0.0, min, max, cells: Vec::new() });
        }
        let Some(slice) = self.slices.back_mut() else { return };
        slice.count += 1;
        slice.sum += value;
        slice.min = slice.min.min(value);
        slice.max = slice.max.max(value);
        let step = ordinal::of(value);
        match find(&slice.cells, step) {
            Ok(at) => slice.cells[at].count = slice.cells[at].count.saturating_add(1),
            Err(at) => slice.cells.insert(at, Cell { step, count: 1 }),
        }
    }

    /// Forgets the slices before this one, and returns what they took.
    pub fn forget(&mut self, before: u64) -> usize {
        let mut freed = 0;
        while let Some(slice) = self.slices.front().filter(|slice| slice.number < before) {
            freed += SLICE_BYTES + slice.cells.len() * CELL_BYTES;
            self.slices.pop_front();
        }
        freed
    }

    /// The first slice that is there.
    pub fn oldest(&self) -> Option<u64> {
        self.slices.front().map(|slice| slice.number)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// The slices that `window` reaches into; `None` where nothing was recorded.
    pub fn summary(&self, now: Duration, window: Duration) -> Option<Summary> {
        let first = first_slice(now, window);
        let reached = || self.slices.iter().filter(move |slice| slice.number >= first);
        let mut summary =
            Summary { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, percentiles: [0.0; 4] };
        for slice in reached() {
            summary.count += slice.count;
            summary.sum += slice.sum;
            summary.min = summary.min.min(slice.min);
            summary.max = summary.max.max(slice.max);
        }
        if summary.count == 0 {
            return None;
        }
        let base = i32::from(ordinal::of(summary.min)) - 1;
        let span = (i32::from(ordinal::of(summary.max)) - base) as u64;
        let mut histogram = histogram(span);
        for cell in reached().flat_map(|slice| &slice.cells) {
            histogram.saturating_record_n((i32::from(cell.step) - base) as u64, u64::from(cell.count));
        }
        summary.percentiles = QUANTILES.map(|quantile| {
            let step = histogram.value_at_quantile(quantile) as i32 + base;
            ordinal::value(step as i16).clamp(summary.min, summary.max)
        });
        Some(summary)
    }
}

/// How long the window is that is answered for `window`: it begins with a whole slice, and never before the beginning.
pub fn covered(now: Duration, window: Duration) -> Duration {
    since(now, first_slice(now, window)).max(window.min(SLICE))
}

/// How long ago a slice began.
pub fn since(now: Duration, slice: u64) -> Duration {
    now.saturating_sub(Duration::from_secs(slice * SLICE.as_secs()))
}

/// The first slice that a window can reach.
pub fn reach(now: Duration) -> u64 {
    first_slice(now, WINDOW_MAX)
}

fn first_slice(now: Duration, window: Duration) -> u64 {
    number(now.saturating_sub(window))
}

/// The slice of a time.
pub fn number(now: Duration) -> u64 {
    now.as_secs() / SLICE.as_secs()
}

fn find(cells: &[Cell], step: i16) -> Result<usize, usize> {
    cells.binary_search_by_key(&step, |cell| cell.step)
}

/// A histogram that counts each whole number from 1 to `span` by itself. Few metrics spread over more than the 2048 steps
/// (16 doublings) that three digits tell apart, and four digits are eight times the memory to clear and to walk.
fn histogram(span: u64) -> Histogram<u64> {
    const { assert!(2 * (ordinal::LAST as u32) < 32_768) };
    let digits = if span < 2048 { 3 } else { 4 };
    Histogram::new_with_bounds(1, span.max(2), digits).expect("the bounds are in order, and there are 5 digits at most")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_hundred_numbers_have_the_percentiles_everybody_knows() {
        let mut series = Series::default();
        for number in (1..=100).rev() {
            series.record(at(7), f64::from(number));
        }
        let want = Summary { count: 100, sum: 5050.0, min: 1.0, max: 100.0, percentiles: [50.0, 90.0, 99.0, 100.0] };
        assert_eq!(series.summary(at(9), at(5)), Some(want));
    }

    #[test]
    fn negative_zero_and_fractional_values_are_ordered() {
        let mut series = Series::default();
        for value in [-1e6, -0.5, 0.0, 0.0, 0.25, 1e-12, 3e12] {
            series.record(at(0), value);
        }
        let summary = series.summary(at(1), at(60)).expect("there are records");
        assert_eq!((summary.min, summary.max), (-1e6, 3e12));
        assert_eq!(summary.percentiles[0], 0.0);
        assert_eq!(summary.percentiles[3], 3e12);
    }

    #[test]
    fn a_window_forgets() {
        let mut series = Series::default();
        series.record(at(0), 1.0);
        series.record(at(100), 2.0);
        series.record(at(200), 3.0);
        let count = |now, window| series.summary(at(now), at(window)).map(|summary| summary.count);
        assert_eq!(count(200, 3600), Some(3));
        assert_eq!(count(200, 100), Some(2));
        assert_eq!(count(200, 95), Some(1));
        assert_eq!(count(205, 4), Some(1), "the slice from 200 to 205 is reached");
        assert_eq!(count(210, 4), None);
        assert_eq!(count(100_000, 3600), None);
    }

    #[test]
    fn what_no_window_reaches_is_freed() {
        let mut series = Series::default();
        let mut bytes = 0;
        for second in [0, 1, 3000, 3001] {
            bytes += series.bytes_for(at(second), 4.0);
            series.record(at(second), 4.0);
        }
        assert_eq!(bytes, 2 * (SLICE_BYTES + CELL_BYTES));
        assert_eq!(series.forget(reach(at(3604))), 0);
        assert_eq!(series.forget(reach(at(3605))), SLICE_BYTES + CELL_BYTES);
        assert_eq!(series.oldest(), Some(600));
        assert_eq!(series.forget(reach(at(9000))), SLICE_BYTES + CELL_BYTES);
        assert!(series.is_empty());
    }

    #[test]
    fn a_window_begins_with_a_whole_slice() {
        assert_eq!(covered(at(1000), at(300)), at(300));
        assert_eq!(covered(at(1003), at(300)), at(303));
        assert_eq!(covered(at(2), at(300)), at(5));
        assert_eq!(covered(at(0), at(1)), at(1));
    }

    proptest! {
        /// Goal: every window of every history is what sorting the records gives. The model keeps them all.
        #[test]
        fn windows_agree_with_a_naive_model(
            records in prop::collection::vec((0u64..4000, -1e4..1e6f64), 1..200),
            now in 4000u64..5000,
            window in 1u64..=3600,
        ) {
            let mut records = records;
            records.sort_by_key(|record| record.0);
            let mut series = Series::default();
            for (second, value) in &records {
                series.forget(reach(at(*second)));
                series.record(at(*second), *value);
            }
            series.forget(reach(at(now)));
            let begins = (now - window.min(now)) / SLICE.as_secs() * SLICE.as_secs();
            let mut kept: Vec<f64> = records.iter().filter(|record| record.0 >= begins).map(|record| record.1).collect();
            kept.sort_by(f64::total_cmp);
            let summary = series.summary(at(now), at(window));
            prop_assert_eq!(summary.as_ref().map_or(0, |summary| summary.count), kept.len() as u64);
            if let Some(summary) = summary {
                prop_assert_eq!(summary.min, kept[0]);
                prop_assert_eq!(summary.max, kept[kept.len() - 1]);
                let sum: f64 = kept.iter().sum();
                prop_assert!((summary.sum - sum).abs() <= 1e-9 * kept.iter().map(|value| value.abs()).sum::<f64>());
                for (quantile, found) in QUANTILES.iter().zip(summary.percentiles) {
                    let rank = ((quantile * kept.len() as f64).ceil() as usize).clamp(1, kept.len());
                    let want = kept[rank - 1];
                    prop_assert!((found - want).abs() <= want.abs() / 256.0, "{quantile}: {found}, not {want}");
                }
            }
        }
    }
}
