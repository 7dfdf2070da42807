//! Client sockets on an io_uring of the shard's own, beside glommio's: the kernel hands over bytes as they come, and takes
//! answers in the same call that waits for more (`ARCHITECTURE.md`, "Two pumps"). One task turns it; connections are
//! tasks as they are on glommio's sockets, and never see the ring. START HERE: [`event_loop::EventLoop::run`],
//! [`stream::Stream`] what a connection has of it.

pub mod bell;
pub mod probe;
pub mod stream;
pub mod table;
pub mod event_loop;

mod bridge;
mod buffers;
mod uring;
