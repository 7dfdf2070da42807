//! A beside B, in interleaved rounds: the effect, its interval, and whether it is real. START HERE: `rounds` measures on a
//! `bed`, `statistics` makes ratios of it, `verdict` says what they mean, `comparison` is what is kept and shown.

pub mod figure;
pub mod statistics;
mod verdict;
pub mod rounds;
pub mod bed;
pub mod comparison;
#[cfg(test)]
pub mod simulation;
