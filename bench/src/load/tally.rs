//! What a run counted. Never decides what is right; it is told.

use std::ops::Range;

use hdrhistogram::Histogram;

use crate::load::connection::Lost;
use crate::wire::expect::Wrong;
use crate::load::schedule::Nanos;

/// Histograms keep three digits, from 1 ns to a minute; what is longer counts as a minute.
const LATENCY_NS_MAX: Nanos = 60_000_000_000;

#[derive(Debug)]
pub struct Tally {
    /// Requests due in here are measured; all are checked.
    window_ns: Range<Nanos>,
    /// From due to answered, right answers and the ones that never came.
    pub latency_ns: Histogram<u64>,
    /// From due to sent: waiting for a free connection, and our own lateness.
    pub send_delay_ns: Histogram<u64>,
    /// Right answers that arrived in the window.
    pub window_answer_count: u64,
    /// Right answers, warm-up and drain included: what the server's CPU time was spent on.
    pub answer_count: u64,
    pub wrong_status_count: u64,
    pub wrong_length_count: u64,
    pub wrong_content_count: u64,
    pub malformed_count: u64,
    /// Closed with a request in flight.
    pub lost_count: u64,
    /// Due, and not answered when the run ended.
    pub unanswered_count: u64,
    /// Connections that could not be made again.
    pub connect_failed_count: u64,
    /// Not errors: the server may close an idle connection, or announce that it closes.
    pub reconnect_count: u64,
    /// Time in the window in which we found nothing to do: near zero means that we are the bottleneck.
    pub idle_ns: Nanos,
    /// Our CPU time over the wall time. When spinning it should be 1: what is missing, a neighbour had on our core, and
    /// it shows in the latencies.
    pub cpu_ratio: f64,
    /// For the person who has to find out why.
    pub first_wrong: Option<String>,
}

impl Tally {
    pub fn new(window_ns: Range<Nanos>) -> Self {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("the bounds are in order");
        Self {
            window_ns,
            latency_ns: histogram(),
            send_delay_ns: histogram(),
            window_answer_count: 0,
            answer_count: 0,
            wrong_status_count: 0,
            wrong_length_count: 0,
            wrong_content_count: 0,
            malformed_count: 0,
            lost_count: 0,
            unanswered_count: 0,
            connect_failed_count: 0,
            reconnect_count: 0,
            idle_ns: 0,
            cpu_ratio: 0.0,
            first_wrong: None,
        }
    }

    pub fn sent(&mut self, due_ns: Nanos, now_ns: Nanos) {
        if self.window_ns.contains(&due_ns) {
            self.send_delay_ns.saturating_record(now_ns - due_ns);
        }
    }

    pub fn answered(&mut self, due_ns: Nanos, now_ns: Nanos) {
        self.answer_count += 1;
        self.window_answer_count += u64::from(self.window_ns.contains(&now_ns));
        self.record_latency(due_ns, now_ns);
    }

    /// Counted with the latency it has so far: leaving it out would flatter a server that never answers.
    pub fn unanswered(&mut self, due_ns: Nanos, now_ns: Nanos) {
        self.unanswered_count += 1;
        self.record_latency(due_ns, now_ns);
    }

    pub fn wrong(&mut self, wrong: Wrong, describe: impl FnOnce() -> String) {
        match wrong {
            Wrong::Status => self.wrong_status_count += 1,
            Wrong::Length => self.wrong_length_count += 1,
            Wrong::Content => self.wrong_content_count += 1,
        }
        self.first_wrong.get_or_insert_with(describe);
    }

    pub fn lost(&mut self, lost: Lost, was_in_flight: bool) {
        match lost {
            Lost::Closed if !was_in_flight => return,
            Lost::Closed => self.lost_count += 1,
            Lost::Malformed(_) | Lost::Unasked => self.malformed_count += 1,
        }
        self.first_wrong.get_or_insert_with(|| format!("{lost:?}"));
    }

    pub fn idle(&mut self, from_ns: Nanos, until_ns: Nanos) {
        let from_ns = from_ns.max(self.window_ns.start);
        self.idle_ns += until_ns.min(self.window_ns.end).saturating_sub(from_ns);
    }

    pub fn error_count(&self) -> u64 {
        self.wrong_status_count
            + self.wrong_length_count
            + self.wrong_content_count
            + self.malformed_count
            + self.lost_count
            + self.unanswered_count
            + self.connect_failed_count
    }

    pub fn window_s(&self) -> f64 {
        (self.window_ns.end - self.window_ns.start) as f64 / 1e9
    }

    fn record_latency(&mut self, due_ns: Nanos, now_ns: Nanos) {
        if self.window_ns.contains(&due_ns) {
            self.latency_ns.saturating_record(now_ns - due_ns);
        }
    }
}
