//! A machine's fingerprint in a few lines: what decides speed, and whether it held still. Pure.

use super::figures::{count, one_line, percent};
use super::paint::Paint;
use crate::record::Machine;

/// `QUIET`, or `NOISY` with every reason.
pub fn verdict(machine: &Machine, paint: Paint) -> String {
    if machine.quiet.is_quiet {
        return paint.good("QUIET");
    }
    let reasons: Vec<String> = machine.quiet.reasons.iter().map(|reason| one_line(reason)).collect();
    let reasons = if reasons.is_empty() { "nobody watched it".to_owned() } else { reasons.join("; ") };
    format!("{} {reasons}", paint.warn("NOISY:"))
}

/// Three or four lines; what could not be read is left out.
pub fn lines(machine: &Machine) -> Vec<String> {
    let mut lines = hardware(machine);
    lines.insert(lines.len().min(2), during(machine));
    lines
}

/// What stays the same from run to run.
pub fn hardware(machine: &Machine) -> Vec<String> {
    let cores = match machine.core_count {
        0 => None,
        1 => Some("1 core".to_owned()),
        cores => Some(format!("{cores} cores")),
    };
    let memory = (machine.memory_mib > 0).then(|| format!("{} MiB", count(machine.memory_mib)));
    let numa = machine.numa_nodes.iter().map(|node| one_line(node)).collect::<Vec<_>>().join("; ");
    let first = [
        said("", &machine.host),
        said("", &machine.cpu_model),
        cores,
        memory,
        said("NUMA", &numa),
        said("guest of", &machine.hypervisor),
    ];
    let second = [
        said("", &machine.kernel),
        said("clock", &machine.clocksource),
        said("governor", &machine.governor),
        said("SMT", &machine.smt),
        said("huge pages", &machine.transparent_huge_pages),
    ];
    let lines = [joined(&first), joined(&second), mitigations(machine)];
    lines.into_iter().filter(|line| !line.is_empty()).collect()
}

/// What neighbours had while it was measured.
pub fn during(machine: &Machine) -> String {
    joined(&[Some(format!("steal {}", percent(machine.steal_ratio))), said("load", &machine.load_average)])
}

fn said(label: &str, value: &str) -> Option<String> {
    let value = one_line(value);
    (!value.is_empty()).then(|| if label.is_empty() { value } else { format!("{label} {value}") })
}

fn joined(parts: &[Option<String>]) -> String {
    parts.iter().flatten().cloned().collect::<Vec<_>>().join(", ")
}

/// What costs something, by name; what does not affect this CPU, by number.
fn mitigations(machine: &Machine) -> String {
    if machine.mitigations.is_empty() {
        return String::new();
    }
    let is_free = |state: &str| state.trim().eq_ignore_ascii_case("not affected");
    let costly: Vec<String> =
        machine.mitigations.iter().filter(|(_, state)| !is_free(state)).map(|(name, _)| one_line(name)).collect();
    let free = machine.mitigations.len() - costly.len();
    let costly = if costly.is_empty() { "none".to_owned() } else { costly.join(" ") };
    format!("mitigations: {costly} ({free} do not concern it)")
}

/// `core 0`, `cores 0-3, 8`.
pub fn cores(cpus: &[usize]) -> String {
    let mut sorted = cpus.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for cpu in sorted {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => ranges.push((cpu, cpu)),
        }
    }
    let shown =
        |(first, last): &(usize, usize)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    let word = if cpus.len() == 1 { "core" } else { "cores" };
    format!("{word} {}", ranges.iter().map(shown).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_fingerprint_is_four_lines() {
        let want = [
            "box, AMD EPYC 9R14, 2 cores, 23,982 MiB, NUMA 0: 0-1, guest of kvm",
            "Linux 6.18.0, clock tsc, governor performance, SMT off, huge pages madvise",
            "steal 0.4 %, load 0.42 0.40 0.31",
            "mitigations: spectre_v2 (2 do not concern it)",
        ];
        assert_eq!(lines(&samples::machine()), want);
        assert_eq!(lines(&Machine::default()), ["steal 0 %"]);
    }

    #[test]
    fn cores_are_ranges() {
        for (cpus, want) in
            [(&[0][..], "core 0"), (&[3, 1, 2][..], "cores 1-3"), (&[0, 1, 4, 6, 7][..], "cores 0-1, 4, 6-7")]
        {
            assert_eq!(cores(cpus), want);
        }
    }
}
