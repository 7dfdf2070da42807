//! What is wrong with a configuration, and where. It never decides what is wrong.

use std::fmt::{self, Write as _};
use std::sync::Arc;

/// Where a value, or a mistake, came from. The order is that of precedence, and within a source that of its places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The profile of that name.
    Profile(&'static str),
    /// A place in the configuration file; line 0 is the file as a whole.
    File { path: Arc<str>, line: usize, column: usize },
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::Profile(name) => write!(f, "profile {name}"),
            Origin::File { path, line: 0, .. } => f.write_str(path),
            Origin::File { path, line, column } => write!(f, "{path}:{line}:{column}"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One mistake: its place, what is wrong and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is.
    pub at: Origin,
    /// What is wrong, and the fix.
    pub text: String,
}

impl Problem {
    /// A mistake at a place.
    pub fn new(at: Origin, text: impl Into<String>) -> Problem {
        Problem { at, text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A key that nobody knows is repeated as it is written, and must not steer the terminal that shows it.
        for letter in format!("{}: {}", self.at, self.text).chars() {
            if letter.is_control() { write!(f, "{}", letter.escape_default())? } else { f.write_char(letter)? }
        }
        Ok(())
    }
}

/// Problems that are told; a file of 256 KiB can have a hundred thousand.
const PROBLEMS_MAX: usize = 100;

/// Everything found: what keeps a configuration from being used, and what its author should know.
#[derive(Debug, Default)]
pub struct Findings {
    /// With one of these nothing is used.
    pub errors: Vec<Problem>,
    /// These are told, and the configuration is used.
    pub warnings: Vec<Problem>,
    /// Keys whose value was not understood: nothing more is concluded from them.
    pub bad: Vec<&'static str>,
}

impl Findings {
    /// Adds an error.
    pub fn error(&mut self, at: &Origin, text: impl Into<String>) {
        self.errors.push(Problem::new(at.clone(), text));
    }

    /// Adds a warning.
    pub fn warning(&mut self, at: &Origin, text: impl Into<String>) {
        self.warnings.push(Problem::new(at.clone(), text));
    }

    /// In the order of their places, each once, and no more than anybody would read.
    pub fn sort(&mut self) {
        for list in [&mut self.errors, &mut self.warnings] {
            list.sort();
            list.dedup();
            let more = list.len().saturating_sub(PROBLEMS_MAX);
            list.truncate(PROBLEMS_MAX);
            if let (Some(last), true) = (list.last_mut(), more > 0) {
                last.text.push_str(&format!(" (and {more} more like these)"));
            }
        }
    }
}
