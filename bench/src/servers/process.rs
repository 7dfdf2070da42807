//! What /proc says of a process and everything it started. Reads; never starts, stops or changes anything.

use std::fs;
use std::path::PathBuf;

use rustix::time::{ClockId, clock_gettime};

use crate::record::ServerUsage;
use crate::servers::Usage;

/// Processes of one server; what comes after is not counted. A peer with more than this is no peer of ours.
const PROCESSES_MAX: usize = 4096;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    rss_mib: f64,
    rss_peak_mib: f64,
}

/// Every thread of every process, summed, in nanoseconds, where utime and stime come in ticks of 10 ms. A thread that
/// ends in between takes its time with it.
pub fn usage(pid: u32) -> Usage {
    let mut sum = Usage { at_ns: now_ns(), ..Usage::default() };
    for thread in tree(pid).into_iter().flat_map(threads) {
        let (ran_ns, waited_ns) = schedstat(&fs::read_to_string(thread.join("schedstat")).unwrap_or_default());
        sum.ran_ns += ran_ns;
        sum.waited_ns += waited_ns;
    }
    sum
}

/// Pages that parent and child share count twice, which only ever overstates.
pub fn memory(pid: u32) -> Memory {
    let mut sum = Memory::default();
    for process in tree(pid) {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        sum.rss_mib += kib(&status, "VmRSS:") / 1024.0;
        sum.rss_peak_mib += kib(&status, "VmHWM:") / 1024.0;
    }
    sum
}

pub fn used(before: Usage, after: Usage, memory: Memory, answer_count: u64) -> ServerUsage {
    // A thread that ended may leave the sum smaller than it was.
    let ran_ns = after.ran_ns.saturating_sub(before.ran_ns);
    let waited_ns = after.waited_ns.saturating_sub(before.waited_ns);
    let wall_ns = after.at_ns.saturating_sub(before.at_ns);
    ServerUsage {
        cpu_us_per_request: ran_ns as f64 / 1e3 / answer_count.max(1) as f64,
        waited_ratio: waited_ns as f64 / wall_ns.max(1) as f64,
        rss_mib: memory.rss_mib,
        rss_peak_mib: memory.rss_peak_mib,
    }
}

/// Run time, and time ready to run without a core: a neighbour had it.
fn schedstat(text: &str) -> (u64, u64) {
    let mut words = text.split_ascii_whitespace().map(|word| word.parse().unwrap_or(0));
    (words.next().unwrap_or(0), words.next().unwrap_or(0))
}

fn kib(status: &str, field: &str) -> f64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}

/// The process and its descendants. Where the kernel tells no children, the process alone.
fn tree(pid: u32) -> Vec<u32> {
    let mut members = vec![pid];
    let mut seen = 0;
    while seen < members.len() && members.len() < PROCESSES_MAX {
        for thread in threads(members[seen]) {
            let children = fs::read_to_string(thread.join("children")).unwrap_or_default();
            members.extend(children.split_ascii_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        seen += 1;
    }
    members
}

fn threads(pid: u32) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_the_kernel_writes_is_read() {
        assert_eq!(schedstat("1500 20 7\n"), (1500, 20));
        assert_eq!(schedstat(""), (0, 0));
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!((kib(status, "VmHWM:"), kib(status, "VmRSS:"), kib(status, "VmSwap:")), (2048.0, 1024.0, 0.0));
    }

    #[test]
    fn usage_is_divided_by_answers_and_by_time() {
        let before = Usage { ran_ns: 1_000, waited_ns: 0, at_ns: 0 };
        let after = Usage { ran_ns: 2_001_000, waited_ns: 50_000, at_ns: 1_000_000 };
        let used = used(before, after, Memory { rss_mib: 3.0, rss_peak_mib: 4.0 }, 200);
        assert_eq!((used.cpu_us_per_request, used.waited_ratio), (10.0, 0.05));
        assert_eq!((used.rss_mib, used.rss_peak_mib), (3.0, 4.0));
    }

    /// Goal: no division by nothing, and no underflow when a thread has ended.
    #[test]
    fn nothing_measured_is_nothing_used() {
        let before = Usage { ran_ns: 10, waited_ns: 10, at_ns: 10 };
        let used = used(before, Usage::default(), Memory::default(), 0);
        assert_eq!((used.cpu_us_per_request, used.waited_ratio), (0.0, 0.0));
    }

    /// Goal: a process is seen with its work. One of its own: in ours, threads of other tests end in between and take
    /// their time with them.
    #[test]
    fn work_is_counted() {
        let mut busy = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let before = usage(busy.id());
        let give_up = Instant::now() + Duration::from_secs(30);
        while usage(busy.id()).ran_ns <= before.ran_ns && Instant::now() < give_up {
            thread::sleep(Duration::from_millis(5));
        }
        let (after, memory) = (usage(busy.id()), memory(busy.id()));
        busy.kill().unwrap();
        busy.wait().unwrap();
        assert!(after.ran_ns > before.ran_ns && after.at_ns > before.at_ns, "{before:?} {after:?}");
        assert!(memory.rss_peak_mib > 0.1 && memory.rss_mib <= memory.rss_peak_mib, "{memory:?}");
    }
}
