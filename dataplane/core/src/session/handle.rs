//! Unguessable names for state that lives on one shard: the shard, then 128 random bits. Knowing one is not
//! authentication. It never makes the randomness.

use std::fmt;

/// Characters of a handle as text.
pub const HANDLE_CHARS: usize = 4 + 32;

/// A name of state on a home shard.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Handle {
    /// The shard that holds the state.
    pub home: u16,
    /// 128 random bits.
    pub random: [u8; 16],
}

impl Handle {
    /// Reads what `Display` wrote.
    pub fn parse(text: &[u8]) -> Option<Handle> {
        if text.len() != HANDLE_CHARS {
            return None;
        }
        let mut bytes = [0; HANDLE_CHARS / 2];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        let (home, random) = bytes.split_first_chunk::<2>()?;
        Some(Handle { home: u16::from_be_bytes(*home), random: random.try_into().ok()? })
    }
}

/// Lower case only: one handle has one spelling.
fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.home)?;
        self.random.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Handle {
    /// Handles are secrets of their owners: logs get the shard only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({:04x}…)", self.home)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_has_one_spelling() {
        let handle = Handle { home: 0x1f, random: *b"0123456789abcdef" };
        let text = handle.to_string();
        assert_eq!(text.len(), HANDLE_CHARS);
        assert_eq!(Handle::parse(text.as_bytes()), Some(handle));
        assert_eq!(Handle::parse(text.to_uppercase().as_bytes()), None);
        assert_eq!(Handle::parse(&text.as_bytes()[1..]), None);
        assert_eq!(Handle::parse(format!("{text}0").as_bytes()), None);
        assert!(!format!("{handle:?}").contains("3031"));
    }
}
