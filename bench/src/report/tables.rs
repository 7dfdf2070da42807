//! The page's tables: figures of each record, its operations, the machines. Pure.

use std::fmt::Write as _;

use super::chart::chip;
use super::escape::escape;
use super::figures::{count, latency, rate};
use super::paint::Paint;
use super::{machine, text};
use crate::record::{Machine, Quiet, Record};

/// A row a record.
pub fn figures(records: &[Record], labels: &[String]) -> String {
    let head = ["", "reached", "p50", "p90", "p99", "p99.9", "p99.99", "max", "errors", "CPU a request"];
    let mut rows = String::new();
    for (index, (record, label)) in records.iter().zip(labels).enumerate() {
        let measured = &record.measured;
        let latencies = &measured.latency;
        let us = |us: f64| if latencies.count == 0 { "-".to_owned() } else { latency(us) };
        let cpu = measured.server.map_or("-".to_owned(), |server| latency(server.cpu_us_per_request));
        let cells = [
            rate(measured.reached_rps),
            us(latencies.p50_us),
            us(latencies.p90_us),
            us(latencies.p99_us),
            us(latencies.p999_us),
            us(latencies.p9999_us),
            us(latencies.max_us),
        ];
        let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
        let _ = writeln!(
            rows,
            "<tr>{}{cells}{}<td>{cpu}</td></tr>",
            row_head(index, label, ""),
            errors(measured.errors.total())
        );
    }
    table(&head, &rows)
}

/// A row an operation, where a record has several.
pub fn operations(records: &[Record], labels: &[String]) -> String {
    let mut rows = String::new();
    for (index, (record, label)) in records.iter().zip(labels).enumerate() {
        if record.measured.operations.len() < 2 {
            continue;
        }
        for operation in &record.measured.operations {
            let latencies = &operation.latency;
            let us = [latencies.p50_us, latencies.p90_us, latencies.p99_us, latencies.p999_us, latencies.max_us];
            let us: String = us.iter().map(|us| format!("<td>{}</td>", latency(*us))).collect();
            let above = if records.len() > 1 { label.as_str() } else { "" };
            let _ = writeln!(
                rows,
                "<tr>{}<td>{}</td>{us}{}</tr>",
                row_head(index, &operation.name, above),
                count(operation.answer_count),
                errors(operation.error_count)
            );
        }
    }
    if rows.is_empty() {
        return rows;
    }
    let head = ["", "answers", "p50", "p90", "p99", "p99.9", "max", "errors"];
    format!("<h2>Operations</h2>\n{}", table(&head, &rows))
}

fn row_head(colour: usize, name: &str, more: &str) -> String {
    let more = if more.is_empty() { String::new() } else { format!("<small>{}</small>", escape(more)) };
    format!("<th scope=\"row\">{}{}{more}</th>", chip(colour), escape(name))
}

fn errors(number: u64) -> String {
    let class = if number > 0 { " class=\"bad\"" } else { "" };
    format!("<td{class}>{}</td>", count(number))
}

/// Each machine once, with who ran on it. What differs from run to run (steal, load, verdict) is shown of each.
pub fn machines(records: &[Record], labels: &[String]) -> String {
    let same = |machine: &Machine| Machine {
        steal_ratio: 0.0,
        load_average: String::new(),
        quiet: Quiet::default(),
        ..machine.clone()
    };
    let mut seen: Vec<(Machine, Vec<usize>)> = Vec::new();
    for (index, record) in records.iter().enumerate() {
        let machine = same(&record.machine);
        match seen.iter_mut().find(|(other, _)| *other == machine) {
            Some((_, runs)) => runs.push(index),
            None => seen.push((machine, vec![index])),
        }
    }
    let mut html = String::new();
    for (_, runs) in &seen {
        let first = &records[runs[0]].machine;
        let lines: Vec<String> = machine::hardware(first).iter().map(|line| escape(line)).collect();
        let _ = writeln!(html, "<div class=\"machine\"><p>{}</p>\n<ul>", lines.join("<br>"));
        for index in runs {
            let machine = &records[*index].machine;
            let class = if machine.quiet.is_quiet { "good" } else { "doubt" };
            let _ = writeln!(
                html,
                "<li class=\"{class}\">{}{} <b>{}</b><small>{}; {}; {}</small></li>",
                chip(*index),
                escape(&labels[*index]),
                escape(&machine::verdict(machine, Paint::PLAIN)),
                escape(&text::what(&records[*index])),
                escape(&records[*index].at),
                escape(&machine::during(machine))
            );
        }
        html.push_str("</ul></div>\n");
    }
    let word = if seen.len() == 1 { "Machine" } else { "Machines" };
    if html.is_empty() { html } else { format!("<h2>{word}</h2>\n{html}") }
}

fn table(head: &[&str], rows: &str) -> String {
    let head: String = head.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    let table = format!("<table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody></table>");
    format!("<div class=\"wide\">{table}</div>\n")
}
