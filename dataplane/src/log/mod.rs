//! Logs, written off the shards: whoever logs puts a line into a bounded queue and goes on; one thread writes. A line that
//! finds its queue full is dropped and counted. It never holds a token or a tool's argument.

mod access;

mod entry;

mod output;

mod writer;

pub use access::AccessLog;
pub use output::LogOutput;
pub use writer::{LineSink, LogOptions, LogWriter};

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Pretty,
}
