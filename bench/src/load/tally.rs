//! What a thread counted, and the sum of what all did. Never decides what is right; it is told.

use std::ops::Range;

use hdrhistogram::Histogram;

use crate::load::connection::Lost;
use crate::load::digest::{histogram, percentiles};
use crate::load::schedule::Nanos;
use crate::load::timeline::Current;
use crate::record::{ConnectionCount, Errors, Interval, Measured, OperationMeasured};
use crate::wire::expect::Wrong;

pub struct Tally {
    /// Requests due in here are measured; all are checked.
    window_ns: Range<Nanos>,
    /// By exchange, over the mixes of all groups.
    exchanges: Vec<Exchange>,
    /// Of requests that were due and never sent; nobody knows which exchange they would have been.
    never_sent_ns: Histogram<u64>,
    /// From due to sent: waiting for a free connection, and our own lateness.
    send_delay_ns: Histogram<u64>,
    /// From due to sent where a connection was free when the request fell due: our lateness alone. Open loop only.
    pub lateness_ns: Histogram<u64>,
    first_event_ns: Histogram<u64>,
    /// Right answers that arrived in the window.
    window_answer_count: u64,
    /// Wrong answers and lost ones among the rest.
    pub errors: Errors,
    pub connection_count: ConnectionCount,
    pub slice: Current,
    /// Time in the window in which we found nothing to do: near zero means that we are the bottleneck.
    pub idle_ns: Nanos,
    /// Our CPU time over the wall time. When spinning it should be 1: what is missing, a neighbour had on our core, and
    /// it shows in the latencies.
    pub cpu_ratio: f64,
}

struct Exchange {
    name: String,
    /// From due to answered, right answers and the ones that never came.
    latency_ns: Histogram<u64>,
    /// Right answers, warm-up and drain included: what the server's CPU time was spent on.
    answer_count: u64,
    error_count: u64,
}

impl Tally {
    pub fn new(names: Vec<String>, window_ns: Range<Nanos>, slice_ns: Nanos) -> Self {
        let exchange = |name| Exchange { name, latency_ns: histogram(), answer_count: 0, error_count: 0 };
        Self {
            window_ns,
            exchanges: names.into_iter().map(exchange).collect(),
            never_sent_ns: histogram(),
            send_delay_ns: histogram(),
            lateness_ns: histogram(),
            first_event_ns: histogram(),
            window_answer_count: 0,
            errors: Errors::default(),
            connection_count: ConnectionCount::default(),
            slice: Current::new(slice_ns),
            idle_ns: 0,
            cpu_ratio: 0.0,
        }
    }

    pub fn sent(&mut self, due_ns: Nanos, now_ns: Nanos) {
        if self.window_ns.contains(&due_ns) {
            self.send_delay_ns.saturating_record(now_ns - due_ns);
        }
    }

    pub fn late(&mut self, due_ns: Nanos, now_ns: Nanos) {
        if self.window_ns.contains(&due_ns) {
            self.lateness_ns.saturating_record(now_ns - due_ns);
        }
    }

    pub fn first_event(&mut self, due_ns: Nanos, now_ns: Nanos) {
        if self.window_ns.contains(&due_ns) {
            self.first_event_ns.saturating_record(now_ns - due_ns);
        }
    }

    pub fn answered(&mut self, exchange: usize, due_ns: Nanos, now_ns: Nanos) {
        let exchange = &mut self.exchanges[exchange];
        exchange.answer_count += 1;
        if self.window_ns.contains(&due_ns) {
            exchange.latency_ns.saturating_record(now_ns - due_ns);
        }
        self.window_answer_count += u64::from(self.window_ns.contains(&now_ns));
        self.slice.answered(now_ns - due_ns);
    }

    /// Counted with the latency it has so far: leaving it out would flatter a server that never answers.
    /// `None`: it was never sent.
    pub fn unanswered(&mut self, exchange: Option<usize>, due_ns: Nanos, now_ns: Nanos) {
        self.errors.unanswered += 1;
        self.slice.failed(1);
        let latency_ns = match exchange {
            Some(exchange) => {
                self.exchanges[exchange].error_count += 1;
                &mut self.exchanges[exchange].latency_ns
            }
            None => &mut self.never_sent_ns,
        };
        if self.window_ns.contains(&due_ns) {
            latency_ns.saturating_record(now_ns - due_ns);
        }
    }

    /// `describe` is given the exchange's name.
    pub fn wrong(&mut self, exchange: usize, wrong: Wrong, describe: impl FnOnce(&str) -> String) {
        let exchange = &mut self.exchanges[exchange];
        exchange.error_count += 1;
        match wrong {
            Wrong::Status => self.errors.wrong_status += 1,
            Wrong::Length => self.errors.wrong_length += 1,
            Wrong::Content => self.errors.wrong_content += 1,
        }
        self.slice.failed(1);
        self.errors.first.get_or_insert_with(|| describe(&exchange.name));
    }

    /// `exchange`: what was in flight. A server may close an idle connection.
    pub fn lost(&mut self, exchange: Option<usize>, lost: &Lost) {
        match lost {
            Lost::Closed(_) if exchange.is_none() => return,
            Lost::Closed(_) => self.errors.lost += 1,
            Lost::Malformed(_) | Lost::Unasked => self.errors.malformed += 1,
        }
        self.slice.failed(1);
        let name = exchange.map_or("an idle connection", |exchange| {
            self.exchanges[exchange].error_count += 1;
            &self.exchanges[exchange].name
        });
        self.errors.first.get_or_insert_with(|| format!("{name}: {lost}"));
    }

    pub fn connect_failed(&mut self, why: String) {
        self.errors.connect_failed += 1;
        self.slice.failed(1);
        self.errors.first.get_or_insert(why);
    }

    pub fn idle(&mut self, from_ns: Nanos, until_ns: Nanos) {
        let from_ns = from_ns.max(self.window_ns.start);
        self.idle_ns += until_ns.min(self.window_ns.end).saturating_sub(from_ns);
    }

    /// Takes the counts of another thread of the same run. Its slices went their own way.
    pub fn add(&mut self, other: Self) {
        fn join(histogram: &mut Histogram<u64>, other: &Histogram<u64>) {
            histogram.add(other).expect("all threads have the same bounds");
        }
        for (exchange, other) in self.exchanges.iter_mut().zip(&other.exchanges) {
            exchange.answer_count += other.answer_count;
            exchange.error_count += other.error_count;
            join(&mut exchange.latency_ns, &other.latency_ns);
        }
        join(&mut self.never_sent_ns, &other.never_sent_ns);
        join(&mut self.send_delay_ns, &other.send_delay_ns);
        join(&mut self.lateness_ns, &other.lateness_ns);
        join(&mut self.first_event_ns, &other.first_event_ns);
        self.window_answer_count += other.window_answer_count;
        let Errors { wrong_status, wrong_length, wrong_content, malformed, lost, unanswered, connect_failed, first } =
            other.errors;
        self.errors.wrong_status += wrong_status;
        self.errors.wrong_length += wrong_length;
        self.errors.wrong_content += wrong_content;
        self.errors.malformed += malformed;
        self.errors.lost += lost;
        self.errors.unanswered += unanswered;
        self.errors.connect_failed += connect_failed;
        self.errors.first = self.errors.first.take().or(first);
        let ConnectionCount { opened, churned, reconnected } = other.connection_count;
        self.connection_count.opened += opened;
        self.connection_count.churned += churned;
        self.connection_count.reconnected += reconnected;
        self.idle_ns += other.idle_ns;
        self.cpu_ratio += other.cpu_ratio;
    }

    pub fn window_ns(&self) -> Nanos {
        self.window_ns.end - self.window_ns.start
    }

    pub fn measured(&self, asked_rps: Option<f64>, timeline: Vec<Interval>) -> Measured {
        let mut latency_ns = self.never_sent_ns.clone();
        for exchange in &self.exchanges {
            latency_ns.add(&exchange.latency_ns).expect("all exchanges have the same bounds");
        }
        let seconds = self.window_ns() as f64 / 1e9;
        Measured {
            seconds,
            asked_rps,
            reached_rps: self.window_answer_count as f64 / seconds,
            answer_count: self.exchanges.iter().map(|exchange| exchange.answer_count).sum(),
            errors: self.errors.clone(),
            latency: percentiles(&latency_ns),
            send_delay: percentiles(&self.send_delay_ns),
            first_event: (!self.first_event_ns.is_empty()).then(|| percentiles(&self.first_event_ns)),
            operations: self.exchanges.iter().map(Exchange::measured).collect(),
            timeline,
            connection_count: self.connection_count,
            server: None,
        }
    }
}

impl Exchange {
    fn measured(&self) -> OperationMeasured {
        OperationMeasured {
            name: self.name.clone(),
            answer_count: self.answer_count,
            error_count: self.error_count,
            latency: percentiles(&self.latency_ns),
        }
    }
}
