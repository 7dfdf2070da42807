//! The command line. It never starts anything.

use clap::{Args, Parser, Subcommand};

use crate::{audit, completion, config, examples, explain, keys, man, tools};

/// Ringway: an MCP server and gateway for agent traffic that cannot wait.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = examples::RINGWAY)]
pub struct Arguments {
    /// What to do; `serve` when absent.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of `serve`.
    #[command(flatten)]
    pub serve: Box<Serve>,
}

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Serve MCP over HTTP, one shard a core (the default).
    #[command(after_help = examples::SERVE)]
    Serve(Box<Serve>),
    /// Serve MCP over standard input and output, for one client.
    #[command(after_help = examples::STDIO)]
    Stdio,
    /// List and call the tools of any MCP server.
    #[command(subcommand, after_help = examples::TOOLS)]
    Tools(tools::Tools),
    /// Make, list, rotate and revoke the keys that callers show.
    #[command(subcommand, after_help = keys::KEYS)]
    Keys(keys::Keys),
    /// Show, explain and begin a configuration.
    #[command(subcommand, after_help = examples::CONFIG)]
    Config(config::Verb),
    /// Check a configuration file: exit code 0, or 2 and every mistake with its place.
    #[command(after_help = examples::VALIDATE)]
    Validate(config::Validate),
    /// Why a request was answered as it was.
    #[command(after_help = examples::EXPLAIN)]
    Explain(explain::Explain),
    /// Check, show and export an audit log.
    #[command(subcommand, after_help = examples::AUDIT)]
    Audit(audit::Audit),
    /// Measure this Ringway or any other MCP server: load, comparison, performance gate, reports.
    #[command(subcommand, after_help = ringway_bench::EXAMPLES)]
    Bench(ringway_bench::Bench),
    /// Print a completion script for a shell.
    #[command(after_help = examples::COMPLETION)]
    Completion(completion::Completion),
    /// Print the manual page, or write one a verb.
    #[command(after_help = examples::MAN)]
    Man(man::Manual),
}

/// Options of `serve`.
#[derive(Args)]
pub struct Serve {
    /// What it is configured with, besides a file and the environment.
    #[command(flatten)]
    pub flags: config::Flags,
}
