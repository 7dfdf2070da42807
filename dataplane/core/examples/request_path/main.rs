//! The core's part of a request, run again and again over one connection for callgrind to count: cut, admit, route, parse,
//! look up, check, write the answer. It does no I/O, reads no clock and draws no random number, so that the instructions of
//! a request are the same from run to run. Start at [`path::Path::answer`].
//!
//! `request_path --list` prints the scenarios, one a line; `request_path SCENARIO COUNT` runs one so many times. What one
//! request takes is the difference of two counts: `(total(2000) - total(1000)) / 1000`.
#![forbid(unsafe_code)]

mod path;
mod requests;

use std::io::Write;
use std::process::ExitCode;

use requests::{Scenario, scenarios};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--list"] => list(),
        [name, count] => run(name, count),
        _ => Err("say `request_path --list` or `request_path SCENARIO COUNT`".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "request_path: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list() -> Result<(), String> {
    let mut names: Vec<&str> = scenarios().iter().map(|scenario| scenario.name).collect();
    names.push("");
    std::io::stdout().write_all(names.join("\n").as_bytes()).map_err(|error| error.to_string())
}

fn run(name: &str, count: &str) -> Result<(), String> {
    let count: u64 = count.parse().map_err(|_| format!("`{count}` is not a count"))?;
    let scenario = scenarios().into_iter().find(|scenario| scenario.name == name);
    let scenario = scenario.ok_or_else(|| format!("there is no scenario `{name}`; --list names them"))?;
    let mut path = path::Path::new(&scenario);
    for _ in 0..count {
        path.answer(&scenario.bytes)?;
    }
    check(&scenario, path.answered())
}

/// A wrong answer may be a cheap one.
fn check(scenario: &Scenario, answered: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(answered);
    let is_right = text.starts_with(scenario.begins) && text.contains(&scenario.holds);
    if is_right { Ok(()) } else { Err(format!("`{}` was answered wrongly: {text}", scenario.name)) }
}
