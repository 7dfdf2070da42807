//! The audit log, written off the shards: a shard packs a record into memory that it uses again, puts it into a bounded queue
//! and goes on, or waits until it is on disk where that is asked for; one thread gives records their place in the chain
//! (`ringway_core::audit`) and writes them. START HERE: [`AuditLog::open`], [`AuditHandle::submit`]. It never holds a
//! credential or an argument, and nothing it loses is lost without being counted.

mod disk;

mod durable;

mod handle;

mod open;

mod options;

mod queue;

mod recover;

mod state;

mod writer;

pub use durable::{Durable, NotDurable};
pub use handle::{AuditHandle, Effect, NoPlace, Place, Submitted};
pub use open::AuditLog;
pub use options::{AuditOptions, Fsync, OnFailure};
pub use state::{AuditCounts, AuditState};

/// Microseconds since 1970.
fn unix_us() -> u64 {
    // A clock before 1970 is wrong, and its records say so.
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since.as_micros() as u64
}

#[cfg(test)]
mod tests;
