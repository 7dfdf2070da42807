//! The wire: what a group of clients sends, byte by byte, and what a right answer is. START HERE for a new face.
//!
//! Pure: it opens no socket and knows no time. The load asks a [`Script`] for bytes and hands it what came back.

pub mod stamp;
pub mod request;
pub mod response;
pub mod expect;
pub mod preset;
pub mod script;
