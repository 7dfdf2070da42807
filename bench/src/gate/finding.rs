//! What became of each budget: kept as JSON, shown as lines, summed up in an exit code. Pure.

use std::fmt::Write;

use serde::Serialize;

use crate::compare::comparison::number;
use crate::gate::budgets::{Budget, Test};
use crate::record::Machine;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Holds,
    Broken,
    /// It has no test, or no value to hold the test's result against.
    Unverified,
    /// Measured; the machine does not allow to say more.
    NotJudged,
    /// It could not be measured here.
    NotRun,
    /// A short gate does without.
    LeftOut,
}

impl Standing {
    fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "BROKEN",
            Self::Unverified => "unverified",
            Self::NotJudged => "not judged",
            Self::NotRun => "NOT RUN",
            Self::LeftOut => "left out",
        }
    }
}

/// How it was measured, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Instructions,
    Allocations,
    Paired,
    Yardstick,
    Scaled,
    Absolute,
}

impl Kind {
    pub fn of(test: &Test) -> Self {
        match test {
            Test::Instructions(_) => Self::Instructions,
            Test::Allocations(_) => Self::Allocations,
            Test::Paired(_) => Self::Paired,
            Test::Yardstick(_) => Self::Yardstick,
            Test::Scaled(..) => Self::Scaled,
            Test::Absolute(_) => Self::Absolute,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Instructions => "instruction counts",
            Self::Allocations => "allocation counts",
            Self::Paired => "paired ratios to the baseline",
            Self::Yardstick => "paired ratios to the yardstick",
            Self::Scaled => "paired ratios of one workload to another",
            Self::Absolute => "absolute figures",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub name: String,
    pub standing: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    pub unit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    /// The budget's value, and the last measured value that still keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edge: Option<f64>,
    /// By how much it is over, as a share of the value; negative is to spare.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excess: Option<f64>,
    pub reason: String,
    /// Why it stands as it does, where that does not speak for itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
    #[serde(skip)]
    sign: &'static str,
}

impl Finding {
    pub fn of(budget: &Budget, standing: Standing, measured: Option<f64>, note: impl Into<String>) -> Self {
        Self {
            name: budget.name.clone(),
            standing,
            kind: budget.test.as_ref().map(Kind::of),
            unit: budget.unit.clone(),
            measured,
            interval: None,
            value: budget.limit.map(|limit| limit.value),
            edge: budget.limit.map(|limit| limit.edge()),
            excess: budget.limit.and_then(|limit| Some(limit.excess(measured?)).filter(|excess| excess.is_finite())),
            reason: budget.reason.clone(),
            note: note.into(),
            sign: budget.limit.map_or("", |limit| limit.sign()),
        }
    }

    /// Why to doubt it; empty: no reason.
    pub fn with_flaw(mut self, flaw: &str) -> Self {
        if !flaw.is_empty() {
            let gap = if self.note.is_empty() { "" } else { "; " };
            self.note += &format!("{gap}DOUBT: {flaw}");
        }
        self
    }

    pub fn with_interval(self, interval: Option<(f64, f64)>) -> Self {
        Self { interval, ..self }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Gate {
    pub at: String,
    pub machine: Machine,
    pub server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    pub findings: Vec<Finding>,
    pub wrong: Vec<String>,
}

impl Gate {
    /// 0 all that was judged holds; 1 a budget is broken, or answers were wrong; 2 a budget could not be measured.
    pub fn exit_code(&self, are_missing_allowed: bool) -> u8 {
        let any = |standing: Standing| self.findings.iter().any(|finding| finding.standing == standing);
        if any(Standing::Broken) || !self.wrong.is_empty() {
            1
        } else if any(Standing::NotRun) && !are_missing_allowed {
            2
        } else {
            0
        }
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        let machine = &self.machine;
        // Writing to a String cannot fail.
        let _ = writeln!(text, "machine   {}; {}, {} cores", machine.kernel, machine.cpu_model, machine.core_count);
        let _ = writeln!(text, "server    {}", self.server);
        if let Some(baseline) = &self.baseline {
            let _ = writeln!(text, "baseline  {baseline}");
        }
        text.push('\n');
        let width = self.findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
        for finding in &self.findings {
            let _ = writeln!(text, "{:<10}  {:<width$}  {}", finding.standing.words(), finding.name, line(finding));
        }
        let _ = writeln!(text, "\n{}", self.basis());
        for finding in self.findings.iter().filter(|finding| finding.standing == Standing::Broken) {
            let _ = writeln!(
                text,
                "BROKEN  {}: {}. It is there because: {}",
                finding.name,
                by_how_much(finding),
                finding.reason
            );
        }
        for wrong in &self.wrong {
            let _ = writeln!(text, "WRONG ANSWERS  {wrong}");
        }
        text
    }

    /// Which kinds of measurement decided, and why not the others.
    fn basis(&self) -> String {
        let decided = |kind: Kind| {
            let is_one = |finding: &&Finding| {
                finding.kind == Some(kind) && matches!(finding.standing, Standing::Holds | Standing::Broken)
            };
            self.findings.iter().filter(is_one).count()
        };
        let kinds =
            [Kind::Instructions, Kind::Allocations, Kind::Paired, Kind::Yardstick, Kind::Scaled, Kind::Absolute];
        let used: Vec<String> = kinds
            .into_iter()
            .filter(|kind| decided(*kind) > 0)
            .map(|kind| format!("{} ({})", kind.words(), decided(kind)))
            .collect();
        let used = if used.is_empty() { "nothing".into() } else { used.join(", ") };
        let quiet = &self.machine.quiet;
        if quiet.is_quiet {
            return format!("judged by {used}; the machine is quiet, so absolute figures count");
        }
        format!(
            "judged by {used}; absolute figures that need quiet are shown only, since the machine is noisy: {}",
            quiet.reasons.join("; ")
        )
    }
}

fn line(finding: &Finding) -> String {
    let mut parts = Vec::new();
    if finding.measured.is_some() {
        let interval = finding.interval.map_or(String::new(), |(low, high)| format!(" [{low:.3} - {high:.3}]"));
        parts.push(format!("{}{interval} {}", number(finding.measured), finding.unit));
    }
    if let (Some(value), Some(edge)) = (finding.value, finding.edge) {
        let forgiven = if edge == value { String::new() } else { format!(", to {}", number(Some(edge))) };
        parts.push(format!("budget {} {}{forgiven}", finding.sign, number(Some(value))));
    }
    if !finding.note.is_empty() {
        parts.push(finding.note.clone());
    }
    parts.join("; ")
}

fn by_how_much(finding: &Finding) -> String {
    let over = finding.excess.map_or(String::new(), |excess| format!(", {:.1} % beyond it", excess * 100.0));
    let kind = finding.kind.map_or("", Kind::words);
    format!(
        "measured {} {}, the budget is {} {}{over} (by {kind})",
        number(finding.measured),
        finding.unit,
        finding.sign,
        number(finding.value)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::budgets::Budgets;
    use crate::record::Quiet;

    fn budget() -> Budget {
        let text =
            "[[budget]]\nname = 'cpu'\nvalue = 1\nunit = 'x baseline'\nreason = 'speed'\ntest = 'paired:echo:cpu_us'";
        Budgets::parse(text).unwrap().budgets.remove(0)
    }

    fn gate(standings: &[Standing]) -> Gate {
        let findings = standings.iter().map(|&standing| Finding::of(&budget(), standing, Some(1.049), "")).collect();
        let quiet = Quiet { is_quiet: false, reasons: vec!["steal 3.0 %".into()] };
        let machine = Machine { quiet, ..Machine::default() };
        Gate { at: String::new(), machine, server: "s".into(), baseline: None, findings, wrong: Vec::new() }
    }

    #[test]
    fn exit_codes() {
        use Standing::{Broken, Holds, LeftOut, NotJudged, NotRun, Unverified};
        for (standings, want, allowed) in [
            (&[Holds, Unverified, NotJudged, LeftOut][..], 0, 0),
            (&[Holds, NotRun], 2, 0),
            (&[Broken, NotRun], 1, 1),
            (&[], 0, 0),
        ] {
            assert_eq!(gate(standings).exit_code(false), want, "{standings:?}");
            assert_eq!(gate(standings).exit_code(true), allowed, "{standings:?}");
        }
        let wrong = Gate { wrong: vec!["x".into()], ..gate(&[Holds]) };
        assert_eq!(wrong.exit_code(true), 1);
    }

    /// Goal: whoever broke it reads the name, by how much, the limit, how it was measured and why it matters.
    #[test]
    fn what_is_broken_is_named() {
        let text = gate(&[Standing::Broken, Standing::Holds]).text();
        let line = text.lines().find(|line| line.starts_with("BROKEN  cpu:")).unwrap();
        for part in ["1.049 x baseline", "<= 1.000", "4.9 % beyond", "paired ratios", "because: speed"] {
            assert!(line.contains(part), "{part}: {line}");
        }
        assert!(text.contains("judged by paired ratios to the baseline (2)"), "{text}");
        assert!(text.contains("noisy: steal 3.0 %"), "{text}");
    }
}
