//! The key that seals what clients carry: read from text, never shown. Its errors do not repeat it.

use zeroize::{Zeroize, Zeroizing};

/// A key of 32 bytes that no log, error or debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct StateKey(pub [u8; 32]);

impl Drop for StateKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for StateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StateKey(********)")
    }
}

/// Reads 64 hexadecimal characters. What anybody could guess is refused.
pub fn read(text: &str) -> Result<StateKey, String> {
    const FIX: &str = "write 64 hexadecimal characters, as `openssl rand -hex 32` makes them";
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let Some(digits) = digits.map(Zeroizing::new).filter(|digits| digits.len() == 64) else {
        return Err(format!("it is not a key of 32 bytes; {FIX}"));
    };
    let mut key = StateKey([0; 32]);
    for (byte, pair) in key.0.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    // Random keys of 32 bytes have about 30 different ones; fewer than 8 is a pattern somebody typed.
    let mut different = Zeroizing::new(key.0);
    different.sort_unstable();
    let count = different.chunk_by(|a, b| a == b).count();
    if count < 8 { Err(format!("it is a key anybody could guess; {FIX}")) } else { Ok(key) }
}
