//! Where a verb's outcome goes: standard output, or a file. Never decides what it says.

use std::io::Write;
use std::path::Path;

/// What a verb prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// A reader that has seen enough (`| head`) is no failure.
pub fn print(text: &str) -> Result<(), String> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(why) if why.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("standard output: {why}")),
        _ => Ok(()),
    }
}

/// `option` is how the user named the file, for the error.
pub fn write(option: &str, path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|why| format!("{option} {}: {why}", path.display()))
}
