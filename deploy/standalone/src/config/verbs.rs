//! The verbs about configuration: `config schema|show|init` and `validate`. They never start a server.

use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::show::{self, Format};
use super::{Flags, Sources, init, load, schema};
use crate::examples;

/// The exit code of a configuration that cannot be used.
const BAD: u8 = 2;

/// What `config` does.
#[derive(Subcommand)]
pub enum Verb {
    /// Print the JSON Schema of the configuration, so that editors complete and check it.
    #[command(after_help = examples::CONFIG_SCHEMA)]
    Schema,
    /// Show the configuration in force, and where each value came from. It takes every flag of `serve`.
    #[command(after_help = examples::CONFIG_SHOW)]
    Show(Box<Show>),
    /// Write a configuration file with every key, explained and commented out.
    #[command(after_help = examples::CONFIG_INIT)]
    Init {
        /// Where to; standard output when absent.
        file: Option<PathBuf>,
        /// Overwrite the file if it is there.
        #[arg(long)]
        force: bool,
    },
}

/// What `config show` shows.
#[derive(Args)]
pub struct Show {
    /// How it is written.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
    #[command(flatten)]
    flags: Flags,
}

/// What `validate` checks.
#[derive(Args)]
pub struct Validate {
    /// The configuration file, checked by itself: without the environment.
    file: PathBuf,
}

impl Verb {
    /// Does it.
    pub fn run(self) -> ExitCode {
        match self {
            Verb::Schema => print(&format!("{:#}\n", schema::schema())),
            Verb::Show(show) => match load(&mut Sources::of_process(show.flags)) {
                Ok(config) => {
                    tell(config.warnings.iter().map(|warning| format!("warning: {warning}")));
                    print(&show::text(&config, show.output))
                }
                Err(problems) => fail(problems),
            },
            Verb::Init { file: None, .. } => print(&init::text()),
            Verb::Init { file: Some(file), force } => match init::write(&file, force) {
                Ok(()) => print(&format!("wrote {}\n", file.display())),
                Err(wrong) => fail([format!("{}: {wrong}", file.display())]),
            },
        }
    }
}

impl Validate {
    /// Does it.
    pub fn run(self) -> ExitCode {
        match load(&mut Sources::of_file(&self.file)) {
            Ok(config) => {
                tell(config.warnings.iter().map(|warning| format!("warning: {warning}")));
                print(&format!("{} is good\n", self.file.display()))
            }
            Err(problems) => fail(problems),
        }
    }
}

fn print(text: &str) -> ExitCode {
    // A reader that has seen enough (`| head`) is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Each line begins with the place, as editors and compilers have it.
fn tell(lines: impl IntoIterator<Item = impl Display>) {
    let mut errors = std::io::stderr().lock();
    for line in lines {
        // Standard error that is closed leaves nobody to tell.
        let _ = writeln!(errors, "{line}");
    }
}

fn fail(problems: impl IntoIterator<Item = impl Display>) -> ExitCode {
    tell(problems);
    ExitCode::from(BAD)
}
