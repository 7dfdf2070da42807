//! `bench run`: one workload against one server.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use crate::cli::cores::{Cores, Placed};
use crate::cli::deliver::Deliver;
use crate::cli::vary::Vary;
use crate::compare::bed;
use crate::load::{self, Plan, Wait};
use crate::machine::Watch;
use crate::record::{FORMAT, Record, Target};
use crate::report::{self, Paint, Ticker};
use crate::servers::{Prepared, Spec, own_server};
use crate::workload::Workload;
use crate::{ceiling, doubts};

#[derive(clap::Args)]
pub struct Run {
    /// A workload by name (echo, echo-legacy, open-10k, open-10k-by-1, open-10k-by-1000, open-30k, connections-1000,
    /// agents, faces, churn, get, stream) or a TOML file.
    #[arg(default_value = "echo")]
    workload: String,
    /// A URL of a server that runs; or what to start: a command, git:REVISION, peer:NAME. Absent: this Ringway.
    #[arg(long, value_name = "SPEC")]
    server: Option<Spec>,
    #[command(flatten)]
    vary: Vary,
    #[command(flatten)]
    cores: Cores,
    /// Between events: spin takes a whole core and wakes nobody late.
    #[arg(long, value_enum, default_value = "spin")]
    wait: Wait,
    /// Skip the second in which the generator's own ceiling is measured.
    #[arg(long)]
    no_ceiling: bool,
    /// Where peers are; otherwise in bench/peers, here or above.
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    #[command(flatten)]
    deliver: Deliver,
}

impl Run {
    pub fn perform(self) -> Result<ExitCode, String> {
        let workload = self.vary.apply(Workload::by_name_or_file(&self.workload)?)?;
        let record = self.measure(workload)?;
        self.deliver.deliver(
            &record,
            || report::text(&record, Paint::for_stdout()),
            || report::html(&record.workload.name, std::slice::from_ref(&record)),
        )?;
        let is_right = record.measured.errors.total() == 0 && record.measured.answer_count > 0;
        Ok(ExitCode::from(u8::from(!is_right)))
    }

    fn measure(&self, workload: Workload) -> Result<Record, String> {
        let mut ticker = Ticker::default();
        let spec = self.server.clone().map_or_else(own_server, Ok)?;
        let placed = self.cores.resolve(!matches!(spec, Spec::Url(_)))?;
        let mut prepared = spec.prepare_in(self.peers.as_deref(), &mut |what| ticker.tell(what))?;
        if prepared.is_constant() {
            ticker.tell("asking Ringway what a constant server is to answer");
            prepared.answers_with(bed::answer_to(&own_server()?.prepare(&mut |_| {})?, &workload, &placed.server)?);
        }
        let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        // Before the server is there: it would share the core with the stand-in.
        let ceiling_rps = self.ceiling(&workload, &placed, &mut ticker)?;
        ticker.tell("starting the server");
        let (running, _) = prepared.start(&placed.server)?;
        let plan = Plan {
            workload: prepared.suited(&workload)?,
            target: running.target.clone(),
            cpus: placed.generator.clone(),
            wait: self.wait,
        };
        let watch = Watch::begin(&[placed.server.as_slice(), &placed.generator].concat());
        let mut before = None;
        let mut opened = || before = running.usage();
        let mut outcome =
            load::run(&plan, &mut opened, &mut |progress| ticker.progress(&plan.workload.name, progress))?;
        running.check_alive()?;
        outcome.generator.ceiling_rps = ceiling_rps;
        outcome.measured.server = before.and_then(|before| running.used_since(before, outcome.measured.answer_count));
        ticker.clear();
        let mut record = Record {
            format: FORMAT,
            at,
            target: target(&prepared, &placed),
            workload: plan.workload,
            machine: watch.end(),
            generator: outcome.generator,
            measured: outcome.measured,
            doubts: Vec::new(),
        };
        record.doubts = doubts::of(&record, self.wait == Wait::Spin);
        Ok(record)
    }

    /// `None` where it was not asked for, or no core is left for the stand-in.
    fn ceiling(&self, workload: &Workload, placed: &Placed, ticker: &mut Ticker) -> Result<Option<f64>, String> {
        match placed.server.first() {
            Some(&cpu) if !self.no_ceiling && !placed.generator.contains(&cpu) => {
                ticker.tell("measuring the generator's own ceiling");
                ceiling::measure(workload, &placed.generator, cpu).map(Some)
            }
            _ => Ok(None),
        }
    }
}

fn target(prepared: &Prepared, placed: &Placed) -> Target {
    Target {
        name: prepared.name().to_owned(),
        commit: prepared.commit().map(str::to_owned),
        cpus: placed.server.clone(),
    }
}
