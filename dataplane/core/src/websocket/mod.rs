//! WebSocket (RFC 6455) without I/O: the handshake, frames read strictly and in place, frames written, and the rules of one
//! connection. It never negotiates an extension, never masks what it sends, and never guesses: doubt closes.
//!
//! Start at [`handshake::accept`]; then [`Link`] is the connection.

pub mod handshake;

pub mod frame;

pub mod text;

pub mod close;

pub mod reader;

pub mod link;

pub use close::Close;
pub use link::{Link, Step};
