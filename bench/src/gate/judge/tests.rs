//! The court with a laboratory that makes its results up.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::compare::simulation::{Machine, Noise};

const HEAD: &str = "unit = 'u'\nreason = 'r'\n";

struct Fake {
    machine: Machine,
    /// What a request costs by side: This, Baseline, Yardstick.
    cost: [f64; 3],
    counted: f64,
    missing: Option<&'static str>,
    quiet: Quiet,
    wrong: u64,
    waited_ratio: f64,
    /// What a request of a workload with 1,000 connections costs more.
    scale: f64,
    /// By side, as `cost`.
    is_at_ceiling: [bool; 3],
    running: BTreeSet<Side>,
    slice_count: usize,
    slice_s: f64,
}

impl Fake {
    fn new(seed: u64) -> Self {
        Self {
            machine: Machine::new(seed, Noise { slice: 0.03, drift: 0.01, outliers: 0.02 }),
            cost: [1.0; 3],
            counted: 1000.0,
            missing: None,
            quiet: Quiet { is_quiet: false, reasons: vec!["neighbours".into()] },
            wrong: 0,
            waited_ratio: 0.0,
            scale: 1.0,
            is_at_ceiling: [false; 3],
            running: BTreeSet::new(),
            slice_count: 0,
            slice_s: 0.5,
        }
    }

    fn or_missing<T>(&self, value: T) -> Result<T, Trouble> {
        self.missing.map_or(Ok(value), |why| Err(Trouble::Missing(why.into())))
    }
}

impl Laboratory for Fake {
    fn instructions(&mut self, scenario: &str) -> Result<f64, Trouble> {
        self.or_missing(if scenario == "many-tools" { self.counted * 1.08 } else { self.counted })
    }

    fn allocations(&mut self, _scenario: &str) -> Result<f64, Trouble> {
        self.or_missing(self.counted)
    }

    fn slice(&mut self, side: Side, workload: &Workload) -> Result<Sample, Trouble> {
        self.or_missing(())?;
        self.running.insert(side);
        self.slice_count += 1;
        self.machine.drift();
        let cost = self
            .machine
            .slice(self.cost[side as usize] * if workload.name.contains("1000") { self.scale } else { 1.0 });
        let figures = BTreeMap::from([(Figure::CpuUs, cost * 10.0), (Figure::Rps, 1e5 / cost), (Figure::RssMib, 40.0)]);
        let mut sample = Sample { figures, waited_ratio: self.waited_ratio, ..Sample::default() };
        sample.errors.wrong_content = self.wrong;
        sample.generator.is_at_ceiling = self.is_at_ceiling[side as usize];
        Ok(sample)
    }

    fn end(&mut self, side: Side) {
        self.running.remove(&side);
    }

    fn now_s(&self) -> f64 {
        self.slice_count as f64 * self.slice_s
    }

    fn quiet(&self) -> Quiet {
        self.quiet.clone()
    }

    fn tell(&mut self, _what: &str) {}
}

fn budget(name: &str, rest: &str) -> String {
    format!("[[budget]]\nname = '{name}'\n{HEAD}{rest}\n")
}

fn judged(text: &str, fake: &mut Fake) -> Judged {
    judge(&Budgets::parse(text).unwrap(), true, fake).unwrap()
}

#[track_caller]
fn check(rest: &str, fake: &mut Fake, want: Standing, note: &str) {
    let judged = judged(&budget("x", rest), fake);
    let finding = &judged.findings[0];
    assert_eq!(finding.standing, want, "{finding:?}");
    assert!(finding.note.contains(note), "{finding:?}");
    assert!(fake.running.is_empty(), "a server was left running");
}

/// Goal: what costs 5 % more fails, what costs as much passes, ten times in a row, and the budget is named.
#[test]
fn a_slow_down_fails_and_clean_runs_pass() {
    const PAIRED: &str = "value = 1\ntest = 'paired:echo:cpu_us'";
    for seed in 0..10 {
        check(PAIRED, &mut Fake::new(seed), Standing::Holds, "pairs");
        let mut slow = Fake { cost: [1.05, 1.0, 1.0], ..Fake::new(seed) };
        check(PAIRED, &mut slow, Standing::Broken, "pairs");
    }
    let mut slow = Fake { cost: [1.05, 1.0, 1.0], ..Fake::new(1) };
    let finding = judged(&budget("cpu-per-request", PAIRED), &mut slow).findings.remove(0);
    assert_eq!(finding.name, "cpu-per-request");
    let excess = finding.excess.unwrap();
    assert!((0.025..0.08).contains(&excess), "{excess}");
}

/// Goal: one percent more instructions fails, half a percent does not, and what was won is to be promised.
#[test]
fn counts_are_held_closely() {
    const COUNTED: &str = "value = 1000\ntest = 'instructions:echo'";
    for (counted, want, note) in [
        (1010.0, Standing::Broken, ""),
        (1005.1, Standing::Broken, ""),
        (1004.0, Standing::Holds, ""),
        (995.0, Standing::Holds, ""),
        (985.0, Standing::Holds, "ratchet: lower the budget to 985"),
    ] {
        check(COUNTED, &mut Fake { counted, ..Fake::new(0) }, want, note);
    }
    // One scenario over another, and nothing to be won by promising less.
    check("value = 1.1\ntest = 'instructions:many-tools/echo'", &mut Fake::new(0), Standing::Holds, "");
    check("value = 1.05\ntest = 'instructions:many-tools/echo'", &mut Fake::new(0), Standing::Broken, "");
    let none = "value = 0\ntest = 'allocations:echo'";
    check(none, &mut Fake { counted: 0.0, ..Fake::new(0) }, Standing::Holds, "");
    check(none, &mut Fake { counted: 0.01, ..Fake::new(0) }, Standing::Broken, "");
}

#[test]
fn what_has_no_test_or_no_value_is_unverified() {
    check("value = 1", &mut Fake::new(0), Standing::Unverified, "no test");
    check("test = 'instructions:echo'", &mut Fake::new(0), Standing::Unverified, "no value");
    check("test = 'absolute:echo:rps'", &mut Fake::new(0), Standing::Unverified, "no value");
    let mut fake = Fake::new(0);
    check("test = 'paired:echo:rps'", &mut fake, Standing::Unverified, "no value");
    assert!(fake.slice_count < 20, "{} slices to decide nothing", fake.slice_count);
}

#[test]
fn what_cannot_run_here_says_why() {
    for test in
        ["instructions:echo", "allocations:echo", "paired:echo:cpu_us", "yardstick:echo:rps", "absolute:echo:rps"]
    {
        let mut fake = Fake { missing: Some("no valgrind"), ..Fake::new(0) };
        check(&format!("value = 1\ntest = '{test}'"), &mut fake, Standing::NotRun, "no valgrind");
    }
}

#[test]
fn absolute_figures_need_a_quiet_machine_unless_they_say_otherwise() {
    const RATE: &str = "value = 10000\nsense = 'at_least'\ntest = 'absolute:echo:rps'";
    check(RATE, &mut Fake::new(0), Standing::NotJudged, "neighbours");
    let quiet = Quiet { is_quiet: true, reasons: Vec::new() };
    check(RATE, &mut Fake { quiet: quiet.clone(), ..Fake::new(0) }, Standing::Holds, "median");
    let mut slow = Fake { quiet, cost: [20.0, 1.0, 1.0], ..Fake::new(0) };
    check(RATE, &mut slow, Standing::Broken, "median");
    // Quiet when it was tried out, and not when it mattered.
    slow.waited_ratio = 0.3;
    check(RATE, &mut slow, Standing::NotJudged, "waited for its core for 30 %");
    check("value = 96\nneeds_quiet = false\ntest = 'absolute:echo:rss_mib'", &mut Fake::new(0), Standing::Holds, "");
    check("value = 32\nneeds_quiet = false\ntest = 'absolute:echo:rss_mib'", &mut Fake::new(0), Standing::Broken, "");
    check("value = 32\ntest = 'absolute:echo:cold_start_ms'", &mut Fake::new(0), Standing::NotRun, "cold start");
}

/// Goal: budgets on the same workload share their slices, and each is found under its own name, in the file's order.
#[test]
fn slices_are_shared() {
    let rps = budget("rps", "value = 0.7\nsense = 'at_least'\ntest = 'yardstick:echo:rps'");
    let cpu = budget("cpu", "value = 1.5\ntest = 'yardstick:echo:cpu_us'");
    let between = budget("between", "value = 1");
    let mut fake = Fake { cost: [1.2, 1.0, 1.0], ..Fake::new(0) };
    let judged = judged(&format!("{rps}{between}{cpu}"), &mut fake);
    let found: Vec<_> = judged.findings.iter().map(|finding| (finding.name.as_str(), finding.standing)).collect();
    assert_eq!(found, [("rps", Standing::Holds), ("between", Standing::Unverified), ("cpu", Standing::Holds)]);
    // Two to warm up, and the fewest pairs that say anything.
    assert_eq!(fake.slice_count, 2 + 2 * crate::gate::decision::PAIRS_MIN);
}

/// Goal: a yardstick that the generator holds back flatters this build, and the gate says so; CPU a request does not hang on it.
#[test]
fn a_generator_at_its_limit_is_told() {
    let at_limit = || Fake { is_at_ceiling: [false, false, true], ..Fake::new(0) };
    let rps = "value = 0.7\nsense = 'at_least'\ntest = 'yardstick:echo:rps'";
    check(rps, &mut at_limit(), Standing::Holds, "DOUBT: the generator is the Yardstick's limit");
    let cpu = budget("x", "value = 1.5\ntest = 'yardstick:echo:cpu_us'");
    assert!(!judged(&cpu, &mut at_limit()).findings[0].note.contains("DOUBT"));
    assert!(!judged(&budget("x", rps), &mut Fake::new(0)).findings[0].note.contains("DOUBT"));
}

/// Goal: a build is held against itself under another load, and what two budgets take turns with is not mixed up.
#[test]
fn one_workload_is_held_against_another() {
    const SCALED: &str = "value = 1.25\ntest = 'scaled:connections-1000:echo:cpu_us'";
    check(SCALED, &mut Fake { scale: 1.1, ..Fake::new(0) }, Standing::Holds, "pairs");
    check(SCALED, &mut Fake { scale: 1.4, ..Fake::new(0) }, Standing::Broken, "pairs");
    let plain = budget("plain", "value = 1\ntest = 'paired:connections-1000:cpu_us'");
    let mut fake = Fake { scale: 1.4, ..Fake::new(0) };
    let judged = judged(&format!("{}{plain}", budget("scaled", SCALED)), &mut fake);
    assert_eq!(
        judged.findings.iter().map(|finding| finding.standing).collect::<Vec<_>>(),
        [Standing::Broken, Standing::Holds]
    );
}

#[test]
fn a_short_gate_leaves_out_what_takes_long() {
    let text = budget("x", "value = 1\nshort = false\ntest = 'paired:echo:cpu_us'");
    let budgets = Budgets::parse(&text).unwrap();
    let standing = |is_short| judge(&budgets, is_short, &mut Fake::new(0)).unwrap().findings[0].standing;
    assert_eq!((standing(true), standing(false)), (Standing::LeftOut, Standing::Holds));
}

/// Goal: a fast server that answers wrongly does not pass, and says so once.
#[test]
fn wrong_answers_are_told() {
    let mut fake = Fake { wrong: 3, ..Fake::new(0) };
    let judged = judged(&budget("x", "value = 1\ntest = 'paired:echo:cpu_us'"), &mut fake);
    assert_eq!(judged.wrong.len(), 2, "{:?}", judged.wrong);
    assert!(judged.wrong[0].contains("echo") && judged.wrong[0].contains("3 wrong"), "{:?}", judged.wrong);
}

/// Goal: on a machine that stands still half of the time the gate ends all the same, and claims nothing.
#[test]
fn slices_that_take_forever_are_not_waited_for() {
    let noise = Noise { slice: 0.3, drift: 0.3, outliers: 0.3 };
    let mut fake = Fake { machine: Machine::new(3, noise), slice_s: 10.0, ..Fake::new(3) };
    let finding = judged(&budget("x", "value = 1\ntest = 'paired:echo:cpu_us'"), &mut fake).findings.remove(0);
    assert!(fake.slice_count < 30, "{} slices of 10 s", fake.slice_count);
    assert_ne!(finding.standing, Standing::Broken);
}

#[test]
fn an_unknown_workload_is_a_mistake() {
    let budgets = Budgets::parse(&budget("x", "value = 1\ntest = 'paired:ecko:cpu_us'")).unwrap();
    assert!(judge(&budgets, true, &mut Fake::new(0)).is_err_and(|why| why.contains("ecko")));
}
