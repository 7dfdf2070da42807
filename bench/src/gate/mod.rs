//! The performance gate: `budgets.toml` held against what was measured. Names the budget that is broken.

mod limit;
mod decision;

/// Pairs of slices in a short gate: two minutes where the machine is so noisy that nothing is decided before.
const PAIRS_MAX_SHORT: usize = 160;
/// In a long one.
const PAIRS_MAX: usize = 240;
