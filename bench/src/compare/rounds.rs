//! Interleaved rounds: who is measured when. Knows no server; it asks a [`Measure`].

use crate::compare::figure::{Figure, Sample};
use crate::workload::Workload;

/// Whoever can measure one side. A fake in tests.
pub trait Measure {
    /// Ends the side's server, so that the next `measure` starts it anew.
    fn end(&mut self, side: usize);

    /// Starts the side's server if it does not run, and puts the workload on it.
    fn measure(&mut self, side: usize, workload: &Workload) -> Result<Sample, String>;
}

/// Of one workload: samples by side, then by round.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    pub samples: Vec<Vec<Sample>>,
}

impl Rounds {
    pub fn of(&self, side: usize, figure: Figure) -> Vec<f64> {
        self.samples[side].iter().filter_map(|sample| sample.figures.get(&figure).copied()).collect()
    }

    /// A figure of two sides, round by round; rounds in which either lacks it are left out.
    pub fn pairs(&self, a: usize, b: usize, figure: Figure) -> Vec<(f64, f64)> {
        let both = self.samples[a].iter().zip(&self.samples[b]);
        both.filter_map(|(a, b)| Some((*a.figures.get(&figure)?, *b.figures.get(&figure)?))).collect()
    }

    /// Wrong answers of any side, in words.
    pub fn wrong(&self, names: &[String]) -> Vec<String> {
        let of_side = |(side, samples): (usize, &Vec<Sample>)| {
            let count: u64 = samples.iter().map(|sample| sample.errors.total()).sum();
            let first = samples.iter().find_map(|sample| sample.errors.first.clone()).unwrap_or_default();
            (count > 0).then(|| format!("{}: {count} wrong answers. {first}", names[side]))
        };
        self.samples.iter().enumerate().filter_map(of_side).collect()
    }
}

/// Who goes first changes with each round, so that nobody always meets the machine as another left it: with two sides
/// AB BA AB …, with more each begins in turn, and every other time round the order is reversed.
pub fn order(side_count: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..side_count).collect();
    if side_count == 0 {
        return order;
    }
    order.rotate_left(round % side_count);
    if side_count > 2 && (round / side_count) % 2 == 1 {
        order.reverse();
    }
    order
}

/// Servers are started anew for each measurement, and only one runs at a time: a second one on the same core, even idle,
/// would be a neighbour. `tell` hears (round, workload, side).
pub fn run(
    measure: &mut dyn Measure,
    side_count: usize,
    workloads: &[Workload],
    round_count: usize,
    tell: &mut dyn FnMut(usize, usize, usize),
) -> Result<Vec<Rounds>, String> {
    let none = Rounds { samples: vec![Vec::new(); side_count] };
    let mut all = vec![none; workloads.len()];
    for round in 0..round_count {
        for (index, workload) in workloads.iter().enumerate() {
            for side in order(side_count, round) {
                tell(round, index, side);
                let sample = measure.measure(side, workload);
                measure.end(side);
                all[index].samples[side].push(sample?);
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Default)]
    struct Fake {
        running: Option<usize>,
        log: Vec<(usize, String)>,
        fails_at: Option<usize>,
    }

    impl Measure for Fake {
        fn end(&mut self, side: usize) {
            assert_eq!(self.running.take(), Some(side));
        }

        fn measure(&mut self, side: usize, workload: &Workload) -> Result<Sample, String> {
            assert_eq!(self.running.replace(side), None, "two servers at once");
            if self.fails_at == Some(self.log.len()) {
                return Err("it fell over".into());
            }
            self.log.push((side, workload.name.clone()));
            let figures = BTreeMap::from([(Figure::Rps, self.log.len() as f64)]);
            Ok(Sample { figures, ..Sample::default() })
        }
    }

    fn workload(name: &str) -> Workload {
        let mut workload = Workload::by_name_or_file("echo").unwrap();
        workload.name = name.into();
        workload
    }

    #[test]
    fn two_sides_alternate_and_never_meet() {
        let mut fake = Fake::default();
        let workloads = [workload("x"), workload("y")];
        let all = run(&mut fake, 2, &workloads, 2, &mut |_, _, _| {}).unwrap();
        let log: Vec<String> = fake.log.iter().map(|(side, name)| format!("{name}{side}")).collect();
        assert_eq!(log.join(" "), "x0 x1 y0 y1 x1 x0 y1 y0");
        // Pairs are of the same round, whoever went first.
        assert_eq!(all[0].pairs(0, 1, Figure::Rps), [(1.0, 2.0), (6.0, 5.0)]);
        assert_eq!(all[1].of(0, Figure::Rps), [3.0, 8.0]);
        assert_eq!(fake.running, None);
    }

    #[test]
    fn of_three_sides_each_goes_first_as_often() {
        for side_count in 1..5 {
            let mut firsts = vec![0; side_count];
            for round in 0..side_count * 2 {
                let mut order = order(side_count, round);
                firsts[order[0]] += 1;
                order.sort_unstable();
                assert_eq!(order, (0..side_count).collect::<Vec<_>>());
            }
            assert_eq!(firsts, vec![2; side_count]);
        }
    }

    /// Goal: when a measurement fails, no server is left running.
    #[test]
    fn a_failure_ends_the_server_too() {
        let mut fake = Fake { fails_at: Some(1), ..Fake::default() };
        assert_eq!(run(&mut fake, 2, &[workload("x")], 2, &mut |_, _, _| {}).err(), Some("it fell over".into()));
        assert_eq!(fake.running, None);
    }

    #[test]
    fn wrong_answers_are_named_with_their_side() {
        let mut bad = Sample::default();
        bad.errors.wrong_status = 2;
        bad.errors.first = Some("503".into());
        let rounds = Rounds { samples: vec![vec![Sample::default()], vec![Sample::default(), bad]] };
        assert_eq!(rounds.wrong(&["a".into(), "b".into()]), ["b: 2 wrong answers. 503"]);
    }
}
