//! Where the log goes on when a process starts: behind the last whole line of the last file. A line that a crash cut is moved
//! aside, and what is not as it was written stays as it is; of both there will be a record. It never removes a whole line.

use std::io;

use ringway_core::audit::{Chain, Line, file_name};

use super::disk::{Disk, Folder};

/// How much of the last file is checked at start: 2,000 records or more, in some milliseconds. `ringway audit verify` checks
/// all of it.
const TAIL_BYTES_MAX: u64 = 1 << 20;

/// Where a log goes on.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The chain, behind the last record that is there.
    pub chain: Chain,
    /// The file that is open.
    pub number: u64,
    /// Its length.
    pub bytes: u64,
    /// What to tell.
    pub notes: Vec<Note>,
}

/// What a start found.
#[derive(Debug, PartialEq, Eq)]
pub enum Note {
    /// A line was cut, and was moved aside.
    Torn(String),
    /// Something is not as it was written.
    Broken(String),
}

/// Finds where the log goes on, and opens that file.
///
/// # Errors
/// When the folder cannot be read or written.
pub fn recover(folder: &mut Folder) -> io::Result<Found> {
    let numbers = folder.numbers()?;
    let Some(current) = numbers.last().copied() else {
        folder.create(1)?;
        return Ok(Found { chain: Chain::beginning(), number: 1, bytes: 0, notes: Vec::new() });
    };
    let mut found =
        Found { chain: Chain::beginning(), number: current, bytes: folder.go_on(current)?, notes: Vec::new() };
    // A crash between the making of a file and its header leaves one without a record: the last one is in the file before.
    for number in numbers.into_iter().rev() {
        let (begin, bytes) = folder.tail(number, TAIL_BYTES_MAX)?;
        let tail = Tail::read(begin, &bytes);
        if let Some(place) = tail.torn {
            let cut = &bytes[(place - begin) as usize..];
            let name = folder.set_aside(number, place, cut)?;
            let told = format!("{}: {} bytes of a line without its end, kept in {name}", file_name(number), cut.len());
            found.notes.push(Note::Torn(told));
            if number == current {
                folder.cut(place)?;
                found.bytes = place;
            }
        }
        if let Some(place) = tail.broken {
            let told = format!("{}: the line at byte {place} is not as it was written", file_name(number));
            found.notes.push(Note::Broken(told));
        }
        if tail.unread > 0 && number == current {
            found.number = current + 1;
            found.bytes = 0;
        }
        if tail.last.is_some() || tail.unread > 0 {
            let (sequence, hash) = tail.last.map_or((0, [0; 32]), |last| (last.sequence, last.hash));
            // Who cannot be read is counted, so that no number is given twice.
            found.chain = Chain::behind(sequence + tail.unread, hash);
            break;
        }
    }
    if found.number != current {
        folder.create(found.number)?;
    }
    Ok(found)
}

/// What the end of a file holds. Places are counted from the file's beginning.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tail {
    /// The last line that is as it was written.
    last: Option<Line>,
    /// Lines behind it.
    unread: u64,
    /// Where the first line stands that is not as it was written.
    broken: Option<u64>,
    /// Where a line begins that has no end.
    torn: Option<u64>,
}

impl Tail {
    fn read(begin: u64, bytes: &[u8]) -> Tail {
        let mut tail = Tail::default();
        let mut place = 0;
        // The first line may have begun before these bytes.
        let mut is_first = begin > 0;
        while let Some(length) = memchr::memchr(b'\n', &bytes[place..]) {
            if !std::mem::take(&mut is_first) {
                tail.handle_line(begin + place as u64, &bytes[place..place + length]);
            }
            place += length + 1;
        }
        match (is_first, place < bytes.len()) {
            // No line of ours is as long as all this.
            (true, _) => (tail.unread, tail.broken) = (1, Some(begin)),
            (false, true) => tail.torn = Some(begin + place as u64),
            (false, false) => {}
        }
        tail
    }

    fn handle_line(&mut self, place: u64, bytes: &[u8]) {
        let line = Line::read(bytes);
        let follows = match (self.last, line) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(last), Some(line)) => line.prev == last.hash && line.sequence == last.sequence + 1,
        };
        if !follows {
            self.broken = self.broken.or(Some(place));
        }
        match line {
            Some(line) => (self.last, self.unread) = (Some(line), 0),
            None => self.unread += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use ringway_core::audit::Record;

    use super::*;

    fn lines(count: usize) -> Vec<Vec<u8>> {
        let mut chain = Chain::beginning();
        let line = |_| {
            let mut out = Vec::new();
            chain.push(&Record::default(), &mut out);
            out
        };
        (0..count).map(line).collect()
    }

    #[track_caller]
    fn check(begin: u64, bytes: &[u8], last: Option<u64>, unread: u64, broken: Option<u64>, torn: Option<u64>) {
        let tail = Tail::read(begin, bytes);
        let told = (tail.last.map(|line| line.sequence), tail.unread, tail.broken, tail.torn);
        assert_eq!(told, (last, unread, broken, torn));
    }

    #[test]
    fn a_tail_tells_how_it_ends() {
        let lines = lines(4);
        let whole = lines.concat();
        let length = whole.len() as u64;
        let third = (lines[0].len() + lines[1].len()) as u64;
        let fourth = third + lines[2].len() as u64;
        check(0, b"", None, 0, None, None);
        check(0, b"{", None, 0, None, Some(0));
        check(0, &whole, Some(4), 0, None, None);
        check(70, &whole[10..], Some(4), 0, None, None);
        check(0, &whole[..whole.len() - 1], Some(3), 0, None, Some(fourth));
        check(0, &[&whole[..], b"{\"seq\":5"].concat(), Some(4), 0, None, Some(length));
        let mut changed = whole.clone();
        changed[third as usize + 9] ^= 1;
        check(0, &changed, Some(4), 0, Some(third), None);
        changed[fourth as usize + 9] ^= 1;
        check(0, &changed, Some(2), 2, Some(third), None);
        check(0, &[&lines[0][..], &lines[2]].concat(), Some(3), 0, Some(lines[0].len() as u64), None);
        check(5, &[b'x'; 100], None, 1, Some(5), None);
    }
}
