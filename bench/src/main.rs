//! `ringway-bench`: the bench by itself, for those who measure without Ringway at hand. `ringway bench` is the same.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;

/// Puts load on MCP servers, checks every answer, compares and gates.
#[derive(Parser)]
#[command(version, after_help = ringway_bench::EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    bench: ringway_bench::Bench,
}

fn main() -> ExitCode {
    Arguments::parse().bench.perform()
}
