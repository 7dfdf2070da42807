//! `bench gate` as a program: what it prints, and the exit code that a script reads. No server is needed: what is counted
//! is counted by a shell.

use std::path::PathBuf;
use std::process::Command;

/// A file of budgets in a folder of its own, which goes with it.
struct Budgets(PathBuf);

impl Budgets {
    fn of(test: &str, text: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ringway-bench-test-{}-{test}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder of ours");
        std::fs::write(folder.join("budgets.toml"), text).expect("it is ours");
        Self(folder)
    }

    /// Exit code, standard output, standard error.
    fn gate(&self, options: &[&str]) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_ringway-bench"))
            .args(["gate", "--short", "--server", "/bin/false", "--server-cpus", "0", "--cpus", "0", "--budgets"])
            .arg(self.0.join("budgets.toml"))
            .args(options)
            .output()
            .expect("it starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

impl Drop for Budgets {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

const COUNTED: &str = r#"
[allocations]
command = ["/bin/sh", "-c", "echo \"{\\\"allocations_per_request\\\": $1}\"", "sh"]

[[budget]]
name = "none"
value = 0
unit = "allocations/request"
reason = "the allocator has no bound"
test = "allocations:0"

[[budget]]
name = "some"
value = 2
unit = "allocations/request"
reason = "the allocator has no bound"
test = "allocations:3"

[[budget]]
name = "promise"
unit = "us"
reason = "somebody said so"
"#;

/// Goal: the exit code is 1, and a person reads which budget, by how much, and why.
#[test]
fn a_broken_budget_is_named() {
    let budgets = Budgets::of("broken", COUNTED);
    let (code, output, errors) = budgets.gate(&[]);
    assert_eq!(code, Some(1), "{output}{errors}");
    let line = output.lines().find(|line| line.starts_with("BROKEN  some:")).unwrap();
    assert!(line.contains("3.000") && line.contains("50.0 % beyond") && line.contains("no bound"), "{line}");
    assert!(output.lines().any(|line| line.starts_with("unverified") && line.contains("promise")), "{output}");
    assert!(output.lines().any(|line| line.starts_with("holds") && line.contains("none")), "{output}");
}

/// Goal: a history that cannot be written takes neither the result nor the name of what is broken with it.
#[test]
fn a_history_that_cannot_be_written_loses_no_result() {
    let budgets = Budgets::of("unwritten", COUNTED);
    let history = ["--history", "/no/such/folder/history.jsonl"];
    let (code, output, errors) = budgets.gate(&history);
    assert_eq!(code, Some(1), "{output}{errors}");
    assert!(output.contains("BROKEN  some:") && errors.contains("--history /no/such/folder"), "{output}{errors}");
    let (code, output, errors) = budgets.gate(&["--only", "none", history[0], history[1]]);
    assert_eq!(code, Some(2), "{output}{errors}");
    assert!(output.lines().any(|line| line.starts_with("holds")), "{output}");
}

#[test]
fn what_holds_is_exit_code_0() {
    let budgets = Budgets::of("holds", COUNTED);
    let (code, output, _) = budgets.gate(&["--only", "none,promise", "-o", "json"]);
    assert_eq!(code, Some(0), "{output}");
    let report: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(report["findings"][0]["standing"], "holds");
    assert_eq!(report["findings"][1]["standing"], "unverified");
}

/// Goal: what cannot be measured is no success, unless the caller says that it is none of its concern.
#[test]
fn what_cannot_be_measured_is_exit_code_2() {
    let text = COUNTED.replace("[allocations]\ncommand", "[instructions]\ncommand");
    let budgets = Budgets::of("missing", &text);
    let (code, output, _) = budgets.gate(&["--only", "none"]);
    assert_eq!(code, Some(2), "{output}");
    assert!(output.contains("NOT RUN") && output.contains("[allocations]"), "{output}");
    assert_eq!(budgets.gate(&["--only", "none", "--allow-missing"]).0, Some(0));
}

#[test]
fn a_slip_in_the_file_is_named_with_what_was_meant() {
    let budgets = Budgets::of("slip", &COUNTED.replace("value = 2", "valeu = 2"));
    let (code, _, errors) = budgets.gate(&[]);
    assert_eq!(code, Some(2));
    assert!(errors.contains("budgets.toml: unknown key \"valeu\" in budget \"some\""), "{errors}");
    assert!(errors.contains("did you mean \"value\""), "{errors}");
}
