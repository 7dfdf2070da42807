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

const COUNTER_BYTES: usize = 12;
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

#[derive(Clone, Debug)]
pub struct Stamped {
    bytes: Vec<u8>,
    counter_at: Vec<usize>,
}

impl Stamped {
    pub fn new(bytes: Vec<u8>) -> Self {
        let counter_at = memmem::find_iter(&bytes, COUNTER_MARK).collect();
        Self { bytes, counter_at }
    }

    pub fn stamp(&mut self, digits: Digits) -> &[u8] {
        for &at in &self.counter_at {
            self.bytes[at..at + COUNTER_BYTES].copy_from_slice(digits.as_bytes());
        }
        &self.bytes
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_every_mark_and_no_length() {
        let mut stamped = Stamped::new(format!("a{COUNTER_MARK}b{COUNTER_MARK}").into_bytes());
        let length_before = stamped.as_bytes().len();
        assert_eq!(stamped.stamp(Digits::of(COUNTER_FIRST)), b"a100000000000b100000000000");
        assert_eq!(stamped.stamp(Digits::of(COUNTER_FIRST + 42)), b"a100000000042b100000000042");
        assert_eq!(stamped.as_bytes().len(), length_before);
    }

    #[test]
    fn without_a_mark_nothing_changes() {
        let mut stamped = Stamped::new(b"plain".to_vec());
        assert_eq!(stamped.stamp(Digits::of(COUNTER_FIRST)), b"plain");
    }
}
