//! Everything that was recorded within the last hour, by component and metric, within bounds. It is told the time, and
//! lives on one thread, so that every shard sees the same.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use super::series::{self, Series, Summary};

/// What the store holds at most. Names come on top: 128 characters each, some 10 MiB if all are that long.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Components.
    pub components: usize,
    /// Metrics of a component.
    pub metrics: usize,
    /// Bytes of all slices and of the different values in them.
    pub bytes: usize,
    /// Metrics of an answer: each costs some 20 to 250 µs and 250 bytes.
    pub answered: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { components: 256, metrics: 64, bytes: 64 << 20, answered: 256 }
    }
}

/// Why a value is not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// There are as many components as may be.
    Components(usize),
    /// The component has as many metrics as it may.
    Metrics(usize),
    /// The memory is used up.
    Bytes(usize),
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Full::Components(max) => write!(f, "{max} components have metrics, and there may be no more")?,
            Full::Metrics(max) => write!(f, "this component has {max} metrics, and may have no more")?,
            Full::Bytes(max) => write!(f, "metrics use the {} MiB that they may use", max >> 20)?,
        }
        f.write_str("; what is not recorded for an hour is forgotten")
    }
}

/// The store.
#[derive(Default)]
pub struct Store {
    bounds: Bounds,
    components: BTreeMap<String, BTreeMap<String, Series>>,
    bytes: usize,
    /// The first slice of which nothing was forgotten for want of memory.
    kept_from: u64,
    /// What is before this slice has been forgotten already.
    forgotten: u64,
}

/// Slices that are forgotten at once: looking for the oldest walks over all metrics.
const FORGET_SLICES: u64 = 12;

impl Store {
    /// An empty store.
    #[cfg(test)]
    pub fn new(bounds: Bounds) -> Store {
        Store { bounds, ..Store::default() }
    }

    /// Records a finite value.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn record(&mut self, now: Duration, component: &str, metric: &str, value: f64) -> Result<(), Full> {
        if self.room_for(now, component, metric, value).is_err() {
            self.expire(now);
        }
        while matches!(self.room_for(now, component, metric, value), Err(Full::Bytes(_))) && self.shorten(now) {}
        let bytes = self.room_for(now, component, metric, value)?;
        let metrics = match self.components.get_mut(component) {
            Some(metrics) => metrics,
            None => self.components.entry(component.to_owned()).or_default(),
        };
        let series = match metrics.get_mut(metric) {
            Some(series) => series,
            None => metrics.entry(metric.to_owned()).or_default(),
        };
        series.record(now, value);
        self.bytes += bytes;
        debug_assert!(self.bytes <= self.bounds.bytes);
        Ok(())
    }

    fn room_for(&self, now: Duration, component: &str, metric: &str, value: f64) -> Result<usize, Full> {
        let Bounds { components, metrics, bytes, .. } = self.bounds;
        let of_component = self.components.get(component);
        let of_metric = of_component.and_then(|metrics| metrics.get(metric));
        if of_component.is_none() && self.components.len() >= components {
            return Err(Full::Components(components));
        }
        if of_metric.is_none() && of_component.is_some_and(|known| known.len() >= metrics) {
            return Err(Full::Metrics(metrics));
        }
        let wanted = match of_metric {
            Some(series) => series.bytes_for(now, value),
            None => Series::default().bytes_for(now, value),
        };
        if self.bytes + wanted > bytes { Err(Full::Bytes(bytes)) } else { Ok(wanted) }
    }

    /// Forgets what no window can reach.
    pub fn expire(&mut self, now: Duration) {
        self.forget(series::reach(now));
    }

    /// Forgets the oldest minute for want of memory: what is recent is asked for more. False when there is nothing older
    /// than the present slice.
    fn shorten(&mut self, now: Duration) -> bool {
        if self.forgotten >= series::number(now) {
            return false;
        }
        let oldest = self.components.values().flat_map(|metrics| metrics.values()).filter_map(Series::oldest).min();
        let Some(oldest) = oldest.filter(|oldest| *oldest < series::number(now)) else {
            return false;
        };
        self.kept_from = (oldest + FORGET_SLICES).min(series::number(now));
        self.forget(self.kept_from);
        true
    }

    /// Walks over all metrics, unless it has for this slice: many refused in a row cost one walk.
    fn forget(&mut self, before: u64) {
        if before <= self.forgotten {
            return;
        }
        self.forgotten = before;
        let mut freed = 0;
        self.components.retain(|_, metrics| {
            metrics.retain(|_, series| {
                freed += series.forget(before);
                !series.is_empty()
            });
            !metrics.is_empty()
        });
        self.bytes -= freed;
    }

    /// The metrics of one component, or of all, within a window: what `get_performance_metrics` answers.
    pub fn report(&self, now: Duration, component: Option<&str>, window: Duration) -> Value {
        // A window that reaches beyond what is kept is as long as that, and never so short that a rate has no meaning.
        let kept = series::since(now, self.kept_from).max(window.min(series::SLICE));
        let covered = series::covered(now, window).min(kept);
        let (mut answered, mut left_out) = (0, 0);
        let mut reported = Vec::new();
        for (name, metrics) in self.components.iter().filter(|(name, _)| component.is_none_or(|one| one == *name)) {
            let mut rows = Vec::new();
            for (metric, series) in metrics {
                if answered >= self.bounds.answered {
                    left_out += 1;
                } else if let Some(summary) = series.summary(now, window) {
                    rows.push(row(metric, &summary, covered));
                    answered += 1;
                }
            }
            if !rows.is_empty() {
                reported.push(json!({ "component": name, "metrics": rows }));
            }
        }
        json!({ "window_seconds": covered.as_secs_f64(), "components": reported, "left_out": left_out })
    }
}

fn row(metric: &str, summary: &Summary, covered: Duration) -> Value {
    let [p50, p90, p99, p999] = summary.percentiles;
    // A sum of finite values may still be too large to be one, or too large both ways, and neither is JSON.
    let finite = |number: f64| if number.is_nan() { 0.0 } else { number.clamp(f64::MIN, f64::MAX) };
    json!({
        "metric": metric,
        "count": summary.count,
        "sum": finite(summary.sum),
        "min": summary.min,
        "max": summary.max,
        "mean": finite(summary.sum / summary.count as f64).clamp(summary.min, summary.max),
        "p50": p50,
        "p90": p90,
        "p99": p99,
        "p99_9": p999,
        "rate_per_second": summary.count as f64 / covered.as_secs_f64(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Duration = Duration::from_secs(1000);
    const LATER: Duration = Duration::from_secs(10_000);

    fn small() -> Store {
        let bytes = 4 * (series::SLICE_BYTES + series::CELL_BYTES);
        Store::new(Bounds { components: 2, metrics: 2, bytes, answered: 3 })
    }

    #[test]
    fn bounds_are_held_and_told() {
        let mut store = small();
        for (component, metric) in [("a", "x"), ("a", "y"), ("b", "x")] {
            assert_eq!(store.record(NOW, component, metric, 1.0), Ok(()));
        }
        assert_eq!(store.record(NOW, "c", "x", 1.0), Err(Full::Components(2)));
        assert_eq!(store.record(NOW, "a", "z", 1.0), Err(Full::Metrics(2)));
        assert_eq!(store.record(NOW, "b", "y", 1.0), Ok(()));
        assert_eq!(store.record(NOW, "b", "y", 1.0), Ok(()), "the same again takes no room");
        assert_eq!(store.record(NOW, "b", "y", 2.0), Err(Full::Bytes(store.bounds.bytes)), "nothing is older");
        let told = Full::Bytes(64 << 20).to_string();
        assert_eq!(told, "metrics use the 64 MiB that they may use; what is not recorded for an hour is forgotten");
    }

    #[test]
    fn what_is_old_makes_room() {
        let mut store = small();
        for (component, metric) in [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")] {
            assert_eq!(store.record(NOW, component, metric, 1.0), Ok(()));
        }
        assert_eq!(store.record(LATER, "c", "x", 1.0), Ok(()));
        assert_eq!(store.components.len(), 1);
        store.expire(2 * LATER);
        assert_eq!((store.components.len(), store.bytes), (0, 0));
    }

    #[test]
    fn the_oldest_goes_when_memory_is_full() {
        let mut store = small();
        let second = |second| NOW + Duration::from_secs(second);
        for at in [0, 100, 200, 300, 400, 500] {
            assert_eq!(store.record(second(at), "a", "x", at as f64), Ok(()));
        }
        let report = store.report(second(500), None, Duration::from_secs(3600));
        let row = &report["components"][0]["metrics"][0];
        assert_eq!((row["count"].as_u64(), row["min"].as_f64()), (Some(4), Some(200.0)));
        // The slice of 100 and the rest of its minute were forgotten last.
        assert_eq!(report["window_seconds"].as_f64(), Some(340.0));
        assert_eq!(row["rate_per_second"].as_f64(), Some(4.0 / 340.0));
        let short = store.report(second(500), None, Duration::from_secs(100));
        assert_eq!(short["window_seconds"].as_f64(), Some(100.0));
    }

    #[test]
    fn an_answer_has_an_end() {
        let mut store = small();
        for (component, metric) in [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")] {
            assert_eq!(store.record(NOW, component, metric, 1.0), Ok(()));
        }
        let window = Duration::from_secs(10);
        let report = store.report(NOW, None, window);
        assert_eq!(report["left_out"], 1);
        assert_eq!(report["components"][1]["metrics"].as_array().map(Vec::len), Some(1));
        let one = store.report(NOW, Some("b"), window);
        assert_eq!((&one["left_out"], one["components"].as_array().map(Vec::len)), (&json!(0), Some(1)));
        assert_eq!(store.report(NOW, Some("nobody"), window)["components"], json!([]));
    }

    #[test]
    fn the_largest_values_still_give_json() {
        let mut store = Store::default();
        for value in [f64::MAX, f64::MAX] {
            assert_eq!(store.record(NOW, "a", "x", value), Ok(()));
        }
        let report = store.report(NOW, None, Duration::from_secs(60));
        let row = &report["components"][0]["metrics"][0];
        for member in ["sum", "mean", "max", "p99_9"] {
            assert_eq!(row[member].as_f64(), Some(f64::MAX), "{member}: {row}");
        }
    }

    #[test]
    fn sums_that_overflow_both_ways_are_numbers_still() {
        let mut store = Store::default();
        let later = NOW + Duration::from_secs(10);
        for (at, value) in [(NOW, f64::MAX), (NOW, f64::MAX), (later, f64::MIN), (later, f64::MIN)] {
            assert_eq!(store.record(at, "a", "x", value), Ok(()));
        }
        let report = store.report(later, None, Duration::from_secs(60));
        let row = &report["components"][0]["metrics"][0];
        for member in ["sum", "mean", "rate_per_second", "p50"] {
            assert!(row[member].is_f64(), "{member}: {row}");
        }
    }

    /// Goal: a rate is a number also at the moment when everything before the present slice was forgotten.
    #[test]
    fn a_window_of_no_time_has_a_rate() {
        let mut store = small();
        for value in [1.0, 2.0, 3.0, 4.0] {
            assert_eq!(store.record(Duration::from_secs(1000 + value as u64 * 5), "a", "x", value), Ok(()));
        }
        let now = Duration::from_secs(1025);
        assert_eq!(store.record(now, "a", "x", 5.0), Ok(()));
        let report = store.report(now, None, Duration::from_secs(60));
        let row = &report["components"][0]["metrics"][0];
        assert_eq!((row["count"].as_u64(), row["rate_per_second"].is_f64()), (Some(1), true), "{report}");
        assert!(report["window_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{report}");
    }

    proptest! {
        /// Goal: whatever is recorded and forgotten, the bytes are those of what is there.
        #[test]
        fn the_bytes_add_up(steps in prop::collection::vec((0u64..3000, 0u8..4, 0u8..4, -50i32..50), 1..200)) {
            let mut store = Store::new(Bounds { components: 3, metrics: 3, bytes: 20_000, answered: 9 });
            let mut now = Duration::ZERO;
            for (wait, component, metric, value) in steps {
                now += Duration::from_secs(wait);
                // A refusal is one of the things that may happen.
                let _ = store.record(now, &component.to_string(), &metric.to_string(), f64::from(value));
                prop_assert!(store.bytes <= 20_000 && store.components.len() <= 3);
            }
            store.expire(now + Duration::from_secs(4000));
            prop_assert_eq!(store.bytes, 0);
            prop_assert!(store.components.is_empty());
        }
    }
}
