//! What a shard decides about its ring of client sockets: what each connection asks of the kernel next, when its place is
//! free again, and whether the shard waits, turns or sleeps. It never sees a ring, a descriptor or a byte.

pub mod life;
pub mod pace;
pub mod token;
