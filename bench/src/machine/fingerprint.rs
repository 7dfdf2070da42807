//! What was read of the machine, made into its fingerprint. Pure.

use std::collections::BTreeSet;

use crate::machine::reading::Readings;
use crate::record::{Machine, Quiet};

pub fn of(readings: &Readings) -> Machine {
    Machine {
        host: readings.host.clone(),
        kernel: readings.kernel.clone(),
        cpu_model: cpu_model(&readings.cpuinfo),
        core_count: readings.cpuinfo.lines().filter(|line| key(line) == "processor").count(),
        smt: match readings.smt_active.as_str() {
            "1" => "on".into(),
            "0" => "off".into(),
            _ => String::new(),
        },
        governor: governor(&readings.governors),
        clocksource: readings.clocksource.clone(),
        hypervisor: hypervisor(readings),
        numa_nodes: readings.nodes.iter().map(|(name, cpus)| format!("{name}: {cpus}")).collect(),
        mitigations: readings.vulnerabilities.iter().cloned().collect(),
        memory_mib: memory_mib(&readings.meminfo),
        transparent_huge_pages: chosen(&readings.huge_pages),
        load_average: readings.load_average.split_ascii_whitespace().take(3).collect::<Vec<_>>().join(" "),
        steal_ratio: 0.0,
        quiet: Quiet::default(),
    }
}

fn key(line: &str) -> &str {
    line.split(':').next().unwrap_or_default().trim()
}

/// ARM's kernels name no model; implementer and part are what there is.
fn cpu_model(cpuinfo: &str) -> String {
    let value = |wanted: &str| {
        let line = cpuinfo.lines().find(|line| key(line) == wanted)?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let by_part = || Some(format!("implementer {} part {}", value("CPU implementer")?, value("CPU part")?));
    value("model name").or_else(by_part).unwrap_or_default()
}

fn governor(governors: &[String]) -> String {
    let kinds: BTreeSet<&str> = governors.iter().map(String::as_str).collect();
    kinds.into_iter().collect::<Vec<_>>().join(", ")
}

/// A CPU that says so is virtual whatever the firmware calls itself; a name is better than none.
fn hypervisor(readings: &Readings) -> String {
    let is_guest = readings
        .cpuinfo
        .lines()
        .filter(|line| key(line) == "flags")
        .any(|line| line.split_ascii_whitespace().any(|flag| flag == "hypervisor"));
    if !readings.hypervisor_type.is_empty() {
        return readings.hypervisor_type.clone();
    }
    match (is_guest, readings.product_name.as_str()) {
        (false, _) => String::new(),
        (true, "") => "an unknown hypervisor".into(),
        (true, name) => name.into(),
    }
}

fn memory_mib(meminfo: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib: Option<u64> = line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok());
    kib.unwrap_or(0) / 1024
}

/// `always [madvise] never` is `madvise`.
fn chosen(choices: &str) -> String {
    let inside = choices.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    inside.map_or(choices, |(inside, _)| inside).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings() -> Readings {
        Readings {
            cpuinfo: "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu hypervisor sse\n\nprocessor\t: 1\n".into(),
            meminfo: "MemTotal:        2097152 kB\nMemFree: 1 kB\n".into(),
            smt_active: "1".into(),
            governors: vec!["performance".into(), "performance".into()],
            nodes: vec![("node0".into(), "0-1".into())],
            vulnerabilities: vec![("meltdown".into(), "Not affected".into())],
            huge_pages: "always [madvise] never".into(),
            load_average: "0.10 0.20 0.30 1/98 5646".into(),
            ..Readings::default()
        }
    }

    #[test]
    fn what_the_kernel_says_is_taken_apart() {
        let machine = of(&readings());
        assert_eq!((machine.cpu_model.as_str(), machine.core_count, machine.smt.as_str()), ("AMD EPYC", 2, "on"));
        assert_eq!((machine.governor.as_str(), machine.memory_mib), ("performance", 2048));
        assert_eq!(machine.numa_nodes, ["node0: 0-1"]);
        assert_eq!(machine.mitigations.get("meltdown").map(String::as_str), Some("Not affected"));
        assert_eq!(
            (machine.transparent_huge_pages.as_str(), machine.load_average.as_str()),
            ("madvise", "0.10 0.20 0.30")
        );
        assert_eq!(
            of(&Readings { governors: vec!["powersave".into(), "performance".into()], ..readings() }).governor,
            "performance, powersave"
        );
    }

    #[test]
    fn a_guest_is_known_by_its_cpu() {
        let bare = Readings { cpuinfo: "flags : fpu\n".into(), product_name: "Model 3".into(), ..Readings::default() };
        assert_eq!(of(&bare).hypervisor, "");
        assert_eq!(of(&readings()).hypervisor, "an unknown hypervisor");
        assert_eq!(of(&Readings { product_name: "Standard PC".into(), ..readings() }).hypervisor, "Standard PC");
        assert_eq!(of(&Readings { hypervisor_type: "xen".into(), ..readings() }).hypervisor, "xen");
    }

    #[test]
    fn nothing_read_is_nothing_said() {
        assert_eq!(of(&Readings::default()), Machine::default());
        let arm = "CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n";
        assert_eq!(
            of(&Readings { cpuinfo: arm.into(), ..Readings::default() }).cpu_model,
            "implementer 0x41 part 0xd0c"
        );
    }
}
