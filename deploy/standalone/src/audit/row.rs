//! A record as it is shown, exported and asked for: read from its line, whose members it knows by name alone. It never checks
//! a hash.

use std::time::SystemTime;

use serde_json::{Map, Value};

use super::arguments::Export;
use crate::tools::text;

/// The members of a record in their order: the columns of an export.
pub const COLUMNS: [&str; 23] = [
    "seq",
    "time",
    "kind",
    "principal",
    "principal_kind",
    "client",
    "request_id",
    "shard",
    "method",
    "tool",
    "decision",
    "stage",
    "rule",
    "generation",
    "status",
    "outcome",
    "duration_us",
    "arguments_hmac",
    "lost",
    "refused",
    "detail",
    "process",
    "hash",
];

/// A record.
#[derive(Debug)]
pub struct Row(Map<String, Value>);

impl Row {
    /// Reads a line; `None` when it is no record.
    pub fn read(line: &[u8]) -> Option<Row> {
        let row = Row(serde_json::from_slice(line).ok()?);
        (!row.cell("seq").is_empty() && !row.cell("kind").is_empty()).then_some(row)
    }

    /// A member's text; none is empty.
    pub fn cell(&self, name: &str) -> String {
        match self.0.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// Whether it is one that was asked for.
    pub fn is_wanted(&self, export: &Export) -> bool {
        let is = |name: &str, want: Option<&str>| want.is_none_or(|want| self.cell(name) == want);
        is("principal", export.principal.as_deref())
            && is("tool", export.tool.as_deref())
            && is("decision", export.decision.map(|decision| decision.word()))
            && export.since.is_none_or(|since| self.time().is_none_or(|time| time >= since))
    }

    fn time(&self) -> Option<SystemTime> {
        humantime::parse_rfc3339(&self.cell("time")).ok()
    }

    /// One line for people: what is known, in words that cannot move a terminal.
    pub fn told(&self) -> String {
        let mut words = vec![self.cell("seq"), self.cell("time"), self.cell("kind")];
        for name in ["decision", "principal", "method", "tool", "status", "outcome"] {
            words.push(self.cell(name));
        }
        for (before, name, after) in [
            ("at ", "stage", ""),
            ("by ", "rule", ""),
            ("from ", "client", ""),
            ("after ", "duration_us", " us"),
            ("id ", "request_id", ""),
            ("lost ", "lost", ""),
            ("refused ", "refused", ""),
            ("", "process", ""),
            ("(", "detail", ")"),
        ] {
            let cell = self.cell(name);
            words.push(if cell.is_empty() { cell } else { format!("{before}{cell}{after}") });
        }
        words.retain(|word| !word.is_empty());
        text::one_line(&words.join(" "))
    }

    /// One row of CSV (RFC 4180).
    pub fn csv(&self) -> String {
        let cells: Vec<String> = COLUMNS.iter().map(|name| quoted(&self.cell(name))).collect();
        format!("{}\r\n", cells.join(","))
    }
}

/// A cell that is a cell in every reader: a caller chooses its own name, and must not have a spreadsheet compute it.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !cell.contains(['"', ',', '\n', '\r']) {
        return cell.to_owned();
    }
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = br#"{"seq":7,"time":"2026-01-31T12:00:00.000001Z","kind":"tool_call","principal":"=ada\u001b[2J","client":"::1","tool":"a,\"b\"","decision":"denied","status":403,"prev":"p","hash":"h"}"#;

    #[test]
    fn a_row_is_told_and_quoted() {
        let row = Row::read(LINE).expect("a record");
        assert_eq!(row.told(), "7 2026-01-31T12:00:00.000001Z tool_call denied =ada\u{fffd}[2J a,\"b\" 403 from ::1");
        let csv = "7,2026-01-31T12:00:00.000001Z,tool_call,\"'=ada\u{1b}[2J\",,::1,,,,\"a,\"\"b\"\"\",denied,,,,403,,,,,,,,h\r\n";
        assert_eq!(row.csv(), csv);
        assert_eq!(row.csv().matches(',').count() - 1, COLUMNS.len() - 1, "one comma is in a cell");
        for other in [&b""[..], b"{}", b"[]", b"{\"seq\":1}", b"{\"seq\":1,\"kind\":"] {
            assert!(Row::read(other).is_none(), "{other:?}");
        }
    }
}
