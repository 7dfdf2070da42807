//! What vouches for a caller, and whether it does still. What lasts longer than a request asks again: a credential may be
//! taken back, or its time be over. It decides nothing of credentials that are shown.

use std::fmt;

use ring::digest::{self, SHA256};

use super::access::Credentials;
use super::claims;
use super::principal::{CredentialKind, Principal};
use crate::request_path::Requires;

/// The key that signed a token or the secret that was shown, as a number that tells one from another within a process. It
/// proves nothing, and no debug output shows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Voucher(u64);

impl Voucher {
    /// Of what is known by its bytes, each part told apart from the next.
    pub(super) fn of(parts: &[&[u8]]) -> Voucher {
        let mut context = digest::Context::new(&SHA256);
        context.update(b"ringway voucher 1\0");
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        Voucher(context.finish().as_ref().first_chunk().map_or(0, |first| u64::from_be_bytes(*first)))
    }

    /// Of what is a digest already.
    pub(super) fn of_digest(place: u128) -> Voucher {
        Voucher((place >> 64) as u64)
    }
}

impl fmt::Debug for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Voucher(********)")
    }
}

/// Why a credential that was good is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapse {
    /// Its time is over.
    Expired,
    /// The operator takes it, or what vouches for it, no more.
    Revoked,
}

impl Lapse {
    /// Its word in logs and audit.
    pub fn word(self) -> &'static str {
        match self {
            Lapse::Expired => "credential_expired",
            Lapse::Revoked => "credential_revoked",
        }
    }
}

impl Credentials {
    /// Until when somebody who was known is known still, in seconds since 1970, if that has an end.
    ///
    /// # Errors
    /// Why it is known no more. Revoked stands above expired.
    pub fn standing(&self, principal: &Principal, now_unix_s: u64) -> Result<Option<u64>, Lapse> {
        let own_end = principal.expires_at_unix_s;
        let end = match principal.kind {
            CredentialKind::Anonymous => return Err(Lapse::Revoked),
            CredentialKind::Certificate => self.certificates.as_ref().map(|_| own_end).ok_or(Lapse::Revoked)?,
            CredentialKind::ApiKey => {
                let end = self.keys.as_ref().ok_or(Lapse::Revoked)?.standing(principal)?;
                own_end.map_or(end, |own| Some(end.map_or(own, |end| end.min(own))))
            }
            CredentialKind::Jwt => {
                let (keys, expected) = self.tokens.as_ref().ok_or(Lapse::Revoked)?;
                let signs = keys.keys().iter().any(|key| Some(key.voucher()) == principal.vouched_by);
                (signs && claims::holds(principal, expected)).then_some(own_end).ok_or(Lapse::Revoked)?
            }
        };
        self.permit(principal, Requires::Caller).map_err(|_| Lapse::Revoked)?;
        if end.is_some_and(|end| end <= now_unix_s) { Err(Lapse::Expired) } else { Ok(end) }
    }
}

#[cfg(test)]
#[path = "voucher_tests.rs"]
mod tests;
