//! How a record stands in a file: one JSON object a line, whose last two members are the hash of the record before it and its
//! own. The hash is SHA-256 over the hash before it and every byte of the line up to these two members, so that a line is
//! checked byte by byte and never by what a parser makes of it.

use ring::digest::{Context, SHA256};

/// A SHA-256, of a record or of arguments.
pub type Hash = [u8; 32];
/// The same as text.
pub(super) type Hex = [u8; HEX_BYTES];

/// Bytes of a line with its end: texts of 1,328 bytes at the most, each of which escaping makes six times as long, and the rest.
pub const LINE_BYTES_MAX: usize = 12 << 10;

const PREV: &[u8] = br#","prev":""#;
const HASH: &[u8] = br#"","hash":""#;
const END: &[u8] = br#""}"#;
const HEX_BYTES: usize = 64;
/// Bytes of what follows the hashed part: both hashes with their names, and the end of the object.
const SEAL_BYTES: usize = PREV.len() + HEX_BYTES + HASH.len() + HEX_BYTES + END.len();

/// What a line begins with; its number follows.
pub(super) const BEGIN: &[u8] = br#"{"seq":"#;

/// The hash of a record.
pub(super) fn hash(prev: &Hash, body: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(prev);
    context.update(body);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Appends what ends a line.
pub(super) fn push_seal(out: &mut Vec<u8>, prev: &Hex, hash: &Hex) {
    out.extend_from_slice(PREV);
    out.extend_from_slice(prev);
    out.extend_from_slice(HASH);
    out.extend_from_slice(hash);
    out.extend_from_slice(END);
    out.push(b'\n');
}

/// Appends 64 digits.
pub(super) fn push_hex(out: &mut Vec<u8>, hash: &Hash) {
    out.extend_from_slice(&hex_of(hash));
}

/// A hash as 64 digits.
pub(super) fn hex_of(hash: &Hash) -> Hex {
    // Computed rather than looked up, which is done for many at once.
    let digit = |four: u8| four + b'0' + u8::from(four > 9) * (b'a' - b'0' - 10);
    let mut text = [0; HEX_BYTES];
    for (pair, byte) in text.chunks_exact_mut(2).zip(hash) {
        pair[0] = digit(byte >> 4);
        pair[1] = digit(byte & 15);
    }
    text
}

/// A hash as text.
pub fn hex(hash: &Hash) -> String {
    hex_of(hash).iter().map(|digit| char::from(*digit)).collect()
}

/// The hash that a text is; `None` unless it is 64 digits, a to f in lower case.
pub fn hash_of_hex(text: &[u8]) -> Option<Hash> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text: &[u8; HEX_BYTES] = text.try_into().ok()?;
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

/// A line whose hash is that of its bytes: nothing in it was changed, unless its hash was made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The record's number, counted from 1.
    pub sequence: u64,
    /// The hash of the record before it.
    pub prev: Hash,
    /// Its own.
    pub hash: Hash,
    /// It is a header.
    pub is_header: bool,
}

impl Line {
    /// Reads a line without its end; `None` when it is not as it was written.
    pub fn read(line: &[u8]) -> Option<Line> {
        if line.len() >= LINE_BYTES_MAX {
            return None;
        }
        let (body, seal) = line.split_at(line.len().checked_sub(SEAL_BYTES)?);
        let (prev, seal) = seal.strip_prefix(PREV)?.split_at(HEX_BYTES);
        let (hash, end) = seal.strip_prefix(HASH)?.split_at(HEX_BYTES);
        let (prev, hash) = (hash_of_hex(prev)?, hash_of_hex(hash)?);
        if end != END || self::hash(&prev, body) != hash {
            return None;
        }
        let rest = body.strip_prefix(BEGIN)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let sequence = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        // Texts are escaped: no quote in them stands without a backslash before it.
        let is_header = memchr::memmem::find(rest, br#"","kind":"header""#).is_some();
        Some(Line { sequence, prev, hash, is_header })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_reads_back_and_nothing_else_does() {
        let hash: Hash = std::array::from_fn(|index| (index as u8).wrapping_mul(9));
        assert_eq!(hash_of_hex(hex(&hash).as_bytes()), Some(hash));
        for other in ["", "0", &"g".repeat(64), &"A".repeat(64), &"0".repeat(63), &"0".repeat(65)] {
            assert_eq!(hash_of_hex(other.as_bytes()), None, "{other}");
        }
    }

    /// Goal: a hash is what the documentation says it is. Method: the bytes that anybody can hash with `sha256sum`.
    #[test]
    fn a_hash_is_over_the_one_before_and_the_body() {
        let want = ring::digest::digest(&SHA256, &[&[1u8; 32][..], br#"{"seq":1"#].concat());
        assert_eq!(hash(&[1; 32], br#"{"seq":1"#), want.as_ref());
    }
}
