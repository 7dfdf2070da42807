//! `ringway audit`: checks, shows and exports an audit log from its files, whether a server writes to them or not. It never
//! changes one. Start at `arguments.rs`.

mod arguments;

mod export;

mod folder;

mod output;

mod row;

mod tail;

mod verify;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

pub use arguments::Audit;

use crate::tools::text;

/// How a verb ended. The codes are documented in `examples.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// What was looked at is whole.
    Good,
    /// It is not.
    Broken,
}

/// Why it could not be done, as a sentence.
#[derive(Debug)]
enum Trouble {
    /// Files or options must be mended.
    Sentence(String),
    /// Whoever reads has seen enough.
    ReaderLeft,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        match error.kind() {
            ErrorKind::BrokenPipe => Trouble::ReaderLeft,
            _ => Trouble::Sentence(format!("standard output takes nothing: {error}")),
        }
    }
}

/// Does what was asked, and says what went wrong in a sentence.
pub fn run(audit: &Audit) -> ExitCode {
    let ended = match audit {
        Audit::Verify(verb) => verify::run(verb),
        Audit::Tail(verb) => tail::run(verb),
        Audit::Export(verb) => export::run(verb),
    };
    match ended {
        Ok(Ended::Good) | Err(Trouble::ReaderLeft) => ExitCode::SUCCESS,
        Ok(Ended::Broken) => ExitCode::from(1),
        Err(Trouble::Sentence(sentence)) => {
            remark(&sentence);
            ExitCode::from(2)
        }
    }
}

/// Says something on standard error.
fn remark(sentence: &str) {
    // Standard error that is closed leaves nobody to tell.
    let _ = writeln!(io::stderr(), "ringway: {}", text::one_line(sentence));
}
