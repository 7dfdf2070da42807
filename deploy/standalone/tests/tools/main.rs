//! `ringway tools` as people and scripts meet it, against our own server and against servers of every kind.
//!
//! Goal: what is asked for is done or the reason why not is one sentence with its exit code, in each era.
//! Method: the binary as a child; a real `ringway serve`, or a stub that answers as it is told.
#![forbid(unsafe_code)]

#[path = "../common/mod.rs"]
mod common;

mod eras;

mod modern;

mod served;

mod streams;

mod terminal;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use common::stub::Asked;

/// How one run ended.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    #[track_caller]
    fn json(&self) -> Value {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        serde_json::from_str(&self.out).expect("JSON alone")
    }

    /// It ended with a code, nothing on standard output, and one sentence.
    #[track_caller]
    fn check_refused(&self, code: i32, want: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.out, "");
        assert!(self.err.starts_with("ringway: ") && self.err.contains(want), "no {want:?} in {}", self.err);
        assert_eq!(self.err.lines().count(), 1, "{}", self.err);
    }
}

/// `ringway` with what it finds around it.
fn run_with(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringway"));
    command.args(arguments).env_remove("RINGWAY_URL").env_remove("RINGWAY_HEADER").envs(variables.iter().copied());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    // A child that needs no input may have ended.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("a child of ours");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Run { code: output.status.code().expect("an exit"), out: text(output.stdout), err: text(output.stderr) }
}

/// `ringway tools` with a server, within the time that anything may take.
fn tools(url: &str, arguments: &[&str]) -> Run {
    run_with(&[&["tools"], arguments, &["--url", url, "--timeout", "20s"]].concat(), &[], "")
}

/// What a modern server answers to `server/discover`.
fn discovered(asked: &Asked) -> String {
    asked.result(
        json!({ "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": { "tools": {} } }),
    )
}

fn tool(name: &str) -> Value {
    json!({ "name": name, "description": format!("Does {name}.\nAnd more."), "inputSchema": { "type": "object" } })
}

fn said(text: &str) -> Value {
    json!({ "resultType": "complete", "content": [{ "type": "text", "text": text }] })
}
