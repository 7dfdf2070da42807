//! A key that verifies signatures of exactly one algorithm (RFC 8725 section 3.1), and why bytes are not one. Start at
//! [`VerifyingKey::verify`]. It never signs, and never shows a secret.

use std::fmt;

use ring::hmac;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use zeroize::Zeroizing;

use super::jwk_rsa;
use super::jws_algorithm::{Algorithm, Family};
use super::voucher::Voucher;

/// Bytes of a key's id: issuers use thumbprints (43 characters), UUIDs (36) and URLs.
pub const KID_BYTES_MAX: usize = 256;

/// A key that verifies signatures of exactly one algorithm. Secrets are wiped when it is dropped.
pub struct VerifyingKey {
    kid: Option<Box<str>>,
    algorithm: Algorithm,
    material: Material,
    voucher: Voucher,
}

enum Material {
    /// `ring`'s own form of a secret is not wiped on drop, so it is made anew for each signature, and lives on the stack for
    /// that long. It costs two blocks of the hash.
    Secret(hmac::Algorithm, Zeroizing<Box<[u8]>>),
    Rsa(&'static RsaParameters, RsaPublicKeyComponents<Box<[u8]>>),
    Point(UnparsedPublicKey<Box<[u8]>>),
}

impl VerifyingKey {
    /// A secret for HMAC. It must be as long as the hash (RFC 7518 section 3.2).
    ///
    /// # Errors
    /// When it is too short, or the algorithm takes no secret.
    pub fn from_secret(
        kid: Option<&str>,
        algorithm: Algorithm,
        secret: Zeroizing<Box<[u8]>>,
    ) -> Result<VerifyingKey, KeyError> {
        Self::secret(kid, algorithm, secret).map_err(|reason| KeyError::of(kid, reason))
    }

    pub(super) fn secret(
        kid: Option<&str>,
        algorithm: Algorithm,
        secret: Zeroizing<Box<[u8]>>,
    ) -> Result<VerifyingKey, KeyReason> {
        let hash = match algorithm {
            Algorithm::Hs256 => hmac::HMAC_SHA256,
            Algorithm::Hs384 => hmac::HMAC_SHA384,
            Algorithm::Hs512 => hmac::HMAC_SHA512,
            _ => return Err(KeyReason::AlgorithmOfOtherKey { algorithm, key: Family::Secret }),
        };
        let bytes_min = hash.digest_algorithm().output_len();
        if secret.len() < bytes_min {
            return Err(KeyReason::SecretTooShort { algorithm, bytes: secret.len(), bytes_min });
        }
        Self::new(kid, algorithm, Material::Secret(hash, secret))
    }

    /// An RSA key from its numbers, big endian.
    pub(super) fn rsa(
        kid: Option<&str>,
        algorithm: Algorithm,
        modulus: &[u8],
        exponent: &[u8],
    ) -> Result<VerifyingKey, KeyReason> {
        let parameters = match algorithm {
            Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            _ => return Err(KeyReason::AlgorithmOfOtherKey { algorithm, key: Family::Rsa }),
        };
        let (n, e) = jwk_rsa::checked(modulus, exponent)?;
        Self::new(kid, algorithm, Material::Rsa(parameters, RsaPublicKeyComponents { n: n.into(), e: e.into() }))
    }

    /// A point: uncompressed for ECDSA (0x04, x, y), as it is for Ed25519. Whether it lies on its curve is seen when a
    /// signature is verified: then none is right.
    pub(super) fn point(
        kid: Option<&str>,
        algorithm: Algorithm,
        key: Family,
        point: &[u8],
    ) -> Result<VerifyingKey, KeyReason> {
        if algorithm.family() != key {
            return Err(KeyReason::AlgorithmOfOtherKey { algorithm, key });
        }
        let (verification, bytes): (&dyn VerificationAlgorithm, _) = match key {
            Family::P256 => (&signature::ECDSA_P256_SHA256_FIXED, 1 + 2 * 32),
            Family::P384 => (&signature::ECDSA_P384_SHA384_FIXED, 1 + 2 * 48),
            Family::Ed25519 => (&signature::ED25519, 32),
            Family::Secret | Family::Rsa => return Err(KeyReason::AlgorithmOfOtherKey { algorithm, key }),
        };
        if point.len() != bytes || (bytes > 32 && point[0] != 4) {
            return Err(KeyReason::Malformed("the point"));
        }
        Self::new(kid, algorithm, Material::Point(UnparsedPublicKey::new(verification, point.into())))
    }

    fn new(kid: Option<&str>, algorithm: Algorithm, material: Material) -> Result<VerifyingKey, KeyReason> {
        if kid.is_some_and(|kid| kid.len() > KID_BYTES_MAX) {
            return Err(KeyReason::KidTooLong);
        }
        let (first, second): (&[u8], &[u8]) = match &material {
            Material::Secret(_, secret) => (secret, &[]),
            Material::Rsa(_, key) => (&key.n, &key.e),
            Material::Point(key) => (key.as_ref(), &[]),
        };
        let voucher = Voucher::of(&[kid.unwrap_or_default().as_bytes(), algorithm.word().as_bytes(), first, second]);
        Ok(VerifyingKey { kid: kid.map(Into::into), algorithm, material, voucher })
    }

    /// Its id, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What stands for it in callers whose tokens it signed.
    pub fn voucher(&self) -> Voucher {
        self.voucher
    }

    /// The one algorithm it is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether it is a secret rather than a public key.
    pub fn is_secret(&self) -> bool {
        matches!(self.material, Material::Secret(..))
    }

    /// Whether `signature` is this key's over `signed`. The time taken does not depend on where a wrong HMAC differs.
    #[must_use]
    pub fn verify(&self, signed: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Secret(hash, secret) => hmac::verify(&hmac::Key::new(*hash, secret), signed, signature).is_ok(),
            Material::Rsa(parameters, key) => key.verify(parameters, signed, signature).is_ok(),
            Material::Point(key) => key.verify(signed, signature).is_ok(),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Which key cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError {
    /// The key's id or its place in its set, as a message names it; never its content.
    pub key: Box<str>,
    /// Why.
    pub reason: KeyReason,
}

impl KeyError {
    pub(super) fn of(kid: Option<&str>, reason: KeyReason) -> KeyError {
        // An id from a key set is somebody else's text: it is escaped, and cut where it is too long.
        let key = kid.map_or("a key without kid".into(), |kid| {
            let cut = kid.char_indices().take_while(|(at, _)| *at < KID_BYTES_MAX).map(|(_, letter)| letter);
            format!("key {:?}", cut.collect::<String>()).into()
        });
        KeyError { key, reason }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

impl std::error::Error for KeyError {}

/// Why a key, or a set of keys, cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyReason {
    /// Not the JSON that was expected, from this place on.
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Too large to be looked at.
    TooLarge {
        /// Bytes it may have.
        bytes_max: usize,
    },
    /// Not a PEM text with one block.
    Pem,
    /// A certificate, which holds more than a key.
    Certificate,
    /// What is needed is not there.
    Missing(&'static str),
    /// What is there cannot be read.
    Malformed(&'static str),
    /// `kty`, `crv` or the key's own type names something that is not served.
    TypeUnknown,
    /// `alg` names no signature algorithm that is served.
    AlgorithmUnknown,
    /// `alg` is not for such a key.
    AlgorithmOfOtherKey {
        /// What `alg` says.
        algorithm: Algorithm,
        /// What the key is.
        key: Family,
    },
    /// `use` or `key_ops` keep it from verifying signatures.
    OtherUse,
    /// A private key where a public one belongs.
    Private,
    /// A secret in a document that everybody can read.
    SecretPublished,
    /// RSA, too short.
    RsaTooShort {
        /// Bits of the modulus.
        bits: usize,
    },
    /// RSA, too long.
    RsaTooLong {
        /// Bits of the modulus.
        bits: usize,
    },
    /// RSA, with an exponent that is even or out of bounds.
    RsaExponent,
    /// RSA, of the generator whose keys can be factored.
    RsaGenerator,
    /// A secret that is shorter than the hash.
    SecretTooShort {
        /// What it is for.
        algorithm: Algorithm,
        /// Bytes it has.
        bytes: usize,
        /// Bytes it must have.
        bytes_min: usize,
    },
    /// An id that is too long.
    KidTooLong,
    /// Another key has the same id and algorithm, or also has no id.
    Twice(Algorithm),
    /// More keys than a set may have.
    TooMany {
        /// Keys it may have.
        count_max: usize,
    },
}

impl fmt::Display for KeyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use KeyReason::*;
        match self {
            Json { line, column } => write!(f, "not the JSON of a key, at line {line} column {column}"),
            TooLarge { bytes_max } => write!(f, "more than {bytes_max} bytes"),
            Pem => f.write_str("not one PEM block with a PUBLIC KEY"),
            Certificate => {
                f.write_str("a certificate; give its public key alone (openssl x509 -in FILE -pubkey -noout)")
            }
            Missing(what) => write!(f, "`{what}` is missing"),
            Malformed(what) => write!(f, "`{what}` cannot be read"),
            TypeUnknown => {
                f.write_str("of a type that is not served; oct, RSA, EC (P-256, P-384) and OKP (Ed25519) are")
            }
            AlgorithmUnknown => f.write_str(
                "`alg` is none of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA",
            ),
            AlgorithmOfOtherKey { algorithm, key } => write!(f, "{algorithm} is not for {key}"),
            OtherUse => f.write_str("`use` or `key_ops` say that it is not for verifying signatures"),
            Private => f.write_str("a private key; only the public one belongs here, and this one should be replaced"),
            SecretPublished => f.write_str("a secret among public keys; replace it and keep it in a set of its own"),
            RsaTooShort { bits } => {
                write!(f, "RSA with {bits} bits; at least {} are needed", jwk_rsa::RSA_BITS_MIN)
            }
            RsaTooLong { bits } => write!(f, "RSA with {bits} bits; at most {} are served", jwk_rsa::RSA_BITS_MAX),
            RsaExponent => f.write_str("RSA with an exponent that is even, below 3 or above 2^33"),
            RsaGenerator => f.write_str("RSA made by a broken generator (CVE-2017-15361); make another key"),
            SecretTooShort { algorithm, bytes, bytes_min } => {
                write!(f, "a secret of {bytes} bytes; {algorithm} needs at least {bytes_min} (openssl rand -base64 48)")
            }
            KidTooLong => write!(f, "a `kid` of more than {KID_BYTES_MAX} bytes"),
            Twice(algorithm) => {
                write!(f, "not the only {algorithm} key with that `kid`, or without one; give each its own")
            }
            TooMany { count_max } => write!(f, "one more than the {count_max} keys of a set"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(bytes: usize) -> Zeroizing<Box<[u8]>> {
        Zeroizing::new(vec![7; bytes].into())
    }

    #[test]
    fn a_secret_is_as_long_as_its_hash() {
        for (algorithm, bytes_min) in [(Algorithm::Hs256, 32), (Algorithm::Hs384, 48), (Algorithm::Hs512, 64)] {
            let key = VerifyingKey::from_secret(Some("a"), algorithm, secret(bytes_min)).expect("long enough");
            assert!(key.is_secret());
            assert_eq!((key.kid(), key.algorithm()), (Some("a"), algorithm));
            let error = VerifyingKey::from_secret(Some("a"), algorithm, secret(bytes_min - 1)).expect_err("too short");
            let reason = KeyReason::SecretTooShort { algorithm, bytes: bytes_min - 1, bytes_min };
            assert_eq!(error, KeyError { key: "key \"a\"".into(), reason });
        }
    }

    #[test]
    fn a_key_takes_no_algorithm_of_another_kind() {
        for algorithm in Algorithm::ALL {
            let is = |family| algorithm.family() == family;
            assert_eq!(VerifyingKey::secret(None, algorithm, secret(64)).is_ok(), is(Family::Secret));
            let modulus = [&[0x80][..], &[0; 254], &[1]].concat();
            assert_eq!(VerifyingKey::rsa(None, algorithm, &modulus, &[3]).is_ok(), is(Family::Rsa));
            for (family, bytes) in [(Family::P256, 65), (Family::P384, 97), (Family::Ed25519, 32)] {
                assert_eq!(VerifyingKey::point(None, algorithm, family, &vec![4; bytes]).is_ok(), is(family));
                assert!(VerifyingKey::point(None, algorithm, family, &vec![4; bytes - 1]).is_err());
                assert!(VerifyingKey::point(None, algorithm, family, &vec![4; bytes + 1]).is_err());
            }
            for family in [Family::Secret, Family::Rsa] {
                assert!(VerifyingKey::point(None, algorithm, family, &[4; 65]).is_err());
            }
        }
    }

    #[test]
    fn no_message_shows_a_secret() {
        let key = VerifyingKey::from_secret(None, Algorithm::Hs256, Zeroizing::new((*b"hush").repeat(8).into()));
        let shown = format!("{key:?}");
        assert!(shown.contains("Hs256") && !shown.contains("104"), "{shown}");
        let long = "k".repeat(KID_BYTES_MAX + 1);
        let error = VerifyingKey::from_secret(Some(&long), Algorithm::Hs256, secret(32)).expect_err("a long id");
        assert_eq!(error.reason, KeyReason::KidTooLong);
        assert!(error.to_string().len() < 2 * KID_BYTES_MAX);
        let odd = VerifyingKey::from_secret(Some("a\r\n\"b"), Algorithm::Hs256, secret(1)).expect_err("short");
        assert!(
            odd.to_string().starts_with(r#"key "a\r\n\"b": a secret of 1 bytes; HS256 needs at least 32"#),
            "{odd}"
        );
    }
}
