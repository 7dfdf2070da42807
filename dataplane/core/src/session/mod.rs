//! State that outlives a request, bounded and expiring: handles for sessions and tasks, and the log of a stream's events.
//! It never reads a clock and never makes randomness: both are handed in.

pub mod handle;

pub mod table;

pub mod event_log;

pub use event_log::EventLog;
pub use handle::Handle;
pub use table::Table;
