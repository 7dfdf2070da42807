//! `ringway audit tail`: the last records, and those that come, from file to file. It never checks the chain.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::thread;
use std::time::Duration;

use ringway_dataplane::audit_log::LINE_BYTES_MAX;

use super::arguments::{Format, Tail};
use super::folder::{self, LogFile, cannot_read};
use super::output::Out;
use super::row::Row;
use super::{Ended, Trouble};

/// How often it is looked for more: the server writes ten times a second.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Shows them.
pub fn run(tail: &Tail) -> Result<Ended, Trouble> {
    let files = folder::files(&tail.folder)?;
    let mut shown = Shown { out: Out::new(), format: tail.output.format(), ended: Ended::Good };
    // Where what follows begins is known before the last lines are read, so that none is left out between the two.
    let mut follower = files.last().map(Follower::at_end_of).transpose()?;
    for line in last(&files, tail.count as usize, follower.as_ref())? {
        shown.line(&line)?;
    }
    shown.out.flush()?;
    while let Some(follower) = follower.as_mut().filter(|_| tail.follow) {
        if !follower.look(tail, &mut shown)? {
            thread::sleep(LOOK_EVERY);
        }
    }
    Ok(shown.ended)
}

struct Shown {
    out: Out,
    format: Format,
    ended: Ended,
}

impl Shown {
    fn line(&mut self, line: &[u8]) -> Result<(), Trouble> {
        let row = Row::read(line);
        if row.is_none() {
            self.ended = Ended::Broken;
        }
        match (self.format, row) {
            (Format::Text, Some(row)) => self.out.line(row.told().as_bytes()),
            (Format::Text, None) => self.out.line(b"(a line that is no record: `ringway audit verify` names it)"),
            (Format::Json, Some(_)) => self.out.line(line),
            // Whoever reads JSON expects JSON in each line.
            (Format::Json, None) => self.out.line(br#"{"kind":"unreadable"}"#),
        }
    }
}

/// The last lines of a log, the oldest first, up to where the follower begins.
fn last(files: &[LogFile], count: usize, follower: Option<&Follower>) -> Result<VecDeque<Vec<u8>>, Trouble> {
    let mut all: VecDeque<Vec<u8>> = VecDeque::new();
    for file in files.iter().rev() {
        let wanted = count - all.len();
        if wanted == 0 {
            break;
        }
        let end = follower.filter(|follower| follower.file.number == file.number).map_or(u64::MAX, |it| it.place);
        let (mut of_file, mut place) = (VecDeque::new(), 0);
        file.each_line(|_, line| {
            place += line.len() as u64 + 1;
            if place <= end {
                if of_file.len() == wanted {
                    of_file.pop_front();
                }
                of_file.push_back(line.to_vec());
            }
            Ok(())
        })?;
        of_file.extend(all);
        all = of_file;
    }
    Ok(all)
}

/// Reads what comes.
struct Follower {
    file: LogFile,
    open: File,
    /// Behind the last whole line.
    place: u64,
}

impl Follower {
    /// Begins behind the last whole line of a file.
    fn at_end_of(file: &LogFile) -> Result<Follower, Trouble> {
        let mut follower = Follower { file: file.clone(), open: file.open()?, place: 0 };
        let length = follower.open.metadata().map_err(|error| cannot_read(&file.path, &error))?.len();
        // A line that is being written is shown once it is whole.
        let begin = length.saturating_sub(LINE_BYTES_MAX as u64);
        let bytes = follower.read(begin, length - begin)?;
        follower.place = begin + bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place as u64 + 1);
        Ok(follower)
    }

    fn read(&mut self, place: u64, bytes_max: u64) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        let read = self.open.seek(SeekFrom::Start(place));
        read.and_then(|_| (&mut self.open).take(bytes_max).read_to_end(&mut bytes))
            .map_err(|error| cannot_read(&self.file.path, &error))?;
        Ok(bytes)
    }

    /// Shows what has come. False when that is nothing.
    fn look(&mut self, tail: &Tail, shown: &mut Shown) -> Result<bool, Trouble> {
        // Looked for first: a file that has a follower grows no more.
        let next = folder::files_now(&tail.folder)?.into_iter().find(|file| file.number > self.file.number);
        let bytes = self.read(self.place, 1 << 20)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        for line in bytes[..whole].split_inclusive(|byte| *byte == b'\n') {
            shown.line(line.strip_suffix(b"\n").unwrap_or(line))?;
        }
        shown.out.flush()?;
        self.place += whole as u64;
        match next {
            Some(file) if whole == 0 => {
                *self = Follower { open: file.open()?, file, place: 0 };
                Ok(true)
            }
            _ => Ok(whole > 0),
        }
    }
}
