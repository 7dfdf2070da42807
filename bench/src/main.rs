//! `ringway-bench`: puts load on an MCP server and checks every answer. A black box: it knows the wire and none of our
//! crates, so that it measures whatever speaks the protocol, and a bug of ours cannot hide in code shared by both sides.
//!
//! Start at `load`, the run from beginning to end.

#![forbid(unsafe_code)]

mod arguments;
mod preset;
mod request;
mod stamp;
mod load;
mod schedule;
mod poller;
mod connection;
mod session;
mod response;
mod expect;
mod tally;
mod report;

use std::io::Write;
use std::num::NonZeroU64;
use std::process::ExitCode;

use rustix::thread::{CpuSet, sched_setaffinity, set_current_timer_slack};

use crate::arguments::{Command, Plan};

fn main() -> ExitCode {
    let done = arguments::parse(std::env::args_os()).and_then(|command| match command {
        Command::Help => print(arguments::USAGE.as_bytes()).map(|()| ExitCode::SUCCESS),
        Command::Request(plan) => print_request(&plan).map(|()| ExitCode::SUCCESS),
        Command::Load(plan) => put_load(&plan),
    });
    done.unwrap_or_else(|why| {
        eprintln!("ringway-bench: {why}");
        ExitCode::from(2)
    })
}

fn put_load(plan: &Plan) -> Result<ExitCode, String> {
    own_the_core(plan.cpu)?;
    let tally = load::run(plan)?;
    let numbers = report::numbers(plan, &tally);
    let report = if plan.json { report::json(plan, &numbers) + "\n" } else { report::text(plan, &numbers) };
    print(report.as_bytes())?;
    if let Some(first_wrong) = &tally.first_wrong {
        eprintln!("ringway-bench: the first wrong answer: {first_wrong}");
    }
    let is_right = tally.error_count() == 0 && tally.window_answer_count > 0;
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The marks stay in it: whoever sends it elsewhere puts a number of twelve digits there.
fn print_request(plan: &Plan) -> Result<(), String> {
    print(plan.dial.request.render(&plan.dial.addr.to_string(), &[]).as_bytes())
}

fn own_the_core(cpu: Option<usize>) -> Result<(), String> {
    if let Some(cpu) = cpu {
        if cpu >= CpuSet::MAX_CPU {
            return Err(format!("--cpu goes to {}", CpuSet::MAX_CPU - 1));
        }
        let mut cpus = CpuSet::new();
        cpus.set(cpu);
        sched_setaffinity(None, &cpus).map_err(|error| format!("--cpu {cpu}: {error}"))?;
    }
    // A sleep may otherwise end 50 us late by design, half of what lies between two requests at 10,000 a second.
    set_current_timer_slack(NonZeroU64::new(1)).map_err(|error| format!("timer slack: {error}"))
}

fn print(bytes: &[u8]) -> Result<(), String> {
    std::io::stdout().write_all(bytes).map_err(|error| format!("stdout: {error}"))
}
