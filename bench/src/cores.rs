//! Cores of this machine: those we may use, lists of them as text, and a thread's move onto some. Never chooses.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Those this process may run on, rising.
pub fn allowed() -> Result<Vec<usize>, String> {
    let set = sched_getaffinity(None).map_err(|error| format!("sched_getaffinity: {error}"))?;
    Ok((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect())
}

/// Moves the calling thread, and what it starts from then on.
pub fn move_to(cpus: &[usize]) -> Result<(), String> {
    let mut there = CpuSet::new();
    for &cpu in cpus {
        if cpu >= CpuSet::MAX_CPU {
            return Err(format!("core {cpu}: the highest is {}", CpuSet::MAX_CPU - 1));
        }
        there.set(cpu);
    }
    sched_setaffinity(None, &there).map_err(|error| format!("cannot run on cores {cpus:?}: {error}"))
}

/// `0-3,8`, as the kernel and taskset write lists. Rising, each once.
pub fn parse(text: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("{text:?} is no list of cores like 0 or 0-3,8");
    let number = |text: &str| text.trim().parse().ok().filter(|&cpu: &usize| cpu < CpuSet::MAX_CPU).ok_or_else(wrong);
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cpus.extend(number(first)?..=number(last)?);
    }
    cpus.sort_unstable();
    cpus.dedup();
    if cpus.is_empty() { Err(wrong()) } else { Ok(cpus) }
}

/// `0,2`
pub fn list(cpus: &[usize]) -> String {
    cpus.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_the_kernel_writes_them() {
        for (text, want) in [("0", vec![0]), ("0-2", vec![0, 1, 2]), ("8,0-1", vec![0, 1, 8]), ("3, 3", vec![3])] {
            assert_eq!(parse(text), Ok(want.clone()), "{text}");
            assert_eq!(parse(&list(&want)), Ok(want), "{text}");
        }
        for text in ["", "a", "2-1", "1-", "0-99999", "-1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_core_that_is_not_there_is_named() {
        assert!(move_to(&[CpuSet::MAX_CPU]).is_err_and(|why| why.contains(&CpuSet::MAX_CPU.to_string())));
        assert!(!allowed().expect("Linux tells").is_empty());
    }
}
