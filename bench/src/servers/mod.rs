//! The servers under test: what the user named, started, known to be up, and ended. Ends only what it started.

use std::time::Duration;

use crate::load::Target;
use crate::record::ServerUsage;

/// What to measure, as the user names it.
///
/// - `http://127.0.0.1:8080/mcp` (also `https:`, `ws:`): something that runs already
/// - `ringway`, `./target/release/ringway serve --set a=b`: a command; where it listens is added
/// - `git:REVISION`: this repository at that revision, built once and kept
/// - `peer:NAME`: a folder of `bench/peers`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spec {
    Url(String),
    Command(Vec<String>),
    Revision(String),
    Peer(String),
}

/// A spec made ready to start: built or installed. Starting is then quick, and may happen many times.
pub struct Prepared {}

/// A running server. Dropping it ends it, if it is ours.
pub struct Running {
    pub target: Target,
}

/// What a server used up to a moment; two of them make a [`ServerUsage`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub ran_ns: u64,
    pub waited_ns: u64,
}

impl std::str::FromStr for Spec {
    type Err = String;

    fn from_str(_text: &str) -> Result<Self, String> {
        unimplemented!()
    }
}

impl Spec {
    /// Builds or installs, which may take minutes; `tell` hears what it is doing.
    pub fn prepare(&self, _tell: &mut dyn FnMut(&str)) -> Result<Prepared, String> {
        unimplemented!()
    }
}

impl Prepared {
    /// Starts it on these cores, and waits for its first right answer. With its time from spawn to that answer.
    pub fn start(&self, _cpus: &[usize]) -> Result<(Running, Duration), String> {
        unimplemented!()
    }
}

impl Running {
    /// `None` for what is not ours.
    pub fn usage(&self) -> Option<Usage> {
        unimplemented!()
    }

    /// What it used since `before`, for `answer_count` answers.
    pub fn used_since(&self, _before: Usage, _answer_count: u64) -> Option<ServerUsage> {
        unimplemented!()
    }
}
