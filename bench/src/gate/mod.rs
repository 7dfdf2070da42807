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

/// Pairs of slices in a short gate, where nothing is decided before. On a calm machine 30 will do, in half a minute.
const PAIRS_MAX_SHORT: usize = 160;
/// In a long one.
const PAIRS_MAX: usize = 400;
/// However long a pair takes: a machine shared with compilers takes twice the time of one that is not.
const PAIRS_S_MAX_SHORT: f64 = 150.0;
const PAIRS_S_MAX: f64 = 600.0;
