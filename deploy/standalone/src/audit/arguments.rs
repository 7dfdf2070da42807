//! The flags of `ringway audit`. It never opens a file.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueEnum};
use ringway_dataplane::audit_log::{Anchor, hash_of_hex};

use crate::examples;

/// The verbs of `ringway audit`.
#[derive(Subcommand)]
pub enum Audit {
    /// Check that no record was changed, removed or moved: exit code 0, or 1 and the first that was.
    #[command(after_help = examples::AUDIT_VERIFY)]
    Verify(Verify),
    /// Show the last records, and those that come.
    #[command(after_help = examples::AUDIT_TAIL)]
    Tail(Tail),
    /// Print the records that are asked for, for other programs.
    #[command(after_help = examples::AUDIT_EXPORT)]
    Export(Export),
}

/// Flags of `audit verify`.
#[derive(Args)]
pub struct Verify {
    /// The folder of the log.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Begin with the file that has this record, which must be there.
    #[arg(long, value_name = "SEQ")]
    pub from: Option<u64>,
    /// A record that was noted before, as SEQ:HASH: it must be there, with this hash.
    #[arg(long, value_name = "SEQ:HASH", value_parser = anchor)]
    pub anchor: Option<Anchor>,
    #[command(flatten)]
    pub output: Output,
}

/// Flags of `audit tail`.
#[derive(Args)]
pub struct Tail {
    /// The folder of the log.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Go on with records as they are written.
    #[arg(short, long)]
    pub follow: bool,
    /// How many of the last records.
    // A screen of them. As many are held in memory, 120 MiB of the longest ones at the most.
    #[arg(short = 'n', long = "lines", value_name = "COUNT", default_value_t = 20)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=10_000))]
    pub count: u32,
    #[command(flatten)]
    pub output: Output,
}

/// Flags of `audit export`.
#[derive(Args)]
pub struct Export {
    /// The folder of the log.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// JSON, one object a line as it was written, or CSV.
    #[arg(short = 'o', long, value_name = "FORMAT", default_value = "json")]
    pub format: ExportFormat,
    /// Records from this time on: 2026-01-31T12:00:00Z, or how long ago, like 2h or 7d.
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<SystemTime>,
    /// Records of this principal.
    #[arg(long, value_name = "NAME")]
    pub principal: Option<String>,
    /// Records about this tool.
    #[arg(long, value_name = "NAME")]
    pub tool: Option<String>,
    /// Records of this decision.
    #[arg(long, value_name = "DECISION")]
    pub decision: Option<Decided>,
}

/// How something is printed.
#[derive(Args)]
pub struct Output {
    /// Print text or JSON; text on a terminal, JSON elsewhere when absent.
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
}

impl Output {
    /// The format that is meant.
    pub fn format(&self) -> Format {
        self.output.unwrap_or_else(|| if io::stdout().is_terminal() { Format::Text } else { Format::Json })
    }
}

/// How something is printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[value(alias = "table")]
    Text,
    /// For programs.
    Json,
}

/// How records are exported.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One object a line, as it was written.
    Json,
    /// One row a record, with a head.
    Csv,
}

/// A decision.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Decided {
    /// They might.
    Allowed,
    /// They might not.
    Denied,
}

impl Decided {
    /// Its word in the log.
    pub fn word(self) -> &'static str {
        match self {
            Decided::Allowed => "allowed",
            Decided::Denied => "denied",
        }
    }
}

fn anchor(text: &str) -> Result<Anchor, String> {
    let read = text.split_once(':').and_then(|(sequence, hash)| {
        Some(Anchor { sequence: sequence.parse().ok()?, hash: hash_of_hex(hash.as_bytes())? })
    });
    read.ok_or_else(|| "it is a number, a colon and 64 hexadecimal digits, as `audit verify` prints them".to_owned())
}

fn since(text: &str) -> Result<SystemTime, String> {
    if let Ok(time) = humantime::parse_rfc3339_weak(text) {
        return Ok(time);
    }
    let ago: Duration = humantime::parse_duration(text)
        .map_err(|_| "it is a time like 2026-01-31T12:00:00Z, or how long ago, like 2h or 7d".to_owned())?;
    Ok(SystemTime::now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_and_times_are_read_or_refused() {
        let hash = "0f".repeat(32);
        let read = anchor(&format!("12:{hash}")).expect("an anchor");
        assert_eq!((read.sequence, read.hash), (12, [15; 32]));
        for wrong in ["", "12", &hash, &format!("x:{hash}"), "12:0f"] {
            assert!(anchor(wrong).is_err(), "{wrong}");
        }
        let day = SystemTime::UNIX_EPOCH + Duration::from_secs(86_400);
        assert_eq!(since("1970-01-02T00:00:00Z"), Ok(day));
        assert_eq!(since("1970-01-02 00:00:00"), Ok(day));
        assert!(since("2h").is_ok_and(|time| time < SystemTime::now()));
        assert!(since("soon").is_err());
    }
}
