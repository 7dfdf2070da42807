//! Keys as they are kept: HMAC-SHA256 under a pepper of the server's own. Who reads digests alone, in a ticket or in half
//! a file, cannot even try guesses. It never keeps a key.

use ring::hmac;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// Bytes of a pepper and of a digest.
pub const DIGEST_BYTES: usize = 32;

/// What stands before a key when it is digested, so that the pepper signs nothing else by accident.
const CONTEXT: &[u8] = b"ringway api key 1\0";

/// The secret under which keys are digested: 32 random bytes. It is wiped when it is dropped, and no debug output shows it.
#[derive(Clone)]
pub struct Pepper(Zeroizing<[u8; DIGEST_BYTES]>);

impl Pepper {
    /// A pepper of random bytes.
    pub fn new(random: [u8; DIGEST_BYTES]) -> Pepper {
        Pepper(Zeroizing::new(random))
    }

    pub(crate) fn bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }
}

impl std::fmt::Debug for Pepper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pepper(********)")
    }
}

/// What makes digests. It holds the pepper in the form that HMAC works with.
pub struct Digester(hmac::Key);

impl Digester {
    /// Digests under this pepper.
    pub fn new(pepper: &Pepper) -> Digester {
        Digester(hmac::Key::new(hmac::HMAC_SHA256, pepper.bytes()))
    }

    /// The digest of a key's whole text. It takes as long as the text is long, whatever is in it.
    pub fn digest(&self, text: &[u8]) -> Digest {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(CONTEXT);
        context.update(text);
        let mut digest = [0; DIGEST_BYTES];
        digest.copy_from_slice(context.sign().as_ref());
        Digest(digest)
    }
}

/// What is kept of a key. No debug output shows it.
#[derive(Clone, Copy)]
pub struct Digest([u8; DIGEST_BYTES]);

impl Digest {
    /// What no key is known to have: whoever found one would have broken HMAC-SHA256.
    pub(crate) const NONE: Digest = Digest([0; DIGEST_BYTES]);

    /// Where a digest stands among others. Nobody without the pepper can choose it, so that searching by it tells nothing.
    pub(crate) fn place(&self) -> u128 {
        self.0.first_chunk().map_or(0, |first| u128::from_be_bytes(*first))
    }

    /// Whether two are the same, in a time that does not depend on where they differ.
    pub(crate) fn is(&self, other: &Digest) -> Choice {
        self.0.ct_eq(&other.0)
    }

    /// As a file holds it.
    pub fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    /// What [`Digest::to_hex`] wrote.
    pub fn from_hex(text: &str) -> Option<Digest> {
        from_hex(text).map(Digest)
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digest(********)")
    }
}

/// 64 hexadecimal characters.
pub(crate) fn to_hex(bytes: &[u8; DIGEST_BYTES]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let mut text = String::with_capacity(2 * DIGEST_BYTES);
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// What [`to_hex`] wrote, and nothing else.
pub(crate) fn from_hex(text: &str) -> Option<[u8; DIGEST_BYTES]> {
    let mut bytes = [0; DIGEST_BYTES];
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * DIGEST_BYTES {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = value(pair[0])? << 4 | value(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_depends_on_pepper_and_text() {
        let digester = Digester::new(&Pepper::new([1; 32]));
        let digest = digester.digest(b"a");
        assert!(bool::from(digest.is(&digester.digest(b"a"))));
        for other in [digester.digest(b"b"), digester.digest(b""), Digester::new(&Pepper::new([2; 32])).digest(b"a")] {
            assert!(!bool::from(digest.is(&other)));
        }
    }

    #[test]
    fn hexadecimal_comes_back() {
        let digest = Digester::new(&Pepper::new([3; 32])).digest(b"x");
        let back = Digest::from_hex(&digest.to_hex()).expect("as it was written");
        assert!(bool::from(digest.is(&back)));
        let hex = digest.to_hex();
        for bad in
            ["", &hex[1..], &format!("{hex}0"), &hex.to_uppercase().replace('0', "A"), &format!("g{}", &hex[1..])]
        {
            assert!(Digest::from_hex(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn debug_output_shows_nothing() {
        let pepper = Pepper::new([0xab; 32]);
        let shown = format!("{pepper:?} {:?}", Digester::new(&pepper).digest(b"x"));
        assert_eq!(shown, "Pepper(********) Digest(********)");
    }
}
