//! `cargo xtask`: the command line of the development tasks.
//! It names the tasks and prints; `check.rs` is the list of steps CI runs (start there), `deps.rs` the rules for dependencies.
//! It never changes a file of the repository.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    reason = "a development task talks to the person who ran it; no protocol uses this stdout"
)]

mod check;
mod deps;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
cargo xtask check                     everything CI runs, in order, up to the first failure
cargo xtask check --only fmt,clippy   some of it; the steps are: fmt, clippy, test, doc, deps
cargo xtask deps                      the rules for dependencies alone (.cargo/deny.toml)";

/// What a task that did not succeed says: one sentence that tells how to mend it.
type Advice = String;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["check"] => check::run(None),
        ["check", "--only", names] => check::run(Some(names)),
        ["deps"] => check::run(Some("deps")),
        ["help" | "-h" | "--help"] => {
            say(USAGE);
            Ok(())
        }
        _ => Err(format!("xtask does not know `{}`. It knows:\n{USAGE}", arguments.join(" "))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(advice) => {
            say(&format!("\n{advice}"));
            ExitCode::FAILURE
        }
    }
}

/// The one place that prints.
fn say(line: &str) {
    println!("{line}");
}

/// The root of the repository, where every command runs.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.ancestors().nth(2).expect("deploy/xtask is two folders below the root").to_path_buf()
}

/// A cargo command in the root, as if it were typed in a shell.
///
/// `cargo run` describes xtask's own package in the environment; build scripts (that of `ring` is one) would see it
/// and build again, so it is taken out.
fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}
