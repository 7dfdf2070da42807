//! The bench: puts load on an MCP server, checks every answer, compares, and gates. A black box: it knows the wire and
//! none of our crates, so that it measures whatever speaks the protocol, and a bug of ours cannot hide in code shared
//! by both sides.
//!
//! START HERE: a `workload` is compiled to the `wire`, the `load` sends it to one of the `servers`, and a
//! `record` keeps what came of it with the `machine` it was measured on; `report`, `compare` and `gate` read records.
#![forbid(unsafe_code)]

mod cli;
mod workload;
mod wire;
mod load;
mod stand_in;
mod servers;
mod cores;
mod machine;
mod record;
mod doubts;
mod ceiling;
mod history;
mod report;
mod compare;
mod gate;

pub use cli::Bench;
pub use cli::examples::BENCH as EXAMPLES;
