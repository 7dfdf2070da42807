//! Histograms and what reports take from them. Pure.

use hdrhistogram::{Counter, Histogram};

use crate::load::schedule::Nanos;
use crate::record::Percentiles;

/// Histograms go from 1 ns to a day, the longest run that a workload may ask for; what is longer counts as a day. An
/// overloaded open loop has latencies as long as the run. The memory that nobody comes to costs nothing.
const LATENCY_NS_MAX: Nanos = 86_400_000_000_000;

/// Three digits: a latency is known to a thousandth.
pub fn histogram() -> Histogram<u64> {
    bounded(3)
}

/// Two digits, 20 KiB: for the slices of a run, of which there are many, each emptied in passing.
pub fn coarse_histogram() -> Histogram<u32> {
    bounded(2)
}

fn bounded<C: Counter>(digits: u8) -> Histogram<C> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, digits).expect("the bounds are in order")
}

pub fn percentiles(histogram: &Histogram<u64>) -> Percentiles {
    if histogram.is_empty() {
        return Percentiles::default();
    }
    let at = |quantile| quantile_us(histogram, quantile);
    Percentiles {
        count: histogram.len(),
        mean_us: histogram.mean() / 1e3,
        p50_us: at(0.5),
        p90_us: at(0.9),
        p99_us: at(0.99),
        p999_us: at(0.999),
        p9999_us: at(0.9999),
        max_us: at(1.0),
        curve: quantiles(histogram.len()).map(|quantile| (quantile, at(quantile))).collect(),
    }
}

pub fn quantile_us<C: Counter>(histogram: &Histogram<C>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1e3
}

/// Half a hundred even steps to 0.9, then ten to each further nine, as far as `count` values have something to say.
fn quantiles(count: u64) -> impl Iterator<Item = f64> {
    let even = (0..45).map(|step| f64::from(step) * 0.02);
    let tail = (10..=80).map(|tenth_of_nine| 10_f64.powf(-f64::from(tenth_of_nine) / 10.0));
    let tail = tail.take_while(move |&above| above * count as f64 >= 1.0).map(|above| 1.0 - above);
    even.chain(tail).chain([1.0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is reported is what was recorded, to a thousandth. Method: 1 to 100,000 us, each once.
    #[test]
    fn percentiles_are_the_recorded_ones() {
        let mut histogram = histogram();
        (1..=100_000).for_each(|latency_us| histogram.saturating_record(latency_us * 1_000));
        let percentiles = percentiles(&histogram);
        let near = |got: f64, want: f64| assert!((got / want - 1.0).abs() < 0.001, "{got} for {want}");
        near(percentiles.p50_us, 50_000.0);
        near(percentiles.p99_us, 99_000.0);
        near(percentiles.p9999_us, 99_990.0);
        near(percentiles.max_us, 100_000.0);
        near(percentiles.mean_us, 50_000.5);
        assert_eq!(percentiles.count, 100_000);
    }

    #[test]
    fn the_curve_rises_from_the_smallest_to_the_largest() {
        let mut histogram = histogram();
        (1..=100_000).for_each(|latency_us| histogram.saturating_record(latency_us * 1_000));
        let curve = percentiles(&histogram).curve;
        assert!((60..150).contains(&curve.len()), "{} points", curve.len());
        assert!(curve.is_sorted_by(|before, after| before.0 < after.0 && before.1 <= after.1), "{curve:?}");
        assert_eq!(curve.last(), Some(&(1.0, percentiles(&histogram).max_us)));
    }

    #[test]
    fn nothing_recorded_is_nothing_said() {
        assert_eq!(percentiles(&histogram()), Percentiles::default());
    }

    #[test]
    fn a_latency_beyond_the_bounds_counts_as_the_largest() {
        let mut histogram = histogram();
        histogram.saturating_record(3 * LATENCY_NS_MAX);
        assert!(percentiles(&histogram).max_us >= 86_400e6);
        histogram.reset();
        histogram.saturating_record(600_000_000_000);
        let ten_minutes_us = percentiles(&histogram).max_us;
        assert!((600e6..600.6e6).contains(&ten_minutes_us), "{ten_minutes_us}");
    }
}
