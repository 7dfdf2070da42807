//! Is the machine quiet enough for absolute figures? Pure: told what was seen, it answers with every reason why not.

/// Of a fixed piece of work, the 99th percentile may take this much longer than the median. A timer tick takes 0.5 %.
const UNEVENNESS_MAX: f64 = 0.05;
/// Time that other guests of the host had.
const STEAL_RATIO_MAX: f64 = 0.005;
/// Time of all cores that other programs had while we tried the cores out. Load averages are shown and not judged: they
/// still hold what we did ourselves a minute ago.
const OTHERS_RATIO_MAX: f64 = 0.05;
/// One for the server, one for the generator.
const CORES_MIN: usize = 2;
/// The kernel's USER_HZ, part of its interface: /proc/stat counts in hundredths of a second.
const TICKS_A_SECOND: f64 = 100.0;

/// Of all cores since boot, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    pub all: u64,
    pub idle: u64,
    pub stolen: u64,
}

pub struct Signs<'a> {
    pub core_count: usize,
    pub governor: &'a str,
    pub is_guest: bool,
    pub steal_ratio: f64,
    pub others_ratio: f64,
    /// Of each core tried: 99th percentile over median, less 1.
    pub evenness: &'a [f64],
}

pub fn reasons(signs: &Signs<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    if signs.core_count < CORES_MIN {
        reasons.push(format!("{} core, where server and generator each need one", signs.core_count));
    }
    // A guest's own governor, where it has one, says nothing about the host's.
    if !signs.is_guest && !signs.governor.is_empty() && signs.governor != "performance" {
        reasons.push(format!("the governor is {}, not performance: the clock follows the load", signs.governor));
    }
    if signs.steal_ratio > STEAL_RATIO_MAX {
        reasons.push(format!("steal {}: other guests of the host had our cores", percent(signs.steal_ratio)));
    }
    if signs.others_ratio > OTHERS_RATIO_MAX {
        reasons.push(format!("other programs had {} of the cores", percent(signs.others_ratio)));
    }
    let worst = signs.evenness.iter().copied().fold(0.0, f64::max);
    if worst > UNEVENNESS_MAX {
        reasons.push(format!("the same work takes {} longer once in 100 times", percent(worst)));
    }
    reasons
}

/// The line of /proc/stat that sums up all cores. Guest time is within user time already.
pub fn times(stat: &str) -> Times {
    let Some(line) = stat.lines().find_map(|line| line.strip_prefix("cpu ")) else { return Times::default() };
    let ticks: Vec<u64> = line.split_ascii_whitespace().map(|word| word.parse().unwrap_or(0)).take(8).collect();
    let at = |index: usize| ticks.get(index).copied().unwrap_or(0);
    Times { all: ticks.iter().sum(), idle: at(3) + at(4), stolen: at(7) }
}

pub fn steal_ratio(before: Times, after: Times) -> f64 {
    ratio(after.stolen.saturating_sub(before.stolen) as f64, before, after)
}

/// What was neither idle nor ours.
pub fn others_ratio(before: Times, after: Times, own_s: f64) -> f64 {
    let busy = after.all.saturating_sub(before.all).saturating_sub(after.idle.saturating_sub(before.idle));
    ratio((busy as f64 - own_s * TICKS_A_SECOND).max(0.0), before, after)
}

fn ratio(ticks: f64, before: Times, after: Times) -> f64 {
    ticks / after.all.saturating_sub(before.all).max(1) as f64
}

fn percent(ratio: f64) -> String {
    format!("{:.1} %", ratio * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Signs<'_> = Signs {
        core_count: 8,
        governor: "performance",
        is_guest: false,
        steal_ratio: 0.004,
        others_ratio: 0.01,
        evenness: &[0.01, 0.04],
    };

    #[track_caller]
    fn check(signs: &Signs<'_>, want: &[&str]) {
        let reasons = reasons(signs);
        assert_eq!(reasons.len(), want.len(), "{reasons:?}");
        for (reason, want) in reasons.iter().zip(want) {
            assert!(reason.contains(want), "{reason}");
        }
    }

    #[test]
    fn each_reason_has_its_figure() {
        check(&QUIET, &[]);
        check(&Signs { core_count: 1, ..QUIET }, &["1 core"]);
        check(&Signs { governor: "powersave", ..QUIET }, &["powersave"]);
        check(&Signs { governor: "", ..QUIET }, &[]);
        check(&Signs { governor: "powersave", is_guest: true, ..QUIET }, &[]);
        check(&Signs { steal_ratio: 0.006, ..QUIET }, &["0.6 %"]);
        check(&Signs { others_ratio: 0.3, ..QUIET }, &["30.0 %"]);
        check(&Signs { evenness: &[0.01, 0.2], ..QUIET }, &["20.0 %"]);
        check(&Signs { steal_ratio: 0.5, evenness: &[0.2], ..QUIET }, &["steal", "longer"]);
    }

    #[test]
    fn times_of_all_cores() {
        let before = times("cpu  100 0 50 800 40 0 10 0 30 0\ncpu0 1 2 3 4\n");
        assert_eq!(before, Times { all: 1000, idle: 840, stolen: 0 });
        let after = times("cpu  180 0 70 880 40 0 10 20 99 0\n");
        assert_eq!(after.all, 1200);
        assert!((steal_ratio(before, after) - 0.1).abs() < 1e-9);
        // 120 ticks busy, of which 1 s is ours: 20 of 200 are others'.
        assert!((others_ratio(before, after, 1.0) - 0.1).abs() < 1e-9);
        assert_eq!(others_ratio(before, after, 9.0), 0.0);
        assert_eq!(times(""), Times::default());
        assert_eq!(steal_ratio(before, before), 0.0);
    }
}
