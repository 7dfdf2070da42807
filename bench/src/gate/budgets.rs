//! `budgets.toml`: the promises, each with its unit, its reason and the test that holds it. Pure: text in, budgets or
//! every mistake out.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::compare::figure::Figure;
use crate::gate::limit::{Limit, Sense};
use crate::workload::nearest;

const KEYS: [&str; 4] = ["baseline", "instructions", "allocations", "budget"];
const COUNTER_KEYS: [&str; 2] = ["command", "build"];
const BUDGET_KEYS: [&str; 9] =
    ["name", "value", "unit", "reason", "test", "sense", "tolerance", "needs_quiet", "short"];
/// More promises than anyone keeps.
const BUDGETS_MAX: usize = 200;

/// What counting instructions cannot tell apart: the same source built twice may be laid out differently.
const INSTRUCTIONS_TOLERANCE: f64 = 0.005;
/// Half of the 5 % that are to be found; `decision` says why half.
const PAIRED_TOLERANCE: f64 = 0.025;

#[derive(Clone, Debug, PartialEq)]
pub struct Budgets {
    /// What `paired` tests compare with, as a user would name a server.
    pub baseline: Option<String>,
    pub instructions: Option<Counter>,
    pub allocations: Option<Counter>,
    pub budgets: Vec<Budget>,
}

/// A program that is asked what a request costs. `{target}` in a word is cargo's target folder.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Counter {
    pub command: Vec<String>,
    /// Run before it; makes the command's program.
    #[serde(default)]
    pub build: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    pub name: String,
    /// Absent: measured and shown, so that somebody can write it down.
    pub limit: Option<Limit>,
    pub unit: String,
    pub reason: String,
    /// Absent: `unverified`.
    pub test: Option<Test>,
    /// An absolute figure is judged on a quiet machine only.
    pub needs_quiet: bool,
    /// Part of a short gate.
    pub short: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Instructions a request of a scenario, counted by callgrind; `MANY/FEW` is one scenario over another.
    Instructions(String),
    /// Allocations a request, counted by a program of ours.
    Allocations(String),
    /// Ratio to the baseline build.
    Paired(Load),
    /// Ratio to a server that answers a constant.
    Yardstick(Load),
    /// Ratio to itself under another workload, which is named.
    Scaled(Load, String),
    /// As it is.
    Absolute(Load),
}

/// A workload and what of it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    pub workload: String,
    pub figure: Figure,
}

#[derive(Deserialize)]
struct File {
    baseline: Option<String>,
    instructions: Option<Counter>,
    allocations: Option<Counter>,
    #[serde(default)]
    budget: Vec<Written>,
}

/// As a file has it.
#[derive(Deserialize)]
struct Written {
    name: String,
    value: Option<f64>,
    unit: String,
    reason: String,
    test: Option<String>,
    #[serde(default)]
    sense: Sense,
    tolerance: Option<f64>,
    #[serde(default = "yes")]
    needs_quiet: bool,
    #[serde(default = "yes")]
    short: bool,
}

fn yes() -> bool {
    true
}

impl Budgets {
    /// Every mistake is told, one a line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut mistakes = unknown_keys(&table);
        if !mistakes.is_empty() {
            return Err(mistakes.join("\n"));
        }
        // Once more from the text, so that an error has its line.
        let File { baseline, instructions, allocations, budget } =
            toml::from_str(text).map_err(|error| error.to_string())?;
        if budget.len() > BUDGETS_MAX {
            return Err(format!("{} budgets; {BUDGETS_MAX} at most", budget.len()));
        }
        let mut names = BTreeSet::new();
        let mut budgets = Vec::new();
        for written in budget {
            let name = written.name.clone();
            if !names.insert(name.clone()) {
                mistakes.push(format!("budget {name:?} is there twice: a name is for one"));
            }
            match Budget::of(written) {
                Ok(budget) => budgets.push(budget),
                Err(mistake) => mistakes.push(format!("budget {name:?}: {mistake}")),
            }
        }
        for (key, counter) in [("instructions", &instructions), ("allocations", &allocations)] {
            if counter.as_ref().is_some_and(|counter| counter.command.is_empty()) {
                mistakes.push(format!("{key}.command has no words"));
            }
        }
        if mistakes.is_empty() {
            Ok(Self { baseline, instructions, allocations, budgets })
        } else {
            Err(mistakes.join("\n"))
        }
    }

    /// Those named, in the file's order; all where none is.
    pub fn only(mut self, names: &[String]) -> Result<Self, String> {
        for name in names {
            if !self.budgets.iter().any(|budget| budget.name == *name) {
                let known = self.budgets.iter().map(|budget| budget.name.as_str());
                return Err(format!("no budget {name:?}{}", hint(nearest(name, known))));
            }
        }
        self.budgets.retain(|budget| names.is_empty() || names.contains(&budget.name));
        Ok(self)
    }
}

impl Budget {
    fn of(written: Written) -> Result<Self, String> {
        let Written { name, value, unit, reason, test, sense, tolerance, needs_quiet, short } = written;
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        if name.is_empty() || !name.bytes().all(is_name) {
            return Err("a name is of a-z, 0-9, `-` and `.`".into());
        }
        for (key, text) in [("unit", &unit), ("reason", &reason)] {
            if text.trim().is_empty() {
                return Err(format!("{key} says nothing"));
            }
        }
        let test: Option<Test> = test.map(|test| test.parse()).transpose()?;
        let tolerance = tolerance.unwrap_or(match test {
            Some(Test::Instructions(_)) => INSTRUCTIONS_TOLERANCE,
            Some(Test::Paired(_)) => PAIRED_TOLERANCE,
            _ => 0.0,
        });
        if !(0.0..1.0).contains(&tolerance) {
            return Err(format!("tolerance = {tolerance}: a share of the value, from 0 to 1"));
        }
        if value.is_some_and(|value| !value.is_finite() || value < 0.0) {
            return Err("value: a number from 0 on".into());
        }
        let limit = value.map(|value| Limit { sense, value, tolerance });
        Ok(Self { name, limit, unit, reason, test, needs_quiet, short })
    }
}

impl std::str::FromStr for Test {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const KINDS: [&str; 6] = ["instructions", "allocations", "paired", "yardstick", "scaled", "absolute"];
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        if !KINDS.contains(&kind) {
            let known = KINDS.join(", ");
            return Err(format!("test = {text:?}: it begins with one of {known}{}", hint(nearest(kind, KINDS))));
        }
        if kind == "instructions" || kind == "allocations" {
            return match (rest, kind) {
                ("", _) => Err(format!("test = {text:?}: {kind}:SCENARIO")),
                (scenario, "instructions") => Ok(Self::Instructions(scenario.into())),
                (scenario, _) => Ok(Self::Allocations(scenario.into())),
            };
        }
        let split = |text| str::rsplit_once(text, ':').filter(|(workload, _)| !workload.is_empty());
        let (workload, figure) = split(rest).ok_or_else(|| format!("test = {text:?}: {kind}:WORKLOAD:MEASURE"))?;
        let figure = figure.parse().map_err(|why| format!("test = {text:?}: {why}"))?;
        if kind == "scaled" {
            let (over, under) = split(workload).ok_or_else(|| format!("test = {text:?}: scaled:OVER:UNDER:MEASURE"))?;
            return Ok(Self::Scaled(Load { workload: over.into(), figure }, under.into()));
        }
        let load = Load { workload: workload.into(), figure };
        Ok(match kind {
            "paired" => Self::Paired(load),
            "yardstick" => Self::Yardstick(load),
            _ => Self::Absolute(load),
        })
    }
}

fn unknown_keys(table: &toml::Table) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut check = |place: &str, table: &toml::Table, known: &[&str]| {
        for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
            mistakes.push(format!("unknown key {key:?}{place}{}", hint(nearest(key, known.iter().copied()))));
        }
    };
    check("", table, &KEYS);
    for name in ["instructions", "allocations"] {
        if let Some(toml::Value::Table(counter)) = table.get(name) {
            check(&format!(" in [{name}]"), counter, &COUNTER_KEYS);
        }
    }
    if let Some(toml::Value::Array(budgets)) = table.get("budget") {
        for (budget, index) in budgets.iter().filter_map(toml::Value::as_table).zip(1..) {
            let place = match budget.get("name").and_then(toml::Value::as_str) {
                Some(name) => format!(" in budget {name:?}"),
                None => format!(" in budget {index}"),
            };
            check(&place, budget, &BUDGET_KEYS);
        }
    }
    mistakes
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |name| format!("; did you mean {name:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "[[budget]]\nname = 'x'\nunit = 's'\nreason = 'because'\n";

    #[track_caller]
    fn refused(text: &str, whys: &[&str]) {
        let error = Budgets::parse(text).unwrap_err();
        for why in whys {
            assert!(error.contains(why), "{text}\n{error}");
        }
    }

    #[test]
    fn a_budget_says_what_it_is() {
        let text = format!("baseline = 'git:v1'\n{ONE}value = 2\nsense = 'at_least'\ntest = 'absolute:echo:rps'\n");
        let budgets = Budgets::parse(&text).unwrap();
        assert_eq!(budgets.baseline.as_deref(), Some("git:v1"));
        let budget = &budgets.budgets[0];
        assert_eq!(budget.limit, Some(Limit { sense: Sense::AtLeast, value: 2.0, tolerance: 0.0 }));
        assert_eq!(budget.test, Some(Test::Absolute(Load { workload: "echo".into(), figure: Figure::Rps })));
        assert!(budget.needs_quiet && budget.short);
        assert_eq!(Budgets::parse(ONE).unwrap().budgets[0].limit, None);
    }

    #[test]
    fn tolerances_go_with_the_test() {
        for (test, want) in [("instructions:echo", 0.005), ("paired:echo:cpu_us", 0.025), ("yardstick:echo:rps", 0.0)] {
            let budgets = Budgets::parse(&format!("{ONE}value = 1\ntest = '{test}'")).unwrap();
            assert_eq!(budgets.budgets[0].limit.unwrap().tolerance, want, "{test}");
        }
    }

    #[test]
    fn tests_are_told_apart() {
        let load = |workload: &str, figure| Load { workload: workload.into(), figure };
        for (text, want) in [
            ("instructions:list", Test::Instructions("list".into())),
            ("allocations:echo", Test::Allocations("echo".into())),
            ("paired:./own.toml:p99_us", Test::Paired(load("./own.toml", Figure::P99Us))),
            ("yardstick:a:b:rps", Test::Yardstick(load("a:b", Figure::Rps))),
            ("scaled:many:few:cpu_us", Test::Scaled(load("many", Figure::CpuUs), "few".into())),
        ] {
            assert_eq!(text.parse(), Ok(want), "{text}");
        }
    }

    /// Goal: a slip of the hand never makes a budget that is silently not there.
    #[test]
    fn mistakes_are_named_with_what_was_meant() {
        refused("baselin = 'x'", &["\"baselin\"", "did you mean \"baseline\""]);
        refused(&format!("{ONE}valeu = 3"), &["in budget \"x\"", "did you mean \"value\""]);
        refused("[instructions]\ncomand = []", &["in [instructions]", "did you mean \"command\""]);
        refused("[instructions]\ncommand = []", &["no words"]);
        refused(&format!("{ONE}{ONE}"), &["\"x\" is there twice"]);
        refused(&format!("{ONE}test = 'instuctions:x'"), &["did you mean \"instructions\""]);
        refused(&format!("{ONE}test = 'instructions'"), &["instructions:SCENARIO"]);
        refused(&format!("{ONE}test = 'paired:echo'"), &["paired:WORKLOAD:MEASURE"]);
        refused(&format!("{ONE}test = 'paired:echo:speed'"), &["no measure \"speed\"", "cpu_us"]);
        refused(&format!("{ONE}test = 'scaled:echo:cpu_us'"), &["scaled:OVER:UNDER:MEASURE"]);
        refused(&format!("{ONE}tolerance = 5"), &["from 0 to 1"]);
        refused(&format!("{ONE}value = -1"), &["from 0 on"]);
        refused(&format!("{ONE}value = nan"), &["from 0 on"]);
        refused(&format!("{ONE}sense = 'most'"), &["at_most"]);
        refused("[[budget]]\nname = 'X y'\nunit = 's'\nreason = 'r'", &["a-z"]);
        refused("[[budget]]\nname = 'x'\nunit = 's'\nreason = ' '", &["reason says nothing"]);
        refused("[[budget]]\nname = 'x'\nunit = 's'", &["reason"]);
        // All at once.
        refused("a = 1\nb = 2", &["\"a\"", "\"b\""]);
    }

    #[test]
    fn only_those_named() {
        let budgets =
            Budgets::parse(&format!("{ONE}[[budget]]\nname = 'long-name'\nunit = 's'\nreason = 'r'")).unwrap();
        assert_eq!(budgets.clone().only(&["x".into()]).unwrap().budgets.len(), 1);
        assert_eq!(budgets.clone().only(&[]).unwrap().budgets.len(), 2);
        let error = budgets.only(&["long-nam".into()]).unwrap_err();
        assert!(error.contains("did you mean \"long-name\""), "{error}");
    }

    /// Goal: the file that comes with the repository is right.
    #[test]
    fn our_own_budgets_parse() {
        let budgets = Budgets::parse(include_str!("../../budgets.toml")).unwrap();
        for budget in &budgets.budgets {
            let names = match &budget.test {
                Some(Test::Paired(load) | Test::Yardstick(load) | Test::Absolute(load)) => vec![&load.workload],
                Some(Test::Scaled(load, under)) => vec![&load.workload, under],
                Some(Test::Instructions(_) | Test::Allocations(_)) | None => vec![],
            };
            for name in names {
                crate::workload::Workload::by_name_or_file(name).unwrap();
            }
        }
    }
}
