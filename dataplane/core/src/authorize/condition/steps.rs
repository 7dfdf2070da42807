//! The budget of one evaluation. Work of any size is paid for before it is done.

use super::Failure;

/// What one evaluation may cost at most. A step is some 10 ns, so this is a millisecond of a shard: what a condition over a
/// list of ten thousand arguments takes, and what nobody notices beside a tool.
pub const STEPS_MAX: u32 = 100_000;

/// How much text one step compares, searches, copies or counts: a cache line.
const TEXT_BYTES_PER_STEP: usize = 64;

/// What is left of the budget.
pub(super) struct Steps(u32);

impl Steps {
    pub(super) fn all() -> Steps {
        Steps(STEPS_MAX)
    }

    /// Pays for `count` values. Nothing is left behind a refusal, so that whatever hides the failure fails itself.
    pub(super) fn take(&mut self, count: usize) -> Result<(), Failure> {
        let left = u32::try_from(count).ok().and_then(|count| self.0.checked_sub(count));
        self.0 = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Failure::TooManySteps)
    }

    /// Pays for passing once over a text.
    pub(super) fn take_text(&mut self, bytes: usize) -> Result<(), Failure> {
        self.take(bytes / TEXT_BYTES_PER_STEP)
    }

    /// Pays for a regular expression over a text: a step a byte, since the worst of them look at each byte many times.
    pub(super) fn take_match(&mut self, bytes: usize) -> Result<(), Failure> {
        self.take(bytes)
    }
}
