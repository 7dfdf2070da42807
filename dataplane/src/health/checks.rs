//! The checks that every server has. Each reads numbers and judges them; none changes anything.

use std::sync::Arc;
use std::time::Duration;

use ringway_policy::Limits;

use super::{Check, Health, HealthStatus};
use crate::builtin::resource_usage::{self, Counters, Machine};
use crate::mailbox;
use crate::metrics::Counts;
use crate::observe::process::Process;

/// The names that are taken.
pub const NAMES: [&str; 5] = ["system", "memory", "shards", "limits", "mailboxes"];

const SYSTEM_EVERY: Duration = Duration::from_secs(15);
const MEMORY_EVERY: Duration = Duration::from_secs(5);
const SHARDS_EVERY: Duration = Duration::from_secs(1);
const LIMITS_EVERY: Duration = Duration::from_secs(2);
const MAILBOXES_EVERY: Duration = Duration::from_secs(2);

/// A processor that is busier leaves nothing for a burst.
const CPU_PERCENT_HIGH: f64 = 95.0;
/// Of the machine's memory, in use by anybody.
const MEMORY_PERCENT_HIGH: f64 = 90.0;
/// Above this the kernel is about to end processes.
const MEMORY_PERCENT_FULL: f64 = 98.0;
/// Of the fullest file system that can be written to. Ringway itself serves on without space.
const DISK_PERCENT_HIGH: f64 = 90.0;
/// A shard says every 250 ms that it turns.
const BEAT_AGE_MAX: Duration = Duration::from_secs(2);
/// Of any bound, in percent.
const NEAR_PERCENT: f64 = 90.0;
/// Of a mailbox: letters wait microseconds, so that half a box means a shard that does not keep up.
const MAILBOX_PERCENT_HIGH: f64 = 50.0;

/// All of them, on this process.
pub fn all(process: &Arc<Process>) -> Vec<Check> {
    let of = |process: &Arc<Process>| Arc::clone(process);
    let (memory, shards, limits, mailboxes) = (of(process), of(process), of(process), of(process));
    let last = std::sync::Mutex::new(None);
    vec![
        Check::new("system", SYSTEM_EVERY, move || {
            // Only this check takes it, and it never runs twice at once.
            let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (machine, counters): (Machine, Counters) = resource_usage::machine(last.as_ref());
            *last = Some(counters);
            system(&machine)
        }),
        Check::new("memory", MEMORY_EVERY, move || {
            let bytes_max = memory.server.policy().and_then(|policy| policy.health.memory_bytes_max);
            self::memory(resource_usage::resident_bytes(), bytes_max)
        }),
        Check::new("shards", SHARDS_EVERY, move || self::shards(&shards.beat_ages())),
        Check::new("limits", LIMITS_EVERY, move || match limits.server.policy() {
            Some(policy) => self::limits(&limits.each_shard(), &policy.limits),
            None => Health::healthy("Not serving yet"),
        }),
        Check::new("mailboxes", MAILBOXES_EVERY, move || self::mailboxes(&mailboxes.mailboxes.waiting())),
    ]
}

/// The worst of several findings, with what is said of each that is not well.
fn judged(findings: impl IntoIterator<Item = (HealthStatus, String)>, well: impl Into<String>) -> Health {
    let ill: Vec<(HealthStatus, String)> =
        findings.into_iter().filter(|(status, _)| *status != HealthStatus::Healthy).collect();
    let Some(status) = ill.iter().map(|(status, _)| *status).max() else {
        return Health::healthy(well);
    };
    let told: Vec<&str> = ill.iter().map(|(_, text)| text.as_str()).collect();
    Health { status, message: told.join("; ") }
}

fn grade(percent: f64, high: f64, full: f64) -> HealthStatus {
    if percent >= full {
        HealthStatus::Unhealthy
    } else if percent >= high {
        HealthStatus::Degraded
    } else {
        HealthStatus::Healthy
    }
}

fn system(machine: &Machine) -> Health {
    let mut findings = Vec::new();
    let mut told = Vec::new();
    let mut note = |what: &str, percent: Option<f64>, high: f64, full: f64| {
        // What cannot be read, as in some sandboxes, is not ill.
        if let Some(percent) = percent {
            let text = format!("{what} {percent:.0} %");
            findings.push((grade(percent, high, full), text.clone()));
            told.push(text);
        }
    };
    note("CPU", machine.cpu_percent, CPU_PERCENT_HIGH, f64::INFINITY);
    note("memory", machine.memory_percent, MEMORY_PERCENT_HIGH, MEMORY_PERCENT_FULL);
    if let Some((path, percent)) = &machine.fullest_disk {
        note(&format!("disk {path}"), Some(*percent), DISK_PERCENT_HIGH, f64::INFINITY);
    }
    judged(findings, told.join(", "))
}

fn memory(resident_bytes: Option<u64>, bytes_max: Option<u64>) -> Health {
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    match (resident_bytes, bytes_max) {
        (None, _) => Health::healthy("The system does not tell"),
        (Some(bytes), None) => Health::healthy(format!("{} resident, no bound set", mib(bytes))),
        (Some(bytes), Some(max)) => {
            let percent = 100.0 * bytes as f64 / max.max(1) as f64;
            let text = format!("{} resident of {}", mib(bytes), mib(max));
            Health { status: grade(percent, NEAR_PERCENT, 100.0), message: text }
        }
    }
}

/// `ages`: how long ago each shard said that it turns.
fn shards(ages: &[Duration]) -> Health {
    let stopped = |(shard, age): (usize, &Duration)| {
        let ill = *age > BEAT_AGE_MAX;
        let status = if ill { HealthStatus::Unhealthy } else { HealthStatus::Healthy };
        (status, format!("shard {shard} has not turned for {} s", age.as_secs()))
    };
    judged(ages.iter().enumerate().map(stopped), format!("{} turn", ages.len()))
}

fn limits(each: &[Counts], limits: &Limits) -> Health {
    let mut findings = Vec::new();
    for (shard, counts) in each.iter().enumerate() {
        let bounds = [
            ("connections", counts.connections_open(), limits.connections_max),
            ("calls in flight", counts.in_flight, limits.in_flight_max),
            ("sessions", counts.sessions, limits.sessions_max),
            ("streams", counts.listens, limits.listens_max),
            ("tasks", counts.tasks, limits.tasks_max),
        ];
        for (what, count, max) in bounds {
            let status = grade(100.0 * count as f64 / max.max(1) as f64, NEAR_PERCENT, f64::INFINITY);
            findings.push((status, format!("shard {shard} has {count} {what} of {max}")));
        }
    }
    judged(findings, "All are below 90 % of their bounds")
}

/// `waiting`: letters that wait at each shard.
fn mailboxes(waiting: &[usize]) -> Health {
    let full = |(shard, waiting): (usize, &usize)| {
        let percent = 100.0 * *waiting as f64 / mailbox::REQUESTS_MAX as f64;
        let status = grade(percent, MAILBOX_PERCENT_HIGH, f64::INFINITY);
        (status, format!("{waiting} letters of {} wait at shard {shard}", mailbox::REQUESTS_MAX))
    };
    judged(waiting.iter().enumerate().map(full), "Letters are read as they come")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(health: Health, status: HealthStatus, part: &str) {
        assert_eq!(health.status, status, "{}", health.message);
        assert!(health.message.contains(part), "`{}` has no `{part}`", health.message);
    }

    #[test]
    fn the_machine_is_judged_by_its_worst() {
        let machine = |cpu, memory, disk| Machine {
            cpu_percent: cpu,
            memory_percent: memory,
            fullest_disk: Some(("/data".to_owned(), disk)),
        };
        check(system(&machine(Some(20.0), Some(30.0), 40.0)), HealthStatus::Healthy, "disk /data 40 %");
        check(system(&machine(Some(99.0), Some(30.0), 40.0)), HealthStatus::Degraded, "CPU 99 %");
        check(system(&machine(Some(99.0), Some(98.5), 100.0)), HealthStatus::Unhealthy, "memory");
        check(system(&machine(None, None, 91.0)), HealthStatus::Degraded, "disk");
        check(system(&machine(None, None, 100.0)), HealthStatus::Degraded, "disk");
    }

    #[test]
    fn memory_has_a_bound_only_where_one_is_set() {
        check(memory(Some(100 << 20), None), HealthStatus::Healthy, "100 MiB");
        check(memory(Some(89 << 20), Some(100 << 20)), HealthStatus::Healthy, "of 100 MiB");
        check(memory(Some(95 << 20), Some(100 << 20)), HealthStatus::Degraded, "95 MiB");
        check(memory(Some(100 << 20), Some(100 << 20)), HealthStatus::Unhealthy, "100 MiB");
        check(memory(None, Some(1)), HealthStatus::Healthy, "not tell");
    }

    #[test]
    fn a_shard_that_does_not_turn_is_named() {
        let ages = [Duration::from_millis(250), Duration::from_secs(2), Duration::from_secs(3)];
        check(shards(&ages[..2]), HealthStatus::Healthy, "2 turn");
        check(shards(&ages), HealthStatus::Unhealthy, "shard 2 has not turned for 3 s");
    }

    #[test]
    fn what_is_near_its_bound_is_named() {
        let bounds = Limits { sessions_max: 100, ..Limits::default() };
        let of = |sessions| [Counts::default(), Counts { sessions, ..Counts::default() }];
        check(limits(&of(89), &bounds), HealthStatus::Healthy, "below");
        check(limits(&of(90), &bounds), HealthStatus::Degraded, "shard 1 has 90 sessions of 100");
        check(mailboxes(&[0, 10]), HealthStatus::Healthy, "");
        check(mailboxes(&[0, mailbox::REQUESTS_MAX]), HealthStatus::Degraded, "shard 1");
    }
}
