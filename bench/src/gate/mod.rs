//! The performance gate: `budgets.toml` held against what was measured. Names the budget that is broken.
//!
//! START HERE: `budgets` reads the file, `judge` takes each budget to its test, `laboratory` measures for real, `decision`
//! says when paired slices have told enough, `finding` is what is shown.

pub mod budgets;
mod limit;
pub mod judge;
mod decision;
mod counted;
pub mod laboratory;
pub mod finding;

/// Pairs of slices in a short gate: two minutes where the machine is so noisy that nothing is decided before.
const PAIRS_MAX_SHORT: usize = 160;
/// In a long one.
const PAIRS_MAX: usize = 400;
