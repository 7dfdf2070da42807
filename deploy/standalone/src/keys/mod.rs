//! `ringway keys`: the keys that callers show, in a file of this server's own. It never prints a secret but once, when it
//! is made, and never talks to a server: one that runs reads the file again by itself. Start at `verbs.rs`.

mod arguments;

mod examples;

pub mod store;

mod verbs;

mod text;

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

pub use arguments::Keys;
pub use examples::KEYS;
pub use verbs::random;

/// Why nothing was done, in one sentence. It never carries a key.
#[derive(Debug)]
pub enum Trouble {
    /// There is no such key, or it cannot be changed.
    Refused(String),
    /// The command line or a file must be mended.
    Usage(String),
}

impl Trouble {
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Trouble::Refused(_) => 1,
            Trouble::Usage(_) => 2,
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Refused(text) | Trouble::Usage(text) => formatter.write_str(text),
        }
    }
}

/// Does what was asked, and says what went wrong in a sentence.
pub fn run(keys: Keys) -> ExitCode {
    match verbs::run(keys) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            // A path may hold what steers a terminal. Standard error that is closed leaves nobody to tell.
            let tame = |c: char| if c.is_control() { '\u{fffd}' } else { c };
            let line: String = trouble.to_string().chars().map(tame).collect();
            let _ = writeln!(std::io::stderr(), "ringway: {line}");
            trouble.exit_code()
        }
    }
}
