//! The wire: what a group of clients sends, byte by byte, and what a right answer is. START HERE for a new face.
//!
//! Pure: it opens no socket and knows no time. The load asks a [`Script`](script::Script) for bytes and hands it what came
//! back. The one thing it reads is a request's file, when a script is compiled.

pub mod script;
mod exchange;
mod names;
mod cycle;
mod call;
mod message;
mod door;
mod request;
pub mod stamp;
mod opening;
mod inbox;
mod http_inbox;
mod head;
mod chunks;
mod events;
mod web_socket_inbox;
mod frame;
pub mod response;
pub mod expect;
mod envelope;

#[cfg(test)]
mod tests;
