//! The few socket calls that glommio lacks. It never owns a descriptor.

use std::os::fd::RawFd;

/// Which directions of a connection to shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// No more reads: a pending read ends, and the answer can still be written.
    Read,
    /// No more writes: the client sees the end of the stream.
    Write,
    /// Neither: a pending write ends as well.
    Both,
}

/// Shuts a socket down. Errors are ignored: a connection that is gone is what was wanted.
pub fn shut_down(fd: RawFd, direction: Direction) {
    let how = match direction {
        Direction::Read => libc::SHUT_RD,
        Direction::Write => libc::SHUT_WR,
        Direction::Both => libc::SHUT_RDWR,
    };
    // JUSTIFICATION: glommio's own shutdown is async and needs the stream exclusively; deadlines have neither.
    // SAFETY: shutdown(2) takes any integer; callers hold the stream that owns `fd` while they call.
    unsafe { libc::shutdown(fd, how) };
}
