//! Which plots a page has, and how records become their curves. Pure.

use super::chart::{Axis, Chart, Point, Series};
use super::figures::{count, latency, rate};
use super::scale::{Scale, nines};
use super::{answers_rps, under_load};
use crate::record::{Interval, Percentiles, Record};

/// One in a million at the right edge; few runs have more answers than say anything of it.
const NINES_MAX: f64 = 6.0;
/// Points of one curve. A run of a day has more seconds than a screen has pixels.
const POINTS_MAX: usize = 600;
/// Longer runs have minutes on their axis.
const SECONDS_MAX: f64 = 300.0;

/// What of a slice of time is drawn.
type Measure = fn(&Interval) -> f64;

/// The whole distribution: where it bends is where a server stops keeping its promise.
pub fn by_percentile(records: &[Record], labels: &[String]) -> Chart {
    let series = curves(records, labels, |record| percentile_points(&record.measured.latency));
    let far = series.iter().flat_map(|series| &series.points).map(|point| point.x).fold(2.0, f64::max);
    let mut ticks = vec![(nines(0.5), "50".to_owned())];
    // The next name would touch this one on a phone.
    let names = ["90", "99", "99.9", "99.99", "99.999"];
    ticks.extend(
        names.iter().zip(1..).map(|(name, at)| (f64::from(at), (*name).to_owned())).filter(|(at, _)| *at <= far),
    );
    Chart {
        title: "Latency by percentile".to_owned(),
        note: "each step to the right leaves a tenth of the answers; the last point is the slowest".to_owned(),
        x: Axis { scale: Scale::linear(0.0, far), ticks },
        y: latency_axis(&series),
        series,
        shade: None,
        level: None,
    }
}

fn percentile_points(latencies: &Percentiles) -> Vec<Point> {
    let Percentiles { count: number, p50_us, p90_us, p99_us, p999_us, p9999_us, max_us, curve, .. } = latencies;
    if *number == 0 {
        return Vec::new();
    }
    let named = [(0.5, *p50_us), (0.9, *p90_us), (0.99, *p99_us), (0.999, *p999_us), (0.9999, *p9999_us)];
    let last_nines = nines(1.0 - 1.0 / *number as f64).clamp(1.0, NINES_MAX);
    let inner = if curve.is_empty() { named.as_slice() } else { curve.as_slice() };
    let inner = inner.iter().filter(|(quantile, us)| nines(*quantile) < last_nines && us.is_finite());
    let mut points: Vec<Point> = inner
        .map(|&(quantile, us)| Point {
            x: nines(quantile),
            y: us,
            x_text: percentile_name(quantile),
            y_text: latency(us),
            is_bad: false,
        })
        .collect();
    let slowest = latency(*max_us);
    points.push(Point { x: last_nines, y: *max_us, x_text: "slowest".to_owned(), y_text: slowest, is_bad: false });
    points
}

/// `p99.9`: as many digits as the nines are worth.
fn percentile_name(quantile: f64) -> String {
    let decimals = (nines(quantile) - 1.0).max(0.0).ceil() as usize;
    let digits = format!("{:.decimals$}", quantile * 100.0);
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("p{digits}")
}

pub fn throughput_over_time(records: &[Record], labels: &[String]) -> Chart {
    let clock = Clock::of(records);
    let series = curves(records, labels, |record| {
        let slower = |a: Interval, b: Interval| if answers_rps(&b) < answers_rps(&a) { b } else { a };
        thinned(&under_load(record), slower)
            .map(|interval| clock.point(&interval, answers_rps(&interval), rate))
            .collect()
    });
    let level = asked_by_all(records).map(|asked| (asked, format!("asked: {}", rate(asked))));
    let values = series.iter().flat_map(|series| &series.points).map(|point| point.y);
    // Room above the level for what it is called.
    let scale = Scale::from_zero(values.chain(level.iter().map(|(asked, _)| *asked * 1.1)));
    Chart {
        title: "Throughput over time".to_owned(),
        note: format!("right answers a second; {}", clock.note()),
        x: clock.axis(),
        y: Axis { scale, ticks: scale.ticks().into_iter().map(|tick| (tick, rate_tick(tick))).collect() },
        series,
        shade: clock.shade(records),
        level,
    }
}

/// One record: one chart with a curve for each of the three. Several: a chart for each of the three.
pub fn latency_over_time(records: &[Record], labels: &[String]) -> Vec<Chart> {
    let clock = Clock::of(records);
    let points = |record: &Record, us: Measure| -> Vec<Point> {
        let slower = |a: Interval, b: Interval| if us(&b) > us(&a) { b } else { a };
        let answered = thinned(&record.measured.timeline, slower).filter(|interval| interval.answer_count > 0);
        answered.map(|interval| clock.point(&interval, us(&interval), latency)).collect()
    };
    let chart = |title: &str, series: Vec<Series>| Chart {
        title: title.to_owned(),
        note: clock.note(),
        x: clock.axis(),
        y: latency_axis(&series),
        series,
        shade: clock.shade(records),
        level: None,
    };
    let kinds: [(&str, Measure); 3] =
        [("p50", |interval| interval.p50_us), ("p99", |interval| interval.p99_us), ("max", |interval| interval.max_us)];
    if let [record] = records {
        let series = kinds.iter().enumerate().map(|(colour, (kind, us))| Series {
            name: (*kind).to_owned(),
            colour,
            points: points(record, *us),
        });
        return vec![chart("Latency over time", series.collect())];
    }
    let charts = kinds
        .iter()
        .map(|(kind, us)| chart(&format!("{kind} over time"), curves(records, labels, |record| points(record, *us))));
    charts.collect()
}

fn curves(records: &[Record], labels: &[String], points: impl Fn(&Record) -> Vec<Point>) -> Vec<Series> {
    let pairs = records.iter().zip(labels).enumerate();
    pairs.map(|(colour, (record, name))| Series { name: name.clone(), colour, points: points(record) }).collect()
}

/// At most [`POINTS_MAX`] of them, each the worst of its neighbours, with all their errors: a stall stays to be seen.
fn thinned(timeline: &[Interval], worst: impl Fn(Interval, Interval) -> Interval) -> impl Iterator<Item = Interval> {
    let per_point = timeline.len().div_ceil(POINTS_MAX).max(1);
    timeline.chunks(per_point).filter_map(move |chunk| {
        let error_count = chunk.iter().map(|interval| interval.error_count).sum();
        let timed = chunk.iter().copied().filter(|interval| (interval.from_s + interval.seconds).is_finite());
        timed.reduce(&worst).map(|interval| Interval { error_count, ..interval })
    })
}

fn asked_by_all(records: &[Record]) -> Option<f64> {
    let (first, rest) = records.split_first()?;
    let asked = first.measured.asked_rps?;
    rest.iter().all(|record| record.measured.asked_rps == Some(asked)).then_some(asked)
}

fn latency_axis(series: &[Series]) -> Axis {
    let scale = Scale::of_latencies(series.iter().flat_map(|series| &series.points).map(|point| point.y));
    Axis { scale, ticks: scale.ticks().into_iter().map(|tick| (tick, latency_tick(tick))).collect() }
}

/// `1 ms` and not `1.00 ms`: ticks are round.
fn latency_tick(us: f64) -> String {
    let text = latency(us);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

fn rate_tick(rps: f64) -> String {
    if rps.fract() == 0.0 { count(rps as u64) } else { number(rps) }
}

/// A round number as short as it goes: `0.5`, `20`.
fn number(value: f64) -> String {
    format!("{}", (value * 1e6).round() / 1e6)
}

/// The time axis that all records of a page share.
struct Clock {
    end_s: f64,
    unit_s: f64,
}

impl Clock {
    fn of(records: &[Record]) -> Self {
        let intervals = records.iter().flat_map(|record| &record.measured.timeline);
        let ends = intervals.map(|interval| interval.from_s + interval.seconds).filter(|end| end.is_finite());
        let end_s = ends.fold(1.0, f64::max);
        Self { end_s, unit_s: if end_s > SECONDS_MAX { 60.0 } else { 1.0 } }
    }

    fn note(&self) -> String {
        format!("time in {}", if self.unit_s > 1.0 { "minutes" } else { "seconds" })
    }

    fn axis(&self) -> Axis {
        let scale = Scale::linear(0.0, self.end_s / self.unit_s);
        Axis { scale, ticks: scale.ticks().into_iter().map(|tick| (tick, number(tick))).collect() }
    }

    /// In the middle of its time.
    fn point(&self, interval: &Interval, value: f64, shown: fn(f64) -> String) -> Point {
        let Interval { from_s, seconds, error_count, .. } = interval;
        let errors = match error_count {
            0 => String::new(),
            1 => ", 1 error".to_owned(),
            more => format!(", {} errors", count(*more)),
        };
        Point {
            x: (from_s + seconds / 2.0) / self.unit_s,
            y: value,
            x_text: format!("{from_s:.1} to {:.1} s", from_s + seconds),
            y_text: shown(value) + &errors,
            is_bad: *error_count > 0,
        }
    }

    /// The warm-up, where all have the same.
    fn shade(&self, records: &[Record]) -> Option<(f64, f64, &'static str)> {
        let warmup_s = records.first()?.workload.load.warmup_s;
        let is_shared = records.iter().all(|record| record.workload.load.warmup_s == warmup_s);
        (is_shared && warmup_s > 0.0).then_some((0.0, warmup_s / self.unit_s, "warm-up, not measured"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn percentiles_are_named_as_people_do() {
        for (quantile, want) in [
            (0.0, "p0"),
            (0.5, "p50"),
            (0.9, "p90"),
            (0.99, "p99"),
            (0.999, "p99.9"),
            (0.9999, "p99.99"),
            (0.97, "p97"),
        ] {
            assert_eq!(percentile_name(quantile), want);
        }
    }

    #[test]
    fn the_slowest_is_the_last_point() {
        let latencies = samples::percentiles(500_000.0, 400.0);
        let without_curve = Percentiles { curve: Vec::new(), ..latencies.clone() };
        for latencies in [latencies.clone(), without_curve, Percentiles { count: 1, ..latencies.clone() }] {
            let points = percentile_points(&latencies);
            let last = points.last().expect("it has points");
            assert_eq!((last.y, last.x_text.as_str()), (latencies.max_us, "slowest"));
            assert!(points.windows(2).all(|pair| pair[0].x < pair[1].x));
            assert!(points.iter().all(|point| point.x.is_finite() && point.x <= NINES_MAX));
        }
        assert!(percentile_points(&Percentiles::default()).is_empty());
    }

    /// Goal: a stall of one second is on the page of a run of a day. Method: 86,400 intervals, one of them slow.
    #[test]
    fn a_stall_survives_thinning() {
        let mut record = samples::record("a");
        let calm = record.measured.timeline[1];
        record.measured.timeline = (0..86_400).map(|second| Interval { from_s: f64::from(second), ..calm }).collect();
        record.measured.seconds = 86_400.0;
        record.measured.timeline[40_000] =
            Interval { answer_count: 3, error_count: 9, max_us: 1e6, ..record.measured.timeline[40_000] };
        let records = [record];
        let labels = ["a".to_owned()];
        let rates = &throughput_over_time(&records, &labels).series[0];
        assert!(rates.points.len() <= POINTS_MAX);
        assert!(rates.points.iter().any(|point| point.y == 3.0 && point.is_bad));
        let latencies = &latency_over_time(&records, &labels)[0].series[2];
        assert!(latencies.points.iter().any(|point| point.y == 1e6 && point.y_text == "1.00 s, 9 errors"));
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!([1.0, 500.0, 1000.0, 1500.0, 2e6].map(latency_tick), ["1 us", "500 us", "1 ms", "1.5 ms", "2 s"]);
        assert_eq!([0.0, 0.5, 20_000.0].map(rate_tick), ["0", "0.5", "20,000"]);
        assert_eq!(number(0.1 + 0.2), "0.3");
    }
}
