//! The flags of `ringway tools`. It never connects.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::examples;

/// The verbs of `ringway tools`.
#[derive(Subcommand)]
pub enum Tools {
    /// List the tools of a server.
    #[command(after_help = examples::TOOLS_LIST)]
    List(List),
    /// Call a tool and print what it answers.
    #[command(after_help = examples::TOOLS_CALL)]
    Call(Call),
}

/// Flags of `tools list`.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    pub connection: Connection,
}

/// Flags of `tools call`.
#[derive(Args)]
pub struct Call {
    /// The tool, as `ringway tools list` names it.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Its arguments: one JSON object, @FILE, - for standard input, or KEY=VALUE pairs; none when absent.
    #[arg(value_name = "ARGUMENTS")]
    pub input: Vec<String>,
    #[command(flatten)]
    pub connection: Connection,
}

/// Which server, and how to speak with it.
#[derive(Args)]
pub struct Connection {
    /// The MCP endpoint of the server.
    #[arg(
        long,
        value_name = "URL",
        env = "RINGWAY_URL",
        hide_env_values = true,
        default_value = "http://127.0.0.1:9999/mcp"
    )]
    pub url: String,
    /// A header for every request, like 'Authorization: Bearer …'; repeatable, in the environment one a line.
    // Parsed by hand: clap would repeat a value that it refuses, and this one may be a secret.
    #[arg(long = "header", value_name = "NAME: VALUE", env = "RINGWAY_HEADER", hide_env_values = true)]
    #[arg(value_delimiter = '\n')]
    pub headers: Vec<String>,
    /// How long it may take in all, like 30s or 5m.
    // A server of ours ends a call after 300 s by itself.
    #[arg(long, value_name = "TIME", default_value = "300s", value_parser = duration)]
    pub timeout: Duration,
    /// Print a table (text, for a call) or JSON; a table on a terminal, JSON elsewhere when absent.
    #[arg(short, long, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// No progress and no remarks; errors are said all the same.
    #[arg(short, long)]
    pub quiet: bool,
}

/// How answers are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[value(alias = "text")]
    Table,
    /// For programs: what the server sent, indented.
    Json,
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().map(Duration::from_secs);
    let duration = seconds.or_else(|_| humantime::parse_duration(text)).map_err(|error| error.to_string())?;
    if duration.is_zero() { Err("no answer comes in no time".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a time is read with its unit, or in seconds without one; nothing else is.
    #[test]
    fn times_have_units() {
        assert_eq!(duration("30"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        for wrong in ["", "-1", "0", "0s", "soon", "5 fortnights"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
