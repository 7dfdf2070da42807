//! `ringway completion`: a script that lets a shell complete this command line. It never installs it.

use std::io::{self, Write};

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};

use crate::arguments::Arguments;

/// Which shell.
#[derive(Args)]
pub struct Completion {
    /// The shell that reads the script.
    shell: Known,
}

/// Shells whose scripts are tested.
#[derive(Clone, Copy, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

impl Completion {
    /// Prints the script.
    pub fn print(self) -> io::Result<()> {
        let shell = match self.shell {
            Known::Bash => Shell::Bash,
            Known::Zsh => Shell::Zsh,
            Known::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        generate(shell, &mut Arguments::command(), "ringway", &mut script);
        io::stdout().write_all(&script)
    }
}
