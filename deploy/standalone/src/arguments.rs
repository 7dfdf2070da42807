//! The command line. It never starts anything.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use ringway_dataplane::{AllowList, CpuList, Limits, Options, Policy, StartError};

use crate::{completion, examples, man, tools};

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
    /// Where MCP is served, besides health and metrics.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9999")]
    listen: SocketAddr,
    /// Where health, metrics and status are served for operators.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9990")]
    admin_listen: SocketAddr,
    /// Shards to run; one a core when absent.
    #[arg(long, value_name = "N")]
    shards: Option<usize>,
    /// Cores to run on, like 2-5 or 0,2; those this process may use when absent.
    #[arg(long, value_name = "LIST")]
    cpus: Option<CpuList>,
    /// A Host this server answers for, besides loopback names; repeatable, `*` for any.
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// An Origin whose pages may call, besides those on loopback; repeatable, `*` for any.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
    /// Connections a shard holds; one more is answered 503.
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections_max)]
    connections_max: usize,
    /// Calls of a shard that wait for a tool; one more is answered 503.
    #[arg(long, value_name = "N", default_value_t = Limits::default().in_flight_max)]
    in_flight_max: usize,
    /// Sessions of clients before 2026-07-28 that a shard holds.
    #[arg(long, value_name = "N", default_value_t = Limits::default().sessions_max)]
    sessions_max: usize,
    /// Bytes of a request body; more is answered 413.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body_bytes_max)]
    body_bytes_max: usize,
    /// Bytes of a request head; more is answered 431.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().head_bytes_max)]
    head_bytes_max: usize,
    /// Header fields of a request; more is answered 431.
    #[arg(long, value_name = "N", default_value_t = Limits::default().head_fields_max as u16,
          value_parser = clap::value_parser!(u16).range(1..=256))]
    head_fields_max: u16,
    /// Bytes of a request target; more is answered 414.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().target_bytes_max)]
    target_bytes_max: usize,
    /// Seconds within which a draining server ends.
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().drain_time_max.as_secs())]
    drain_seconds_max: u64,
}

impl Serve {
    /// The options of the data plane.
    ///
    /// # Errors
    /// When a host or an origin cannot be one.
    pub fn options(self) -> Result<Options, StartError> {
        let limits = Limits {
            connections_max: self.connections_max,
            in_flight_max: self.in_flight_max,
            sessions_max: self.sessions_max,
            body_bytes_max: self.body_bytes_max,
            head_bytes_max: self.head_bytes_max,
            head_fields_max: usize::from(self.head_fields_max),
            target_bytes_max: self.target_bytes_max,
            drain_time_max: Duration::from_secs(self.drain_seconds_max),
            ..Limits::default()
        };
        let mut allowed = AllowList::loopback();
        for host in &self.allow_host {
            allowed.allow_host(host).map_err(|error| StartError::Option(format!("--allow-host: {error}")))?;
        }
        for origin in &self.allow_origin {
            allowed.allow_origin(origin).map_err(|error| StartError::Option(format!("--allow-origin: {error}")))?;
        }
        Ok(Options {
            listen: self.listen,
            admin_listen: Some(self.admin_listen),
            shards: self.shards,
            cpus: self.cpus,
            policy: Policy { limits, allowed, ..Policy::default() },
            ..Options::default()
        })
    }
}
