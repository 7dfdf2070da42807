//! The keys that tokens are verified with. Start at [`KeySet::verify`], from the bytes of a token to who is calling. It is
//! built once and never changes: shards share it, and another set takes its place.

use super::Principal;
use super::claims::{self, Expected};
use super::jwk::KEYS_MAX;
use super::jwk_key::{KeyError, KeyReason, VerifyingKey};
use super::jws::{Jws, Payload};
use super::token_error::TokenError;

/// The keys of one issuer, or of several who may sign for each other. Whoever trusts issuers that may not has a set for each,
/// and asks the next while the answer is [`TokenError::KeyUnknown`].
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Box<[VerifyingKey]>,
}

impl KeySet {
    /// A set of at most [`KEYS_MAX`] keys.
    ///
    /// # Errors
    /// When there are more, or a token could mean two of them: keys of one algorithm need ids of their own.
    pub fn new(keys: Vec<VerifyingKey>) -> Result<KeySet, KeyError> {
        if let Some(key) = keys.get(KEYS_MAX) {
            return Err(KeyError::of(key.kid(), KeyReason::TooMany { count_max: KEYS_MAX }));
        }
        for (index, key) in keys.iter().enumerate() {
            let is_same = |other: &VerifyingKey| other.kid() == key.kid() && other.algorithm() == key.algorithm();
            if keys[..index].iter().any(is_same) {
                return Err(KeyError::of(key.kid(), KeyReason::Twice(key.algorithm())));
            }
        }
        Ok(KeySet { keys: keys.into() })
    }

    /// The keys.
    pub fn keys(&self) -> &[VerifyingKey] {
        &self.keys
    }

    /// Who is calling with this token, if it is good.
    ///
    /// # Errors
    /// Why it is not. Nothing but its size, form and header is looked at before the signature is.
    pub fn verify(&self, token: &[u8], expected: &Expected, now_unix_s: u64) -> Result<Principal, TokenError> {
        let jws = Jws::parse(token)?;
        let key = self.find(&jws)?;
        let principal = claims::check(&jws.verify(key)?, expected, now_unix_s)?;
        Ok(Principal { vouched_by: Some(key.voucher()), ..principal })
    }

    /// What a key of this set has signed. It says nothing about when, for whom and by whom.
    ///
    /// # Errors
    /// When no key of this set has signed it.
    pub fn verify_signature(&self, token: &[u8]) -> Result<Payload, TokenError> {
        let jws = Jws::parse(token)?;
        jws.verify(self.find(&jws)?)
    }

    /// One key, or none: signatures are never tried in turn. An id is compared as it is. A key that has none is the
    /// operator's, who did not say what the issuer calls it: it is meant where no other is and it is the only such key of its
    /// algorithm.
    fn find(&self, jws: &Jws<'_>) -> Result<&VerifyingKey, TokenError> {
        let mut of_algorithm = self.keys.iter().filter(|key| key.algorithm() == jws.algorithm);
        let Some(kid) = jws.kid.as_deref() else {
            let key = of_algorithm.next().ok_or(TokenError::KeyUnknown)?;
            return if of_algorithm.next().is_none() { Ok(key) } else { Err(TokenError::KeyAmbiguous) };
        };
        let mut named = self.keys.iter().filter(|key| key.kid() == Some(kid)).peekable();
        if named.peek().is_some() {
            return named.find(|key| key.algorithm() == jws.algorithm).ok_or(TokenError::AlgorithmOfOtherKey);
        }
        of_algorithm.find(|key| key.kid().is_none()).ok_or(TokenError::KeyUnknown)
    }
}

#[cfg(test)]
#[path = "key_set_tests.rs"]
mod tests;
