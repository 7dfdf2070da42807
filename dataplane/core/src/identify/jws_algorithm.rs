//! The signature algorithms a token may have (RFC 7518 section 3, RFC 8037). It never chooses one: a key does.

use std::fmt;

/// A signature algorithm. `none` is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// What kind of key an algorithm takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A secret that both sides know.
    Secret,
    /// An RSA key.
    Rsa,
    /// A point on P-256.
    P256,
    /// A point on P-384.
    P384,
    /// A point on Ed25519.
    Ed25519,
}

impl Algorithm {
    /// All of them, as messages list them.
    pub const ALL: [Algorithm; 12] = [
        Algorithm::Hs256,
        Algorithm::Hs384,
        Algorithm::Hs512,
        Algorithm::Rs256,
        Algorithm::Rs384,
        Algorithm::Rs512,
        Algorithm::Ps256,
        Algorithm::Ps384,
        Algorithm::Ps512,
        Algorithm::Es256,
        Algorithm::Es384,
        Algorithm::EdDsa,
    ];

    /// Reads a name as `alg` has it. Names are compared as they are (RFC 7515 section 4.1.1). `Ed25519` is what RFC 9864
    /// calls the one `EdDSA` that is served here.
    pub fn parse(name: &str) -> Option<Algorithm> {
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.word() == name)
    }

    /// Its name in `alg`.
    pub fn word(self) -> &'static str {
        match self {
            Algorithm::Hs256 => "HS256",
            Algorithm::Hs384 => "HS384",
            Algorithm::Hs512 => "HS512",
            Algorithm::Rs256 => "RS256",
            Algorithm::Rs384 => "RS384",
            Algorithm::Rs512 => "RS512",
            Algorithm::Ps256 => "PS256",
            Algorithm::Ps384 => "PS384",
            Algorithm::Ps512 => "PS512",
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::EdDsa => "EdDSA",
        }
    }

    /// What kind of key it takes.
    pub fn family(self) -> Family {
        match self {
            Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Family::Secret,
            Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512 => Family::Rsa,
            Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => Family::Rsa,
            Algorithm::Es256 => Family::P256,
            Algorithm::Es384 => Family::P384,
            Algorithm::EdDsa => Family::Ed25519,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Family {
    /// The algorithm of a key that names none: the one with SHA-256 where there is a choice, as RS256 and HS256 are what
    /// issuers use who say nothing.
    pub fn usual_algorithm(self) -> Algorithm {
        match self {
            Family::Secret => Algorithm::Hs256,
            Family::Rsa => Algorithm::Rs256,
            Family::P256 => Algorithm::Es256,
            Family::P384 => Algorithm::Es384,
            Family::Ed25519 => Algorithm::EdDsa,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Secret => "a secret (oct)",
            Family::Rsa => "an RSA key",
            Family::P256 => "a P-256 key",
            Family::P384 => "a P-384 key",
            Family::Ed25519 => "an Ed25519 key",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::parse(algorithm.word()), Some(algorithm));
            assert_eq!(Algorithm::parse(&algorithm.word().to_lowercase()), None);
            assert_eq!(Algorithm::parse(&format!("{algorithm}\0")), None);
        }
        assert_eq!(Algorithm::parse("Ed25519"), Some(Algorithm::EdDsa));
        for foreign in ["none", "None", "", "ES512", "ES256K", "HS1", "RSA-OAEP", "A256GCM"] {
            assert_eq!(Algorithm::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_usual_algorithm_takes_the_key_it_stands_for() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.family().usual_algorithm().family(), algorithm.family());
        }
    }
}
