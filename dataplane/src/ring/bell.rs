//! How other threads reach a shard that waits in its ring, where the executor's own wake-up is not heard. It carries no
//! message: what there is to do is found where it was left.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// One shard's bell.
pub struct Bell {
    eventfd: File,
    /// The shard waits where it hears nothing else.
    waits: AtomicBool,
    /// Somebody wanted something since the shard last looked.
    rung: AtomicBool,
}

impl Bell {
    /// A bell that nobody has rung.
    ///
    /// # Errors
    /// When the system gives no descriptor.
    pub fn new() -> io::Result<Bell> {
        Ok(Bell {
            eventfd: eventfd(libc::EFD_NONBLOCK)?.into(),
            waits: AtomicBool::new(false),
            rung: AtomicBool::new(false),
        })
    }

    /// From any thread: the shard looks after what it was left. A system call only where the shard waits.
    pub fn ring(&self) {
        self.rung.store(true, Ordering::SeqCst);
        if self.waits.load(Ordering::SeqCst) {
            // It fails only when it was rung 2^64 times.
            let _ = (&self.eventfd).write(&1u64.to_ne_bytes());
        }
    }

    /// The shard is about to wait: whether it may, since nobody has rung.
    pub fn begin_wait(&self) -> bool {
        self.waits.store(true, Ordering::SeqCst);
        let may = !self.rung.swap(false, Ordering::SeqCst);
        if !may {
            self.end_wait();
        }
        may
    }

    /// The shard is awake.
    pub fn end_wait(&self) {
        self.waits.store(false, Ordering::Relaxed);
    }
}

impl AsRawFd for Bell {
    fn as_raw_fd(&self) -> RawFd {
        self.eventfd.as_raw_fd()
    }
}

/// A counter that can be waited for.
///
/// # Errors
/// When the system gives no descriptor.
pub fn eventfd(flags: i32) -> io::Result<OwnedFd> {
    // SAFETY: eventfd(2) takes no memory.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn only_who_waits_is_called() {
        let bell = Bell::new().expect("an eventfd");
        let calls = |bell: &Bell| {
            (&bell.eventfd).write_all(&1u64.to_ne_bytes()).expect("a write");
            let mut count = [0; 8];
            (&bell.eventfd).read_exact(&mut count).expect("a read");
            u64::from_ne_bytes(count) - 1
        };
        bell.ring();
        assert_eq!(calls(&bell), 0, "nobody waits");
        assert!(!bell.begin_wait(), "somebody has rung");
        bell.ring();
        assert_eq!(calls(&bell), 0, "it did not wait after all");
        assert!(!bell.begin_wait());
        assert!(bell.begin_wait(), "nobody has rung since");
        bell.ring();
        assert_eq!(calls(&bell), 1);
        bell.end_wait();
        assert!(!bell.begin_wait());
    }
}
