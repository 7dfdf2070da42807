//! `bench run`: one workload against one server.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use crate::cli::{Format, cores, servers_of};
use crate::load::{self, Plan, Wait};
use crate::machine::Watch;
use crate::record::{FORMAT, Record};
use crate::report::{self, Ticker};
use crate::servers::Spec;
use crate::workload::{Overrides, Workload};
use crate::{ceiling, doubts};

#[derive(clap::Args)]
pub struct Run {
    /// A workload by name (echo, echo-legacy, open-10k, open-30k, connections-1000, agents, faces, churn, get, stream)
    /// or a TOML file.
    #[arg(default_value = "echo")]
    workload: String,
    /// A URL of a server that runs; or what to start: a command, git:REVISION, peer:NAME. Absent: this Ringway.
    #[arg(long, value_name = "SPEC")]
    server: Option<Spec>,
    #[command(flatten)]
    overrides: Overrides,
    #[command(flatten)]
    cores: cores::Cores,
    /// Between events: spin takes a whole core and wakes nobody late.
    #[arg(long, value_enum, default_value = "spin")]
    wait: Wait,
    /// Skip the second in which the generator's own ceiling is measured.
    #[arg(long)]
    no_ceiling: bool,
    /// Also write the result to this file, as JSON: `bench report` reads it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Also write a page with plots.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// On standard output.
    #[arg(short, long, value_enum, default_value = "text")]
    output: Format,
}

impl Run {
    pub fn perform(self) -> Result<ExitCode, String> {
        let mut workload = Workload::by_name_or_file(&self.workload)?;
        self.overrides.apply(&mut workload)?;
        let record = self.measure(workload)?;
        if let Some(path) = &self.out {
            let json = serde_json::to_string_pretty(&record).map_err(|error| error.to_string())?;
            written(path, &(json + "\n"))?;
        }
        if let Some(path) = &self.html {
            written(path, &report::html(&record.workload.name, std::slice::from_ref(&record)))?;
        }
        let shown = match self.output {
            Format::Text => report::text(&record, std::io::stdout().is_terminal()),
            Format::Json => serde_json::to_string(&record).map_err(|error| error.to_string())? + "\n",
        };
        std::io::stdout().write_all(shown.as_bytes()).map_err(|error| format!("standard output: {error}"))?;
        let is_right = record.measured.errors.total() == 0 && record.measured.answer_count > 0;
        Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    fn measure(&self, workload: Workload) -> Result<Record, String> {
        let mut ticker = Ticker::default();
        let spec = servers_of::or_this_program(self.server.clone())?;
        let cores = self.cores.resolve(spec.is_ours())?;
        let prepared = spec.prepare(&mut |what| ticker.tell(what))?;
        let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        // Before the server is there: it would share the core with the stand-in.
        let ceiling = |plan: &Plan| match cores.server.first() {
            Some(&cpu) if !self.no_ceiling && !plan.cpus.contains(&cpu) => ceiling::measure(plan, cpu).map(Some),
            _ => Ok(None),
        };
        let mut plan = Plan { workload, target: Default::default(), cpus: cores.generator.clone(), wait: self.wait };
        ticker.tell("measuring the generator's own ceiling");
        let ceiling_rps = ceiling(&plan)?;
        ticker.tell("starting the server");
        let (running, _) = prepared.start(&cores.server)?;
        plan.target = running.target.clone();
        prepared.adapt(&mut plan.workload);
        let machine = Watch::begin(&plan.cpus);
        let before = running.usage();
        let mut outcome = load::run(&plan, &mut |progress| ticker.progress(&plan.workload.name, progress))?;
        outcome.generator.ceiling_rps = ceiling_rps;
        outcome.measured.server = before.and_then(|before| running.used_since(before, outcome.measured.answer_count));
        ticker.clear();
        let mut record = Record {
            format: FORMAT,
            at,
            target: prepared.describe(&cores.server),
            workload: plan.workload,
            machine: machine.end(),
            generator: outcome.generator,
            measured: outcome.measured,
            doubts: Vec::new(),
        };
        record.doubts = doubts::of(&record, self.wait == Wait::Spin);
        Ok(record)
    }
}

fn written(path: &std::path::Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
