//! Every decision of the data plane. It is told bytes and time and answers what to do next; it owns no socket, clock,
//! thread or lock. Start at [`request_path`], which names the stages of a request in order.
#![forbid(unsafe_code)]

#[macro_use]
mod listed;

pub mod request_path;

pub mod refusal;

pub mod identify;

pub mod authorize;
pub mod audit;

pub mod ring;

pub mod http;
pub mod json;
pub mod mcp;
pub mod session;
pub mod websocket;

pub mod face;

pub mod header_params;
pub mod nearest;
pub mod sampling;
pub mod schema;
pub mod uri_template;
