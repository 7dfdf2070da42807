//! Each budget to its test, and the test's result held against the budget. Knows no server and no program; it asks a
//! [`Laboratory`]. START HERE to see a gate from beginning to end.

use crate::compare::figure::{Figure, Sample};
use crate::compare::statistics::{STRICT, effect, median};
use crate::doubts::SERVER_WAITED_RATIO_MAX;
use crate::gate::budgets::{Budget, Budgets, Test};
use crate::gate::decision::{Ruling, is_look, rule};
use crate::gate::finding::{Finding, Standing};
use crate::gate::{PAIRS_MAX, PAIRS_MAX_SHORT, PAIRS_S_MAX, PAIRS_S_MAX_SHORT};
use crate::record::Quiet;
use crate::workload::Workload;

/// Of a slice in which the servers take turns: short, so that a minute holds many; ten times what connecting takes.
const SLICE_S: f64 = 0.4;
/// Where a tail is measured: ten requests lie beyond p99.9 of 10,000.
const TAIL_SLICE_S: f64 = 1.0;
/// Connecting, first answers, caches.
const WARMUP_S: f64 = 0.05;
/// Of an absolute figure the median of so many runs counts.
const ALONE_RUNS: usize = 5;
const ALONE_RUNS_SHORT: usize = 3;
const ALONE_S: f64 = 2.0;
/// A count this much below its budget could be promised.
const RATCHET: f64 = 0.01;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// This machine lacks something; the reason names it.
    Missing(String),
    /// Something that should work did not.
    Failed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    This,
    Baseline,
    Yardstick,
}

/// Whoever can measure. A fake in tests.
pub trait Laboratory {
    /// Instructions of one request.
    fn instructions(&mut self, scenario: &str) -> Result<f64, Trouble>;
    fn allocations(&mut self, scenario: &str) -> Result<f64, Trouble>;
    /// Puts a workload on a side, whose server is started if it does not run.
    fn slice(&mut self, side: Side, workload: &Workload) -> Result<Sample, Trouble>;
    /// Ends the side's server.
    fn end(&mut self, side: Side);
    /// Seconds since some moment before the gate began.
    fn now_s(&self) -> f64;
    /// What can be said of the machine so far.
    fn quiet(&self) -> Quiet;
    /// What is being done.
    fn tell(&mut self, what: &str);
}

pub struct Judged {
    /// In the order of the budgets.
    pub findings: Vec<Finding>,
    pub wrong: Vec<String>,
}

/// `Err`: something failed that has to work for any of it to mean anything.
pub fn judge(budgets: &Budgets, is_short: bool, laboratory: &mut dyn Laboratory) -> Result<Judged, String> {
    let mut court = Court { is_short, laboratory, wrong: Vec::new() };
    let mut findings: Vec<Option<Finding>> = vec![None; budgets.budgets.len()];
    let mut rest = Vec::new();
    for (index, budget) in budgets.budgets.iter().enumerate() {
        match &budget.test {
            None => findings[index] = Some(Finding::of(budget, Standing::Unverified, None, "it has no test")),
            Some(_) if is_short && !budget.short => {
                findings[index] = Some(Finding::of(budget, Standing::LeftOut, None, "a short gate does without"));
            }
            Some(Test::Instructions(scenario) | Test::Allocations(scenario)) => {
                findings[index] = Some(court.count(budget, scenario)?);
            }
            Some(Test::Paired(load) | Test::Yardstick(load) | Test::Absolute(load) | Test::Scaled(load, _)) => {
                rest.push((index, budget, load));
            }
        }
    }
    // Budgets on the same workload beside the same server share their slices.
    while let Some((_, first, load)) = rest.first() {
        let (beside, name) = (beside(first), load.workload.clone());
        let (group, others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|(_, budget, load)| self::beside(budget) == beside && load.workload == name);
        rest = others;
        let members: Vec<(&Budget, Figure)> = group.iter().map(|(_, budget, load)| (*budget, load.figure)).collect();
        let found = match beside {
            Some(beside) => court.beside(&beside, &name, &members)?,
            None => court.alone(&name, &members)?,
        };
        for ((index, ..), finding) in group.iter().zip(found) {
            findings[*index] = Some(finding);
        }
    }
    Ok(Judged { findings: findings.into_iter().flatten().collect(), wrong: court.wrong })
}

/// What this build's slices take turns with.
#[derive(PartialEq, Eq)]
struct Beside {
    side: Side,
    workload: String,
}

fn beside(budget: &Budget) -> Option<Beside> {
    let (side, workload) = match &budget.test {
        Some(Test::Paired(load)) => (Side::Baseline, &load.workload),
        Some(Test::Yardstick(load)) => (Side::Yardstick, &load.workload),
        Some(Test::Scaled(_, under)) => (Side::This, under),
        _ => return None,
    };
    Some(Beside { side, workload: workload.clone() })
}

struct Court<'a> {
    is_short: bool,
    laboratory: &'a mut dyn Laboratory,
    wrong: Vec<String>,
}

impl Court<'_> {
    /// Counts do not vary, so one is enough. Below one there is nothing left to lower a budget to.
    fn count(&mut self, budget: &Budget, scenario: &str) -> Result<Finding, String> {
        self.laboratory.tell(&format!("{}: counting", budget.name));
        let is_ratio = scenario.contains('/');
        let counted = match &budget.test {
            Some(Test::Allocations(_)) => self.laboratory.allocations(scenario),
            _ => self.instructions(scenario),
        };
        let counted = match counted {
            Ok(counted) => counted,
            Err(Trouble::Missing(why)) => return Ok(Finding::of(budget, Standing::NotRun, None, why)),
            Err(Trouble::Failed(why)) => return Err(format!("budget {}: {why}", budget.name)),
        };
        let Some(limit) = &budget.limit else { return Ok(no_value(budget, counted)) };
        let standing = if limit.is_broken_by(counted) { Standing::Broken } else { Standing::Holds };
        let note = match limit.excess(counted) {
            excess if excess < -RATCHET && !is_ratio && counted >= 1.0 => {
                format!("ratchet: lower the budget to {counted:.0}")
            }
            _ => String::new(),
        };
        Ok(Finding::of(budget, standing, Some(counted), note))
    }

    /// Of a scenario, or of one over another: `MANY/FEW`.
    fn instructions(&mut self, scenario: &str) -> Result<f64, Trouble> {
        match scenario.split_once('/') {
            None => self.laboratory.instructions(scenario),
            Some((over, under)) => Ok(self.laboratory.instructions(over)? / self.laboratory.instructions(under)?),
        }
    }

    /// Pairs of slices until every budget is decided. Both servers run all the while, on the same core: one that nobody
    /// calls costs nothing, and both meet the same weather.
    fn beside(&mut self, other: &Beside, name: &str, members: &[(&Budget, Figure)]) -> Result<Vec<Finding>, String> {
        let is_tail =
            members.iter().any(|(_, figure)| matches!(figure, Figure::P99Us | Figure::P999Us | Figure::MaxUs));
        let slice_s = if is_tail { TAIL_SLICE_S } else { SLICE_S };
        let loads = [workload(&other.workload, slice_s)?, workload(name, slice_s)?];
        let (pairs_max, s_max) =
            if self.is_short { (PAIRS_MAX_SHORT, PAIRS_S_MAX_SHORT) } else { (PAIRS_MAX, PAIRS_S_MAX) };
        let mut pairs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); members.len()];
        let mut rulings = vec![Ruling::GoOn; members.len()];
        // Slices of theirs, of ours, in which the generator was the limit; and of how many.
        let mut ceilings = [0; 2];
        let mut pair_count = 0;
        let done = self.pairs(other.side, &loads, pairs_max, &mut |theirs, ours, count, took_s| {
            pair_count = count;
            for (ceiling, sample) in ceilings.iter_mut().zip([theirs, ours]) {
                *ceiling += usize::from(sample.generator.is_at_ceiling);
            }
            for (pairs, (_, figure)) in pairs.iter_mut().zip(members) {
                if let (Some(theirs), Some(ours)) = (theirs.figures.get(figure), ours.figures.get(figure)) {
                    pairs.push((*theirs, *ours));
                }
            }
            let is_last = count == pairs_max || took_s > s_max;
            if is_last || is_look(count) {
                for ((pairs, (budget, _)), ruling) in pairs.iter().zip(members).zip(&mut rulings) {
                    // What is decided stays decided: each look is a chance to be wrong.
                    if *ruling == Ruling::GoOn
                        && let Some(limit) = &budget.limit
                    {
                        *ruling = rule(pairs, limit, is_last).unwrap_or(Ruling::GoOn);
                    }
                }
            }
            // What has no limit is never decided, and is shown after as few as an absolute figure takes.
            let is_open = |(ruling, (budget, _)): (&Ruling, &(&Budget, Figure))| match budget.limit {
                Some(_) => *ruling == Ruling::GoOn,
                None => count < ALONE_RUNS,
            };
            !is_last && rulings.iter().zip(members).any(is_open)
        });
        self.laboratory.end(Side::This);
        self.laboratory.end(other.side);
        if let Err(trouble) = done {
            return not_run(trouble, name, members);
        }
        let flaw = at_ceiling(other.side, ceilings, pair_count);
        let found = members.iter().zip(&pairs).zip(&rulings).map(|(((budget, figure), pairs), ruling)| {
            let finding = finding_beside(budget, *figure, pairs, *ruling);
            if *figure == Figure::Rps { finding.with_flaw(&flaw) } else { finding }
        });
        Ok(found.collect())
    }

    /// `loads` are theirs and ours. Calls `go_on` with (theirs, ours, pairs so far, seconds so far) after each pair, until it says no.
    fn pairs(
        &mut self,
        other: Side,
        loads: &[Workload; 2],
        pairs_max: usize,
        go_on: &mut dyn FnMut(&Sample, &Sample, usize, f64) -> bool,
    ) -> Result<(), Trouble> {
        let [under, over] = loads;
        for (side, load) in [(Side::This, over), (other, under)] {
            self.laboratory.tell(&format!("{}: warming up", load.name));
            self.slice(side, load)?;
        }
        let began_s = self.laboratory.now_s();
        for count in 1..=pairs_max {
            self.laboratory.tell(&format!("{}: pair {count}, at most {pairs_max}", over.name));
            // Who goes first alternates.
            let (theirs, ours) = if count % 2 == 0 {
                let theirs = self.slice(other, under)?;
                (theirs, self.slice(Side::This, over)?)
            } else {
                let ours = self.slice(Side::This, over)?;
                (self.slice(other, under)?, ours)
            };
            if !go_on(&theirs, &ours, count, self.laboratory.now_s() - began_s) {
                break;
            }
        }
        Ok(())
    }

    /// One server, a few times anew.
    fn alone(&mut self, name: &str, members: &[(&Budget, Figure)]) -> Result<Vec<Finding>, String> {
        let workload = workload(name, ALONE_S)?;
        let runs = if self.is_short { ALONE_RUNS_SHORT } else { ALONE_RUNS };
        let mut samples = Vec::new();
        for run in 1..=runs {
            self.laboratory.tell(&format!("{name}: run {run} of {runs}"));
            let sample = self.slice(Side::This, &workload);
            self.laboratory.end(Side::This);
            match sample {
                Ok(sample) => samples.push(sample),
                Err(trouble) => return not_run(trouble, name, members),
            }
        }
        let quiet = as_seen_by(&samples, self.laboratory.quiet());
        let of = |figure: Figure| -> Vec<f64> {
            samples.iter().filter_map(|sample| sample.figures.get(&figure).copied()).collect()
        };
        Ok(members.iter().map(|(budget, figure)| finding_alone(budget, *figure, &of(*figure), &quiet)).collect())
    }

    fn slice(&mut self, side: Side, workload: &Workload) -> Result<Sample, Trouble> {
        let sample = self.laboratory.slice(side, workload)?;
        let count = sample.errors.total();
        if count > 0 {
            let first = sample.errors.first.clone().unwrap_or_default();
            let line = format!("workload {}, {side:?}: {count} wrong answers. {first}", workload.name);
            // One line a workload and side is enough; the bound is their number.
            let is_known = |known: &String| known.starts_with(&format!("workload {}, {side:?}:", workload.name));
            if !self.wrong.iter().any(is_known) {
                self.wrong.push(line);
            }
        }
        Ok(sample)
    }
}

fn workload(name: &str, seconds: f64) -> Result<Workload, String> {
    let mut workload = Workload::by_name_or_file(name)?;
    workload.load.seconds = seconds;
    workload.load.warmup_s = WARMUP_S;
    Ok(workload)
}

/// What this machine lacks leaves its budgets open; what failed ends the gate.
fn not_run(trouble: Trouble, name: &str, members: &[(&Budget, Figure)]) -> Result<Vec<Finding>, String> {
    match trouble {
        Trouble::Failed(why) => Err(format!("workload {name}: {why}")),
        Trouble::Missing(why) => {
            let finding = |(budget, _): &(&Budget, Figure)| Finding::of(budget, Standing::NotRun, None, why.as_str());
            Ok(members.iter().map(finding).collect())
        }
    }
}

fn no_value(budget: &Budget, measured: f64) -> Finding {
    Finding::of(budget, Standing::Unverified, Some(measured), "it has no value to be held against")
}

fn finding_beside(budget: &Budget, figure: Figure, pairs: &[(f64, f64)], ruling: Ruling) -> Finding {
    let Some(effect) = effect(pairs, STRICT) else {
        return Finding::of(budget, Standing::NotRun, None, format!("no {} of both sides", figure.title()));
    };
    let pair_count = pairs.len();
    let (standing, note) = match ruling {
        _ if budget.limit.is_none() => return no_value(budget, effect.ratio).with_interval(effect.interval),
        Ruling::Holds => (Standing::Holds, format!("{pair_count} pairs")),
        Ruling::Broken => (Standing::Broken, format!("{pair_count} pairs")),
        Ruling::GoOn | Ruling::CannotTell => (Standing::NotJudged, format!("too noisy to tell in {pair_count} pairs")),
    };
    Finding::of(budget, standing, Some(effect.ratio), note).with_interval(effect.interval)
}

/// Why a ratio of requests/s is not that of the servers: in half of the slices of a side the generator had no time to spare.
fn at_ceiling(other: Side, ceilings: [usize; 2], pair_count: usize) -> String {
    let is_limit = |count: usize| count > 0 && count * 2 >= pair_count;
    match ceilings.map(is_limit) {
        [false, false] => String::new(),
        [true, false] if other == Side::This => "the generator is the limit of what it is held against".into(),
        [true, false] => format!("the generator is the {other:?}'s limit: the true ratio is lower"),
        [false, true] => "the generator is this build's limit: the true ratio is higher".into(),
        [true, true] => "the generator is the limit of both: the ratio says nothing".into(),
    }
}

/// The machine was tried out before anything was measured; who came later shows in what the server waited for its core.
fn as_seen_by(samples: &[Sample], mut quiet: Quiet) -> Quiet {
    let waited: Vec<f64> = samples.iter().map(|sample| sample.waited_ratio).collect();
    let waited_ratio = median(&waited).unwrap_or(0.0);
    if waited_ratio > SERVER_WAITED_RATIO_MAX {
        quiet.is_quiet = false;
        quiet.reasons.push(format!("the server waited for its core for {:.0} % of the time", waited_ratio * 100.0));
    }
    quiet
}

fn finding_alone(budget: &Budget, figure: Figure, values: &[f64], quiet: &Quiet) -> Finding {
    let Some(middle) = median(values) else {
        return Finding::of(budget, Standing::NotRun, None, format!("this server has no {}", figure.title()));
    };
    let Some(limit) = &budget.limit else { return no_value(budget, middle) };
    if budget.needs_quiet && !quiet.is_quiet {
        let note = format!("noisy machine ({})", quiet.reasons.join("; "));
        return Finding::of(budget, Standing::NotJudged, Some(middle), note);
    }
    let standing = if limit.is_broken_by(middle) { Standing::Broken } else { Standing::Holds };
    Finding::of(budget, standing, Some(middle), format!("median of {}", values.len()))
}

#[cfg(test)]
mod tests;
