//! Records as text, as JSON and as one HTML page that opens offline; and a run's progress on a terminal.
//! Never computes what a record does not hold.

use crate::load::Progress;
use crate::record::Record;

/// For people, on a terminal: what was measured, on what, with every doubt.
pub fn text(_record: &Record) -> String {
    unimplemented!()
}

/// One page with plots (latency by percentile, throughput, over time), one curve a record. No reference leads outside.
pub fn html(_title: &str, _records: &[Record]) -> String {
    unimplemented!()
}

/// One line on standard error, rewritten; nothing where it is no terminal.
#[derive(Default)]
pub struct Ticker {}

impl Ticker {
    pub fn tell(&mut self, _what: &str) {
        unimplemented!()
    }

    pub fn progress(&mut self, _what: &str, _progress: &Progress) {
        unimplemented!()
    }

    pub fn clear(&mut self) {
        unimplemented!()
    }
}
