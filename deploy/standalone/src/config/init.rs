//! A configuration file to begin with: every key, explained, commented out, at its default. It never overwrites a file
//! that nobody said may go.

use std::io::Write as _;
use std::path::Path;

use super::keys::{self, Key, PROFILES, SECTIONS};
use super::kind::Kind;
use super::profiles;
use super::settings::Settings;

const WIDTH: usize = 100;

/// The file's text.
pub fn text() -> String {
    let mut text = String::new();
    let intro = "The configuration of Ringway. Every key stands here at its default; remove the # before a key to \
                 change it. Environment variables (RINGWAY_SERVER__LISTEN for server.listen) win over this file, and \
                 flags win over both. `ringway validate FILE` checks it, `ringway config show` tells what is in force \
                 and why, and a running server takes a changed file by itself or on SIGHUP; keys that need a restart \
                 say so.";
    comment(&mut text, "", intro);
    comment(&mut text, "", "Sizes: bytes, or 512KiB, 4MiB, 1GiB. Times: 500ms, 30s, 5m, 1h30m, 7d.");
    text.push('\n');
    comment(&mut text, "", "Profiles are sets of defaults, weaker than everything said here:");
    for (name, meaning) in PROFILES {
        comment(&mut text, "", &format!("{name}: {meaning}:"));
        let rows: Vec<String> = profiles::rows(name).iter().map(|(path, value)| format!("{path} {value}")).collect();
        comment(&mut text, "  ", &format!("{}.", rows.join(", ")));
    }
    text.push('\n');
    let mut open = None;
    for key in keys::all() {
        let section = key.parts().0;
        if let Some((name, summary)) = SECTIONS.iter().find(|(name, _)| section == Some(name) && section != open) {
            text.push('\n');
            comment(&mut text, "", summary);
            text.push_str(&format!("{name}:\n"));
        }
        open = section;
        row(&mut text, key, if section.is_some() { "  " } else { "" });
    }
    text
}

fn row(text: &mut String, key: &Key, indent: &str) {
    let mut explained = key.summary.to_owned();
    match key.kind {
        Kind::Choice(words) | Kind::Choices(words) if key.path != "profile" => {
            let words: Vec<String> = words.iter().map(|(word, meaning)| format!("{word} ({meaning})")).collect();
            explained.push_str(&format!(" {}.", words.join(", ")));
        }
        _ => {}
    }
    if let Some(meaning) = key.absent {
        explained.push_str(&format!(" null: {meaning}."));
    }
    if !key.live {
        explained.push_str(" Needs a restart.");
    }
    let value = (key.value)(&Settings::default());
    comment(text, indent, &explained);
    text.push_str(&format!("{indent}#{}: {}\n", key.parts().1, key.shown(value.as_ref())));
}

/// Prose after `# `, which no key has.
fn comment(text: &mut String, indent: &str, prose: &str) {
    let mut line = format!("{indent}#");
    for word in prose.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.push_str(&format!("{line}\n"));
            line = format!("{indent}#");
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&format!("{line}\n"));
}

/// The text with every key in force: what somebody has who removes each `#` before a key.
#[cfg(test)]
pub fn uncommented(text: &str) -> String {
    let key = |line: &str| match line.trim_start().strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => line.replacen('#', "", 1),
        _ => line.to_owned(),
    };
    text.lines().map(|line| key(line) + "\n").collect()
}

/// Writes it to a file.
///
/// # Errors
/// Why it was not written, and what to do.
pub fn write(path: &Path, force: bool) -> Result<(), String> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(!force).create(true).truncate(force);
    let told = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => "it is there already; --force overwrites it".to_owned(),
        _ => format!("it cannot be written: {error}"),
    };
    let mut file = options.open(path).map_err(told)?;
    file.write_all(text().as_bytes()).map_err(told)
}
