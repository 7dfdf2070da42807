//! Checks a log: files and bytes in, in their order, and out comes that all is whole, or the first record that is not. It
//! never opens a file, and keeps at most one line.
//!
//! What it cannot see: that the newest records were cut off at the end of one, that the oldest files are gone, or that the
//! whole chain was made anew by somebody who may write the files. An [`Anchor`], a number and a hash noted elsewhere, shows
//! the first and the last of these.

use super::line::{BEGIN, Hash, LINE_BYTES_MAX, Line};

/// A record that is known from elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its number.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What is wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is not as it was written.
    Changed,
    /// It is not there, and others behind it are.
    Missing,
    /// It does not stand in its place: records were exchanged, or stand there twice.
    Reordered,
    /// The end of its file is not there.
    Truncated,
    /// What stands in its place belongs to another chain.
    Foreign,
}

impl Why {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Why::Changed => "changed",
            Why::Missing => "missing",
            Why::Reordered => "reordered",
            Why::Truncated => "truncated",
            Why::Foreign => "foreign",
        }
    }
}

/// The first record that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The file.
    pub file: String,
    /// The line where it stands, or should, counted from 1.
    pub line: u64,
    /// The number of the record that should be there.
    pub sequence: u64,
    /// The number of the one that is, where it can be read.
    pub found: Option<u64>,
    /// What is wrong.
    pub why: Why,
}

/// A last line without its end, as a crash leaves it, or as it looks while it is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
    /// How much of it is there.
    pub bytes: u64,
}

/// A log that is whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Its files.
    pub files: u64,
    /// Its records, headers among them.
    pub records: u64,
    /// The number of the first; more than 1 when older files are gone.
    pub first_sequence: u64,
    /// The last one.
    pub last: Option<Anchor>,
    /// What a crash left.
    pub torn: Option<Torn>,
}

/// Checks one log.
#[derive(Debug, Default)]
pub struct Verifier {
    anchor: Option<Anchor>,
    verified: Verified,
    file: String,
    /// Lines of this file so far.
    line: u64,
    /// The beginning of a line whose end has not come.
    carry: Vec<u8>,
    suspect: Option<Suspect>,
}

/// A record that does not follow the one before it. Why is known when what comes behind it is.
#[derive(Debug)]
struct Suspect {
    broken: Broken,
    /// What it follows.
    prev: Hash,
    /// The record whose place it has came later.
    has_wanted: bool,
}

impl Verifier {
    /// Begins. The record of the anchor must be there.
    pub fn new(anchor: Option<Anchor>) -> Verifier {
        Verifier { anchor, ..Verifier::default() }
    }

    /// What comes next is of this file.
    ///
    /// # Errors
    /// When the file before it does not end with a line.
    pub fn begin_file(&mut self, name: &str) -> Result<(), Broken> {
        if !self.carry.is_empty() && self.suspect.is_none() {
            self.line += 1;
            return Err(self.broken(None, Why::Truncated));
        }
        self.carry.clear();
        (self.file, self.line) = (name.to_owned(), 0);
        self.verified.files += 1;
        Ok(())
    }

    /// More bytes of the file.
    ///
    /// # Errors
    /// The first record that is wrong. Nothing may follow.
    pub fn handle_bytes(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            if self.carry.is_empty() {
                self.handle_line(line)?;
            } else {
                let mut whole = std::mem::take(&mut self.carry);
                whole.extend_from_slice(line);
                self.handle_line(&whole)?;
                whole.clear();
                self.carry = whole;
            }
            bytes = rest;
        }
        // A line that is too long is wrong whatever follows.
        let room = (LINE_BYTES_MAX + 1).saturating_sub(self.carry.len());
        self.carry.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    }

    /// Nothing follows.
    ///
    /// # Errors
    /// The first record that is wrong.
    pub fn finish(mut self) -> Result<Verified, Broken> {
        if let Some(Suspect { broken, has_wanted, .. }) = self.suspect.take() {
            return Err(if has_wanted { Broken { why: Why::Foreign, ..broken } } else { broken });
        }
        if !self.carry.is_empty() {
            self.line += 1;
            if !self.may_be_torn() {
                return Err(self.broken(None, Why::Changed));
            }
            let bytes = self.carry.len() as u64;
            self.verified.torn = Some(Torn { file: self.file.clone(), line: self.line, bytes });
        }
        if self.anchor.is_some_and(|anchor| anchor.sequence >= self.wanted()) {
            self.line += 1;
            return Err(self.broken(None, Why::Truncated));
        }
        Ok(self.verified)
    }

    /// The number of the record that comes next.
    fn wanted(&self) -> u64 {
        self.verified.last.map_or(1, |last| last.sequence + 1)
    }

    fn broken(&self, found: Option<u64>, why: Why) -> Broken {
        Broken { file: self.file.clone(), line: self.line, sequence: self.wanted(), found, why }
    }

    fn handle_line(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let read = Line::read(bytes);
        if self.suspect.is_some() {
            return self.look_behind(read);
        }
        self.line += 1;
        let Some(line) = read else {
            return Err(self.broken(None, Why::Changed));
        };
        let last = self.verified.last;
        let follows = match last {
            // The first file that is left begins with a header, whatever that follows.
            None => line.is_header,
            Some(last) => line.prev == last.hash && line.sequence == last.sequence + 1,
        };
        if !follows {
            return self.judge(line);
        }
        if self.line == 1 && !line.is_header {
            return Err(self.broken(Some(line.sequence), Why::Missing));
        }
        if self.anchor.is_some_and(|anchor| anchor.sequence == line.sequence && anchor.hash != line.hash) {
            return Err(self.broken(Some(line.sequence), Why::Foreign));
        }
        if last.is_none() {
            self.verified.first_sequence = line.sequence;
        }
        self.verified.records += 1;
        self.verified.last = Some(Anchor { sequence: line.sequence, hash: line.hash });
        Ok(())
    }

    /// What to make of a record that is as it was written, and does not follow.
    fn judge(&mut self, line: Line) -> Result<(), Broken> {
        let found = Some(line.sequence);
        let why = match self.verified.last {
            Some(last) if line.sequence <= last.sequence => return Err(self.broken(found, Why::Reordered)),
            Some(last) if line.sequence == last.sequence + 1 => return Err(self.broken(found, Why::Foreign)),
            // Between two files, what is gone stood at the end of the first.
            Some(_) if self.line == 1 && line.is_header => Why::Truncated,
            _ => Why::Missing,
        };
        let broken = self.broken(found, why);
        // The first of all has no place that another could have.
        if self.verified.last.is_none() && line.sequence == 1 {
            return Err(Broken { why: Why::Foreign, ..broken });
        }
        self.suspect = Some(Suspect { broken, prev: line.prev, has_wanted: false });
        Ok(())
    }

    /// Looks whether a record stands behind one that does not follow, which is out of its place then.
    fn look_behind(&mut self, read: Option<Line>) -> Result<(), Broken> {
        let (Some(line), Some(suspect)) = (read, &mut self.suspect) else { return Ok(()) };
        if line.hash == suspect.prev {
            return Err(Broken { why: Why::Reordered, ..suspect.broken.clone() });
        }
        suspect.has_wanted |= line.sequence == suspect.broken.sequence;
        Ok(())
    }

    /// Whether the line without an end is the beginning of what would follow.
    fn may_be_torn(&self) -> bool {
        let begin = match self.verified.last {
            Some(last) => format!("{{\"seq\":{},", last.sequence + 1),
            None => String::from_utf8_lossy(BEGIN).into_owned(),
        };
        let common = begin.len().min(self.carry.len());
        // A whole line with something behind it was not cut: its end was changed.
        let is_whole = Line::read(&self.carry[..self.carry.len() - 1]).is_some();
        self.carry.len() <= LINE_BYTES_MAX && self.carry[..common] == begin.as_bytes()[..common] && !is_whole
    }
}
