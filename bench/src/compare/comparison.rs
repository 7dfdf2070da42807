//! What a comparison found: kept as JSON, shown as a table. Pure: rounds in, rows and sentences out.

use std::fmt::Write;

use serde::Serialize;

use crate::compare::figure::{Figure, Sample};
use crate::compare::rounds::Rounds;
use crate::compare::statistics::{USUAL, effect, median};
use crate::compare::verdict::{Verdict, verdict};
use crate::doubts::{GENERATOR_CPU_RATIO_MIN, SERVER_WAITED_RATIO_MAX};
use crate::load::IDLE_RATIO_MIN;
use crate::record::Machine;
use crate::report::figures;

/// Grows when a reader of the older form would misread the new one.
const FORMAT: u32 = 1;

#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub format: u32,
    pub at: String,
    pub machine: Machine,
    /// As the user named them; the first is the one that others are compared with.
    pub sides: Vec<String>,
    pub round_count: usize,
    pub workloads: Vec<WorkloadCompared>,
    pub wrong: Vec<String>,
    pub doubts: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct WorkloadCompared {
    pub name: String,
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub figure: Figure,
    /// By side; absent where a side has no such figure.
    pub medians: Vec<Option<f64>>,
    /// Of each side but the first.
    pub against_first: Vec<Option<Compared>>,
    /// Every value: by side, then by round.
    pub rounds: Vec<Vec<f64>>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Compared {
    pub ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
    pub verdict: Verdict,
}

pub fn compare(
    at: String,
    machine: Machine,
    sides: Vec<String>,
    workloads: &[(String, Rounds)],
    round_count: usize,
) -> Comparison {
    let wrong = workloads.iter().flat_map(|(name, rounds)| {
        rounds.wrong(&sides).into_iter().map(move |wrong| format!("workload {name}: {wrong}"))
    });
    let wrong = wrong.collect();
    let doubts = workloads.iter().flat_map(|(name, rounds)| doubts(name, &sides, rounds)).collect();
    let compared = workloads.iter().map(|(name, rounds)| WorkloadCompared { name: name.clone(), rows: rows(rounds) });
    let workloads = compared.collect();
    Comparison { format: FORMAT, at, machine, sides, round_count, workloads, wrong, doubts }
}

fn rows(rounds: &Rounds) -> Vec<Row> {
    let side_count = rounds.samples.len();
    let row = |figure: Figure| {
        let all: Vec<Vec<f64>> = (0..side_count).map(|side| rounds.of(side, figure)).collect();
        let against = |side: usize| {
            let effect = effect(&rounds.pairs(0, side, figure), USUAL)?;
            Some(Compared { ratio: effect.ratio, interval: effect.interval, verdict: verdict(figure, &effect) })
        };
        let medians: Vec<_> = all.iter().map(|values| median(values)).collect();
        medians.iter().any(Option::is_some).then(|| Row {
            figure,
            medians,
            against_first: (1..side_count).map(against).collect(),
            rounds: all,
        })
    };
    Figure::ALL.into_iter().filter_map(row).collect()
}

/// Reasons to repeat the run before believing it, from what each side saw of its own cores.
fn doubts(workload: &str, sides: &[String], rounds: &Rounds) -> Vec<String> {
    let mut doubts = Vec::new();
    for (name, samples) in sides.iter().zip(&rounds.samples) {
        let middle = |of: fn(&Sample) -> f64| median(&samples.iter().map(of).collect::<Vec<_>>()).unwrap_or(0.0);
        let mut doubt = |why: String| doubts.push(format!("{workload}: {name} {why}"));
        let waited = middle(|sample| sample.waited_ratio);
        if waited > SERVER_WAITED_RATIO_MAX {
            doubt(format!(
                "waited {:.0} % of the time for its core: neighbours; trust ratios and CPU/request only",
                waited * 100.0
            ));
        }
        if samples.is_empty() || samples.iter().all(|sample| sample.generator.threads == 0) {
            continue;
        }
        let had = middle(|sample| sample.generator.cpu_ratio);
        if had < GENERATOR_CPU_RATIO_MIN {
            doubt(format!(
                "was called by a generator that had its core {:.0} % of the time: latencies are too long",
                had * 100.0
            ));
        }
        let idle = middle(|sample| sample.generator.idle_ratio);
        if idle < IDLE_RATIO_MIN {
            doubt(format!(
                "was called by a generator that had nothing to do for {:.1} % of the time: \
                 requests/s are its limit and not the server's",
                idle * 100.0
            ));
        } else if samples.iter().any(|sample| sample.generator.is_at_ceiling) {
            doubt("was called by a generator that was late by itself: its own lateness is in the latencies".into());
        }
    }
    doubts
}

impl Comparison {
    pub fn text(&self) -> String {
        let mut text = String::new();
        let machine = &self.machine;
        let quiet = if machine.quiet.is_quiet {
            "quiet".into()
        } else {
            format!("noisy: {}", machine.quiet.reasons.join("; "))
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "machine   {}; {}, {} cores; {quiet}",
            machine.kernel, machine.cpu_model, machine.core_count
        );
        for (letter, side) in ('A'..).zip(&self.sides) {
            let _ = writeln!(text, "{letter}         {side}");
        }
        let _ = writeln!(
            text,
            "rounds    {}, interleaved; intervals hold the true ratio in 95 of 100 runs\n",
            self.round_count
        );
        for workload in &self.workloads {
            text += &table(&self.table_of(workload));
            text.push('\n');
        }
        for doubt in &self.doubts {
            let _ = writeln!(text, "DOUBT  {doubt}");
        }
        for wrong in &self.wrong {
            let _ = writeln!(text, "WRONG ANSWERS  {wrong}");
        }
        text
    }

    /// Title line first; then one line a figure, and with more than two sides one line a side.
    fn table_of(&self, workload: &WorkloadCompared) -> Vec<Vec<String>> {
        let mut lines = vec![
            ["workload", "measure", "A", "", "other", "ratio", "95 % interval", "verdict"].map(String::from).to_vec(),
        ];
        for row in &workload.rows {
            let others = row.medians.iter().skip(1).zip(&row.against_first);
            for (letter, (median, compared)) in ('B'..).zip(others) {
                let (ratio, interval, words) = match *compared {
                    None => Default::default(),
                    Some(Compared { ratio, interval, verdict }) => (
                        format!("{ratio:.3}"),
                        interval.map_or(String::new(), |(low, high)| format!("[{low:.3} - {high:.3}]")),
                        verdict.words().to_owned(),
                    ),
                };
                lines.push(vec![
                    workload.name.clone(),
                    row.figure.title().into(),
                    number(row.medians[0]),
                    letter.to_string(),
                    number(*median),
                    ratio,
                    interval,
                    words,
                ]);
            }
        }
        lines
    }
}

/// Columns as wide as their widest cell; numbers to the right.
fn table(lines: &[Vec<String>]) -> String {
    const RIGHT: [usize; 4] = [2, 4, 5, 6];
    let columns = lines.first().map_or(0, Vec::len);
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().enumerate().map(|(column, cell)| {
            let width = widths[column];
            if RIGHT.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// As many digits as anybody reads.
pub fn number(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(value) if value >= 999.95 => figures::count(value.round() as u64),
        Some(value) if value >= 19.9995 => format!("{value:.1}"),
        Some(value) => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Generator;
    use std::collections::BTreeMap;

    fn sample(rps: f64, cpu_us: f64) -> Sample {
        let generator = Generator { threads: 1, idle_ratio: 0.5, cpu_ratio: 1.0, ..Generator::default() };
        Sample {
            figures: BTreeMap::from([(Figure::Rps, rps), (Figure::CpuUs, cpu_us)]),
            generator,
            ..Sample::default()
        }
    }

    fn comparison(b: impl Fn(usize) -> Sample) -> Comparison {
        let a = (0..8).map(|round| sample(100_000.0 + round as f64, 10.0)).collect();
        let rounds = Rounds { samples: vec![a, (0..8).map(b).collect()] };
        compare("now".into(), Machine::default(), vec!["old".into(), "new".into()], &[("echo".into(), rounds)], 8)
    }

    #[test]
    fn a_row_a_measure() {
        let comparison = comparison(|round| sample(90_000.0 + round as f64, 10.0));
        let text = comparison.text();
        let row = text.lines().find(|line| line.contains("requests/s")).unwrap();
        assert!(row.contains("100,004") && row.contains("0.900") && row.contains("real: worse"), "{text}");
        let row = text.lines().find(|line| line.contains("CPU/request")).unwrap();
        assert!(row.contains("no difference shown"), "{text}");
        // What nobody measured has no row.
        assert!(!text.contains("RSS"), "{text}");
        assert!(comparison.wrong.is_empty() && comparison.doubts.is_empty());
    }

    #[test]
    fn wrong_answers_and_doubts_are_shown() {
        let comparison = comparison(|_| {
            let mut bad = sample(1.0, 1.0);
            bad.errors.malformed = 1;
            bad.waited_ratio = 0.2;
            bad.generator.cpu_ratio = 0.5;
            bad.generator.idle_ratio = 0.0;
            bad
        });
        let text = comparison.text();
        assert!(text.contains("WRONG ANSWERS  workload echo: new: 8"), "{text}");
        assert_eq!(text.matches("DOUBT").count(), 3, "{text}");
        assert!(text.contains("echo: new waited 20 %"), "{text}");
    }

    #[test]
    fn numbers_for_people() {
        for (value, want) in [
            (Some(1_234_567.4), "1,234,567"),
            (Some(999.96), "1,000"),
            (Some(45.67), "45.7"),
            (Some(1.2345), "1.234"),
            (None, "-"),
        ] {
            assert_eq!(number(value), want);
        }
    }
}
