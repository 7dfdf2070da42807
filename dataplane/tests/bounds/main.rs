//! What one client may cost the others: panics, sudden ends, floods, and every bound of `Limits` with its answer.
//!
//! Goal: the stated answer comes at the bound, everybody else is served, and all is as before when the guests are gone.
//! Method: small bounds, then one more than they allow. The descriptors of this whole process are counted, so tests
//! here run one at a time.

#[path = "../common/mod.rs"]
mod common;

mod crowd;

mod faults;

mod flood;

mod pump;

use std::sync::{Mutex, MutexGuard, PoisonError};

static ALONE: Mutex<()> = Mutex::new(());

/// Keeps the other tests of this process out.
fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
