//! Records for tests of reports: made by rule, so that every page can be looked at without a run.

use std::collections::BTreeMap;
use std::path::Path;

use crate::record::{
    ConnectionCount, Errors, FORMAT, Generator, Interval, Machine, Measured, OperationMeasured, Percentiles, Quiet,
    Record, ServerUsage, Target,
};
use crate::workload::Workload;

/// A run of 10 s at about 50,000/s, with every field filled.
pub fn record(target: &str) -> Record {
    let text = "about = \"Made for tests.\"\n[[clients]]\nmix = [{ operation = \"call\" }, { operation = \"list\" }]";
    let workload = Workload::parse(text, "echo", &|_| None, Path::new("")).expect("a right workload");
    Record {
        format: FORMAT,
        at: "2026-07-28T12:00:00Z".to_owned(),
        target: Target { name: target.to_owned(), commit: Some("87ac88b0c1d2".to_owned()), cpus: vec![0] },
        workload,
        machine: machine(),
        generator: Generator {
            threads: 1,
            cpus: vec![1],
            idle_ratio: 0.43,
            cpu_ratio: 0.998,
            ceiling_rps: Some(160_000.0),
            is_at_ceiling: false,
        },
        measured: measured(50_000.0, 400.0),
        doubts: Vec::new(),
    }
}

pub fn measured(rps: f64, base_us: f64) -> Measured {
    let latency = percentiles(rps * 10.0, base_us);
    let operation = |name: &str, share: f64| OperationMeasured {
        name: name.to_owned(),
        answer_count: (rps * 10.0 * share) as u64,
        error_count: 0,
        latency: percentiles(rps * 10.0 * share, base_us),
    };
    Measured {
        seconds: 10.0,
        asked_rps: None,
        reached_rps: rps,
        answer_count: (rps * 11.0) as u64,
        errors: Errors::default(),
        send_delay: percentiles(rps * 10.0, 2.0),
        first_event: None,
        operations: vec![operation("call echo", 0.9), operation("list", 0.1)],
        timeline: (0..11).map(|second| interval(second, rps, &latency)).collect(),
        connection_count: ConnectionCount { opened: 64, churned: 0, reconnected: 0 },
        server: Some(ServerUsage { cpu_us_per_request: 7.2, waited_ratio: 0.013, rss_mib: 23.4, rss_peak_mib: 25.0 }),
        latency,
    }
}

fn interval(second: u32, rps: f64, latency: &Percentiles) -> Interval {
    // A wave, with the dip of a warm-up.
    let wave = 1.0 + 0.04 * f64::from(second * second % 7);
    let dip = if second == 0 { 0.7 } else { 1.0 };
    Interval {
        from_s: f64::from(second),
        seconds: 1.0,
        answer_count: (rps * wave.recip() * dip) as u64,
        error_count: 0,
        p50_us: latency.p50_us * wave,
        p99_us: latency.p99_us * wave,
        max_us: latency.max_us / wave,
    }
}

/// An exponential tail on a floor: most like what servers give.
pub fn percentiles(count: f64, base_us: f64) -> Percentiles {
    let at = |quantile: f64| base_us * (0.6 + 0.4 * (1.0 / (1.0 - quantile)).ln());
    let max_us = at(1.0 - 1.0 / count);
    let curve = (0..100).map(|step| 1.0 - 10_f64.powf(-f64::from(step) / 100.0 * count.log10()));
    let mut curve: Vec<(f64, f64)> = curve.map(|quantile| (quantile, at(quantile))).collect();
    curve.push((1.0, max_us));
    Percentiles {
        count: count as u64,
        mean_us: base_us,
        p50_us: at(0.5),
        p90_us: at(0.9),
        p99_us: at(0.99),
        p999_us: at(0.999),
        p9999_us: at(0.9999),
        max_us,
        curve,
    }
}

pub fn machine() -> Machine {
    let mitigations =
        [("meltdown", "Not affected"), ("spectre_v2", "Mitigation: Enhanced IBRS"), ("mds", "Not affected")];
    Machine {
        host: "box".to_owned(),
        kernel: "Linux 6.18.0".to_owned(),
        cpu_model: "AMD EPYC 9R14".to_owned(),
        core_count: 2,
        smt: "off".to_owned(),
        governor: "performance".to_owned(),
        clocksource: "tsc".to_owned(),
        hypervisor: "kvm".to_owned(),
        numa_nodes: vec!["0: 0-1".to_owned()],
        mitigations: mitigations
            .iter()
            .map(|(name, state)| ((*name).to_owned(), (*state).to_owned()))
            .collect::<BTreeMap<_, _>>(),
        memory_mib: 23_982,
        transparent_huge_pages: "madvise".to_owned(),
        load_average: "0.42 0.40 0.31".to_owned(),
        steal_ratio: 0.004,
        quiet: Quiet { is_quiet: true, reasons: Vec::new() },
    }
}
