//! The chain: gives each record its number and the hash of the one before it. It never writes a file.

use super::line::{self, BEGIN, Hash, Hex};
use super::member::{number, text};
use super::packed::Packed;
use super::record::{self, Record};
use super::time;

/// The format's name and revision.
const FORMAT: &str = "ringway-audit-1";
/// Bytes of a process's name.
const PROCESS_BYTES_MAX: usize = 128;

/// Where a chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    sequence: u64,
    last: Hash,
    /// The same as text: it is written with the record itself, and with the one behind it.
    last_hex: Hex,
}

/// What begins a file, and what a process writes when it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// When it was written, in microseconds since 1970.
    pub at_unix_us: u64,
    /// Who writes: the program, its version and number.
    pub process: &'a str,
    /// When that began, in microseconds since 1970.
    pub started_unix_us: u64,
    /// The file's number.
    pub file: u64,
}

impl Chain {
    /// A chain without a record.
    pub const fn beginning() -> Chain {
        Chain { sequence: 0, last: [0; 32], last_hex: [b'0'; 64] }
    }

    /// A chain that goes on behind this record.
    pub fn behind(sequence: u64, last: Hash) -> Chain {
        Chain { sequence, last, last_hex: line::hex_of(&last) }
    }

    /// The number of the last record; zero when there is none.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The hash of the last record; zeroes when there is none.
    pub fn last(&self) -> Hash {
        self.last
    }

    /// Appends a record's line.
    pub fn push(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        self.seal(out, |out| record.write_members(out));
    }

    /// Appends a packed record's line: what [`push`](Self::push) appends of the record that was packed.
    pub fn push_packed(&mut self, packed: &Packed, out: &mut Vec<u8>) {
        self.seal(out, |out| packed.write_members(out));
    }

    /// Appends a header's line.
    pub fn push_header(&mut self, header: &Header<'_>, out: &mut Vec<u8>) {
        self.seal(out, |out| {
            record::begin(out, header.at_unix_us, "header");
            text(out, br#","format":"#, FORMAT);
            text(out, br#","process":"#, record::bound(header.process, PROCESS_BYTES_MAX));
            out.extend_from_slice(br#","started":""#);
            out.extend_from_slice(&time::rfc3339(header.started_unix_us));
            out.push(b'"');
            number(out, br#","file":"#, Some(header.file));
        });
    }

    fn seal(&mut self, out: &mut Vec<u8>, write_members: impl FnOnce(&mut Vec<u8>)) {
        let began = out.len();
        self.sequence += 1;
        out.extend_from_slice(BEGIN);
        out.extend_from_slice(itoa::Buffer::new().format(self.sequence).as_bytes());
        write_members(out);
        let hash = line::hash(&self.last, &out[began..]);
        let hex = line::hex_of(&hash);
        line::push_seal(out, &self.last_hex, &hex);
        debug_assert!(out.len() - began <= line::LINE_BYTES_MAX, "bounds of texts bound the line");
        (self.last, self.last_hex) = (hash, hex);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Line;
    use super::*;

    #[test]
    fn each_record_names_the_one_before() {
        let (mut chain, mut out) = (Chain::beginning(), Vec::new());
        chain.push_header(&Header { at_unix_us: 0, process: "ringway 1 \"x\"", started_unix_us: 1, file: 1 }, &mut out);
        chain.push(&Record::default(), &mut out);
        let text = String::from_utf8(out).expect("UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        let header = r#"{"seq":1,"time":"1970-01-01T00:00:00.000000Z","kind":"header","format":"ringway-audit-1","process":"ringway 1 \"x\"","started":"1970-01-01T00:00:00.000001Z","file":1,"prev":""#;
        assert!(lines[0].starts_with(header), "{}", lines[0]);
        let [first, second] = [lines[0], lines[1]].map(|line| Line::read(line.as_bytes()).expect("as written"));
        assert_eq!((first.sequence, first.prev, first.is_header), (1, [0; 32], true));
        assert_eq!((second.sequence, second.prev, second.is_header), (2, first.hash, false));
        assert_eq!((chain.sequence(), chain.last()), (2, second.hash));
        assert!(serde_json::from_str::<serde_json::Value>(lines[1]).is_ok());
    }

    /// Goal: nobody makes a record look like a header. Method: its words in a text.
    #[test]
    fn a_text_is_no_header() {
        let (mut chain, mut out) = (Chain::beginning(), Vec::new());
        chain.push(&Record { detail: r#"","kind":"header""#, ..Record::default() }, &mut out);
        out.pop();
        assert_eq!(Line::read(&out).map(|line| line.is_header), Some(false));
    }

    /// Goal: a line has its bound whatever is in it. Method: each text at its bound, of what escapes to six bytes.
    #[test]
    fn the_longest_record_keeps_the_bound() {
        let worst = "\u{1}".repeat(600);
        let record = Record {
            at_unix_us: u64::MAX,
            client: Some(std::net::Ipv6Addr::from([0xff; 16]).into()),
            shard: Some(u16::MAX),
            decision: Some(super::super::Decision::Allowed),
            generation: Some(u64::MAX),
            status: Some(u16::MAX),
            duration_us: Some(u64::MAX),
            arguments: Some([0xff; 32]),
            lost: u64::MAX,
            refused: u64::MAX,
            ..Record::default().with_texts([&worst; record::TEXTS])
        };
        let (mut chain, mut out) = (Chain::behind(u64::MAX - 1, [0xff; 32]), Vec::new());
        chain.push(&record, &mut out);
        assert!(out.len() <= line::LINE_BYTES_MAX, "{}", out.len());
        out.pop();
        assert!(Line::read(&out).is_some());
    }
}
