//! Public keys as PEM: SubjectPublicKeyInfo (RFC 5280) and PKCS #1, which is what `openssl` writes. It reads no certificate,
//! and no private key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::jwk_key::{KeyError, KeyReason, VerifyingKey};
use super::jws_algorithm::{Algorithm, Family};

/// Bytes of a PEM text: an RSA key of 8192 bits needs 1,500.
pub const PEM_BYTES_MAX: usize = 16 << 10;

/// RFC 8017 appendix A.1: 1.2.840.113549.1.1.1.
const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// RFC 5480 section 2.1.1: 1.2.840.10045.2.1, and the curves 1.2.840.10045.3.1.7 and 1.3.132.0.34.
const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const OID_P384: &[u8] = &[0x2b, 0x81, 4, 0, 34];
/// RFC 8410 section 3: 1.3.101.112.
const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];

const TAG_INTEGER: u8 = 0x02;
const TAG_BITS: u8 = 0x03;
const TAG_NULL: u8 = 0x05;
const TAG_OID: u8 = 0x06;
const TAG_SEQUENCE: u8 = 0x30;

/// Reads one public key. Without an algorithm it has the usual one of its kind: RS256 for RSA, else the only one.
///
/// # Errors
/// When the text is not one public key, or the algorithm is not for it.
pub fn read_pem(text: &str, kid: Option<&str>, algorithm: Option<Algorithm>) -> Result<VerifyingKey, KeyError> {
    read(text, kid, algorithm).map_err(|reason| KeyError::of(kid, reason))
}

fn read(text: &str, kid: Option<&str>, algorithm: Option<Algorithm>) -> Result<VerifyingKey, KeyReason> {
    if text.len() > PEM_BYTES_MAX {
        return Err(KeyReason::TooLarge { bytes_max: PEM_BYTES_MAX });
    }
    // Whatever else is there, a private key that was copied along has to be replaced.
    if text.contains("PRIVATE KEY-----") {
        return Err(KeyReason::Private);
    }
    let (label, body) = one_block(text).ok_or(KeyReason::Pem)?;
    let base64: String = body.split_ascii_whitespace().collect();
    let der = STANDARD.decode(base64).map_err(|_| KeyReason::Pem)?;
    match label {
        "PUBLIC KEY" => public_key(&der, kid, algorithm),
        "RSA PUBLIC KEY" => rsa(&der, kid, algorithm),
        "CERTIFICATE" => Err(KeyReason::Certificate),
        _ => Err(KeyReason::Pem),
    }
}

/// Label and content of the only block (RFC 7468). Text around it is explanation.
fn one_block(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, rest) = rest.split_once("-----END ")?;
    let rest = rest.strip_prefix(label)?.strip_prefix("-----")?;
    (!rest.contains("-----BEGIN ")).then_some((label, body))
}

fn public_key(der: &[u8], kid: Option<&str>, algorithm: Option<Algorithm>) -> Result<VerifyingKey, KeyReason> {
    const BAD: KeyReason = KeyReason::Malformed("the PEM block");
    let info = Der(der).only(TAG_SEQUENCE).ok_or(BAD)?;
    let (kind, info) = Der(info).first(TAG_SEQUENCE).ok_or(BAD)?;
    let bits = info.only(TAG_BITS).ok_or(BAD)?;
    // A key is whole bytes: none of the last one's bits is unused.
    let [0, key @ ..] = bits else { return Err(BAD) };
    let (oid, parameters) = Der(kind).first(TAG_OID).ok_or(BAD)?;
    let family = match oid {
        OID_RSA if parameters.only(TAG_NULL) == Some(&[]) => return rsa(key, kid, algorithm),
        OID_EC => match parameters.only(TAG_OID) {
            Some(OID_P256) => Family::P256,
            Some(OID_P384) => Family::P384,
            _ => return Err(KeyReason::TypeUnknown),
        },
        OID_ED25519 if parameters.0.is_empty() => Family::Ed25519,
        _ => return Err(KeyReason::TypeUnknown),
    };
    VerifyingKey::point(kid, algorithm.unwrap_or(family.usual_algorithm()), family, key)
}

fn rsa(der: &[u8], kid: Option<&str>, algorithm: Option<Algorithm>) -> Result<VerifyingKey, KeyReason> {
    let numbers = Der(der).only(TAG_SEQUENCE).and_then(|numbers| {
        let (n, rest) = Der(numbers).first(TAG_INTEGER)?;
        Some((unsigned(n)?, unsigned(rest.only(TAG_INTEGER)?)?))
    });
    let (n, e) = numbers.ok_or(KeyReason::Malformed("the PEM block"))?;
    VerifyingKey::rsa(kid, algorithm.unwrap_or(Family::Rsa.usual_algorithm()), n, e)
}

/// An integer that is not negative.
fn unsigned(integer: &[u8]) -> Option<&[u8]> {
    integer.first().is_some_and(|first| *first < 0x80).then_some(integer)
}

/// What is left to read of DER: tag, length in as few bytes as can be, content.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the first element, which must have this tag, and what follows it.
    fn first(self, tag: u8) -> Option<(&'a [u8], Der<'a>)> {
        let (length, rest) = match *self.0 {
            [first, length @ 0..=0x7f, ref rest @ ..] if first == tag => (usize::from(length), rest),
            [first, 0x81, length @ 0x80..=0xff, ref rest @ ..] if first == tag => (usize::from(length), rest),
            [first, 0x82, high @ 1..=0xff, low, ref rest @ ..] if first == tag => {
                (usize::from(high) << 8 | usize::from(low), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some((content, Der(rest)))
    }

    /// The content of the one element that is left, which must have this tag.
    fn only(self, tag: u8) -> Option<&'a [u8]> {
        self.first(tag).and_then(|(content, rest)| rest.0.is_empty().then_some(content))
    }
}

#[cfg(test)]
#[path = "jwk_pem_tests.rs"]
mod tests;
