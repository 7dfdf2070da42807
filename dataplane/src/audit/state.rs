//! How the audit log is, readable by everybody: a few atomics that the thread which writes sets. It never waits.

use std::io;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// How the log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditState {
    /// It is written.
    Healthy,
    /// It cannot be written, and the writer tries again.
    Failing {
        /// Since when, in microseconds since 1970.
        since_unix_us: u64,
        /// What the system says.
        error: String,
    },
}

/// What was counted since the log was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditCounts {
    /// Records that were written, headers among them.
    pub written: u64,
    /// Bytes of them.
    pub written_bytes: u64,
    /// Records that found no room and are nowhere.
    pub lost: u64,
    /// Records that were not taken, and whose callers were refused.
    pub refused: u64,
    /// Times that the disk was asked to keep what it has.
    pub syncs: u64,
    /// Times that writing failed.
    pub failures: u64,
}

/// What stands for an error that is not of the system.
const FAULT: i32 = -1;

/// The state, as atomics.
#[derive(Debug, Default)]
pub struct State {
    /// Zero while it is healthy.
    failing_since_us: AtomicU64,
    errno: AtomicI32,
    pub written: AtomicU64,
    pub written_bytes: AtomicU64,
    pub syncs: AtomicU64,
    pub failures: AtomicU64,
}

impl State {
    /// How it is.
    pub fn load(&self) -> AuditState {
        let since_unix_us = self.failing_since_us.load(Ordering::SeqCst);
        if since_unix_us == 0 {
            return AuditState::Healthy;
        }
        let error = match self.errno.load(Ordering::Relaxed) {
            FAULT => "the writer ended by a fault; start again".to_owned(),
            errno => io::Error::from_raw_os_error(errno).to_string(),
        };
        AuditState::Failing { since_unix_us, error }
    }

    /// Whether it cannot be written.
    pub fn is_failing(&self) -> bool {
        self.failing_since_us.load(Ordering::SeqCst) != 0
    }

    /// It could not be written. True when it could before.
    pub fn handle_failure(&self, error: Option<&io::Error>, now_unix_us: u64) -> bool {
        let errno = error.map_or(FAULT, |error| error.raw_os_error().unwrap_or(libc::EIO));
        self.errno.store(errno, Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
        let began = self.failing_since_us.compare_exchange(0, now_unix_us.max(1), Ordering::SeqCst, Ordering::SeqCst);
        began.is_ok()
    }

    /// It was written. True when it could not be before.
    pub fn handle_success(&self) -> bool {
        self.failing_since_us.load(Ordering::Relaxed) != 0 && self.failing_since_us.swap(0, Ordering::SeqCst) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_dates_it_and_a_success_ends_it() {
        let state = State::default();
        assert!(!state.handle_success());
        let full = io::Error::from_raw_os_error(libc::ENOSPC);
        assert!(state.handle_failure(Some(&full), 7));
        assert!(!state.handle_failure(Some(&full), 8));
        let AuditState::Failing { since_unix_us, error } = state.load() else {
            panic!("it is failing");
        };
        assert!(since_unix_us == 7 && error.contains("No space left"), "{error}");
        assert!(state.handle_success() && !state.handle_success());
        assert_eq!(state.load(), AuditState::Healthy);
        assert!(state.handle_failure(None, 0) && state.is_failing());
    }
}
