//! What CI runs, as one list: [`STEPS`]. Each step says what it runs and how to mend what it finds.
//! Steps run in order and the first failure ends the run, since what follows would mostly repeat it.

use std::process::Command;
use std::time::Instant;

use crate::{Advice, cargo, deps, say};

struct Step {
    name: &'static str,
    run: fn() -> Result<(), Advice>,
}

/// Quick ones first where the order is free: a style slip should not cost a build.
const STEPS: [Step; 5] = [
    Step { name: "fmt", run: fmt },
    Step { name: "clippy", run: clippy },
    Step { name: "test", run: test },
    Step { name: "doc", run: doc },
    Step { name: "deps", run: deps::run },
];

/// Runs all steps, or those `only` names (separated by commas) in the order of the list.
pub fn run(only: Option<&str>) -> Result<(), Advice> {
    let started_at = Instant::now();
    let steps = choose(only)?;
    let name_chars_max = STEPS.iter().map(|step| step.name.len()).max().unwrap_or(0);
    for step in &steps {
        say(&format!("== {}", step.name));
        let step_started_at = Instant::now();
        let outcome = (step.run)();
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        let seconds = step_started_at.elapsed().as_secs_f64();
        say(&format!("== {:name_chars_max$} {verdict} {seconds:.1} s", step.name));
        outcome.map_err(|advice| format!("xtask: {} failed. {advice}", step.name))?;
    }
    if steps.len() > 1 {
        say(&format!("== all {} steps ok, {:.1} s", steps.len(), started_at.elapsed().as_secs_f64()));
    }
    Ok(())
}

fn choose(only: Option<&str>) -> Result<Vec<&'static Step>, Advice> {
    let Some(names) = only else {
        return Ok(STEPS.iter().collect());
    };
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let known = STEPS.map(|step| step.name);
    match names.iter().find(|name| !known.contains(name)) {
        Some(unknown) => Err(format!("No step is called `{unknown}`; choose from {}.", known.join(", "))),
        None => Ok(STEPS.iter().filter(|step| names.contains(&step.name)).collect()),
    }
}

fn fmt() -> Result<(), Advice> {
    succeed(&mut cargo(&["fmt", "--all", "--check"]), "Run `cargo fmt --all`.")
}

fn clippy() -> Result<(), Advice> {
    let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    succeed(
        &mut cargo(&arguments),
        "Mend the first warning above, or allow it on that item with #[expect(…, reason = \"…\")].",
    )
}

fn test() -> Result<(), Advice> {
    succeed(
        &mut cargo(&["test", "--workspace"]),
        "Run the failed test alone with `cargo test -p <crate> <name>`; an architecture test says in its message what to do.",
    )
}

fn doc() -> Result<(), Advice> {
    let mut command = cargo(&["doc", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    succeed(&mut command, "Mend the doc comment named above; most often a [`link`] leads nowhere or to a private item.")
}

fn succeed(command: &mut Command, advice: &str) -> Result<(), Advice> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(advice.to_string()),
        Err(fault) => Err(format!("{} did not start ({fault}); install it.", command.get_program().display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: `--only` runs what was named, in the list's order, and refuses a name it does not know.
    #[test]
    fn only_chooses_steps() {
        let chosen = |names| choose(Some(names)).map(|steps| steps.iter().map(|step| step.name).collect::<Vec<_>>());
        assert_eq!(chosen("clippy, fmt"), Ok(vec!["fmt", "clippy"]));
        assert_eq!(choose(None).map(|steps| steps.len()), Ok(STEPS.len()));
        assert!(chosen("fmt,lint").is_err_and(|advice| advice.contains("`lint`") && advice.contains("clippy")));
    }
}
