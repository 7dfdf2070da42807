//! Why a call came to nothing, in one sentence, and the exit code that says whose side it was on. It never carries a
//! header's value. The codes are documented in `--help` and the man pages by `examples.rs`.

use std::fmt;
use std::process::ExitCode;

use super::message::ErrorObject;

/// What went wrong.
#[derive(Debug)]
pub enum Trouble {
    /// The tool or the server said no, or what it said is not MCP.
    Refused(String),
    /// The command line, a file or the environment must be mended.
    Usage(String),
    /// No answer: nobody listens, the way there is broken, or time ran out.
    Unreachable(String),
}

impl Trouble {
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Trouble::Refused(_) => 1,
            Trouble::Usage(_) => 2,
            Trouble::Unreachable(_) => 3,
        })
    }

    /// A JSON-RPC error in answer to `method`.
    pub fn of_error(url: &str, method: &str, error: &ErrorObject) -> Trouble {
        Trouble::Refused(format!("{url} refuses {method}: {} ({})", error.message, error.code))
    }

    /// An answer of HTTP alone; `text` is what it says of itself.
    pub fn of_status(url: &str, status: u16, text: &str) -> Trouble {
        let sentence = match status {
            300..=399 if !text.is_empty() => format!("{url} has moved: name {text} with --url"),
            401 => {
                let advice = "send a token with --header 'Authorization: Bearer …' or in RINGWAY_HEADER";
                format!("{url} wants to know who calls (401): {advice}")
            }
            403 => format!("{url} does not allow this caller (403): check --header, and the server's allowed hosts"),
            404 | 405 => format!("{url} does not serve MCP ({status}): check the path of --url, which often is /mcp"),
            429 | 503 if !text.is_empty() => {
                format!("{url} has no room for this call ({status}): try again in {text} s")
            }
            429 | 503 => format!("{url} has no room for this call ({status}): try again later"),
            200..=299 => format!("{url} answers what is not MCP: check the path of --url, which often is /mcp"),
            _ => format!("{url} answers with status {status}: {text}"),
        };
        Trouble::Refused(sentence.trim_end_matches(": ").to_owned())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Refused(text) | Trouble::Usage(text) | Trouble::Unreachable(text) => formatter.write_str(text),
        }
    }
}
