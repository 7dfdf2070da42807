//! The text of a key of this server's own: `rw_<id>_<secret>`. The id is public, and names the key in logs and lists; the
//! secret is 256 random bits; its last characters are a checksum of all before them, by which a slip of the hand is told
//! from a wrong key without asking anybody. It draws no random bytes and compares no secret.

mod digest;
mod record;

use ring::digest::{SHA256, digest as unkeyed};
use zeroize::Zeroizing;

pub use digest::{DIGEST_BYTES, Digest, Digester, Pepper};
pub use record::{BadKeys, KeyRate, KeyRecord, KeyState, PreviousSecret};
pub(crate) use record::{check_name, check_words};

pub(crate) use digest::{from_hex, to_hex};

/// How a key begins, so that people and scanners for lost secrets know it.
pub const PREFIX: &str = "rw_";
/// Characters of an id: 71 bits, so that a hundred thousand of them never meet.
pub const ID_CHARS: usize = 12;
/// Characters of a secret: 43 digits to the base of 62 hold 256 bits.
pub const SECRET_CHARS: usize = 43;
/// Characters of a checksum: 32 bits, so that one typo in four thousand million is missed.
const CHECKSUM_CHARS: usize = 6;
/// Characters of a key.
pub const KEY_CHARS: usize = PREFIX.len() + ID_CHARS + 1 + SECRET_CHARS + CHECKSUM_CHARS;
/// Random bytes that make an id.
pub const ID_RANDOM_BYTES: usize = 9;
/// Random bytes that make a secret.
pub const SECRET_RANDOM_BYTES: usize = 32;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A public id made of random bytes.
pub fn id(random: &[u8; ID_RANDOM_BYTES]) -> String {
    let mut text = String::with_capacity(ID_CHARS);
    push_digits(&mut text, random, ID_CHARS);
    text
}

/// A whole key made of an id and random bytes.
pub fn text(id: &str, random: &[u8; SECRET_RANDOM_BYTES]) -> Zeroizing<String> {
    let mut secret = Zeroizing::new(String::with_capacity(SECRET_CHARS));
    push_digits(&mut secret, random, SECRET_CHARS);
    assembled(id, &secret)
}

/// A whole key made of its parts. This is the only place where one is ever written.
pub fn assembled(id: &str, secret: &str) -> Zeroizing<String> {
    // Never longer, so that nothing of it is left behind where a string grew.
    let chars = PREFIX.len() + id.len() + 1 + secret.len() + CHECKSUM_CHARS;
    let mut text = Zeroizing::new(String::with_capacity(chars));
    text.push_str(PREFIX);
    text.push_str(id);
    text.push('_');
    text.push_str(secret);
    let checksum = checksum(text.as_bytes());
    text.push_str(std::str::from_utf8(&checksum).expect("digits are ASCII"));
    text
}

/// Whether a text is an id as [`id`] writes them.
pub fn is_id(text: &[u8]) -> bool {
    text.len() == ID_CHARS && are_digits(text)
}

/// The public id in what was shown, if that has the form of a key; it says nothing of whether such a key is there.
pub fn shown_id(shown: &[u8]) -> Option<&str> {
    let (id, rest) = shown.strip_prefix(PREFIX.as_bytes())?.split_at_checked(ID_CHARS)?;
    let (separator, secret) = rest.split_first()?;
    let is_secret = secret.len() == SECRET_CHARS + CHECKSUM_CHARS && are_digits(secret);
    let is_key = is_id(id) && *separator == b'_' && is_secret;
    is_key.then(|| std::str::from_utf8(id).ok()).flatten()
}

/// Whether all are letters and digits, by steps that are the same for every text: branches that depend on what is shown
/// are guessed wrong more or less often, which is seen in the time (`examples/timing`).
fn are_digits(text: &[u8]) -> bool {
    let is_digit = |byte: u8| (byte.wrapping_sub(b'0') < 10) | ((byte | 0x20).wrapping_sub(b'a') < 26);
    text.iter().fold(true, |so_far, byte| so_far & is_digit(*byte))
}

/// Whether what has the form of a key was copied without a slip.
pub fn is_checksum_right(shown: &[u8]) -> bool {
    let Some(split) = shown.len().checked_sub(CHECKSUM_CHARS) else { return false };
    let (before, written) = shown.split_at(split);
    checksum(before) == *written
}

/// A checksum is part of the key and made of nothing else: it tells nobody more than the key does.
fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_CHARS] {
    let digest = unkeyed(&SHA256, bytes);
    let first = digest.as_ref().first_chunk::<4>().copied().unwrap_or_default();
    let mut rest = u32::from_be_bytes(first) as usize;
    let mut text = [0; CHECKSUM_CHARS];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[rest % DIGITS.len()];
        rest /= DIGITS.len();
    }
    text
}

/// The last `count` digits of a number, to the base of 62.
fn push_digits(text: &mut String, number: &[u8], count: usize) {
    let mut number = Zeroizing::new(number.to_vec());
    for _ in 0..count {
        let mut rest = 0;
        for byte in number.iter_mut() {
            let value = rest << 8 | usize::from(*byte);
            // The quotient of less than 62 × 256 by 62 is less than 256.
            *byte = (value / DIGITS.len()) as u8;
            rest = value % DIGITS.len();
        }
        text.push(char::from(DIGITS[rest]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_form() {
        let id = id(&[7; 9]);
        let text = text(&id, &[9; 32]);
        assert_eq!((id.len(), text.len()), (ID_CHARS, KEY_CHARS));
        assert_eq!(shown_id(text.as_bytes()), Some(id.as_str()));
        assert!(is_checksum_right(text.as_bytes()));
        let secret = &text[PREFIX.len() + ID_CHARS + 1..];
        assert!(secret.bytes().all(|byte| byte.is_ascii_alphanumeric()), "a double click takes all of it");
    }

    /// Goal: every slip is seen. Method: each character replaced, left out, doubled and swapped with the next.
    #[test]
    fn a_slip_is_seen() {
        let text = text(&id(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), &[0xa5; 32]);
        let bytes = text.as_bytes();
        let is_good = |shown: &[u8]| shown_id(shown).is_some() && is_checksum_right(shown);
        assert!(is_good(bytes));
        for at in 0..bytes.len() {
            for other in [b'0', b'z', b'_', b' ', 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] = other;
                assert_eq!(is_good(&changed), bytes[at] == other, "byte {at} as {other}");
            }
            let mut shorter = bytes.to_vec();
            shorter.remove(at);
            assert!(!is_good(&shorter), "without byte {at}");
            let mut longer = bytes.to_vec();
            longer.insert(at, bytes[at]);
            assert!(!is_good(&longer), "byte {at} twice");
            let mut swapped = bytes.to_vec();
            swapped.swap(at, (at + 1) % bytes.len());
            assert_eq!(is_good(&swapped), swapped == bytes, "byte {at} and the next");
        }
        assert!(!is_checksum_right(b"") && shown_id(b"").is_none());
    }

    #[test]
    fn digits_hold_all_the_bits() {
        let mut all = String::new();
        push_digits(&mut all, &[0xff; 32], SECRET_CHARS + 1);
        assert!(all.ends_with('0') && !all.ends_with("00"), "43 digits are enough, and 42 are not: {all}");
        let mut small = String::new();
        push_digits(&mut small, &[0, 0, 62 + 5], 3);
        assert_eq!(small, "510", "the lowest digit comes first");
        let other = |at: usize| {
            let mut random = [0x42; 32];
            random[at] ^= 1;
            text("0123456789ab", &random)
        };
        for at in 1..32 {
            assert_ne!(other(at), other(at - 1));
        }
    }
}
