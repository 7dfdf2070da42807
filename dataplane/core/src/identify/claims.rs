//! What a verified token says, held against what is expected of it (RFC 7519 section 4.1, RFC 8725 section 3), and the caller
//! that comes out of it. Start at [`check`]. It never looks at a signature: it takes a [`Payload`], which has one.

use serde_json::{Map, Value as Tree};

use super::claims_caller;
use super::jws::{self, Payload};
use super::token_error::{Claim, TokenError};
use super::{CredentialKind, Principal};

/// Clocks of issuer and verifier may differ by this much.
pub const LEEWAY_S: u64 = 30;
/// The last second of the year 9999. A later one is a time in milliseconds, or a mistake.
const DATE_UNIX_S_MAX: u64 = 253_402_300_799;

/// What a token must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Required {
    /// `exp`: without it a token that leaks is good forever.
    pub expiry: bool,
    /// `iss`
    pub issuer: bool,
    /// `aud`
    pub audience: bool,
    /// `sub`, or `user_id` in its place. Callers without either are one principal, named `-`.
    pub subject: bool,
}

impl Required {
    /// All of it, as an OAuth 2.1 resource server asks (RFC 9068 section 2.2).
    pub const ALL: Required = Required { expiry: true, issuer: true, audience: true, subject: true };
    /// What tokens signed with a shared secret have that older systems issue: `exp` and `user_id`.
    pub const EXPIRY_AND_SUBJECT: Required = Required { issuer: false, audience: false, ..Required::ALL };
}

/// What is expected of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Who may have issued one, compared as it is written. When empty anybody may who has a key.
    pub issuers: Box<[Box<str>]>,
    /// What this server is called, compared as it is written. One of these must be in `aud` where there is one: a token that
    /// says for whom it is, is not for somebody who has no name (RFC 7519 section 4.1.3).
    pub audiences: Box<[Box<str>]>,
    /// What must be there.
    pub required: Required,
    /// See [`LEEWAY_S`].
    pub leeway_s: u64,
    /// Whether principals are named `ISSUER#SUBJECT`: a subject is unique for its issuer alone, so this is for servers that
    /// trust several.
    pub names_issuer: bool,
}

impl Default for Expected {
    /// Everything is required, and no audience is right.
    fn default() -> Expected {
        Expected {
            issuers: Box::default(),
            audiences: Box::default(),
            required: Required::ALL,
            leeway_s: LEEWAY_S,
            names_issuer: false,
        }
    }
}

/// The caller that a token stands for. Its credential expires when this would refuse it.
///
/// # Errors
/// What keeps the token from being accepted.
pub fn check(payload: &Payload, expected: &Expected, now_unix_s: u64) -> Result<Principal, TokenError> {
    let claims = jws::object(payload.bytes()).ok_or(TokenError::Payload)?;
    let expires_at_unix_s = check_times(&claims, expected, now_unix_s)?;
    let issuer = check_issuer(&claims, expected)?;
    check_audience(&claims, expected)?;
    let subject = claims_caller::subject(&claims)?;
    if subject.is_none() && expected.required.subject {
        return Err(TokenError::Missing(Claim::Subject));
    }
    let subject = subject.unwrap_or_else(|| "-".into());
    let name = match issuer {
        Some(issuer) if expected.names_issuer => format!("{issuer}#{subject}").into(),
        None if expected.names_issuer => return Err(TokenError::Missing(Claim::Issuer)),
        _ => subject,
    };
    let (scopes, roles) = (claims_caller::scopes(&claims)?, claims_caller::roles(&claims)?);
    Ok(Principal { name, kind: CredentialKind::Jwt, scopes, roles, expires_at_unix_s, vouched_by: None, claims })
}

/// Whether the caller that a token stood for would have that name still, whatever the time.
pub(super) fn holds(principal: &Principal, expected: &Expected) -> bool {
    let claims = &principal.claims;
    let (Ok(issuer), Ok(())) = (check_issuer(claims, expected), check_audience(claims, expected)) else { return false };
    let has_subject =
        !expected.required.subject || claims_caller::subject(claims).is_ok_and(|subject| subject.is_some());
    let has_end = !expected.required.expiry || principal.expires_at_unix_s.is_some();
    let prefix = issuer.filter(|_| expected.names_issuer).map(|issuer| format!("{issuer}#"));
    let is_named = match (prefix, claims_caller::subject(claims)) {
        (prefix, Ok(subject)) => {
            let subject = subject.as_deref().unwrap_or("-");
            *principal.name == format!("{}{subject}", prefix.unwrap_or_default())
        }
        _ => false,
    };
    has_subject && has_end && is_named && (issuer.is_some() || !expected.names_issuer)
}

/// The second from which on the token is not accepted.
fn check_times(claims: &Map<String, Tree>, expected: &Expected, now_unix_s: u64) -> Result<Option<u64>, TokenError> {
    let at_latest = now_unix_s.saturating_add(expected.leeway_s);
    let expires_at = match date(claims, "exp", Claim::Expiry, f64::floor)? {
        Some(expiry) => Some(expiry.saturating_add(expected.leeway_s)),
        None if expected.required.expiry => return Err(TokenError::Missing(Claim::Expiry)),
        None => None,
    };
    if expires_at.is_some_and(|expires_at| now_unix_s >= expires_at) {
        return Err(TokenError::Expired);
    }
    for (name, claim) in [("nbf", Claim::NotBefore), ("iat", Claim::IssuedAt)] {
        if date(claims, name, claim, f64::ceil)?.is_some_and(|date| date > at_latest) {
            return Err(TokenError::Early);
        }
    }
    Ok(expires_at)
}

/// A NumericDate (RFC 7519 section 2), which may have a fraction: that is rounded to the side on which the token is good for
/// less long.
fn date(
    claims: &Map<String, Tree>,
    name: &str,
    claim: Claim,
    round: fn(f64) -> f64,
) -> Result<Option<u64>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let Tree::Number(number) = value else { return Err(TokenError::Invalid(claim)) };
    // Below the maximum a double has every whole second, so that the cast loses nothing; it is in range where it is done.
    let whole = number.as_u64().or_else(|| {
        let seconds = number.as_f64()?;
        (0.0..=DATE_UNIX_S_MAX as f64).contains(&seconds).then(|| round(seconds) as u64)
    });
    match whole {
        Some(date) if date <= DATE_UNIX_S_MAX => Ok(Some(date)),
        _ => Err(TokenError::Invalid(claim)),
    }
}

fn check_issuer<'a>(claims: &'a Map<String, Tree>, expected: &Expected) -> Result<Option<&'a str>, TokenError> {
    match claims.get("iss") {
        Some(Tree::String(issuer)) if expected.issuers.is_empty() || is_one_of(&expected.issuers, issuer) => {
            Ok(Some(issuer))
        }
        Some(Tree::String(_)) => Err(TokenError::Issuer),
        Some(_) => Err(TokenError::Invalid(Claim::Issuer)),
        None if expected.required.issuer => Err(TokenError::Missing(Claim::Issuer)),
        None => Ok(None),
    }
}

fn check_audience(claims: &Map<String, Tree>, expected: &Expected) -> Result<(), TokenError> {
    let is_ours = match claims.get("aud") {
        Some(Tree::String(audience)) => is_one_of(&expected.audiences, audience),
        Some(Tree::Array(audiences)) => {
            let mut is_ours = false;
            for audience in audiences {
                let audience = audience.as_str().ok_or(TokenError::Invalid(Claim::Audience))?;
                is_ours |= is_one_of(&expected.audiences, audience);
            }
            is_ours
        }
        Some(_) => return Err(TokenError::Invalid(Claim::Audience)),
        None if expected.required.audience => return Err(TokenError::Missing(Claim::Audience)),
        None => return Ok(()),
    };
    if is_ours { Ok(()) } else { Err(TokenError::Audience) }
}

fn is_one_of(known: &[Box<str>], name: &str) -> bool {
    known.iter().any(|known| **known == *name)
}

#[cfg(test)]
#[path = "claims_tests.rs"]
mod tests;
