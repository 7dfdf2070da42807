//! `bench report` as people call it: the program itself, on files as older versions wrote them.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Written by format 1. It stays as it is: whatever reads records reads this one.
const FORMAT_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/records/format-1.json");

fn report(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway-bench"));
    command.arg("report").args(arguments).output().expect("the program was built")
}

/// A folder that nobody else has, gone with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ringway-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_stored_record_is_shown_in_every_form() {
    let folder = Folder::new("forms");
    let page = folder.file("page.html");
    let shown = report(&[FORMAT_1, "--html", &page, "--title", "A <title>"]);
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success(), "{shown:?}");
    for want in ["echo → http://127.0.0.1:8080/mcp", "41,234 wrong status, 12 lost", "50,000/s reached", "QUIET"] {
        assert!(text.contains(want), "{want} in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colour where nobody sees it, and no byte of the server");
    let html = std::fs::read_to_string(&page).expect("the page was written");
    assert!(html.contains("<h1>A &lt;title&gt;</h1>") && html.contains("<svg class=\"chart\""));
    assert_eq!(html.matches("<script").count(), 1, "what the server answered is text");

    // One line each, which is read again.
    let json = report(&[FORMAT_1, FORMAT_1, "-o", "json"]).stdout;
    let lines = folder.file("two.jsonl");
    std::fs::write(&lines, &json).expect("it can be written");
    assert_eq!(String::from_utf8_lossy(&json).lines().count(), 2);
    assert_eq!(report(&[&lines, "-o", "json"]).stdout, json);
}

#[test]
fn a_history_is_shown_by_commit() {
    let folder = Folder::new("history");
    let (history, page) = (folder.file("history.jsonl"), folder.file("page.html"));
    let line = |commit: &str, value: u32| {
        format!(
            "{{\"at\":\"2026-07-28\",\"commit\":\"{commit}\",\"is_quiet\":true,\"results\":{{\"echo_rps\":{value}}}}}\n"
        )
    };
    std::fs::write(&history, line("aaaa", 1000) + &line("bbbb", 1100)).expect("it can be written");
    let shown = report(&["--history", &history, "--html", &page]);
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(text.contains("echo_rps") && text.contains("1,100  +10 %"), "{shown:?}");
    let html = std::fs::read_to_string(&page).expect("the page was written");
    assert!(html.contains("<b>echo_rps</b>"));
}

#[test]
fn what_cannot_be_shown_is_named() {
    #[track_caller]
    fn check(arguments: &[&str], want: &str) {
        let failed = report(arguments);
        let why = String::from_utf8_lossy(&failed.stderr);
        assert!(failed.status.code() == Some(2) && why.contains(want), "{failed:?}");
        assert!(failed.stdout.is_empty());
    }
    let folder = Folder::new("failures");
    let other = folder.file("other.json");
    std::fs::write(&other, "{\"a\":1}").expect("it can be written");
    check(&["/nonexistent.json"], "/nonexistent.json: No such file");
    check(&[&other], "no record of the bench: it has no `format`");
    check(&["--history", &other], "line 1 is no result: missing field `at`");
    check(&[FORMAT_1, "--html", "/nonexistent/page.html"], "--html /nonexistent/page.html: No such file");
    check(&[], "<FILE>");
    check(&[FORMAT_1, "--title", "T"], "--html");
}
