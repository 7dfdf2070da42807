//! HTTP/1.1 without I/O: strict request framing (RFC 9112) on httparse, response heads, host and origin rules, the
//! deadlines of a connection. It never guesses: doubt about framing is a refusal that closes.

pub mod span;

pub mod head;

pub mod chunked;

pub mod decoder;

pub mod media;

pub mod request_id;

pub mod deadline;

pub mod response;

pub use decoder::{Decoder, Step};
pub use head::{Head, Method};
pub use span::Span;
