//! The kernel's coarse clock: the time of its last tick, 1 to 10 ms ago, for what is read several times a request. It is
//! never used to tell how long a request took.

/// Milliseconds by a clock that never goes back; only differences mean something. 0 where there is no such clock.
pub fn coarse_ms() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // JUSTIFICATION: std has no coarse clock; a read takes 2.7 ns, one of its own takes 20.9 ns (2 cores, Linux 6.18).
    // SAFETY: the kernel writes one timespec, which is there.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) } != 0;
    if failed { 0 } else { time.tv_sec as u64 * 1000 + time.tv_nsec as u64 / 1_000_000 }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn it_goes_forward_with_the_time() {
        let (began, began_ms) = (Instant::now(), coarse_ms());
        std::thread::sleep(Duration::from_millis(30));
        let (passed_ms, most_ms) = (coarse_ms() - began_ms, began.elapsed().as_millis() as u64);
        // Ticks are 10 ms apart at the most.
        assert!(passed_ms >= 20 && passed_ms <= most_ms + 10, "{passed_ms} of {most_ms}");
    }
}
