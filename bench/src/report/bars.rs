//! Throughput side by side, and beneath each bar what it cost. Pure.

use std::fmt::Write as _;

use super::chart::colour_class;
use super::escape::escape;
use super::figures::{percent, rate};
use super::text;
use crate::record::Record;

/// A bar a record, from 0; what was asked is a mark on it.
pub fn html(records: &[Record], labels: &[String]) -> String {
    let values = records.iter().flat_map(|record| [Some(record.measured.reached_rps), record.measured.asked_rps]);
    // A hair of room, for a mark at the end.
    let top = values.flatten().filter(|rps| rps.is_finite()).fold(1.0, f64::max) * 1.01;
    let share = |rps: f64| (rps / top * 100.0).clamp(0.0, 100.0);
    let mut rows = String::new();
    for (index, (record, label)) in records.iter().zip(labels).enumerate() {
        let reached_rps = record.measured.reached_rps;
        let mark = record.measured.asked_rps.map_or(String::new(), |asked| {
            let what = format!("asked: {}", rate(asked));
            let at = share(asked);
            format!("<rect class=\"asked\" x=\"{at:.2}%\" width=\"3\" height=\"100%\"><title>{what}</title></rect>")
        });
        // Writing to a String never fails.
        let _ = writeln!(
            rows,
            "<li><span>{}</span><b>{}</b><svg class=\"{}\"><rect width=\"{:.2}%\" height=\"100%\"/>{mark}</svg><small>{}</small></li>",
            escape(label),
            rate(reached_rps),
            colour_class(index),
            share(reached_rps),
            escape(&cost(record))
        );
    }
    let note = "right answers a second, and what they cost";
    format!(
        "<figure><figcaption><b>Throughput</b> <span>{note}</span></figcaption>\n<ul class=\"bars\">\n{rows}</ul></figure>\n"
    )
}

/// `of 60,000/s asked (83 %); 7.20 us CPU a request, …; the generator was idle for 43 %`.
fn cost(record: &Record) -> String {
    let generator = &record.generator;
    let reached_rps = record.measured.reached_rps;
    let asked = record.measured.asked_rps.filter(|asked| *asked > 0.0);
    let ceiling = generator.ceiling_rps.filter(|ceiling| *ceiling > 0.0);
    let parts = [
        asked.map(|asked| format!("of {} asked ({})", rate(asked), percent(reached_rps / asked))),
        text::server(&record.measured),
        Some(format!("generator idle {}", percent(generator.idle_ratio))),
        ceiling.map(|ceiling| format!("{} of its ceiling, {}", percent(reached_rps / ceiling), rate(ceiling))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
