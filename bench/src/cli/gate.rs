//! `bench gate`.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;

use crate::cli::cores::Cores;
use crate::cli::print::{Output, print};
use crate::gate::budgets::Budgets;
use crate::gate::finding::Gate as Report;
use crate::gate::judge::judge;
use crate::gate::laboratory::{Real, Setup};
use crate::history::{self, Entry};
use crate::servers::{Spec, own_server, run_to_end};

/// Holds a build against its budgets: instruction and allocation counts, ratios to a baseline build and to a yardstick in
/// the same slices of time, and on a quiet machine absolute figures.
///
/// Exit code: 0 what was judged holds; 1 a budget is broken (it is named) or answers were wrong; 2 a budget could not be
/// measured here (--allow-missing: that is no mistake). A budget without a test or a value is `unverified`, one that a noisy
/// machine cannot tell is `not judged`; neither changes the exit code.
#[derive(clap::Args)]
pub struct Gate {
    #[arg(long, value_name = "FILE", default_value = "bench/budgets.toml")]
    budgets: PathBuf,
    /// The build to judge: a command, git:REVISION or a URL. Otherwise the ringway that runs this, or target/release/ringway.
    #[arg(long, value_name = "SERVER")]
    server: Option<Spec>,
    /// What `paired` budgets compare with, instead of what the budgets say.
    #[arg(long, value_name = "SERVER")]
    baseline: Option<Spec>,
    /// Only these budgets.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// About a minute a group of budgets, and without those that take long.
    #[arg(long)]
    short: bool,
    /// A budget that cannot be measured on this machine is shown and is no mistake.
    #[arg(long)]
    allow_missing: bool,
    /// Append the results to this file, a line a gate.
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    #[command(flatten)]
    cores: Cores,
    /// Where peers are; otherwise in bench/peers, here or above.
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// How to show it.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

impl Gate {
    pub fn perform(self) -> Result<ExitCode, String> {
        let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        let text = std::fs::read_to_string(&self.budgets)
            .map_err(|error| format!("{}: {error}; --budgets names another file", self.budgets.display()))?;
        let budgets = Budgets::parse(&text)
            .and_then(|budgets| budgets.only(&self.only))
            .map_err(|why| in_file(&self.budgets, &why))?;
        let written = budgets.baseline.as_deref().map(str::parse::<Spec>).transpose();
        let written = written.map_err(|why| in_file(&self.budgets, &format!("baseline: {why}")))?;
        let baseline = self.baseline.clone().or(written);
        let server = self.server.clone().map_or_else(own_server, Ok)?;
        let placed = self.cores.resolve(true)?;
        let mut laboratory = Real::new(Setup {
            server: server.clone(),
            baseline: baseline.clone(),
            peers: self.peers.clone(),
            server_cpus: placed.server,
            cpus: placed.generator,
            instructions: budgets.instructions.clone(),
            allocations: budgets.allocations.clone(),
        });
        let judged = judge(&budgets, self.short, &mut laboratory);
        let machine = laboratory.close();
        let judged = judged?;
        let report = Report {
            at,
            machine,
            server: server.to_string(),
            baseline: baseline.map(|baseline| baseline.to_string()),
            findings: judged.findings,
            wrong: judged.wrong,
        };
        // Shown first: minutes of measuring are not to be lost to a file that cannot be written.
        self.show(&report)?;
        let code = report.exit_code(self.allow_missing);
        match self.history.as_ref().map_or(Ok(()), |path| history::append(path, &entry(&report))) {
            // The worse of two news is the exit code.
            Err(why) if code == 1 => eprintln!("bench: --history {why}"),
            kept => kept.map_err(|why| format!("--history {why}"))?,
        }
        Ok(ExitCode::from(code))
    }

    fn show(&self, report: &Report) -> Result<(), String> {
        let text = match self.output {
            Output::Text => report.text(),
            Output::Json => serde_json::to_string_pretty(report).map_err(|error| error.to_string())? + "\n",
        };
        print(&text)
    }
}

fn in_file(path: &Path, mistakes: &str) -> String {
    mistakes.lines().map(|mistake| format!("{}: {mistake}", path.display())).collect::<Vec<_>>().join("\n")
}

/// What was measured, with the commit of the working tree it was measured in.
fn entry(report: &Report) -> Entry {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.args(arguments);
        run_to_end("git", command).map(|output| output.trim().to_owned()).ok()
    };
    let machine = &report.machine;
    Entry {
        at: report.at.clone(),
        commit: git(&["rev-parse", "HEAD"]),
        is_dirty: git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty()),
        machine: format!("{}, {} x {}, {}", machine.host, machine.core_count, machine.cpu_model, machine.kernel),
        is_quiet: machine.quiet.is_quiet,
        results: report.findings.iter().filter_map(|finding| Some((finding.name.clone(), finding.measured?))).collect(),
    }
}
