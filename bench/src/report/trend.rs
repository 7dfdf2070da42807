//! Results by commit, as text and as plots: where a measure went, and where it jumped. Pure.

use super::chart::{Axis, Chart, Point, Series};
use super::figures::{one_line, percent, plain};
use super::scale::Scale;
use super::{columns, spark};
use crate::history::{Entry, Trend, trends};

/// Rows of one measure; the plot has all.
const ROWS_MAX: usize = 12;

/// A block a measure: its curve, and its latest values by commit, each with its step from the one before.
pub fn text(entries: &[Entry]) -> String {
    let trends = trends(entries);
    if trends.is_empty() {
        return "The history has no results.\n".to_owned();
    }
    trends.iter().map(|trend| block(trend) + "\n").collect()
}

fn block(trend: &Trend<'_>) -> String {
    let values: Vec<f64> = trend.points.iter().map(|(_, value)| *value).collect();
    let machine = if trend.machine.is_empty() { String::new() } else { format!(" on {}", one_line(trend.machine)) };
    let head = format!("{}{machine}  {}\n", one_line(trend.name), spark::line(&values, f64::max));
    let begin = trend.points.len().saturating_sub(ROWS_MAX);
    let row = |index: usize| {
        let (entry, value) = trend.points[index];
        let before = index.checked_sub(1).map(|before| values[before]);
        let step = before.filter(|before| *before != 0.0).map_or(String::new(), |before| change(value / before - 1.0));
        let noisy = if entry.is_quiet { "" } else { "noisy" };
        vec![name(entry), one_line(&entry.at), plain(value), step, noisy.to_owned()]
    };
    let rows: Vec<Vec<String>> = (begin..trend.points.len()).map(row).collect();
    let left_off = if begin > 0 { format!("  … {begin} earlier\n") } else { String::new() };
    head + &left_off + &columns::aligned(&rows, 2)
}

fn change(ratio: f64) -> String {
    let sign = if ratio >= 0.0 { "+" } else { "-" };
    format!("{sign}{}", percent(ratio.abs()))
}

/// `87ac88b0c*`: the star is for changes that no commit holds.
fn name(entry: &Entry) -> String {
    let commit = entry.commit.as_deref().map_or("no commit".to_owned(), |commit| commit.chars().take(9).collect());
    format!("{}{}", one_line(&commit), if entry.is_dirty { "*" } else { "" })
}

/// A chart a measure, a curve a machine.
pub fn charts(entries: &[Entry]) -> Vec<Chart> {
    let trends = trends(entries);
    // Neighbours of one name, since trends are sorted by it.
    trends.chunk_by(|a, b| a.name == b.name).map(chart).collect()
}

fn chart(trends: &[Trend<'_>]) -> Chart {
    let longest = trends.iter().max_by_key(|trend| trend.points.len());
    let length = longest.map_or(0, |trend| trend.points.len());
    let series: Vec<Series> = trends
        .iter()
        .enumerate()
        .map(|(colour, trend)| Series { name: trend.machine.to_owned(), colour, points: points(trend, length) })
        .collect();
    let scale = Scale::around(series.iter().flat_map(|series| &series.points).map(|point| point.y));
    let machine = if let [only] = trends { only.machine } else { "" };
    Chart {
        title: trends.first().map_or(String::new(), |trend| trend.name.to_owned()),
        note: machine.to_owned(),
        x: Axis {
            scale: Scale::linear(0.0, length.saturating_sub(1) as f64),
            ticks: longest.map(ticks).unwrap_or_default(),
        },
        y: Axis { scale, ticks: scale.ticks().into_iter().map(|tick| (tick, tick_text(tick))).collect() },
        series,
        shade: None,
        level: None,
    }
}

/// The latest to the right, whatever the length: the latest results of all machines are beside each other.
fn points(trend: &Trend<'_>, length: usize) -> Vec<Point> {
    let begin = length - trend.points.len();
    let point = |(index, (entry, value)): (usize, &(&Entry, f64))| Point {
        x: (begin + index) as f64,
        y: *value,
        x_text: format!("{}, {}", name(entry), one_line(&entry.at)),
        y_text: if entry.is_quiet { plain(*value) } else { format!("{}, noisy", plain(*value)) },
        is_bad: !entry.is_quiet,
    };
    trend.points.iter().enumerate().map(point).collect()
}

/// The first, the middle and the last commit.
fn ticks(trend: &Trend<'_>) -> Vec<(f64, String)> {
    let last = trend.points.len() - 1;
    let mut at = vec![0, last / 2, last];
    at.dedup();
    at.into_iter().map(|index| (index as f64, name(trend.points[index].0).chars().take(7).collect())).collect()
}

fn tick_text(tick: f64) -> String {
    if tick >= 1000.0 { plain(tick) } else { format!("{}", (tick * 1e6).round() / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(commit: &str, value: f64, is_quiet: bool) -> Entry {
        Entry {
            at: "2026-07-28T12:00:00Z".to_owned(),
            commit: Some(commit.to_owned()),
            machine: "m1".to_owned(),
            is_quiet,
            results: [("echo_rps".to_owned(), value)].into(),
            ..Entry::default()
        }
    }

    #[test]
    fn a_trend_as_text() {
        let mut entries = vec![entry("aaaaaaaaaaaa", 100_000.0, true), entry("bbb", 50_000.0, false)];
        entries.push(Entry { is_dirty: true, ..entry("ccc", 75_500.0, true) });
        let want = "\
echo_rps on m1  █▅▆
  aaaaaaaaa  2026-07-28T12:00:00Z  100,000
  bbb        2026-07-28T12:00:00Z   50,000  -50 %  noisy
  ccc*       2026-07-28T12:00:00Z   75,500  +51 %

";
        assert_eq!(text(&entries), want);
        assert_eq!(text(&[]), "The history has no results.\n");
    }

    #[test]
    fn long_histories_are_cut_and_plotted_whole() {
        let entries: Vec<Entry> = (0..100).map(|nth| entry(&format!("c{nth}"), f64::from(nth), true)).collect();
        assert!(text(&entries).contains("… 88 earlier"));
        let charts = charts(&entries);
        assert_eq!((charts.len(), charts[0].series[0].points.len()), (1, 100));
    }
}
