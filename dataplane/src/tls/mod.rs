//! TLS of the MCP listener without its sockets: files read and checked into one [`Tls`], the session of one connection as
//! bytes in and bytes out, and how many handshakes a shard takes on. START HERE: [`Tls::load`]; `shard/secured.rs` moves
//! the bytes. It never opens a socket.

mod options;

mod files;

mod names;

mod load;

mod certificate;

mod failure;

pub mod session;

pub mod handshakes;

pub use certificate::ClientCertificate;
pub use failure::HandshakeFailure;
pub use load::{Tls, TlsError};
pub use options::{CertificateFiles, ClientAuth, TlsOptions, TlsVersion};
