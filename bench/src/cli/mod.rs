//! The command line of `ringway bench` and `ringway-bench`: one file a verb. Parses, calls, prints; measures nothing itself.

mod cores;
mod deliver;
mod print;
mod vary;
pub mod examples;
pub mod run;
pub mod compare;
pub mod gate;
pub mod report;
pub mod stand_in;

use std::process::ExitCode;

/// Measure MCP servers.
#[derive(clap::Subcommand)]
pub enum Bench {
    /// Put a workload on one server, check every answer, report latency and throughput.
    #[command(after_help = examples::RUN)]
    Run(run::Run),
    /// Two or more servers in interleaved rounds: the effect, its interval, whether it is real.
    #[command(after_help = examples::COMPARE)]
    Compare(compare::Compare),
    /// Hold this build against bench/budgets.toml; exit code 1 names the budget that is broken.
    #[command(after_help = examples::GATE)]
    Gate(gate::Gate),
    /// Show stored results, as text or as one HTML page that opens offline.
    #[command(after_help = examples::REPORT)]
    Report(report::Report),
    /// A server that does nothing, or nothing but wait as planned: to measure the harness itself.
    #[command(after_help = examples::STAND_IN)]
    StandIn(stand_in::StandIn),
}

impl Bench {
    /// 0 as wanted; 1 wrong answers or a budget broken; 2 could not be done.
    pub fn perform(self) -> ExitCode {
        let done = match self {
            Self::Run(run) => run.perform(),
            Self::Compare(compare) => compare.perform(),
            Self::Gate(gate) => gate.perform(),
            Self::Report(report) => report.perform(),
            Self::StandIn(stand_in) => stand_in.perform(),
        };
        done.unwrap_or_else(|why| {
            eprintln!("bench: {why}");
            ExitCode::from(2)
        })
    }
}
