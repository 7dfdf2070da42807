//! How long a thread was ready to run and had no core, by the kernel's account: other processes, or a container's quota.
//! Such time is not the doing of the task that happened to run, and only a hint where it is read seldom.

use std::cell::Cell;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// The account of the thread that opened it.
pub struct CoreWait {
    /// Absent where the kernel keeps no account or `/proc` is not there.
    file: Option<File>,
    seen_ns: Cell<u64>,
}

impl CoreWait {
    /// The account of this thread.
    pub fn of_this_thread() -> CoreWait {
        let wait = CoreWait { file: File::open("/proc/thread-self/schedstat").ok(), seen_ns: Cell::new(0) };
        wait.look();
        wait
    }

    /// Begins anew.
    pub fn look(&self) {
        self.seen_ns.set(self.total_ns().unwrap_or_default());
    }

    /// Milliseconds without a core since the last look.
    pub fn since_look_ms(&self) -> Option<u64> {
        Some(self.total_ns()?.saturating_sub(self.seen_ns.get()) / 1_000_000)
    }

    fn total_ns(&self) -> Option<u64> {
        let mut text = [0; 96];
        let count = self.file.as_ref()?.read_at(&mut text, 0).ok()?;
        parse(&text[..count])
    }
}

/// The second of three numbers: on a core, waiting for one, and how often (the kernel's `sched-stats`).
fn parse(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_number_counts() {
        assert_eq!(parse(b"1264695814 80589283 38842\n"), Some(80_589_283));
        for bad in [&b""[..], b"12\n", b"12 x 3\n", b"\xff \xff"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        let none = CoreWait { file: None, seen_ns: Cell::new(0) };
        none.look();
        assert_eq!(none.since_look_ms(), None);
    }
}
