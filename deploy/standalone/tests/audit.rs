//! `ringway audit` as people and scripts meet it.
//!
//! Goal: a whole log is said to be whole, and what is wrong with another is named with file, line and record, and an exit code.
//! Method: the binary as a child, on logs that the data plane's own writer made, changed by hand.
#![forbid(unsafe_code)]

#[path = "common/mod.rs"]
mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ringway_dataplane::audit_log::{Decision, Kind, Record};
use ringway_dataplane::{AuditLog, AuditOptions, Effect};
use serde_json::Value;

use common::Ringway;

/// A folder that is gone with its test.
struct Home(PathBuf);

impl Home {
    fn new(name: &str) -> Home {
        let path = std::env::temp_dir().join(format!("ringway-audit-verbs-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Home(path)
    }

    /// With a log of so many calls, three files or so.
    fn with_log(name: &str, calls: u64) -> Home {
        let home = Home::new(name);
        let log = home.open();
        submit(&log, 0..calls);
        assert!(log.end());
        home
    }

    fn open(&self) -> AuditLog {
        let options = AuditOptions { folder: self.0.clone(), rotate_bytes: 4000, ..AuditOptions::default() };
        AuditLog::open(options).expect("it opens")
    }

    fn files(&self) -> Vec<PathBuf> {
        let paths = fs::read_dir(&self.0).expect("a folder").map(|entry| entry.expect("readable").path());
        let mut files: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).collect();
        files.sort();
        files
    }

    fn lines(&self, file: usize) -> Vec<String> {
        let text = fs::read_to_string(&self.files()[file]).expect("a file");
        text.lines().map(str::to_owned).collect()
    }

    fn write(&self, file: usize, lines: &[String]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(&self.files()[file], text).expect("it is ours");
    }

    fn audit(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
        let (verb, flags) = arguments.split_first().expect("a verb");
        let output = command.args(["audit", verb]).arg(&self.0).args(flags).output().expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code().expect("an exit"), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn submit(log: &AuditLog, calls: std::ops::Range<u64>) {
    let handle = log.handle(|| ());
    for index in calls {
        let id = format!("r-{index}");
        let record = Record {
            at_unix_us: 1_700_000_000_000_000 + index * 1_000_000,
            kind: Kind::ToolCall,
            principal: if index % 2 == 0 { "ada" } else { "=bob" },
            request_id: &id,
            tool: if index % 3 == 0 { "echo" } else { "metrics" },
            decision: Some(if index % 5 == 0 { Decision::Denied } else { Decision::Allowed }),
            ..Record::default()
        };
        let _ = handle.submit(&record, Effect::Read);
        // Files are changed between turns of the writer.
        assert!(index % 8 != 7 || log.flush());
    }
    assert!(log.flush());
}

#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    #[track_caller]
    fn json(&self, code: i32) -> Value {
        assert_eq!((self.code, self.err.as_str()), (code, ""), "{}", self.out);
        serde_json::from_str(&self.out).expect("JSON alone")
    }

    #[track_caller]
    fn check_trouble(&self, code: i32, want: &str) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        assert!(self.err.starts_with("ringway: ") && self.err.contains(want), "no {want:?} in {}", self.err);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
    }
}

#[test]
fn a_whole_log_is_said_to_be() {
    let home = Home::with_log("whole", 30);
    let said = home.audit(&["verify"]).json(0);
    assert_eq!((&said["ok"], &said["torn"], &said["first_sequence"]), (&true.into(), &Value::Null, &1.into()));
    assert_eq!(said["files"], home.files().len());
    assert!(home.files().len() >= 3);
    assert_eq!(said["records"], said["last_sequence"]);
    let anchor = said["anchor"].as_str().expect("an anchor");
    let text = home.audit(&["verify", "-o", "text"]);
    assert_eq!(text.code, 0);
    assert!(text.out.starts_with("whole: ") && text.out.contains(anchor), "{}", text.out);
    assert_eq!(home.audit(&["verify", "--anchor", anchor]).code, 0);
}

#[test]
fn what_was_changed_is_named() {
    let home = Home::with_log("changed", 30);
    let file = home.files()[1].clone();
    let mut lines = home.lines(1);
    let first: Value = serde_json::from_str(&lines[0]).expect("a header");
    let sequence = first["seq"].as_u64().expect("a number") + 3;
    let before = lines.clone();
    lines[3] = lines[3].replace("allowed", "denied");
    assert_ne!(lines, before);
    home.write(1, &lines);
    let said = home.audit(&["verify"]).json(1);
    assert_eq!(said["ok"], false);
    assert_eq!((&said["file"], &said["line"]), (&file.to_str().into(), &4.into()));
    assert_eq!((&said["sequence"], &said["why"]), (&sequence.into(), &"changed".into()));
    let sentence = format!("line 4: record {sequence} is not as it was written (changed)");
    home.audit(&["verify", "-o", "text"]).check_trouble(1, &sentence);
    let mut lines = before.clone();
    lines.remove(3);
    home.write(1, &lines);
    home.audit(&["verify", "-o", "text"]).check_trouble(1, &format!("record {sequence} is missing"));
    let mut lines = before;
    lines.swap(3, 4);
    home.write(1, &lines);
    assert_eq!(home.audit(&["verify"]).json(1)["why"], "reordered");
}

#[test]
fn a_torn_line_is_told_and_no_breach() {
    let home = Home::with_log("torn", 30);
    let last = home.files().pop().expect("a file");
    let bytes = fs::read(&last).expect("a file");
    fs::write(&last, &bytes[..bytes.len() - 9]).expect("it is ours");
    let said = home.audit(&["verify"]).json(0);
    assert_eq!((&said["ok"], &said["torn"]["file"]), (&true.into(), &last.to_str().into()));
    assert!(home.audit(&["verify", "-o", "text"]).out.contains("without its end"));
}

/// Goal: an anchor shows what was cut off, and `--from` reads no more than it must, which must be there.
#[test]
fn anchors_and_beginnings_must_be_there() {
    let home = Home::with_log("anchor", 30);
    let said = home.audit(&["verify"]).json(0);
    let anchor = said["anchor"].as_str().expect("an anchor");
    let last = said["last_sequence"].as_u64().expect("a number");
    let from = home.audit(&["verify", "--from", &last.to_string()]).json(0);
    assert_eq!(from["files"], 1);
    let files = home.files();
    let mut lines = home.lines(files.len() - 1);
    lines.pop();
    home.write(files.len() - 1, &lines);
    assert_eq!(home.audit(&["verify"]).code, 0);
    let cut = home.audit(&["verify", "--anchor", anchor]).json(1);
    assert_eq!((&cut["why"], &cut["sequence"]), (&"truncated".into(), &last.into()));
    assert_eq!(home.audit(&["verify", "--from", &last.to_string()]).json(1)["why"], "truncated");
    fs::remove_file(&files[0]).expect("it is ours");
    assert!(home.audit(&["verify"]).json(0)["first_sequence"].as_u64() > Some(1));
    assert_eq!(home.audit(&["verify", "--from", "2"]).json(1)["why"], "missing");
    assert_eq!(home.audit(&["verify", "--anchor", "12"]).code, 2);
}

#[test]
fn what_cannot_be_read_is_a_sentence() {
    let nowhere = Home::new("nowhere");
    for verb in ["verify", "tail", "export"] {
        nowhere.audit(&[verb]).check_trouble(2, "cannot be read");
    }
    fs::create_dir(&nowhere.0).expect("a place for folders");
    for verb in ["verify", "tail", "export"] {
        nowhere.audit(&[verb]).check_trouble(2, "has no audit log");
    }
}

#[test]
fn the_last_records_are_shown() {
    let home = Home::with_log("tail", 30);
    let all: Vec<String> = (0..home.files().len()).flat_map(|file| home.lines(file)).collect();
    for count in [0, 1, 9, 25, 10_000] {
        let shown = home.audit(&["tail", "-n", &count.to_string()]);
        let want = &all[all.len().saturating_sub(count)..];
        assert_eq!((shown.code, shown.out.lines().collect::<Vec<_>>()), (0, want.iter().map(|line| &**line).collect()));
    }
    let text = home.audit(&["tail", "-n", "4", "-o", "text"]).out;
    assert!(text.contains("tool_call") && text.ends_with(" end\n"), "{text}");
}

/// Goal: whoever follows sees each record once, from file to file. Method: a log that grows over several files meanwhile.
#[test]
fn records_are_followed_from_file_to_file() {
    let home = Home::new("follow");
    let log = home.open();
    submit(&log, 0..3);
    let path = home.0.to_str().expect("UTF-8").to_owned();
    let mut tail = Ringway::start(&["audit", "tail", "-f", "-n", "1", "-o", "json", &path]);
    assert!(tail.line().is_some_and(|line| line.contains("\"r-2\"")));
    submit(&log, 3..40);
    let mut next = 3;
    while next < 40 {
        let line = tail.line().expect("it goes on");
        if line.contains("\"tool_call\"") {
            assert!(line.contains(&format!("\"r-{next}\"")), "{line} instead of {next}");
            next += 1;
        }
    }
    assert!(home.files().len() > 2);
    log.end();
}

#[test]
fn what_is_asked_for_is_exported() {
    let home = Home::with_log("export", 30);
    let count = |flags: &[&str]| {
        let exported = home.audit(&[&["export"], flags].concat());
        assert_eq!((exported.code, exported.err.as_str()), (0, ""));
        exported.out.lines().filter(|line| line.contains("tool_call")).count()
    };
    assert_eq!(count(&[]), 30);
    assert_eq!(count(&["--tool", "echo"]), 10);
    assert_eq!(count(&["--principal", "ada", "--decision", "denied"]), 3);
    assert_eq!(count(&["--since", "2023-11-14T22:13:40Z"]), 10);
    assert_eq!(count(&["--since", "1h"]), 0);
    let csv = home.audit(&["export", "--format", "csv", "--tool", "echo"]).out;
    assert!(csv.starts_with("seq,time,kind,principal,"), "{csv}");
    assert_eq!(csv.matches("\r\n").count(), 11);
    assert!(csv.contains(",\"'=bob\",") && !csv.contains(",=bob,"), "{csv}");
    assert_eq!(home.audit(&["export", "--format", "xml"]).code, 2);
    let mut lines = home.lines(0);
    lines[1] = "not a record".to_owned();
    home.write(0, &lines);
    let exported = home.audit(&["export"]);
    assert!(exported.code == 1 && exported.err.contains("line 2") && exported.out.contains("r-29"), "{exported:?}");
}
