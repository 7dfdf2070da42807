//! Which cores shards run on: what the operator lists, or what the process may use. It never reads the host's topology,
//! which a container may not have.

use std::fmt;
use std::str::FromStr;

/// Cores, in the order in which shards take them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuList(pub Vec<usize>);

/// Why a list of cores cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCpuList(String);

impl fmt::Display for BadCpuList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a list of cores like 0, 2-5 or 0,2,4-7", self.0)
    }
}

impl std::error::Error for BadCpuList {}

/// A bound far above any machine, so that `0-4294967295` is an error and not a stall.
const CPU_MAX: usize = 4096;

impl FromStr for CpuList {
    type Err = BadCpuList;

    fn from_str(text: &str) -> Result<CpuList, BadCpuList> {
        let bad = || BadCpuList(text.to_owned());
        let number = |part: &str| part.trim().parse().ok().filter(|cpu| *cpu < CPU_MAX).ok_or_else(bad);
        let mut cpus: Vec<usize> = Vec::new();
        for item in text.split(',') {
            let (first, last) = match item.split_once('-') {
                Some((first, last)) => (number(first)?, number(last)?),
                None => (number(item)?, number(item)?),
            };
            if first > last {
                return Err(bad());
            }
            for cpu in first..=last {
                if cpus.contains(&cpu) {
                    return Err(bad());
                }
                cpus.push(cpu);
            }
        }
        Ok(CpuList(cpus))
    }
}

/// The cores this process may run on.
pub fn allowed() -> Vec<usize> {
    // SAFETY: cpu_set_t is plain bits, for which all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most the size that is passed, into a set of that size.
    let failed = unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) } != 0;
    if failed {
        return vec![0];
    }
    // SAFETY: CPU_ISSET reads one bit below CPU_SETSIZE of an initialised set.
    (0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_or_named() {
        assert_eq!("2-5".parse(), Ok(CpuList(vec![2, 3, 4, 5])));
        assert_eq!("0,4-5,2".parse(), Ok(CpuList(vec![0, 4, 5, 2])));
        for bad in ["", "a", "5-2", "0,0", "1-2-3", "0-99999999", "-1"] {
            assert!(bad.parse::<CpuList>().is_err(), "{bad}");
        }
        assert!(!allowed().is_empty());
    }
}
