//! The files of a log, in their order. It never writes, and needs no more memory for a long one.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use ringway_dataplane::audit_log::{LINE_BYTES_MAX, Line, file_number};

use super::Trouble;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Its number.
    pub number: u64,
    /// Its path.
    pub path: PathBuf,
}

/// A sentence about a file that cannot be read.
pub fn cannot_read(path: &Path, error: &std::io::Error) -> Trouble {
    Trouble::Sentence(format!("{} cannot be read: {error}", path.display()))
}

/// The files of a log; an error when there is none.
pub fn files(folder: &Path) -> Result<Vec<LogFile>, Trouble> {
    let files = files_now(folder)?;
    if files.is_empty() {
        let shown = folder.display();
        return Err(Trouble::Sentence(format!("{shown} has no audit log: name the folder with audit-….jsonl files")));
    }
    Ok(files)
}

/// The files of a log, if there are any yet.
pub fn files_now(folder: &Path) -> Result<Vec<LogFile>, Trouble> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| cannot_read(folder, &error))? {
        let path = entry.map_err(|error| cannot_read(folder, &error))?.path();
        let number = path.file_name().and_then(|name| name.to_str()).and_then(file_number);
        files.extend(number.map(|number| LogFile { number, path }));
    }
    files.sort_by_key(|file| file.number);
    Ok(files)
}

impl LogFile {
    /// Opens it.
    pub fn open(&self) -> Result<File, Trouble> {
        File::open(&self.path).map_err(|error| cannot_read(&self.path, &error))
    }

    /// Its path, for people.
    pub fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// The number of its first record; `None` when that cannot be read.
    pub fn first_sequence(&self) -> Result<Option<u64>, Trouble> {
        let mut line = Vec::new();
        let mut reader = BufReader::new(self.open()?.take(LINE_BYTES_MAX as u64));
        reader.read_until(b'\n', &mut line).map_err(|error| cannot_read(&self.path, &error))?;
        Ok(line.strip_suffix(b"\n").and_then(Line::read).map(|line| line.sequence))
    }

    /// Hands over each whole line, without its end, with its number counted from 1. A line that is too long to be one of a
    /// log is handed over in part. What stands behind the last end is left out: it is being written.
    pub fn each_line(&self, mut take: impl FnMut(u64, &[u8]) -> Result<(), Trouble>) -> Result<(), Trouble> {
        let mut reader = BufReader::with_capacity(1 << 18, self.open()?);
        let (mut line, mut number) = (Vec::new(), 0);
        loop {
            line.clear();
            let mut piece = (&mut reader).take(LINE_BYTES_MAX as u64);
            piece.read_until(b'\n', &mut line).map_err(|error| cannot_read(&self.path, &error))?;
            let is_whole = line.last() == Some(&b'\n');
            if !is_whole && line.len() < LINE_BYTES_MAX {
                return Ok(());
            }
            number += 1;
            take(number, line.strip_suffix(b"\n").unwrap_or(&line))?;
        }
    }
}
