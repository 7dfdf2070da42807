//! A record for people, on a terminal: what was measured, on what, with every doubt. Pure: colour is asked for.

use super::columns::aligned;
use super::figures::{count, latency, one_line, percent, rate};
use super::machine;
use super::paint::Paint;
use super::spark;
use crate::load::IDLE_RATIO_MIN;
use crate::record::{Errors, Generator, Measured, Percentiles, Record};

/// Where values begin, behind their labels.
const LABEL_COLUMNS: usize = 14;

pub fn text(record: &Record, paint: Paint) -> String {
    let measured = &record.measured;
    let mut text = head(record, paint);
    text.push('\n');
    text.push_str(&latencies(measured, paint));
    text.push('\n');
    let mut row = |label: &str, value: &str| text.push_str(&labelled(label, value, paint));
    row("throughput", &throughput(measured));
    for (label, curve) in over_time(record) {
        row(label, &curve);
    }
    row("errors", &errors(&measured.errors, paint));
    if let Some(connections) = connections(measured) {
        row("connections", &connections);
    }
    if let Some(server) = server(measured) {
        row("server", &server);
    }
    row("generator", &generator(&record.generator, measured.reached_rps, paint));
    row("machine", &machine::verdict(&record.machine, paint));
    for line in machine::lines(&record.machine) {
        row("", &line);
    }
    for (index, doubt) in record.doubts.iter().enumerate() {
        row(if index == 0 { "doubts" } else { "" }, &paint.warn(&one_line(doubt)));
    }
    text
}

fn head(record: &Record, paint: Paint) -> String {
    let name = one_line(&record.workload.name);
    let target = one_line(&record.target.name);
    let mut head = format!("{} → {}  {}\n", paint.bold(&name), paint.bold(&target), paint.dim(&one_line(&record.at)));
    if !record.workload.about.is_empty() {
        head.push_str(&format!("{}\n", one_line(&record.workload.about)));
    }
    let what = what(record);
    if !what.is_empty() {
        head.push_str(&format!("{}\n", paint.dim(&what)));
    }
    head
}

/// `64 connections, commit 87ac88b, server on core 0`.
pub fn what(record: &Record) -> String {
    let connections: usize = record.workload.clients.iter().map(|clients| clients.connections).sum();
    let mut parts = vec![format!("{} connections", count(connections as u64))];
    parts.push(if record.measured.asked_rps.is_some() { "open loop" } else { "closed loop" }.to_owned());
    if let Some(commit) = &record.target.commit {
        parts.push(format!("commit {}", one_line(&commit.chars().take(12).collect::<String>())));
    }
    if !record.target.cpus.is_empty() {
        parts.push(format!("server on {}", machine::cores(&record.target.cpus)));
    }
    parts.join(", ")
}

fn latencies(measured: &Measured, paint: Paint) -> String {
    if measured.latency.count == 0 {
        return format!("{}\n", paint.bad("No right answer was measured: there are no latencies."));
    }
    let head = ["latency", "p50", "p90", "p99", "p99.9", "p99.99", "max", "requests"];
    let mut rows = vec![head.map(str::to_owned).to_vec(), row("all", &measured.latency)];
    if measured.operations.len() > 1 {
        rows.extend(measured.operations.iter().map(|operation| row(&one_line(&operation.name), &operation.latency)));
    }
    if let Some(first_event) = &measured.first_event {
        rows.push(row("first event", first_event));
    }
    if measured.asked_rps.is_some() && measured.send_delay.count > 0 {
        rows.push(row("due to sent", &measured.send_delay));
    }
    aligned(&rows, 2)
}

fn row(name: &str, latencies: &Percentiles) -> Vec<String> {
    let Percentiles { count: number, p50_us, p90_us, p99_us, p999_us, p9999_us, max_us, .. } = latencies;
    let cells = [p50_us, p90_us, p99_us, p999_us, p9999_us, max_us].map(|us| latency(*us));
    [name.to_owned()].into_iter().chain(cells).chain([count(*number)]).collect()
}

fn labelled(label: &str, value: &str, paint: Paint) -> String {
    let fill = " ".repeat(LABEL_COLUMNS - 2 - label.chars().count().min(LABEL_COLUMNS - 2));
    format!("  {}{fill}{value}\n", paint.dim(label))
}

fn throughput(measured: &Measured) -> String {
    let Measured { seconds, asked_rps, reached_rps, answer_count, .. } = measured;
    let reached = format!("{} reached", rate(*reached_rps));
    let asked = asked_rps
        .map_or(String::new(), |asked| format!(" of {} asked ({})", rate(asked), percent(reached_rps / asked)));
    format!("{reached}{asked}; {} right answers in all, {seconds:.1} s measured", count(*answer_count))
}

fn over_time(record: &Record) -> Vec<(&'static str, String)> {
    let timeline = record.measured.timeline.as_slice();
    if timeline.len() < 2 {
        return Vec::new();
    }
    let rates: Vec<f64> = super::under_load(record).iter().map(super::answers_rps).collect();
    let maxima: Vec<f64> = timeline.iter().map(|interval| interval.max_us).collect();
    let lowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = rates.iter().copied().fold(0.0, f64::max);
    let worst = maxima.iter().copied().fold(0.0, f64::max);
    vec![
        ("over time", format!("{}  {} to {}", spark::line(&rates, f64::min), rate(lowest), rate(highest))),
        ("max", format!("{}  up to {}", spark::line(&maxima, f64::max), latency(worst))),
    ]
}

/// Each kind that happened, with its count; the first in full.
pub fn error_kinds(errors: &Errors) -> Vec<(&'static str, u64)> {
    let Errors { wrong_status, wrong_length, wrong_content, malformed, lost, unanswered, connect_failed, first: _ } =
        errors;
    let kinds = [
        ("wrong status", *wrong_status),
        ("wrong length", *wrong_length),
        ("wrong content", *wrong_content),
        ("malformed", *malformed),
        ("lost", *lost),
        ("unanswered", *unanswered),
        ("connect failed", *connect_failed),
    ];
    kinds.into_iter().filter(|(_, number)| *number > 0).collect()
}

fn errors(errors: &Errors, paint: Paint) -> String {
    let kinds: Vec<String> =
        error_kinds(errors).iter().map(|(kind, number)| format!("{} {kind}", count(*number))).collect();
    if kinds.is_empty() {
        return paint.good("none: every answer was checked and right");
    }
    let first = errors
        .first
        .as_ref()
        .map_or(String::new(), |first| format!("\n{}first: {}", " ".repeat(LABEL_COLUMNS), one_line(first)));
    format!("{}{first}", paint.bad(&kinds.join(", ")))
}

fn connections(measured: &Measured) -> Option<String> {
    let connections = &measured.connection_count;
    (connections.churned + connections.reconnected > 0).then(|| {
        let [opened, churned, reconnected] =
            [connections.opened, connections.churned, connections.reconnected].map(count);
        format!(
            "{opened} opened, {churned} closed as the workload says, {reconnected} made again after the server closed"
        )
    })
}

pub fn server(measured: &Measured) -> Option<String> {
    measured.server.map(|server| {
        format!(
            "{} CPU a request, {} of the time it waited for a core, {:.1} MiB (peak {:.1})",
            latency(server.cpu_us_per_request),
            percent(server.waited_ratio),
            server.rss_mib,
            server.rss_peak_mib
        )
    })
}

fn generator(generator: &Generator, reached_rps: f64, paint: Paint) -> String {
    let threads = if generator.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", generator.threads) };
    let state = format!("{threads}, idle {}", percent(generator.idle_ratio));
    match generator.ceiling_rps {
        _ if generator.is_at_ceiling => {
            let loud = match generator.idle_ratio {
                // It had the time: what it came late by is in the latencies, and not in the rate.
                idle_ratio if idle_ratio >= IDLE_RATIO_MIN => "THE GENERATOR WAS LATE: the server may answer sooner",
                _ => "AT THE GENERATOR'S LIMIT: the server may be faster than this",
            };
            let ceiling = generator.ceiling_rps.map_or(String::new(), |ceiling| format!(", ceiling {}", rate(ceiling)));
            format!("{}\n{}{state}{ceiling}", paint.bad(loud), " ".repeat(LABEL_COLUMNS))
        }
        Some(ceiling) if ceiling > 0.0 => {
            let share = percent(reached_rps / ceiling);
            format!("{state}; this result is {share} of the generator's ceiling, {}", rate(ceiling))
        }
        _ => format!("{state}; its ceiling was not measured"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::record::{Interval, Quiet};

    /// Goal: the whole of it, as people see it, so that a change of it is a change someone reads.
    #[test]
    fn a_record_as_text() {
        let want = "\
echo → ringway  2026-07-28T12:00:00Z
Made for tests.
64 connections, closed loop, commit 87ac88b0c1d2, server on core 0

  latency       p50     p90     p99    p99.9   p99.99      max  requests
  all        351 us  608 us  977 us  1.35 ms  1.71 ms  2.34 ms   500,000
  call echo  351 us  608 us  977 us  1.35 ms  1.71 ms  2.32 ms   450,000
  list       351 us  608 us  977 us  1.35 ms  1.71 ms  1.97 ms    50,000

  throughput  50,000/s reached; 550,000 right answers in all, 10.0 s measured
  over time   ▆█▇▇▇▇███▇▇  35,000/s to 50,000/s
  max         ██▇▇▇▇███▇▇  up to 2.34 ms
  errors      none: every answer was checked and right
  server      7.20 us CPU a request, 1.3 % of the time it waited for a core, 23.4 MiB (peak 25.0)
  generator   1 thread, idle 43 %; this result is 31 % of the generator's ceiling, 160,000/s
  machine     QUIET
";
        let got = text(&samples::record("ringway"), Paint::PLAIN);
        let begins: String = got.lines().take(want.lines().count()).map(|line| format!("{line}\n")).collect();
        assert_eq!(begins, want);
    }

    /// The last answers come in a slice of their own, a millisecond long or idle for two seconds: neither is a rate.
    #[test]
    fn the_drain_has_no_rate() {
        for (seconds, answer_count) in [(0.001, 64), (1.0, 0)] {
            let mut record = samples::record("ringway");
            let last = Interval { from_s: 11.0, seconds, answer_count, max_us: 2e6, ..record.measured.timeline[1] };
            record.measured.timeline.push(last);
            let plain = text(&record, Paint::PLAIN);
            for want in ["35,000/s to 50,000/s", "up to 2.00 s"] {
                assert!(plain.contains(want), "{want:?} in\n{plain}");
            }
        }
    }

    #[test]
    fn what_is_bad_is_loud() {
        let mut record = samples::record("ringway");
        record.measured.asked_rps = Some(60_000.0);
        record.measured.errors.wrong_status = 12;
        record.measured.errors.lost = 3;
        record.measured.errors.first = Some("503 \u{1b}[31mno\r\n".to_owned());
        (record.generator.is_at_ceiling, record.generator.idle_ratio) = (true, 0.01);
        record.machine.quiet = Quiet { is_quiet: false, reasons: vec!["steal 7 %".to_owned(), "1 core".to_owned()] };
        record.doubts = vec!["It is a debug build.".to_owned()];
        let plain = text(&record, Paint::PLAIN);
        for want in [
            "12 wrong status, 3 lost\n              first: 503 \\u{1b}[31mno\n",
            "50,000/s reached of 60,000/s asked (83 %)",
            "AT THE GENERATOR'S LIMIT",
            "NOISY: steal 7 %; 1 core",
            "doubts      It is a debug build.",
            "due to sent",
        ] {
            assert!(plain.contains(want), "{want:?} in\n{plain}");
        }
        record.generator.idle_ratio = 0.5;
        let late = text(&record, Paint::PLAIN);
        assert!(late.contains("THE GENERATOR WAS LATE") && !late.contains("LIMIT"), "{late}");
        assert!(!plain.contains('\u{1b}'), "no byte of the server reaches the terminal");
        assert!(text(&record, Paint::COLOURED).contains("\u{1b}[1;31m12 wrong status"));
    }

    #[test]
    fn nothing_measured_is_said() {
        let mut record = samples::record("ringway");
        record.measured = Measured::default();
        record.generator.ceiling_rps = None;
        let plain = text(&record, Paint::PLAIN);
        for want in ["No right answer was measured", "its ceiling was not measured", "0/s reached"] {
            assert!(plain.contains(want), "{want:?} in\n{plain}");
        }
    }
}
