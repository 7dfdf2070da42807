//! The flags of `ringway keys`. It reads no file.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueEnum};

use super::examples;

/// The verbs of `ringway keys`.
#[derive(Subcommand)]
pub enum Keys {
    /// Make a key and print it, this once; the file is made when there is none.
    #[command(after_help = examples::CREATE)]
    Create(Create),
    /// List the keys, without their secrets.
    #[command(after_help = examples::LIST)]
    List(List),
    /// Take a key back, for good.
    #[command(after_help = examples::REVOKE)]
    Revoke(Revoke),
    /// Give a key another secret and print it, this once; the one before lives on for a while.
    #[command(after_help = examples::ROTATE)]
    Rotate(Rotate),
}

/// Which file, and how to answer.
#[derive(Args)]
pub struct Common {
    /// The file that the keys are kept in.
    #[arg(long, value_name = "FILE")]
    pub file: PathBuf,
    /// Print for people or for programs.
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// How answers are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people; a key alone on its line.
    #[value(alias = "table")]
    Text,
    /// For programs.
    Json,
}

/// Flags of `keys create`.
#[derive(Args)]
pub struct Create {
    #[command(flatten)]
    pub common: Common,
    /// What people call it.
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// What its holder may do, like mcp:read; repeatable, or with commas.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    pub scopes: Vec<String>,
    /// What its holder is, like agent; repeatable, or with commas.
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    pub roles: Vec<String>,
    /// Tools it is for, as a glob like 'get_*'; repeatable, or with commas; any tool when absent.
    #[arg(long = "permission", value_name = "GLOB", value_delimiter = ',')]
    pub permissions: Vec<String>,
    /// When it ends: in a time like 90d, or at one like 2027-01-31T00:00:00Z; never when absent.
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub expires: Option<Expiry>,
    /// Requests a second of its own, in the long run.
    #[arg(long, value_name = "REQUESTS")]
    pub rate: Option<f64>,
    /// Requests at once, after a rest; those of a second when absent.
    #[arg(long, value_name = "REQUESTS", requires = "rate")]
    pub burst: Option<u32>,
}

/// Flags of `keys list`.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    pub common: Common,
}

/// Flags of `keys revoke`.
#[derive(Args)]
pub struct Revoke {
    /// The id of the key, as `ringway keys list` has it.
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub common: Common,
}

/// Flags of `keys rotate`.
#[derive(Args)]
pub struct Rotate {
    /// The id of the key, as `ringway keys list` has it.
    #[arg(value_name = "ID")]
    pub id: String,
    /// How long the secret before is good too, like 24h; 0s ends it at once.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = grace)]
    pub grace: Duration,
    #[command(flatten)]
    pub common: Common,
}

/// When a key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// So long after it is made.
    In(Duration),
    /// At a time.
    At(SystemTime),
}

fn expiry(text: &str) -> Result<Expiry, String> {
    if let Ok(time) = humantime::parse_rfc3339_weak(text) {
        return Ok(Expiry::At(time));
    }
    match humantime::parse_duration(text) {
        Ok(duration) if !duration.is_zero() => Ok(Expiry::In(duration)),
        _ => Err("write a time to come, like 90d, 12h or 2027-01-31T00:00:00Z".to_owned()),
    }
}

fn grace(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write a time with its unit, like 24h, 30m or 0s".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_times_with_units() {
        assert_eq!(expiry("90d"), Ok(Expiry::In(Duration::from_secs(90 * 86_400))));
        assert!(matches!(expiry("2027-01-31T00:00:00Z"), Ok(Expiry::At(_))));
        assert!(matches!(expiry("2027-01-31 00:00:00"), Ok(Expiry::At(_))));
        for wrong in ["", "0s", "90", "soon", "-1d"] {
            assert!(expiry(wrong).is_err(), "{wrong}");
        }
        assert_eq!(grace("0s"), Ok(Duration::ZERO));
        assert!(grace("1").is_err());
    }
}
