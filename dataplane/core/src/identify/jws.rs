//! Signed tokens in their compact form (RFC 7515), read strictly: what could be read in two ways is refused, and nothing in a
//! token chooses how it is verified. Start at [`Jws::parse`]. It never looks at claims.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value as Tree};

use super::jwk_key::VerifyingKey;
use super::jws_algorithm::Algorithm;
use super::token_error::TokenError;
use crate::json::JsonParser;

/// Bytes of a token; a larger one is refused before anything is read of it. Issuers that put groups into tokens stay below
/// 4 KiB, since servers commonly take heads of 8 KiB.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// A token whose signature has not been looked at. Nothing of its payload can be read.
pub struct Jws<'a> {
    /// The algorithm it says it is signed with. A key decides whether that is so.
    pub algorithm: Algorithm,
    /// The key it says it is signed with: a name to look up, never a place to fetch from.
    pub kid: Option<Box<str>>,
    signed: &'a [u8],
    payload: &'a [u8],
    signature: Vec<u8>,
}

/// What somebody has signed whose key is known.
#[derive(PartialEq, Eq)]
pub struct Payload(Vec<u8>);

impl fmt::Debug for Payload {
    /// Claims are about people: logs get their size only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

impl Payload {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<'a> Jws<'a> {
    /// Reads all but the payload.
    ///
    /// # Errors
    /// When it is too large, not a signed token, or one that asks for what is not done here.
    pub fn parse(token: &'a [u8]) -> Result<Jws<'a>, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::TooLarge);
        }
        let mut parts = token.split(|&byte| byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError::Malformed);
        };
        // An unsecured token has none.
        if signature.is_empty() {
            return Err(TokenError::Malformed);
        }
        let members = object(&decode(header)?).ok_or(TokenError::Header)?;
        let (algorithm, kid) = read_header(&members)?;
        let signed = &token[..header.len() + 1 + payload.len()];
        Ok(Jws { algorithm, kid, signed, payload, signature: decode(signature)? })
    }

    /// The payload, if `key` has signed it with its own algorithm.
    ///
    /// # Errors
    /// When it has not.
    pub fn verify(&self, key: &VerifyingKey) -> Result<Payload, TokenError> {
        if self.algorithm != key.algorithm() {
            return Err(TokenError::AlgorithmOfOtherKey);
        }
        if !key.verify(self.signed, &self.signature) {
            return Err(TokenError::Signature);
        }
        decode(self.payload).map(Payload)
    }
}

/// base64url without padding, and without bits set that mean nothing: one value has one spelling.
fn decode(part: &[u8]) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}

/// A JSON object that has no key twice, at any depth. Numbers keep their text.
pub(super) fn object(text: &[u8]) -> Option<Map<String, Tree>> {
    let tree = JsonParser::default().with(text, |value| value.to_tree());
    match tree.ok()?? {
        Tree::Object(members) => Some(members),
        _ => None,
    }
}

/// `jwk`, `jku`, `x5c`, `x5u` and whatever else is not named here is left alone: some issuers send it, and no key comes out
/// of a token.
fn read_header(header: &Map<String, Tree>) -> Result<(Algorithm, Option<Box<str>>), TokenError> {
    // RFC 7515 section 4.1.11: not understood, so not accepted. An unencoded payload (RFC 7797) is no claims set, nor is a
    // nested token, which `cty` names (RFC 7519 section 5.2).
    if ["crit", "b64", "cty"].iter().any(|name| header.contains_key(*name)) {
        return Err(TokenError::Extension);
    }
    match header.get("typ") {
        None => {}
        Some(Tree::String(typ)) if is_token_type(typ) => {}
        Some(_) => return Err(TokenError::Type),
    }
    let kid = match header.get("kid") {
        None => None,
        Some(Tree::String(kid)) => Some(kid.as_str().into()),
        Some(_) => return Err(TokenError::Header),
    };
    match header.get("alg") {
        Some(Tree::String(alg)) => Ok((Algorithm::parse(alg).ok_or(TokenError::AlgorithmUnknown)?, kid)),
        _ => Err(TokenError::Header),
    }
}

/// RFC 7519 section 5.1 and RFC 9068 section 2.1. A token that says it is a proof, an event or a logout is none (RFC 8725
/// section 3.11).
fn is_token_type(typ: &str) -> bool {
    const PREFIX: &str = "application/";
    let is_prefixed = typ.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
    let name = if is_prefixed { &typ[PREFIX.len()..] } else { typ };
    name.eq_ignore_ascii_case("JWT") || name.eq_ignore_ascii_case("at+jwt")
}

#[cfg(test)]
#[path = "jws_tests.rs"]
mod tests;
