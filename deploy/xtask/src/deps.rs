//! The rules for dependencies: bans, licences, sources and duplicates, by cargo-deny and `.cargo/deny.toml`.
//! It never fetches the database of advisories: a check must answer the same without that network. Where the database
//! lies on this machine, it is asked too. Which of our crates may use which is `tests/architecture/`.

use std::path::PathBuf;

use crate::{Advice, cargo, say};

/// A rule that allows what no crate needs any more is an error too, so that the list of exceptions stays true.
const RULES: [&str; 7] =
    ["deny", "check", "--deny=unmatched-skip", "--deny=unnecessary-skip", "bans", "licenses", "sources"];
const ADVISORIES: [&str; 4] = ["deny", "--offline", "check", "advisories"];

pub fn run() -> Result<(), Advice> {
    let installed = cargo(&["deny", "--version"]).output().is_ok_and(|output| output.status.success());
    if !installed {
        return without_cargo_deny();
    }
    ask(&RULES, "Change the dependency, or add an exception with its reason to .cargo/deny.toml.")?;
    if advisories_at_hand() {
        ask(&ADVISORIES, "Update the crate named above, or ignore the advisory with its reason in .cargo/deny.toml.")
    } else {
        say("advisories: no database at hand, skipped (`cargo deny fetch db` would bring one)");
        Ok(())
    }
}

/// On a developer's machine a missing tool costs this step; where `CI` is set it fails, or nobody would notice.
fn without_cargo_deny() -> Result<(), Advice> {
    let advice = "cargo-deny is not installed: `cargo install cargo-deny --locked` (about 4 minutes on 2 cores).";
    if std::env::var_os("CI").is_some() {
        return Err(advice.to_string());
    }
    say(&format!("skipped: {advice}"));
    Ok(())
}

fn ask(arguments: &[&str], advice: &str) -> Result<(), Advice> {
    match cargo(arguments).status() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(advice.to_string()),
    }
}

/// Whether cargo-deny's folder of advisory databases holds one.
fn advisories_at_hand() -> bool {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let databases = cargo_home.and_then(|home| home.join("advisory-dbs").read_dir().ok());
    databases.is_some_and(|entries| entries.flatten().any(|entry| entry.path().join(".git").exists()))
}
