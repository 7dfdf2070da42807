//! The text of files in `/proc`, made into numbers.
//!
//! Every function takes the text and gives `None` where what it looks for is not there, as in some sandboxes.
//! It never reads a file itself. Start at [`counters`].

use serde_json::{Value, json};

/// The kernel counts the time of processes to user space in these, on every architecture (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Counters of the machine at one moment, to subtract from those of a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    busy_ticks: u64,
    total_ticks: u64,
}

/// From `/proc/stat`: the time of all processors together.
pub(super) fn counters(stat: &str) -> Counters {
    let Some(line) = stat.lines().find(|line| line.starts_with("cpu ")) else {
        return Counters::default();
    };
    // user nice system idle iowait irq softirq steal; what follows is counted in user and nice already.
    let ticks: Vec<u64> = line.split_ascii_whitespace().skip(1).take(8).map_while(|ticks| ticks.parse().ok()).collect();
    let total_ticks: u64 = ticks.iter().sum();
    let idle_ticks: u64 = ticks.iter().skip(3).take(2).sum();
    Counters { busy_ticks: total_ticks - idle_ticks, total_ticks }
}

/// The share of time that the processors were busy, in percent; `None` where no time has passed.
pub(super) fn cpu_percent(previous: Option<&Counters>, now: &Counters) -> Option<f64> {
    let before = previous.copied().unwrap_or_default();
    // The kernel lets its count of waiting for disks go back at times.
    let total = now.total_ticks.saturating_sub(before.total_ticks);
    let busy = now.busy_ticks.saturating_sub(before.busy_ticks).min(total);
    (total > 0).then(|| rounded(100.0 * busy as f64 / total as f64))
}

/// From `/proc/stat`: the processors that are online.
pub(super) fn cpu_count(stat: &str) -> Option<usize> {
    let is_cpu = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    };
    Some(stat.lines().filter(is_cpu).count()).filter(|&count| count > 0)
}

/// From `/proc/loadavg`: over 1, 5 and 15 minutes.
pub(super) fn load_average(text: &str) -> Option<[f64; 3]> {
    let mut loads = text.split_ascii_whitespace().map_while(|load| load.parse().ok());
    Some([loads.next()?, loads.next()?, loads.next()?])
}

/// From `/proc/meminfo`. Used is what is not available, so what the kernel can give back at once does not count.
pub(super) fn memory(meminfo: &str) -> Value {
    let total = kilobytes(meminfo, "MemTotal:");
    let available = kilobytes(meminfo, "MemAvailable:");
    json!({
        "total_bytes": total,
        "used_bytes": total.zip(available).map(|(total, available)| total.saturating_sub(available)),
        "available_bytes": available,
    })
}

/// From `/proc/meminfo`: the share of memory that is not available.
pub(super) fn memory_percent(meminfo: &str) -> Option<f64> {
    let total = kilobytes(meminfo, "MemTotal:").filter(|total| *total > 0)?;
    let available = kilobytes(meminfo, "MemAvailable:")?.min(total);
    Some(100.0 * (total - available) as f64 / total as f64)
}

/// The number after a name that begins a line.
pub(super) fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_ascii_whitespace().next()?.parse().ok()
}

/// As [`field`], of kB, in bytes.
pub(super) fn kilobytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.checked_mul(1024)
}

/// From `/proc/uptime`: seconds since boot.
pub(super) fn first_number(text: &str) -> Option<f64> {
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// From `/proc/self/stat`: when the process began, in seconds since boot.
pub(super) fn process_start_seconds(stat: &str) -> Option<f64> {
    // The second field is the program's name in brackets, which may have blanks and brackets of its own.
    let after_name = &stat[stat.rfind(')')? + 1..];
    let ticks: f64 = after_name.split_ascii_whitespace().nth(19)?.parse().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

/// From `/proc/self/stat`: time of processors in user space and in the kernel.
pub(super) fn process_cpu_seconds(stat: &str) -> Option<f64> {
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut ticks = after_name.split_ascii_whitespace().skip(11);
    let (user, kernel): (f64, f64) = (ticks.next()?.parse().ok()?, ticks.next()?.parse().ok()?);
    Some((user + kernel) / TICKS_PER_SECOND)
}

/// From `/proc/self/limits`: the limit in force; `None` where it is `unlimited`.
pub(super) fn open_files_max(limits: &str) -> Option<u64> {
    field(limits, "Max open files")
}

/// One digit after the point is all that such a number means.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "cpu  100 10 50 800 40 0 0 0 99 99\ncpu0 50 5 25 400 20 0 0 0 0 0\ncpu1 50 5 25 400 20 0 0 0 0 0\nintr 5\n";

    #[test]
    fn cpu_time_is_counted() {
        let boot = counters(STAT);
        assert_eq!(boot, Counters { busy_ticks: 160, total_ticks: 1000 });
        assert_eq!(cpu_percent(None, &boot), Some(16.0));
        assert_eq!(cpu_count(STAT), Some(2));
        let later = counters("cpu  130 10 50 860 50 0 0 0\n");
        assert_eq!(cpu_percent(Some(&boot), &later), Some(30.0));
        assert_eq!(cpu_percent(Some(&boot), &boot), None);
        // Time that goes back is no time.
        assert_eq!(cpu_percent(Some(&later), &boot), None);
        let back = Counters { busy_ticks: 500, total_ticks: 1001 };
        assert_eq!(cpu_percent(Some(&boot), &back), Some(100.0));
    }

    #[test]
    fn text_becomes_numbers() {
        assert_eq!(load_average("0.10 1.25 15.00 1/234 567\n"), Some([0.1, 1.25, 15.0]));
        let meminfo = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    600 kB\n";
        assert_eq!(
            memory(meminfo),
            json!({"total_bytes": 1_024_000, "used_bytes": 409_600, "available_bytes": 614_400})
        );
        assert_eq!(field("Name:\tx\nThreads:\t7\n", "Threads:"), Some(7));
        assert_eq!(first_number("2340.93 1700.14\n"), Some(2340.93));
        let start = "1442 (a) b (c) R 1427 1427 20247 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0 234093 3133440 393";
        assert_eq!(process_start_seconds(start), Some(2340.93));
        let times = "1442 (a) b (c) R 1427 1427 20247 0 -1 4194304 99 0 0 0 150 25 0 0 20 0 1 0 234093 3133440 393";
        assert_eq!(process_cpu_seconds(times), Some(1.75));
        assert_eq!(memory_percent(meminfo), Some(40.0));
        let limits = "Limit    Soft Limit  Hard Limit Units\nMax open files            1024                20000                files     \n";
        assert_eq!(open_files_max(limits), Some(1024));
        assert_eq!(open_files_max("Max open files            unlimited            unlimited            files\n"), None);
    }

    #[test]
    fn what_is_not_there_is_none() {
        for text in
            ["", "cpu", "cpu \n", "MemTotal:", "x (", "x )", ")", "cpu  x y\n", "MemTotal: 99999999999999999999 kB"]
        {
            assert_eq!(counters(text), Counters::default());
            assert_eq!(cpu_percent(None, &counters(text)), None);
            assert_eq!(cpu_count(text), None);
            assert_eq!(load_average(text), None);
            assert_eq!(kilobytes(text, "MemTotal:"), None);
            assert_eq!(process_start_seconds(text), None);
            assert_eq!(process_cpu_seconds(text), None);
            assert_eq!(memory_percent(text), None);
            assert_eq!(open_files_max(text), None);
            assert_eq!(memory(text)["used_bytes"], Value::Null);
        }
        assert_eq!(kilobytes("MemTotal: 18446744073709551615 kB", "MemTotal:"), None);
    }
}
