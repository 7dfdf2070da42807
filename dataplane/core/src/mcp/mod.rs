//! MCP without I/O: versions, messages, era selection, the data a tool returns and how each revision writes it. It never
//! calls a tool.

pub mod version;

pub mod message;

pub mod rpc_error;

pub mod era;

pub mod types;

pub mod question;

pub mod render;

pub mod request_state;

pub mod cursor;

pub mod sse;

pub use rpc_error::RpcError;
pub use version::{Era, Version};
