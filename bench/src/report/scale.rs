//! Axes: where a value stands between two bounds, and which values get a tick. Pure.

/// Beyond this span of values a straight axis would press all but the tail flat.
const LOG_FROM_RATIO: f64 = 20.0;
/// Ticks on a straight axis; more would touch on a phone.
const LINEAR_TICKS_MAX: f64 = 5.0;

/// Decades with a tick each.
const LOG_DECADES_MAX: f64 = 7.0;

/// Maps values to 0 … 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    Linear { low: f64, high: f64 },
    Log { low: f64, high: f64 },
}

impl Scale {
    /// From `low` to `high`; a span of nothing is widened.
    pub fn linear(low: f64, high: f64) -> Self {
        Self::Linear { low, high: if high > low { high } else { low + 1.0 } }
    }

    /// From 0 to a round number above all values.
    pub fn from_zero(values: impl Iterator<Item = f64>) -> Self {
        let high = values.filter(|value| value.is_finite()).fold(0.0, f64::max);
        let step = round_step(high);
        Self::linear(0.0, (high / step).ceil() * step)
    }

    /// For what hardly moves: round numbers around all values, no nearer than shows a change of a tenth as one.
    pub fn around(values: impl Iterator<Item = f64> + Clone) -> Self {
        let finite = values.clone().filter(|value| value.is_finite());
        let low = finite.clone().fold(f64::INFINITY, f64::min);
        let high = finite.fold(f64::NEG_INFINITY, f64::max);
        let margin = ((high - low) * 0.2).max(high.abs() * 0.05);
        // Also where there is no value at all.
        if low - margin <= 0.0 || !margin.is_finite() {
            return Self::from_zero(values);
        }
        let bounds = |step: f64| (((low - margin) / step).floor() * step, ((high + margin) / step).ceil() * step);
        // Twice, so that the bounds are ticks: rounding them outwards may have made the span one for a wider step.
        let (low, high) = bounds(round_step(high - low + 2.0 * margin));
        let (low, high) = bounds(round_step(high - low));
        Self::linear(low, high)
    }

    /// For latencies: straight from 0 where they lie close together, logarithmic where the tail is far away.
    pub fn of_latencies(values: impl Iterator<Item = f64> + Clone) -> Self {
        let positive = values.clone().filter(|value| value.is_finite() && *value > 0.0);
        let low = positive.clone().fold(f64::INFINITY, f64::min);
        let high = positive.fold(0.0, f64::max);
        if high / low < LOG_FROM_RATIO || high <= 0.0 {
            return Self::from_zero(values);
        }
        Self::Log { low: round_down(low), high: round_up(high) }
    }

    /// Outside values stand at the edge.
    pub fn at(self, value: f64) -> f64 {
        let share = match self {
            Self::Linear { low, high } => (value - low) / (high - low),
            Self::Log { low, high } => (value.max(low) / low).ln() / (high / low).ln(),
        };
        if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
    }

    /// Rising, all within the bounds.
    pub fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { low, high } => {
                let step = round_step(high - low);
                let first = (low / step).ceil();
                // Half a step of room for what was rounded; the count is bounded by `round_step`.
                let count = ((high / step - first) + 1e-9).floor() as usize;
                (0..=count).map(|index| (first + index as f64) * step).collect()
            }
            Self::Log { low, high } => {
                let decades = (high / low).log10();
                let steps: &[f64] = match decades {
                    _ if decades > 3.0 => &[1.0],
                    _ if decades > 2.0 => &[1.0, 3.0],
                    _ => &[1.0, 2.0, 5.0],
                };
                // From nanoseconds to hours: only every second power, or third.
                let stride = (decades / LOG_DECADES_MAX).ceil().max(1.0) as usize;
                let exponents = ((low.log10().floor() as i32)..=(high.log10().ceil() as i32)).step_by(stride);
                let all = exponents.flat_map(|exponent| steps.iter().map(move |step| step * 10_f64.powi(exponent)));
                // A hair of room: powers of ten are not exact.
                all.filter(|tick| *tick >= low * 0.999 && *tick <= high * 1.001).collect()
            }
        }
    }
}

/// 1, 2 or 5 times a power of ten, so that at most [`LINEAR_TICKS_MAX`] steps lie in `span`.
fn round_step(span: f64) -> f64 {
    if span.is_finite() && span > 0.0 { round_up(span / LINEAR_TICKS_MAX) } else { 1.0 }
}

fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|step| step * power)
        .find(|round| *round >= value * 0.999_999)
        .unwrap_or(10.0 * power)
}

fn round_down(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [5.0, 2.0].into_iter().map(|step| step * power).find(|round| *round <= value).unwrap_or(power)
}

/// Where a quantile stands: each further nine takes as much room as the one before. 0 at 0, 1 at 90 %, 2 at 99 %.
pub fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_ticks(scale: Scale, want: &[f64]) {
        let got = scale.ticks();
        let is_near = got.len() == want.len() && got.iter().zip(want).all(|(a, b)| (a - b).abs() <= b.abs() * 1e-9);
        assert!(is_near, "{scale:?}: {got:?}, wanted {want:?}");
    }

    #[test]
    fn ticks_are_round_and_few() {
        check_ticks(Scale::from_zero([50_000.0].into_iter()), &[0.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0, 50_000.0]);
        check_ticks(Scale::from_zero([0.7, 1.1].into_iter()), &[0.0, 0.5, 1.0, 1.5]);
        check_ticks(Scale::from_zero([].into_iter()), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        check_ticks(Scale::from_zero([f64::NAN, f64::INFINITY].into_iter()), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        check_ticks(Scale::linear(0.0, 11.0), &[0.0, 5.0, 10.0]);
        check_ticks(Scale::around([1.25, 1.4].into_iter()), &[1.1, 1.2, 1.3, 1.4, 1.5]);
        check_ticks(Scale::around([50_000.0].into_iter()), &[46_000.0, 48_000.0, 50_000.0, 52_000.0, 54_000.0]);
        check_ticks(Scale::around([0.0, 1.0].into_iter()), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
        check_ticks(Scale::of_latencies([40.0, 900.0].into_iter()), &[20.0, 50.0, 100.0, 200.0, 500.0, 1000.0]);
        check_ticks(Scale::of_latencies([40.0, 1e6].into_iter()), &[100.0, 1e3, 1e4, 1e5, 1e6]);
        check_ticks(Scale::of_latencies([300.0, 900.0].into_iter()), &[0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]);
        check_ticks(Scale::of_latencies([0.0].into_iter()), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    }

    /// Goal: whatever was measured, a chart has an axis: finite, rising, within its bounds, not crowded.
    #[test]
    fn any_values_have_an_axis() {
        use proptest::prelude::*;
        let values = proptest::collection::vec(prop_oneof![-1.0..1e9, Just(f64::NAN), 0.0..1.0, Just(0.0)], 0..9);
        proptest!(|(values in values)| {
            let values_of = || values.iter().copied();
            for scale in [Scale::of_latencies(values_of()), Scale::from_zero(values_of()), Scale::around(values_of())] {
                let ticks = scale.ticks();
                prop_assert!((1..=9).contains(&ticks.len()), "{scale:?} {ticks:?}");
                prop_assert!(ticks.windows(2).all(|pair| pair[0] < pair[1]), "{scale:?} {ticks:?}");
                for value in values.iter().chain(&ticks) {
                    prop_assert!((0.0..=1.0).contains(&scale.at(*value)), "{scale:?} {value}");
                }
                // What is positive lies within, and not at an edge it was pressed to.
                let top = values.iter().copied().fold(0.0, f64::max);
                let (Scale::Linear { high, .. } | Scale::Log { high, .. }) = scale;
                prop_assert!(top <= high * 1.000_01, "{scale:?} {top}");
            }
        });
    }

    #[test]
    fn each_nine_takes_the_same_room() {
        for (quantile, want) in [(0.0, 0.0), (0.9, 1.0), (0.99, 2.0), (0.999, 3.0), (0.9999, 4.0)] {
            assert!((nines(quantile) - want).abs() < 1e-9, "{quantile}");
        }
    }
}
