//! The HTML page: figures, plots, machine; one file that opens offline. No reference leads outside, and a policy in its
//! head forbids the browser any. Pure.

use std::fmt::Write as _;

use super::chart::Chart;
use super::escape::escape;
use super::figures::count;
use super::{bars, labels, plots, tables, text, trend};
use crate::history::Entry;
use crate::load::IDLE_RATIO_MIN;
use crate::record::Record;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// One page with plots (latency by percentile, throughput, over time), one curve a record.
pub fn html(title: &str, records: &[Record]) -> String {
    let labels = labels::of(records);
    let mut body = summary(records);
    if !records.is_empty() {
        body.push_str(&alarms(records, &labels));
        body.push_str(&tables::figures(records, &labels));
        body.push_str("<section class=\"plots\">\n");
        body.push_str(&plots::by_percentile(records, &labels).html());
        body.push_str(&bars::html(records, &labels));
        body.push_str(&plots::throughput_over_time(records, &labels).html());
        body.extend(plots::latency_over_time(records, &labels).iter().map(Chart::html));
        body.push_str("</section>\n");
        body.push_str(&tables::operations(records, &labels));
        body.push_str(&tables::machines(records, &labels));
    }
    page(title, &body)
}

/// The same for results by commit.
pub fn html_of_history(title: &str, entries: &[Entry]) -> String {
    let charts: String = trend::charts(entries).iter().map(Chart::html).collect();
    let what = match entries.len() {
        0 => "The history is empty.".to_owned(),
        many => format!("{} results, oldest to the left; a ring marks a noisy machine.", count(many as u64)),
    };
    page(title, &format!("<p class=\"about\">{what}</p>\n<section class=\"plots\">\n{charts}</section>\n"))
}

fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n{body}<div id=\"tip\" hidden></div>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n"
    )
}

/// What the workloads stand for, each once.
fn summary(records: &[Record]) -> String {
    let mut seen = Vec::new();
    let mut html = String::new();
    for record in records {
        let workload = &record.workload;
        if !seen.contains(&&workload.name) {
            seen.push(&workload.name);
            let (name, about) = (escape(&workload.name), escape(&workload.about));
            let _ = writeln!(html, "<p class=\"about\"><b>{name}</b> {about}</p>");
        }
    }
    if records.is_empty() { "<p class=\"about\">No records.</p>\n".to_owned() } else { html }
}

/// Whatever makes a figure less than it looks: errors, the generator's limit, doubts.
fn alarms(records: &[Record], labels: &[String]) -> String {
    let mut items = String::new();
    for (record, label) in records.iter().zip(labels) {
        let mut tell = |class: &str, what: &str| {
            let _ = writeln!(items, "<li class=\"{class}\"><b>{}</b> {what}</li>", escape(label));
        };
        let errors = &record.measured.errors;
        let kinds: Vec<String> =
            text::error_kinds(errors).iter().map(|(kind, number)| format!("{} {kind}", count(*number))).collect();
        if !kinds.is_empty() {
            let first = errors.first.as_ref();
            let first = first.map_or(String::new(), |first| format!("; the first: <code>{}</code>", escape(first)));
            tell("bad", &format!("{}{first}", kinds.join(", ")));
        }
        if record.generator.is_at_ceiling && record.generator.idle_ratio >= IDLE_RATIO_MIN {
            tell("bad", "the generator was late: the server may answer sooner than this");
        } else if record.generator.is_at_ceiling {
            tell("bad", "is at the generator's limit: the server may be faster than this");
        }
        for doubt in &record.doubts {
            tell("doubt", &escape(doubt));
        }
    }
    if items.is_empty() { String::new() } else { format!("<ul class=\"alarms\">\n{items}</ul>\n") }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::record::{Measured, OperationMeasured};

    /// What a server, a file or a command line could hold.
    const HOSTILE: &str = "</td></script><script src=//x>alert('1')</script>\u{1b}[31m\u{202e}\" onload=\"x";

    fn hostile() -> Record {
        let mut record = samples::record(HOSTILE);
        record.at = HOSTILE.to_owned();
        record.target.commit = Some(HOSTILE.to_owned());
        record.workload.name = HOSTILE.to_owned();
        record.workload.about = HOSTILE.to_owned();
        record.measured.errors.wrong_content = 1;
        record.measured.errors.first = Some(HOSTILE.to_owned());
        record.measured.operations.push(OperationMeasured { name: HOSTILE.to_owned(), ..OperationMeasured::default() });
        record.doubts = vec![HOSTILE.to_owned()];
        let machine = &mut record.machine;
        for text in [
            &mut machine.host,
            &mut machine.kernel,
            &mut machine.cpu_model,
            &mut machine.smt,
            &mut machine.governor,
            &mut machine.clocksource,
            &mut machine.hypervisor,
            &mut machine.transparent_huge_pages,
            &mut machine.load_average,
        ] {
            HOSTILE.clone_into(text);
        }
        machine.numa_nodes = vec![HOSTILE.to_owned()];
        machine.mitigations.insert(HOSTILE.to_owned(), HOSTILE.to_owned());
        machine.quiet.is_quiet = false;
        machine.quiet.reasons = vec![HOSTILE.to_owned()];
        record
    }

    fn pages() -> Vec<(&'static str, String)> {
        let mut empty = samples::record("empty");
        empty.measured = Measured::default();
        let mut bad = samples::record("bad");
        bad.measured.errors.lost = u64::MAX / 2;
        bad.measured.latency.curve = vec![(f64::NAN, f64::INFINITY), (2.0, -1.0)];
        bad.measured.timeline[2].seconds = 0.0;
        bad.measured.timeline[3].from_s = f64::NAN;
        let eight: Vec<Record> = (0..8).map(|nth| samples::record(&format!("server {nth}"))).collect();
        let entry = Entry {
            at: HOSTILE.to_owned(),
            commit: Some(HOSTILE.to_owned()),
            machine: HOSTILE.to_owned(),
            results: [(HOSTILE.to_owned(), 1.0)].into(),
            ..Entry::default()
        };
        vec![
            ("none", html("t", &[])),
            ("one", html("t", &[samples::record("one")])),
            ("eight", html("t", &eight)),
            ("empty", html("t", &[empty])),
            ("bad", html("t", &[bad])),
            ("hostile", html(HOSTILE, &[hostile(), samples::record("b")])),
            ("history", html_of_history(HOSTILE, &[entry.clone(), entry])),
            ("no history", html_of_history("t", &[])),
        ]
    }

    /// Goal: the page opens offline and tells nobody. Method: nothing in it can refer anywhere, our own script and style
    /// included.
    #[test]
    fn no_reference_leads_outside() {
        // In pages full of hostile text these words stand as text: that is the next test.
        for (name, page) in pages().into_iter().filter(|(_, page)| !page.contains("onload")) {
            for reference in [
                "href", "src=", "url(", "@import", "<link", "<img", "<iframe", "<object", "fetch(", "XMLHttp", "http:",
                "https:",
            ] {
                assert!(!page.contains(reference), "{name}: {reference}");
            }
            assert!(page.contains("content=\"default-src 'none';"), "{name}");
        }
    }

    /// Goal: bytes of servers are text. Method: hostile ones everywhere; the page's markup stays as many tags as ours.
    #[test]
    fn outside_text_is_never_markup() {
        for (name, page) in pages() {
            assert_eq!(page.matches("<script").count(), 1, "{name}: ours alone");
            assert_eq!(page.matches("</script").count(), 1, "{name}: ours alone");
            assert!(!page.contains("\" onload"), "{name}");
            let is_harmless = |letter: char| !letter.is_control() || letter == '\n';
            assert!(page.chars().all(|letter| is_harmless(letter) && letter != '\u{202e}'), "{name}");
        }
        let (_, page) = &pages()[5];
        assert!(page.matches(&escape(HOSTILE)).count() > 10, "what is escaped is shown");
    }

    /// Goal: whatever was measured, or nothing, the page is whole: every tag closed, every number one.
    #[test]
    fn every_page_is_whole() {
        for (name, page) in pages() {
            for tag in ["svg", "figure", "table", "ul", "li", "section", "td", "th", "tr", "div", "text", "g"] {
                let opened = page.matches(&format!("<{tag} ")).count() + page.matches(&format!("<{tag}>")).count();
                assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{name}: {tag}");
            }
            for wrong in ["NaN", "\"inf", "\"-inf", "Linf", "Minf"] {
                assert!(!page.contains(wrong), "{name}: {wrong}");
            }
        }
    }
}
