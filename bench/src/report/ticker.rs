//! A run's progress: one line on standard error, rewritten. Silent where standard error is no terminal, so that no log
//! fills with it.

use std::io::{IsTerminal, Write};

use super::figures::{count, latency, one_line, rate};
use super::paint::Paint;
use crate::load::Progress;

/// Where the terminal does not say, as of old.
const COLUMNS_DEFAULT: usize = 80;
const BAR_CELLS: usize = 16;

/// Holds whether a line stands there; dropping it takes the line away.
pub struct Ticker {
    is_live: bool,
    is_shown: bool,
    paint: Paint,
}

impl Default for Ticker {
    fn default() -> Self {
        Self { is_live: std::io::stderr().is_terminal(), is_shown: false, paint: Paint::for_stderr() }
    }
}

impl Ticker {
    /// What is being done, where there are no figures yet.
    pub fn tell(&mut self, what: &str) {
        if self.is_live {
            self.show(&fitted(&[(one_line(what), Tone::Plain)], columns(), self.paint));
        }
    }

    pub fn progress(&mut self, what: &str, progress: &Progress) {
        if self.is_live {
            self.show(&fitted(&parts(what, progress), columns(), self.paint));
        }
    }

    pub fn clear(&mut self) {
        if self.is_shown {
            self.write("\r\u{1b}[K");
            self.is_shown = false;
        }
    }

    fn show(&mut self, line: &str) {
        self.write(&format!("\r{line}\u{1b}[K"));
        self.is_shown = true;
    }

    /// In one write, so that no half line is seen. A terminal that is gone is no reason to end a run.
    fn write(&self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.clear();
    }
}

fn columns() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(COLUMNS_DEFAULT, |(width, _)| usize::from(width.0))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tone {
    Plain,
    Bad,
}

/// The most important first: what does not fit is left off from the end, but for errors, which stand early.
fn parts(what: &str, progress: &Progress) -> Vec<(String, Tone)> {
    let Progress { elapsed_s, total_s, latest, error_count } = progress;
    let mut parts = vec![(one_line(what), Tone::Plain)];
    parts.push((format!("{} {elapsed_s:.0}/{total_s:.0} s", bar(*elapsed_s, *total_s)), Tone::Plain));
    if *error_count > 0 {
        let word = if *error_count == 1 { "error" } else { "errors" };
        parts.push((format!("{} {word}", count(*error_count)), Tone::Bad));
    }
    parts.push((rate(super::answers_rps(latest)), Tone::Plain));
    if latest.answer_count > 0 {
        for (name, us) in [("p50", latest.p50_us), ("p99", latest.p99_us), ("max", latest.max_us)] {
            parts.push((format!("{name} {}", latency(us)), Tone::Plain));
        }
    }
    parts
}

fn bar(elapsed_s: f64, total_s: f64) -> String {
    let done = if total_s > 0.0 { (elapsed_s / total_s).clamp(0.0, 1.0) } else { 0.0 };
    let full = (done * BAR_CELLS as f64).round() as usize;
    format!("{}{}", "█".repeat(full), "░".repeat(BAR_CELLS - full))
}

/// As many whole parts as fit, with one column free: a full line would wrap on some terminals.
fn fitted(parts: &[(String, Tone)], columns: usize, paint: Paint) -> String {
    let room = columns.saturating_sub(1);
    let mut line = String::new();
    let mut width = 0;
    for (index, (part, tone)) in parts.iter().enumerate() {
        let gap = if index == 0 { "" } else { "  " };
        let wanted = gap.len() + part.chars().count();
        if width + wanted > room {
            if index == 0 {
                line.extend(part.chars().take(room));
            }
            break;
        }
        width += wanted;
        line.push_str(gap);
        line.push_str(&if *tone == Tone::Bad { paint.bad(part) } else { part.clone() });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Interval;

    fn progress(error_count: u64) -> Progress {
        let latest = Interval {
            from_s: 4.0,
            seconds: 1.0,
            answer_count: 50_123,
            error_count: 0,
            p50_us: 351.0,
            p99_us: 977.0,
            max_us: 2340.0,
        };
        Progress { elapsed_s: 5.0, total_s: 10.0, latest, error_count }
    }

    #[test]
    fn a_line_shows_what_fits() {
        let check = |error_count, columns, want: &str| {
            let line = fitted(&parts("echo", &progress(error_count)), columns, Paint::PLAIN);
            assert_eq!(line, want);
            assert!(line.chars().count() < columns.max(1), "{columns}");
        };
        let whole = "echo  ████████░░░░░░░░ 5/10 s  50,123/s  p50 351 us  p99 977 us  max 2.34 ms";
        check(0, 200, whole);
        check(0, 78, whole);
        check(0, 76, "echo  ████████░░░░░░░░ 5/10 s  50,123/s  p50 351 us  p99 977 us");
        check(1200, 46, "echo  ████████░░░░░░░░ 5/10 s  1,200 errors");
        check(0, 4, "ech");
        assert_eq!(fitted(&parts("echo", &progress(0)), 0, Paint::PLAIN), "");
    }

    #[test]
    fn errors_are_red_and_only_errors() {
        let line = |error_count| fitted(&parts("echo", &progress(error_count)), 200, Paint::COLOURED);
        assert!(line(1).contains("\u{1b}[1;31m1 error\u{1b}[0m"), "{}", line(1));
        assert!(!line(0).contains('\u{1b}'), "{}", line(0));
    }

    #[test]
    fn bars_stay_within_their_cells() {
        for (elapsed, total, want) in
            [(0.0, 10.0, 0), (5.0, 10.0, 8), (12.0, 10.0, 16), (1.0, 0.0, 0), (f64::NAN, 1.0, 0)]
        {
            let bar = bar(elapsed, total);
            assert_eq!((bar.chars().count(), bar.matches('█').count()), (BAR_CELLS, want), "{elapsed}/{total}");
        }
    }
}
