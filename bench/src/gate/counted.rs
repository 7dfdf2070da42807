//! What does not vary: instructions a request by callgrind, allocations a request by a program that counts them.

use std::path::Path;
use std::process::Command;

use crate::gate::budgets::Counter;
use crate::gate::judge::Trouble;
use crate::servers::{run_to_end, target_folder};

/// The program runs a scenario so many times, and once more with twice as many: what is the difference, is the
/// requests' alone, and start-up cancels out.
const FEW: u64 = 1000;
const MANY: u64 = 2000;

pub fn build(counter: &Counter) -> Result<(), Trouble> {
    let Some(program) = counter.build.first() else { return Ok(()) };
    if !program.contains('/') && !is_on_path(program) {
        return Err(Trouble::Missing(format!("no {program}, which builds the program that counts")));
    }
    let mut command = command(&counter.build);
    // Cargo has more ways to be told where builds go. Each would leave the program that is counted as it was, of some
    // former build, and the gate would hold the budgets against that.
    command.env("CARGO_TARGET_DIR", target_folder()).env_remove("CARGO_BUILD_TARGET");
    run_to_end("build", command).map(drop).map_err(Trouble::Failed)
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

pub fn instructions(counter: &Counter, scenario: &str) -> Result<f64, Trouble> {
    if !is_on_path("valgrind") {
        return Err(Trouble::Missing("no valgrind, which counts instructions: apt-get install valgrind".into()));
    }
    let (few, many) = (total(counter, scenario, FEW)?, total(counter, scenario, MANY)?);
    if many <= few {
        return Err(Trouble::Failed(format!("{scenario}: {MANY} requests took {many} instructions, {FEW} took {few}")));
    }
    Ok((many - few) as f64 / (MANY - FEW) as f64)
}

pub fn allocations(counter: &Counter, scenario: &str) -> Result<f64, Trouble> {
    let mut command = command(&counter.command);
    command.arg(scenario);
    let output = run_to_end("counting allocations", command).map_err(Trouble::Failed)?;
    allocations_in(&output).ok_or_else(|| {
        Trouble::Failed(format!("{scenario}: no {{\"allocations_per_request\": NUMBER}} in {:?}", output.trim()))
    })
}

fn total(counter: &Counter, scenario: &str, count: u64) -> Result<u64, Trouble> {
    let folder = crate::servers::Folder::create().map_err(Trouble::Failed)?;
    let counts = folder.path().join("callgrind.out");
    let program = command(&counter.command);
    let mut command = Command::new("valgrind");
    command
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(program.get_program())
        .args(program.get_args())
        .args([scenario, &count.to_string()]);
    run_to_end(&format!("callgrind, {scenario}"), command).map_err(Trouble::Failed)?;
    let text = read(&counts).map_err(Trouble::Failed)?;
    instructions_in(&text).ok_or_else(|| Trouble::Failed(format!("{scenario}: callgrind wrote no totals")))
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn command(words: &[String]) -> Command {
    let target = target_folder().to_string_lossy().into_owned();
    let mut words = words.iter().map(|word| word.replace("{target}", &target));
    // A command without words is refused when the budgets are read.
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// `totals: 123 4`, or `summary: 123 4` in older versions: the first number counts instructions.
fn instructions_in(text: &str) -> Option<u64> {
    let of = |field: &str| text.lines().rev().find_map(|line| line.strip_prefix(field));
    of("totals:").or_else(|| of("summary:"))?.split_ascii_whitespace().next()?.parse().ok()
}

/// The last line that says it; programs may say other things too.
fn allocations_in(output: &str) -> Option<f64> {
    let count = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        value.get("allocations_per_request")?.as_f64()
    };
    output.lines().rev().find_map(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callgrind_writes_is_read() {
        assert_eq!(instructions_in("events: Ir\nsummary: 1\n\nfn=(1)\n1 2\n\ntotals: 4242 7\n"), Some(4242));
        assert_eq!(instructions_in("events: Ir\nsummary: 4242\n"), Some(4242));
        assert_eq!(instructions_in("totals: many\n"), None);
        assert_eq!(instructions_in(""), None);
    }

    #[test]
    fn allocations_are_found_among_other_lines() {
        assert_eq!(allocations_in("warming up\n{\"allocations_per_request\": 0.25}\n"), Some(0.25));
        assert_eq!(allocations_in("{\"allocations_per_request\": 0}"), Some(0.0));
        assert_eq!(allocations_in("{\"allocations\": 0}"), None);
    }

    /// Goal: cargo builds where the program is then looked for, and a machine without cargo lacks something.
    #[test]
    fn what_is_built_is_what_is_counted() {
        let build = |words: &[&str]| {
            build(&Counter { command: Vec::new(), build: words.iter().map(|word| (*word).to_owned()).collect() })
        };
        let target = target_folder();
        let script = r#"test "$CARGO_TARGET_DIR" = "$0" && test -z "$CARGO_BUILD_TARGET""#;
        assert_eq!(build(&["sh", "-c", script, &target.to_string_lossy()]), Ok(()));
        assert!(matches!(build(&["sh", "-c", "exit 1"]), Err(Trouble::Failed(_))));
        let missing = build(&["no-such-builder"]);
        assert!(matches!(&missing, Err(Trouble::Missing(why)) if why.contains("no-such-builder")), "{missing:?}");
    }

    #[test]
    fn a_program_that_counts_is_asked() {
        let script = r#"echo "{\"allocations_per_request\": $1}""#;
        let words = ["/bin/sh", "-c", script, "sh"].map(str::to_owned).to_vec();
        let counter = Counter { command: words, build: Vec::new() };
        assert_eq!(allocations(&counter, "7"), Ok(7.0));
        assert!(
            matches!(allocations(&counter, "x"), Err(Trouble::Failed(why)) if why.contains("allocations_per_request"))
        );
    }
}
