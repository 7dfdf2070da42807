//! `bench compare`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use crate::cli::cores::{Cores, Placed};
use crate::cli::deliver::Deliver;
use crate::compare::bed::Bed;
use crate::compare::comparison::compare;
use crate::compare::figure::{Figure, Sample};
use crate::compare::rounds::{self, Rounds};
use crate::machine::Watch;
use crate::record::{self, Machine, Record};
use crate::report::{self, Ticker};
use crate::servers::Spec;
use crate::workload::Workload;

const WARMUP_S: f64 = 0.5;

/// Servers beside each other: started anew for each measurement, on the same cores, one at a time, in interleaved rounds.
///
/// A server is a URL, a command ('ringway serve --set a=b'; where it listens is added, or filled in for {port}, {admin_port}
/// and {cpus}), git:REVISION of the repository here, or peer:NAME of bench/peers.
///
/// Exit code: 0 measured; 1 wrong answers; 2 could not be measured.
#[derive(clap::Args)]
pub struct Compare {
    /// The server that the others are compared with.
    #[arg(long, value_name = "SERVER")]
    a: Spec,
    /// Another server; may be given again.
    #[arg(long, value_name = "SERVER", required = true)]
    b: Vec<Spec>,
    /// What to put on them, by name or as a file; may be given again.
    #[arg(long, value_name = "NAME|FILE", default_values = ["echo", "open-10k"])]
    workload: Vec<String>,
    /// Rounds; an interval takes at least 6, one that shows 5 % on a noisy machine about 20.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Of each measurement.
    #[arg(long, default_value_t = 4.0, value_parser = seconds)]
    seconds: f64,
    #[command(flatten)]
    cores: Cores,
    /// Where peers are; otherwise in bench/peers, here or above.
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    #[command(flatten)]
    deliver: Deliver,
}

/// Of a measurement: long enough to mean something, and not forever.
fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if (0.1..=3600.0).contains(&seconds) { Ok(seconds) } else { Err("from 0.1 to 3600 seconds".into()) }
}

impl Compare {
    pub fn perform(self) -> Result<ExitCode, String> {
        let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let mut ticker = Ticker::default();
        let workloads = self.workloads()?;
        let Placed { server: server_cpus, generator: cpus } = self.cores.resolve(true)?;
        let mut sides = Vec::new();
        for spec in std::iter::once(&self.a).chain(&self.b) {
            sides.push(spec.prepare_in(self.peers.as_deref(), &mut |what| ticker.tell(what))?);
        }
        let names: Vec<String> = sides.iter().map(|side| side.name().to_owned()).collect();
        let targets = sides.iter().map(|side| record::Target {
            name: side.name().into(),
            commit: side.commit().map(str::to_owned),
            cpus: server_cpus.clone(),
        });
        let targets: Vec<_> = targets.collect();
        let watch = Watch::begin(&[server_cpus.as_slice(), &cpus].concat());
        let mut bed = Bed::new(sides, server_cpus, cpus);
        let round_count = self.rounds as usize;
        let tell = |round: usize, workload: usize, side: usize| {
            ticker.tell(&format!("round {}/{round_count}: {}: {}", round + 1, workloads[workload].name, names[side]));
        };
        let mut tell = tell;
        let done = rounds::run(&mut bed, names.len(), &workloads, round_count, &mut tell);
        ticker.clear();
        let machine = watch.end();
        let all: Vec<(String, Rounds)> = workloads.iter().map(|workload| workload.name.clone()).zip(done?).collect();
        let comparison = compare(at.clone(), machine.clone(), names, &all, round_count);
        self.deliver.deliver(
            &comparison,
            || comparison.text(),
            || report::html("Ringway bench: comparison", &records(&at, &machine, &targets, &workloads, &all)),
        )?;
        Ok(ExitCode::from(u8::from(!comparison.wrong.is_empty())))
    }

    fn workloads(&self) -> Result<Vec<Workload>, String> {
        let with_time = |name: &String| {
            let mut workload = Workload::by_name_or_file(name)?;
            workload.load.seconds = self.seconds;
            workload.load.warmup_s = WARMUP_S;
            Ok(workload)
        };
        self.workload.iter().map(with_time).collect()
    }
}

/// One record a side and workload: the round whose requests/s are in the middle.
fn records(
    at: &str,
    machine: &Machine,
    targets: &[record::Target],
    workloads: &[Workload],
    all: &[(String, Rounds)],
) -> Vec<Record> {
    let mut records = Vec::new();
    for (workload, (_, rounds)) in workloads.iter().zip(all) {
        for (target, samples) in targets.iter().zip(&rounds.samples) {
            let Some(sample) = middle(samples) else { continue };
            let Some(measured) = &sample.measured else { continue };
            records.push(Record {
                format: record::FORMAT,
                at: at.into(),
                target: target.clone(),
                workload: workload.clone(),
                machine: machine.clone(),
                generator: sample.generator.clone(),
                measured: (**measured).clone(),
                doubts: Vec::new(),
            });
        }
    }
    records
}

fn middle(samples: &[Sample]) -> Option<&Sample> {
    let rps = |sample: &Sample| sample.figures.get(&Figure::Rps).copied().unwrap_or(0.0);
    let mut sorted: Vec<&Sample> = samples.iter().collect();
    sorted.sort_by(|one, other| rps(one).total_cmp(&rps(other)));
    sorted.get(sorted.len() / 2).copied()
}
