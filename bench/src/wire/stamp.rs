//! Bytes with a counter inside, patched in place: what makes every request, and its answer, one of a kind.
//!
//! The counter always has the same width, so lengths never change and no request is ever rebuilt.
//! Never knows what the bytes mean.

use memchr::memmem;

/// Stands in a request or an expected text for the counter; as wide as what replaces it.
pub const COUNTER_MARK: &str = "{{_counter}}";

/// Twelve digits without a leading zero, so that the counter is also a valid JSON number (a request id).
/// Leaves room for 9 × 10^11 requests, two weeks at 700,000 a second.
pub const COUNTER_FIRST: u64 = 100_000_000_000;

pub const COUNTER_BYTES: usize = 12;
const _: () = assert!(COUNTER_MARK.len() == COUNTER_BYTES);

/// The counter of one request, in decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits([u8; COUNTER_BYTES]);

impl Digits {
    pub fn of(counter: u64) -> Self {
        let mut digits = [b'0'; COUNTER_BYTES];
        let mut rest = counter;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        debug_assert!(rest == 0);
        Self(digits)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[derive(Clone, Debug, Default)]
pub struct Stamped {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: usize,
    /// What the digits are combined with: zeros, or the part of a WebSocket mask that lies on them.
    mask: [u8; COUNTER_BYTES],
}

impl Stamped {
    pub fn new(bytes: Vec<u8>) -> Self {
        let marks = memmem::find_iter(&bytes, COUNTER_MARK).map(|at| Mark { at, mask: [0; COUNTER_BYTES] }).collect();
        Self { bytes, marks }
    }

    /// As a WebSocket client sends it: all from `payload_at` on is combined with `key`, over and over.
    pub fn masked(bytes: Vec<u8>, payload_at: usize, key: [u8; 4]) -> Self {
        let mut stamped = Self::new(bytes);
        debug_assert!(stamped.marks.iter().all(|mark| mark.at >= payload_at));
        for mark in &mut stamped.marks {
            mark.mask = std::array::from_fn(|index| key[(mark.at - payload_at + index) % 4]);
        }
        for (byte, key) in stamped.bytes[payload_at..].iter_mut().zip(key.iter().cycle()) {
            *byte ^= key;
        }
        stamped
    }

    /// Becomes `bytes`, with a mark wherever they have these digits. Memory is reused.
    pub fn learn(&mut self, bytes: &[u8], digits: Digits) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        self.marks.clear();
        let found = memmem::find_iter(bytes, digits.as_bytes());
        self.marks.extend(found.map(|at| Mark { at, mask: [0; COUNTER_BYTES] }));
    }

    pub fn stamp(&mut self, digits: Digits) -> &[u8] {
        for mark in &self.marks {
            mark.write(&mut self.bytes, digits);
        }
        &self.bytes
    }

    /// Appends the stamped bytes to `out`, and stays as it is.
    pub fn append(&self, digits: Digits, out: &mut Vec<u8>) {
        let begins_at = out.len();
        out.extend_from_slice(&self.bytes);
        for mark in &self.marks {
            mark.write(&mut out[begins_at..], digits);
        }
    }

    pub fn has_counter(&self) -> bool {
        !self.marks.is_empty()
    }

    pub fn bytes_count(&self) -> usize {
        self.bytes.len()
    }
}

impl Mark {
    fn write(&self, bytes: &mut [u8], digits: Digits) {
        let masked: [u8; COUNTER_BYTES] = std::array::from_fn(|index| digits.0[index] ^ self.mask[index]);
        bytes[self.at..self.at + COUNTER_BYTES].copy_from_slice(&masked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_every_mark_and_no_length() {
        let mut stamped = Stamped::new(format!("a{COUNTER_MARK}b{COUNTER_MARK}").into_bytes());
        let bytes_before = stamped.bytes_count();
        assert_eq!(stamped.stamp(Digits::of(COUNTER_FIRST)), b"a100000000000b100000000000");
        assert_eq!(stamped.stamp(Digits::of(COUNTER_FIRST + 42)), b"a100000000042b100000000042");
        assert_eq!(stamped.bytes_count(), bytes_before);
        let mut out = b"before ".to_vec();
        stamped.append(Digits::of(COUNTER_FIRST + 7), &mut out);
        assert_eq!(out, b"before a100000000007b100000000007");
    }

    #[test]
    fn without_a_mark_nothing_changes() {
        let mut stamped = Stamped::new(b"plain".to_vec());
        assert_eq!(stamped.stamp(Digits::of(COUNTER_FIRST)), b"plain");
        assert!(!stamped.has_counter());
    }

    #[test]
    fn what_is_learned_follows_the_counter() {
        let mut stamped = Stamped::default();
        stamped.learn(b"id 100000000005, 100000000005 and 100000000004", Digits::of(COUNTER_FIRST + 5));
        let want = b"id 100000000006, 100000000006 and 100000000004";
        assert_eq!(stamped.stamp(Digits::of(COUNTER_FIRST + 6)), want);
    }

    /// Goal: digits under a mask come out right wherever they lie on it. Method: every phase, unmasked by hand.
    #[test]
    fn masked_digits_unmask_to_themselves() {
        let key = [1, 20, 150, 255];
        for phase in 0..8 {
            let text = format!("head{}{COUNTER_MARK} tail", "x".repeat(phase));
            let stamped = Stamped::masked(text.into_bytes(), 4, key);
            let mut out = Vec::new();
            stamped.append(Digits::of(COUNTER_FIRST + 321), &mut out);
            assert_eq!(&out[..4], b"head");
            let payload: Vec<u8> = out[4..].iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
            assert_eq!(payload, format!("{}100000000321 tail", "x".repeat(phase)).into_bytes());
        }
    }
}
