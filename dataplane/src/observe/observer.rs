//! What lives on the thread beside the shards: it runs health checks, remembers the last minute, and renders what the
//! process says of itself, so that no shard formats or adds up anything. It only reads what shards leave for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::process::Process;
use crate::builtin::resource_usage::{self, OwnUse};
use crate::cold::Resident;
use crate::health::{Checks, TOGETHER};
use crate::metrics::{Counts, Histogram, Method};
use crate::stall::Lookout;
use crate::tool_names::ToolNames;

/// How often the counters are remembered.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// How long a sample is kept.
const SAMPLES_MAX: usize = 61;

/// All requests by now, those for health and metrics left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Instant,
    /// Requests answered.
    pub requests: u64,
    /// Those that ended with an error.
    pub errors: u64,
    /// The sum of their durations.
    pub sum_ns: u64,
    /// Processor time of the process.
    pub cpu_seconds: Option<f64>,
}

/// What the last minute was like; a process younger than that has had less.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// Requests a second.
    pub requests_per_second: f64,
    /// Mean duration of a request.
    pub latency_mean_s: f64,
    /// Processor time of the process, in percent of one core.
    pub cpu_percent: f64,
}

/// The thread's own.
pub struct Observer {
    /// The process it observes.
    pub process: Arc<Process>,
    /// The names of tools.
    pub names: Arc<ToolNames>,
    /// Health checks.
    pub checks: Checks,
    lookout: Lookout,
    samples: VecDeque<Sample>,
}

impl Observer {
    /// An observer with these checks.
    pub fn new(process: Arc<Process>, checks: Checks) -> Observer {
        let names = process.server.tool_names();
        let samples = VecDeque::with_capacity(SAMPLES_MAX);
        let mut observer = Observer { process, names, checks, lookout: Lookout::default(), samples };
        observer.samples.push_back(observer.sample(resource_usage::own_use()));
        observer
    }

    fn sample(&self, own: OwnUse) -> Sample {
        let View { requests, errors, durations, .. } = View::new(self, own);
        Sample { at: Instant::now(), requests, errors, sum_ns: durations.sum_ns, cpu_seconds: own.cpu_seconds }
    }

    /// Everything there is to tell.
    pub fn view(&self) -> View<'_> {
        View::new(self, resource_usage::own_use())
    }
}

impl Resident for Observer {
    fn turn(&mut self) -> Option<Duration> {
        if self.process.is_over() {
            return None;
        }
        let now = Instant::now();
        let patience = self.checks.turn(now);
        self.lookout.turn(&self.process, &self.names);
        let age = self.samples.back().map_or(SAMPLE_EVERY, |sample| now - sample.at);
        if age + TOGETHER < SAMPLE_EVERY {
            return Some(patience.min(SAMPLE_EVERY - age));
        }
        if self.samples.len() == SAMPLES_MAX {
            self.samples.pop_front();
        }
        self.samples.push_back(self.sample(resource_usage::own_use()));
        Some(patience.min(SAMPLE_EVERY))
    }
}

/// The state of everything at one moment.
pub struct View<'o> {
    /// Whose.
    pub observer: &'o Observer,
    /// Counters of each shard.
    pub each: Vec<Counts>,
    /// The same added up.
    pub totals: Counts,
    /// Requests answered, those for health and metrics left out.
    pub requests: u64,
    /// Those that ended with an error.
    pub errors: u64,
    /// Their durations.
    pub durations: Histogram,
    /// What the process uses.
    pub own: OwnUse,
}

impl View<'_> {
    fn new(observer: &Observer, own: OwnUse) -> View<'_> {
        let each = observer.process.each_shard();
        let totals = observer.process.totals();
        let (requests, errors, durations) = answered(&observer.process, &totals);
        View { observer, each, totals, requests, errors, durations, own }
    }

    /// Requests and errors of one shard.
    pub fn answered_by(&self, counts: &Counts) -> (u64, u64) {
        let (requests, errors, _) = answered(&self.observer.process, counts);
        (requests, errors)
    }

    /// What the last minute was like.
    pub fn rates(&self) -> Rates {
        let now = Sample {
            at: Instant::now(),
            requests: self.requests,
            errors: self.errors,
            sum_ns: self.durations.sum_ns,
            cpu_seconds: self.own.cpu_seconds,
        };
        self.observer.samples.front().map_or_else(Rates::default, |first| rates(first, &now))
    }
}

fn rates(first: &Sample, now: &Sample) -> Rates {
    let seconds = now.at.saturating_duration_since(first.at).as_secs_f64().max(1e-3);
    // Counters are read while shards write, so that a later sum may be a little smaller.
    let requests = now.requests.saturating_sub(first.requests);
    let sum_ns = now.sum_ns.saturating_sub(first.sum_ns);
    let cpu = first.cpu_seconds.zip(now.cpu_seconds).map_or(0.0, |(before, after)| (after - before).max(0.0));
    Rates {
        requests_per_second: requests as f64 / seconds,
        latency_mean_s: if requests == 0 { 0.0 } else { sum_ns as f64 * 1e-9 / requests as f64 },
        cpu_percent: 100.0 * cpu / seconds,
    }
}

/// Requests, errors and durations of whatever is not a probe.
fn answered(process: &Process, counts: &Counts) -> (u64, u64, Histogram) {
    let (mut requests, mut errors, mut durations) = (0, 0, Histogram::default());
    for (index, histogram) in counts.series.iter().enumerate() {
        let Some(key) = process.keys.key(index).filter(|key| key.method != Some(Method::Probe)) else { continue };
        let count = histogram.count();
        requests += count;
        if !key.is_good() || key.method == Some(Method::Refused) {
            errors += count;
        }
        if key.method.is_none_or(Method::is_operation) {
            durations.merge(histogram);
        }
    }
    (requests, errors, durations)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_time_between() {
        let at = Instant::now();
        let first = Sample { at, requests: 100, errors: 0, sum_ns: 5_000, cpu_seconds: Some(1.0) };
        let now = Sample {
            at: at + Duration::from_secs(10),
            requests: 300,
            errors: 0,
            sum_ns: 205_000,
            cpu_seconds: Some(6.0),
        };
        let want = Rates { requests_per_second: 20.0, latency_mean_s: 1e-6, cpu_percent: 50.0 };
        assert_eq!(rates(&first, &now), want);
        let idle = rates(&now, &Sample { at: now.at + Duration::from_secs(1), ..now });
        assert_eq!((idle.requests_per_second, idle.latency_mean_s, idle.cpu_percent), (0.0, 0.0, 0.0));
    }
}
