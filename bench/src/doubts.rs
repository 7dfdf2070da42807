//! Reasons not to trust a result, in sentences. Pure: it reads a record and never mends one.

use crate::load::IDLE_RATIO_MIN;
use crate::record::Record;
use crate::workload::Arrivals;

/// Above this share of time without its core, the server was not alone on it.
pub const SERVER_WAITED_RATIO_MAX: f64 = 0.05;
/// Below this share of its core, a spinning generator had neighbours.
pub const GENERATOR_CPU_RATIO_MIN: f64 = 0.95;
/// From this share of its ceiling on, the figure is the generator's.
const CEILING_RATIO_MAX: f64 = 0.95;
/// An open loop that answers less than this share of what it asks for is overloaded.
const REACHED_RATIO_MIN: f64 = 0.99;

/// Each a sentence with its figure; nothing is what one wants.
pub fn of(record: &Record, is_spinning: bool) -> Vec<String> {
    let (generator, measured) = (&record.generator, &record.measured);
    let mut doubts = Vec::new();
    if generator.is_at_ceiling && generator.idle_ratio >= IDLE_RATIO_MIN {
        doubts
            .push("the generator sent requests late that could have gone: its own lateness is in the latencies".into());
    } else if generator.is_at_ceiling {
        doubts.push(format!(
            "the generator had nothing to do for {:.1} % of the time: {:.0} requests/s are its limit and not the server's",
            generator.idle_ratio * 100.0,
            measured.reached_rps
        ));
    } else if let Some(ceiling_rps) = generator.ceiling_rps
        && measured.reached_rps > ceiling_rps * CEILING_RATIO_MAX
    {
        doubts.push(format!("the generator's own ceiling is {ceiling_rps:.0} requests/s: the server may do more"));
    }
    if is_spinning && generator.cpu_ratio < GENERATOR_CPU_RATIO_MIN {
        doubts.push(format!(
            "the generator had its core for {:.0} % of the time: latencies are too long by what it missed",
            generator.cpu_ratio * 100.0
        ));
    }
    if let Some(server) = &measured.server
        && server.waited_ratio > SERVER_WAITED_RATIO_MAX
    {
        doubts.push(format!(
            "the server waited for its core for {:.0} % of the time: something else ran there",
            server.waited_ratio * 100.0
        ));
    }
    if let Some(asked_rps) = measured.asked_rps
        && measured.reached_rps + wrong_rps(record) < asked_rps * REACHED_RATIO_MIN - spread_rps(record, asked_rps)
    {
        doubts.push(format!(
            "{asked_rps:.0} requests/s were due and {:.0} answered: latencies grow with the length of the run",
            measured.reached_rps
        ));
    }
    doubts
}

/// Answered too, though not right; they are shown as what they are, and nothing waits behind them.
fn wrong_rps(record: &Record) -> f64 {
    let errors = &record.measured.errors;
    let count = errors.wrong_status + errors.wrong_length + errors.wrong_content + errors.malformed + errors.lost;
    let seconds = record.workload.load.warmup_s + record.measured.seconds;
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

/// Independent callers are fewer by chance: by three standard deviations of a Poisson count, once in 700 runs.
fn spread_rps(record: &Record, asked_rps: f64) -> f64 {
    match record.workload.load.arrivals {
        Arrivals::Poisson if record.measured.seconds > 0.0 => 3.0 * (asked_rps / record.measured.seconds).sqrt(),
        Arrivals::Even | Arrivals::Poisson => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Generator, Measured, ServerUsage};
    use crate::workload::{Pace, Workload};

    fn record() -> Record {
        Record {
            format: crate::record::FORMAT,
            at: String::new(),
            target: Default::default(),
            workload: Workload {
                name: String::new(),
                about: String::new(),
                load: Pace::default(),
                clients: Vec::new(),
            },
            machine: Default::default(),
            generator: Generator {
                idle_ratio: 0.4,
                cpu_ratio: 1.0,
                ceiling_rps: Some(150_000.0),
                ..Default::default()
            },
            measured: Measured {
                asked_rps: Some(10_000.0),
                reached_rps: 10_000.0,
                server: Some(ServerUsage { waited_ratio: 0.01, ..Default::default() }),
                ..Default::default()
            },
            doubts: Vec::new(),
        }
    }

    #[test]
    fn a_clean_run_raises_none() {
        assert_eq!(of(&record(), true), [""; 0]);
    }

    #[test]
    fn each_reason_raises_its_own() {
        #[track_caller]
        fn check(spoil: impl Fn(&mut Record), says: &str) {
            let mut record = record();
            spoil(&mut record);
            let doubts = of(&record, true);
            assert!(doubts.len() == 1 && doubts[0].contains(says), "{says}: {doubts:?}");
        }
        check(|record| (record.generator.is_at_ceiling, record.generator.idle_ratio) = (true, 0.01), "its limit");
        // At 40 % idle it is no want of time.
        check(|record| record.generator.is_at_ceiling = true, "late");
        check(|record| record.generator.ceiling_rps = Some(10_100.0), "own ceiling");
        check(|record| record.generator.cpu_ratio = 0.8, "80 %");
        check(|record| record.measured.server.as_mut().expect("it is there").waited_ratio = 0.2, "20 %");
        check(|record| record.measured.reached_rps = 9_000.0, "9000 answered");
    }

    #[test]
    fn wrong_answers_are_no_overload() {
        let mut record = record();
        (record.measured.seconds, record.workload.load.warmup_s) = (9.0, 1.0);
        record.measured.reached_rps = 9_000.0;
        assert_eq!(of(&record, true).len(), 1);
        record.measured.errors.wrong_status = 10_000;
        assert_eq!(of(&record, true), [""; 0]);
    }

    /// Goal: chance is no overload. Method: 300 requests in 10 s, of which 17 may be missing at two standard deviations.
    #[test]
    fn independent_callers_are_fewer_by_chance() {
        let mut record = record();
        record.measured = Measured { seconds: 10.0, asked_rps: Some(30.0), reached_rps: 28.0, ..Default::default() };
        assert_eq!(of(&record, true).len(), 1);
        record.workload.load.arrivals = Arrivals::Poisson;
        assert_eq!(of(&record, true), [""; 0]);
        record.measured.reached_rps = 20.0;
        assert_eq!(of(&record, true).len(), 1);
    }

    /// Asleep between events, the generator's CPU time says nothing.
    #[test]
    fn a_sleeping_generator_uses_less_of_its_core() {
        let mut record = record();
        record.generator.cpu_ratio = 0.3;
        assert_eq!(of(&record, false), [""; 0]);
    }
}
