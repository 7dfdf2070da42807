//! Records as text, as JSON and as one HTML page that opens offline; and a run's progress on a terminal. START HERE to
//! change what people see. Never computes what a record does not hold.

pub mod figures;
mod paint;
mod columns;
mod spark;
mod machine;
mod text;
mod store;
mod ticker;
mod labels;
mod escape;
mod scale;
mod chart;
mod plots;
mod bars;
mod tables;
mod page;
mod trend;
#[cfg(test)]
mod samples;

pub use page::{html, html_of_history};
pub use paint::Paint;
pub use ticker::Ticker;
pub use trend::text as text_of_history;

use crate::record::{Interval, Record};

/// For people: what was measured, on what, with every doubt. Coloured if `paint` is.
pub fn text(record: &Record, paint: Paint) -> String {
    text::text(record, paint)
}

/// Right answers a second in this slice of time.
fn answers_rps(interval: &Interval) -> f64 {
    if interval.seconds > 0.0 { interval.answer_count as f64 / interval.seconds } else { 0.0 }
}

/// What comes behind it is the drain: a slice as long as the last answers took, whose rate is that of no load.
fn under_load(record: &Record) -> Vec<Interval> {
    let end_s = record.workload.load.warmup_s + record.measured.seconds;
    record.measured.timeline.iter().copied().filter(|interval| interval.from_s < end_s - 1e-6).collect()
}
