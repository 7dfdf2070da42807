//! `ringway tools`: a client of any MCP server, for people and scripts. It never serves, keeps nothing between two
//! runs, and never prints what `--header` carries. Start at `verbs.rs`.

mod arguments;

mod trouble;

mod input;

mod door;

mod events;

mod message;

mod mirrored;

mod progress;

mod exchange;

mod legacy;

mod client;

pub mod text;

mod table;

mod verbs;

use std::io::Write;
use std::process::ExitCode;

pub use arguments::Tools;

/// Does what was asked, and says what went wrong in a sentence.
pub fn run(tools: Tools) -> ExitCode {
    match verbs::run(tools) {
        Ok(code) => code,
        Err(trouble) => {
            // Standard error that is closed leaves nobody to tell.
            let _ = writeln!(std::io::stderr(), "ringway: {}", text::one_line(&trouble.to_string()));
            trouble.exit_code()
        }
    }
}
