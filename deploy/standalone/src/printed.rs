//! Printing, for every verb: a reader that has seen enough, as `head` has, is no error.

use std::io::{self, ErrorKind, Write};

/// Prints a text whole.
///
/// # Errors
/// A sentence, when standard output takes nothing.
pub fn print(text: &str) -> Result<(), String> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(format!("standard output takes nothing: {error}")),
        _ => Ok(()),
    }
}
