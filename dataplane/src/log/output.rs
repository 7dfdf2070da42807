//! Where lines go: standard output, standard error, or a file that is opened again when it was moved away, so that
//! log rotation by renaming needs no signal. It never decides what is written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogOutput {
    /// Standard error.
    #[default]
    Stderr,
    /// Standard output.
    Stdout,
    /// A file, appended to, readable by its owner and group.
    File(PathBuf),
}

/// How often it is looked whether a file was moved away.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An open output.
pub enum Open {
    Stderr,
    Stdout,
    File(OpenFile),
}

/// A file that is appended to.
pub struct OpenFile {
    path: PathBuf,
    file: File,
    looked: Instant,
}

impl LogOutput {
    /// Opens it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(&self) -> io::Result<Open> {
        Ok(match self {
            LogOutput::Stderr => Open::Stderr,
            LogOutput::Stdout => Open::Stdout,
            LogOutput::File(path) => {
                Open::File(OpenFile { path: path.clone(), file: append_to(path)?, looked: Instant::now() })
            }
        })
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

impl Open {
    /// Writes whole lines.
    ///
    /// # Errors
    /// When they cannot be written; they are lost then.
    pub fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Open::Stderr => io::stderr().lock().write_all(lines),
            Open::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(lines)?;
                stdout.flush()
            }
            Open::File(open) => {
                if open.looked.elapsed() >= LOOK_EVERY {
                    open.looked = Instant::now();
                    if !open.is_in_place() {
                        open.file = append_to(&open.path)?;
                    }
                }
                open.file.write_all(lines)
            }
        }
    }
}

impl OpenFile {
    fn is_in_place(&self) -> bool {
        match (std::fs::metadata(&self.path), self.file.metadata()) {
            (Ok(named), Ok(held)) => (named.dev(), named.ino()) == (held.dev(), held.ino()),
            _ => false,
        }
    }
}
