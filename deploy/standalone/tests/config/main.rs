//! Configurations as their authors meet them: wrong ones, with every mistake's place and fix, and a few good ones.
//!
//! Goal: what Ringway says of a configuration is known to the byte, so that nobody makes it worse unseen.
//! Method: each directory of `cases` is a working directory with its files; `run` names environment and arguments
//! (`validate ringway.yaml` when absent), `want` is the exit code and everything said. `GOLDEN=rewrite` writes `want`
//! anew: read the diff.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

const DIRECTORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/config/cases");

/// A copy of a case that a test may add to, removed with it.
struct Copy(PathBuf);

impl Copy {
    fn of(case: &Path, name: &str) -> Copy {
        let copy = std::env::temp_dir().join(format!("ringway-config-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&copy).expect("a temporary directory");
        for entry in std::fs::read_dir(case).expect("a case").flatten() {
            if entry.file_name() != "run" && entry.file_name() != "want" {
                std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("a copy");
            }
        }
        Copy(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // A test that fails may leave it behind; the next one has another name.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What git keeps badly is made here.
fn prepare(name: &str, directory: &Path) {
    let file = directory.join("ringway.yaml");
    match name {
        "too_large" => std::fs::write(file, "# much\n".repeat(50_000)).expect("a file"),
        "dangling_link" => std::os::unix::fs::symlink("gone.yaml", file).expect("a link"),
        _ => {}
    }
}

/// Runs a case, and returns what `want` should hold.
fn outcome(case: &Path, name: &str) -> String {
    let copy = Copy::of(case, name);
    prepare(name, &copy.0);
    let run = std::fs::read_to_string(case.join("run")).unwrap_or_else(|_| "validate ringway.yaml\n".into());
    let mut lines: Vec<&str> = run.lines().collect();
    let arguments = lines.pop().expect("a command");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
    command.current_dir(&copy.0).env_clear().args(arguments.split(' '));
    command.envs(lines.iter().map(|line| line.split_once('=').expect("NAME=value")));
    let output = command.output().expect("it runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    format!("exit {}\n{}{}", output.status.code().unwrap_or(-1), text(output.stderr), text(output.stdout))
}

#[test]
fn every_case_is_told_as_it_was() {
    let rewrite = std::env::var_os("GOLDEN").is_some_and(|value| value == "rewrite");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(DIRECTORY).expect("cases").flatten().map(|case| case.path()).collect();
    cases.sort();
    let mut wrong = 0;
    let mut different = Vec::new();
    for case in &cases {
        let name = case.file_name().and_then(|name| name.to_str()).expect("a name");
        let said = outcome(case, name);
        if said.starts_with("exit 2\n") {
            wrong += 1;
            check_lines(name, &said);
        }
        assert!(!said.contains("hunter2"), "{name} shows a secret: {said}");
        let file = case.join("want");
        if rewrite {
            std::fs::write(&file, &said).expect("written");
            continue;
        }
        let want = std::fs::read_to_string(&file).unwrap_or_default();
        if said != want {
            different.push(format!("{name}\n--- want\n{want}+++ said\n{said}"));
        }
    }
    assert!(different.is_empty(), "{}\n(GOLDEN=rewrite writes them anew)", different.join("\n"));
    assert!(wrong >= 40, "{wrong} wrong configurations");
}

/// Every line that tells a mistake begins with its place and ends with a way out.
#[track_caller]
fn check_lines(name: &str, said: &str) {
    for line in said.lines().skip(1) {
        let line = line.strip_prefix("ringway: ").unwrap_or(line);
        let (place, text) = line.split_once(": ").unwrap_or_default();
        assert!(!place.is_empty() && text.len() > 10, "{name}: {line}");
        let fix = ["; ", "?", "is none of", ": write ", ": use ", ": give ", "expected one of", "chmod "]
            .iter()
            .any(|mark| text.contains(mark));
        assert!(fix, "{name}: what should its author do? {line}");
    }
}

#[test]
fn what_init_writes_is_accepted() {
    let directory = Copy::of(&Path::new(DIRECTORY).join("good_init"), "init");
    let ringway = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
        let output = command.current_dir(&directory.0).env_clear().args(arguments).output().expect("it runs");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    assert_eq!(ringway(&["config", "init", "ringway.yaml"]), (Some(0), "wrote ringway.yaml\n".into()));
    assert_eq!(ringway(&["config", "init", "ringway.yaml"]).0, Some(2), "it is not overwritten");
    assert_eq!(ringway(&["config", "init", "ringway.yaml", "--force"]).0, Some(0));
    assert_eq!(ringway(&["validate", "ringway.yaml"]), (Some(0), "ringway.yaml is good\n".into()));
    let (code, schema) = ringway(&["config", "schema"]);
    assert_eq!(code, Some(0));
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    assert_eq!(jsonschema::meta::validate(&schema).map_err(|error| error.to_string()), Ok(()));

    // What `show` prints is a configuration that says the same.
    let (_, shown) = ringway(&["config", "show", "--profile", "low-latency"]);
    std::fs::write(directory.0.join("ringway.yaml"), &shown).expect("written");
    let (code, again) = ringway(&["config", "show"]);
    assert_eq!(code, Some(0), "{again}");
    let values = |text: &str| text.lines().map(|line| line.split("  #").next().map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(values(&again), values(&shown));
}
