//! What is kept of a call's arguments: their digest under a key, by which whoever has the key and a copy can tell that it was
//! this one, and nobody can guess short ones. It never keeps the arguments.

use ring::hmac;

use super::line::Hash;

/// The key of such digests.
#[derive(Clone, Debug)]
pub struct ArgumentsKey(hmac::Key);

impl ArgumentsKey {
    /// A key of these bytes: 32 of them, or more.
    pub fn new(secret: &[u8]) -> ArgumentsKey {
        ArgumentsKey(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// HMAC-SHA256 of the arguments as they came.
    pub fn digest(&self, arguments: &[u8]) -> Hash {
        let mut digest = [0; 32];
        digest.copy_from_slice(hmac::sign(&self.0, arguments).as_ref());
        digest
    }
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn digests_are_hmac_sha256() {
        let digest = ArgumentsKey::new(b"Jefe").digest(b"what do ya want for nothing?");
        assert_eq!(hex(&digest), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        assert!(!format!("{:?}", ArgumentsKey::new(b"Jefe")).contains("Jefe"));
    }
}
