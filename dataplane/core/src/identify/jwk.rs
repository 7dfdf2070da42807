//! JSON Web Keys and sets of them (RFC 7517), read into keys that verify. Start at [`read_jwks`]. It never fetches, and never
//! takes an algorithm from a token.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::jwk_key::{KeyError, KeyReason, VerifyingKey};
use super::jws_algorithm::{Algorithm, Family};

/// Bytes of a set: 256 RSA keys of 4096 bits with their certificates need less.
pub const JWKS_BYTES_MAX: usize = 1 << 20;
/// Keys of a set, used or not: large issuers publish a dozen.
pub const KEYS_MAX: usize = 256;

/// Where a set of keys is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file of the operator: secrets may stand in it, though not beside public keys.
    Own,
    /// An address that others can read as well: no key in it is a secret.
    Published,
}

/// What a set of keys holds.
#[derive(Debug, Default)]
pub struct Jwks {
    /// The keys that verify signatures.
    pub keys: Vec<VerifyingKey>,
    /// The others, and why: issuers publish keys for encryption and of other types beside them, so that one such key is no
    /// reason to refuse the set (RFC 7517 section 5).
    pub refused: Vec<KeyError>,
}

/// Reads a JWK set. The text is the caller's to wipe where it holds secrets; no other copy of them outlives this call
/// than the keys' own.
///
/// # Errors
/// When it is not a set of keys, a secret stands among public keys, or a good key and a broken one have the same id. What else
/// is wrong with a single key is in [`Jwks::refused`].
pub fn read_jwks(text: &str, source: Source) -> Result<Jwks, KeyError> {
    #[derive(Deserialize)]
    struct Set<'a> {
        #[serde(borrow)]
        keys: Vec<&'a RawValue>,
    }
    let of_set = |reason| KeyError { key: "the key set".into(), reason };
    if text.len() > JWKS_BYTES_MAX {
        return Err(of_set(KeyReason::TooLarge { bytes_max: JWKS_BYTES_MAX }));
    }
    let set: Set<'_> = serde_json::from_str(text).map_err(|error| of_set(json_reason(&error)))?;
    if set.keys.len() > KEYS_MAX {
        return Err(of_set(KeyReason::TooMany { count_max: KEYS_MAX }));
    }
    let mut jwks = Jwks::default();
    let mut broken = Vec::new();
    for (index, jwk) in set.keys.iter().enumerate() {
        match parse(jwk.get()) {
            Ok((_, Ok(key))) => jwks.keys.push(key),
            Ok((Some(kid), Err(reason))) => {
                jwks.refused.push(KeyError::of(Some(&kid), reason));
                if !is_for_others(reason) {
                    broken.push(kid);
                }
            }
            Ok((None, Err(reason))) | Err(reason) => {
                jwks.refused.push(KeyError { key: format!("key {} of the set", index + 1).into(), reason });
            }
        }
    }
    // Which of the two a token means cannot be said, even if only one can be used.
    let is_broken = |key: &&VerifyingKey| key.kid().is_some_and(|kid| broken.iter().any(|broken| broken == kid));
    if let Some(key) = jwks.keys.iter().find(is_broken) {
        return Err(KeyError::of(key.kid(), KeyReason::Twice(key.algorithm())));
    }
    let has_public = source == Source::Published || jwks.keys.iter().any(|key| !key.is_secret());
    let secret = jwks.keys.iter().find(|key| key.is_secret());
    match secret {
        Some(secret) if has_public => Err(KeyError::of(secret.kid(), KeyReason::SecretPublished)),
        _ => Ok(jwks),
    }
}

/// Reads one JWK.
///
/// # Errors
/// When it is not a key that verifies signatures.
pub fn read_jwk(text: &str) -> Result<VerifyingKey, KeyError> {
    if text.len() > JWKS_BYTES_MAX {
        return Err(KeyError::of(None, KeyReason::TooLarge { bytes_max: JWKS_BYTES_MAX }));
    }
    let (kid, key) = parse(text).map_err(|reason| KeyError::of(None, reason))?;
    key.map_err(|reason| KeyError::of(kid.as_deref(), reason))
}

/// Whether a key is as its issuer wants it, though not one for tokens here. Some issuers give it the id of one that is.
fn is_for_others(reason: KeyReason) -> bool {
    matches!(reason, KeyReason::OtherUse | KeyReason::AlgorithmUnknown | KeyReason::TypeUnknown)
}

/// serde's own words would repeat what stands there, which may be a secret.
fn json_reason(error: &serde_json::Error) -> KeyReason {
    KeyReason::Json { line: error.line(), column: error.column() }
}

/// The members that matter (RFC 7517 section 4, RFC 7518 section 6). serde refuses one of these that stands there twice.
/// What holds key material is borrowed, so that no copy is left behind; base64url needs no escapes.
#[derive(Deserialize)]
struct Jwk<'a> {
    kty: Option<Cow<'a, str>>,
    kid: Option<Cow<'a, str>>,
    alg: Option<Cow<'a, str>>,
    #[serde(rename = "use")]
    public_key_use: Option<Cow<'a, str>>,
    key_ops: Option<Vec<Cow<'a, str>>>,
    crv: Option<Cow<'a, str>>,
    k: Option<&'a str>,
    n: Option<&'a str>,
    e: Option<&'a str>,
    x: Option<&'a str>,
    y: Option<&'a str>,
    /// What only private keys have.
    d: Option<IgnoredAny>,
}

type Named = (Option<String>, Result<VerifyingKey, KeyReason>);

fn parse(text: &str) -> Result<Named, KeyReason> {
    let jwk: Jwk<'_> = serde_json::from_str(text).map_err(|error| json_reason(&error))?;
    let key = key(&jwk);
    Ok((jwk.kid.map(Cow::into_owned), key))
}

fn key(jwk: &Jwk<'_>) -> Result<VerifyingKey, KeyReason> {
    if jwk.d.is_some() {
        return Err(KeyReason::Private);
    }
    if jwk.public_key_use.as_deref().is_some_and(|word| word != "sig")
        || jwk.key_ops.as_ref().is_some_and(|words| !words.iter().any(|word| word == "verify"))
    {
        return Err(KeyReason::OtherUse);
    }
    let family = family(jwk)?;
    let algorithm = match jwk.alg.as_deref() {
        Some(alg) => Algorithm::parse(alg).ok_or(KeyReason::AlgorithmUnknown)?,
        None => family.usual_algorithm(),
    };
    let kid = jwk.kid.as_deref();
    match family {
        Family::Secret => {
            // A vector of the length that the text can have at most is never moved while it is filled.
            let text = jwk.k.ok_or(KeyReason::Missing("k"))?;
            let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
            URL_SAFE_NO_PAD.decode_vec(text, &mut bytes).map_err(|_| KeyReason::Malformed("k"))?;
            VerifyingKey::secret(kid, algorithm, Zeroizing::new(bytes.as_slice().into()))
        }
        Family::Rsa => VerifyingKey::rsa(kid, algorithm, &bytes("n", jwk.n)?, &bytes("e", jwk.e)?),
        Family::P256 | Family::P384 => {
            let (x, y) = (bytes("x", jwk.x)?, bytes("y", jwk.y)?);
            // RFC 7518 section 6.2.1.2: each has the length of the field, so that no zero is left out.
            if x.len() != y.len() {
                return Err(KeyReason::Malformed("y"));
            }
            VerifyingKey::point(kid, algorithm, family, &[&[4], &*x, &*y].concat())
        }
        Family::Ed25519 => VerifyingKey::point(kid, algorithm, family, &bytes("x", jwk.x)?),
    }
}

fn family(jwk: &Jwk<'_>) -> Result<Family, KeyReason> {
    let kty = jwk.kty.as_deref().ok_or(KeyReason::Missing("kty"))?;
    match (kty, jwk.crv.as_deref()) {
        ("oct", _) => Ok(Family::Secret),
        ("RSA", _) => Ok(Family::Rsa),
        ("EC", Some("P-256")) => Ok(Family::P256),
        ("EC", Some("P-384")) => Ok(Family::P384),
        ("OKP", Some("Ed25519")) => Ok(Family::Ed25519),
        ("EC" | "OKP", None) => Err(KeyReason::Missing("crv")),
        _ => Err(KeyReason::TypeUnknown),
    }
}

fn bytes(name: &'static str, text: Option<&str>) -> Result<Vec<u8>, KeyReason> {
    let text = text.ok_or(KeyReason::Missing(name))?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyReason::Malformed(name))
}

#[cfg(test)]
#[path = "jwk_tests.rs"]
mod tests;
