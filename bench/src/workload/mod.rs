//! What a run puts on a server, as TOML says it: who calls, what, how often. START HERE to write one.
//!
//! Text is parsed, what it says is checked as a whole, and the answer is a [`Workload`] that can be run or a list of
//! what to fix. Never knows how any of it looks on the wire; that is `wire`.

mod model;
mod problem;
mod keys;
mod parse;
mod environment;
mod names;
mod check;
mod check_share;
mod arguments;
mod secret;
mod overrides;
mod builtin;

pub(crate) use keys::nearest;
pub use model::*;
pub use overrides::Overrides;

#[cfg(test)]
mod tests;
