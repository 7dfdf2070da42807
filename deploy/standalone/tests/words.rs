//! What the command line says of itself: help, manual pages and completion scripts.
//!
//! Goal: every verb has examples, a page that mentions each of its flags, and scripts that shells and `man` accept.
//! Method: the binary as a child, its words read by the tools they are for, where those are installed.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

fn ringway(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ringway")).args(arguments).output().expect("it starts")
}

#[track_caller]
fn said(arguments: &[&str]) -> String {
    let output = ringway(arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What another program thinks of a text; `None` where it is not installed.
fn judged(program: &str, arguments: &[&str], text: &str) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    Some(child.wait_with_output().expect("a child of ours"))
}

/// Long flags as a text mentions them.
fn flags(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    words.filter(|word| word.starts_with("--") && word.len() > 2).map(str::to_owned).collect()
}

/// Every verb with its pages' name, from the help of the one above it.
fn verbs(above: &[&str], found: &mut BTreeMap<String, Vec<String>>) {
    let name = [&["ringway"], above].concat().join("-");
    found.insert(name, above.iter().map(|word| (*word).to_owned()).collect());
    let help = said(&[above, &["--help"]].concat());
    let Some(listed) = help.split("\nCommands:\n").nth(1) else {
        return;
    };
    for line in listed.lines().take_while(|line| !line.is_empty()) {
        let verb = line.split_whitespace().next().expect("a verb");
        if line.starts_with("  ") && !line.starts_with("   ") && verb != "help" {
            verbs(&[above, &[verb]].concat(), found);
        }
    }
}

#[test]
fn each_verb_has_examples_and_a_page_with_all_its_flags() {
    let mut found = BTreeMap::new();
    verbs(&[], &mut found);
    for name in ["ringway", "ringway-serve", "ringway-stdio", "ringway-tools-list", "ringway-tools-call", "ringway-man"]
    {
        assert!(found.contains_key(name), "{name}: {found:?}");
    }
    let dir = std::env::temp_dir().join(format!("ringway-man-{}", std::process::id()));
    said(&["man", "--dir", dir.to_str().expect("UTF-8")]);
    let written = std::fs::read_dir(&dir).expect("it is there").map(|entry| entry.expect("readable").file_name());
    let written: BTreeSet<String> = written.map(|name| name.into_string().expect("UTF-8")).collect();
    assert_eq!(written, found.keys().map(|name| format!("{name}.1")).collect());
    for (name, verb) in &found {
        let verb: Vec<&str> = verb.iter().map(String::as_str).collect();
        let help = said(&[&verb[..], &["--help"]].concat());
        let Some((described, _)) = help.split_once("\nExamples:\n  ") else {
            panic!("{name} has no examples: {help}");
        };
        let page = std::fs::read_to_string(dir.join(format!("{name}.1"))).expect("it is there");
        check_page(name, &page, &flags(described));
    }
    std::fs::remove_dir_all(&dir).expect("it is ours");
}

#[track_caller]
fn check_page(name: &str, page: &str, flags_of_help: &BTreeSet<String>) {
    let plain = page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "");
    let options = plain.split("\n.SH ").find(|section| section.starts_with("OPTIONS\n")).unwrap_or_default();
    let told = flags(options);
    let missing: Vec<_> = flags_of_help.difference(&told).collect();
    assert!(missing.is_empty(), "{name}.1 does not mention {missing:?}");
    assert!(plain.contains(".SH EXAMPLES\n"), "{name}.1");
    let sections = plain.lines().filter(|line| line.starts_with(".SH ")).collect::<Vec<_>>();
    assert_eq!(sections.len(), sections.iter().collect::<BTreeSet<_>>().len(), "{name}.1 repeats itself: {sections:?}");
    if let Some(read) = judged("man", &["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", "-"], page) {
        let warned = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success() && warned.is_empty(), "{name}.1: {warned}");
    }
    if let Some(read) = judged("mandoc", &["-Tlint", "-Wwarning"], page) {
        let warned = String::from_utf8_lossy(&read.stdout);
        // Pages have no day on purpose, and spacing that clap_mangen asks for twice is harmless.
        let harmless = ["cannot parse date", "skipping paragraph macro"];
        let is_worth = |line: &&str| !harmless.iter().any(|known| line.contains(known));
        let worth: Vec<&str> = warned.lines().filter(is_worth).collect();
        assert!(worth.is_empty(), "{name}.1: {worth:?}");
    }
    let ends = concat!(" 1 \" \" \"ringway ", env!("CARGO_PKG_VERSION"), "\" Ringway");
    assert!(plain.lines().any(|line| line.starts_with(".TH ") && line.ends_with(ends)), "{name}.1 has another title");
}

#[test]
fn shells_take_their_scripts() {
    for (shell, flag) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = said(&["completion", shell]);
        for word in ["ringway", "tools", "completion", "timeout", "admin-listen"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
        if let Some(read) = judged(shell, &[flag], &script) {
            let warned = String::from_utf8_lossy(&read.stderr);
            assert!(read.status.success() && warned.is_empty(), "{shell}: {warned}");
        }
    }
    let unknown = ringway(&["completion", "tcsh"]);
    assert_eq!(unknown.status.code(), Some(2));
}

/// Goal: bash completes verbs and flags with the script. Method: its own completion function, called as readline does.
#[test]
fn bash_completes_words() {
    let script = said(&["completion", "bash"]);
    for (words, want) in
        [(["ringway", "to"].as_slice(), "tools"), (&["ringway", "tools", "list", "--time"], "--timeout")]
    {
        let list = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let last = words.len() - 1;
        let (word, before) = (words[last], words[last - 1]);
        let ask = format!(
            "{script}\nCOMP_WORDS=({list}); COMP_CWORD={last}; _ringway ringway '{word}' '{before}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
        );
        let read = judged("bash", &["--norc"], &ask).expect("bash is everywhere");
        assert_eq!(String::from_utf8_lossy(&read.stdout).trim(), want, "{}", String::from_utf8_lossy(&read.stderr));
    }
}

#[test]
fn what_cannot_be_written_is_said() {
    let file: PathBuf = std::env::temp_dir().join(format!("ringway-no-dir-{}", std::process::id()));
    std::fs::write(&file, "").expect("a place for files");
    let refused = ringway(&["man", "--dir", file.join("man1").to_str().expect("UTF-8")]);
    std::fs::remove_file(&file).expect("it is ours");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2));
    assert!(told.starts_with("ringway: --dir ") && told.lines().count() == 1, "{told}");
}

/// Goal: help, which people paste into questions, shows no password. Method: one in each variable that help names.
#[test]
fn help_shows_no_secret() {
    for (name, value) in [("RINGWAY_URL", "http://me:hunter2@127.0.0.1:1/mcp"), ("RINGWAY_HEADER", "A: hunter2")] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ringway"));
        let help = command.args(["tools", "call", "--help"]).env(name, value).output().expect("it runs");
        let help = String::from_utf8(help.stdout).expect("UTF-8");
        assert!(help.contains(name) && !help.contains("hunter2"), "{help}");
    }
}
