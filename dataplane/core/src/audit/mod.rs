//! The audit log's words: what is written down of a security event or a tool call, how it reads, how each record names the
//! one before it, and how a log is checked. It is told the time and the bytes; it never reads a clock or a file, and never
//! sees a credential or a tool's argument, only a keyed digest of one.
//!
//! A log is a folder of files with a rising number in their names ([`file_name`]). Each begins with a header, which names the
//! last record of the file before it, so that the chain goes on from file to file.

mod chain;

mod digest;

mod line;

mod member;

mod packed;

mod record;

mod time;

mod verify;

pub use chain::{Chain, Header};
pub use digest::ArgumentsKey;
pub use line::{Hash, LINE_BYTES_MAX, Line, hash_of_hex, hex};
pub use packed::Packed;
pub use record::{Decision, Kind, Record};
pub use verify::{Anchor, Broken, Torn, Verified, Verifier, Why};

/// What a log's files begin with.
const NAME_BEGINS: &str = "audit-";
/// What they end with: one JSON object a line.
const NAME_ENDS: &str = ".jsonl";

/// The name of a log's file with this number. Names sort as numbers do.
pub fn file_name(number: u64) -> String {
    format!("{NAME_BEGINS}{number:010}{NAME_ENDS}")
}

/// The number of the file with this name; `None` for what is no file of a log.
pub fn file_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(NAME_BEGINS)?.strip_suffix(NAME_ENDS)?;
    let number = digits.parse().ok()?;
    (file_name(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_one_to_one() {
        for number in [0, 1, 42, 9_999_999_999, u64::MAX] {
            assert_eq!(file_number(&file_name(number)), Some(number));
        }
        assert_eq!(file_name(7), "audit-0000000007.jsonl");
        assert!(file_name(9) < file_name(10) && file_name(99) < file_name(100));
        for other in ["audit-7.jsonl", "audit-+000000007.jsonl", "audit-0000000007.jsonl.torn", "lock", ""] {
            assert_eq!(file_number(other), None, "{other}");
        }
    }
}
