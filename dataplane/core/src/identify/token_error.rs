//! Why a token is not accepted. Who sent it learns that it is not, and nothing more: [`TokenError`] shows the same words for
//! every reason. The reason itself, [`TokenError::word`], is for logs and metrics.

use std::fmt;

/// A claim that is looked at (RFC 7519 section 4.1, and what is made of the others here).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// `exp`
    Expiry,
    /// `nbf`
    NotBefore,
    /// `iat`
    IssuedAt,
    /// `iss`
    Issuer,
    /// `aud`
    Audience,
    /// `sub`, or `user_id`
    Subject,
    /// `scope`, or `scp`
    Scope,
    /// `roles`, or `role`
    Role,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Larger than anything that is looked at.
    TooLarge,
    /// Not three parts of base64url, written the one way there is.
    Malformed,
    /// The header is not a JSON object that can be read in one way.
    Header,
    /// The header has an extension that must be understood (`crit`, `b64`) or says that no claims follow (`cty`).
    Extension,
    /// `typ` says that it is for something else.
    Type,
    /// `alg` names no algorithm that is served; `none` is such a name.
    AlgorithmUnknown,
    /// `alg` is not the key's.
    AlgorithmOfOtherKey,
    /// No key has its id, or there is none for its algorithm.
    KeyUnknown,
    /// It names no key, and several could be meant.
    KeyAmbiguous,
    /// The signature is not the key's.
    Signature,
    /// The payload is not a JSON object that can be read in one way.
    Payload,
    /// A claim that is asked for is not there.
    Missing(Claim),
    /// A claim is not of its form.
    Invalid(Claim),
    /// It was good until a while ago.
    Expired,
    /// It is not good yet, or issued in the future.
    Early,
    /// Of another issuer.
    Issuer,
    /// For somebody else.
    Audience,
}

impl TokenError {
    /// The word for logs and metrics.
    pub fn word(self) -> &'static str {
        use Claim::*;
        match self {
            TokenError::TooLarge => "too_large",
            TokenError::Malformed => "malformed",
            TokenError::Header => "header",
            TokenError::Extension => "extension",
            TokenError::Type => "type",
            TokenError::AlgorithmUnknown => "algorithm_unknown",
            TokenError::AlgorithmOfOtherKey => "algorithm_of_other_key",
            TokenError::KeyUnknown => "key_unknown",
            TokenError::KeyAmbiguous => "key_ambiguous",
            TokenError::Signature => "signature",
            TokenError::Payload => "payload",
            TokenError::Missing(Expiry) => "exp_missing",
            TokenError::Missing(NotBefore) => "nbf_missing",
            TokenError::Missing(IssuedAt) => "iat_missing",
            TokenError::Missing(Issuer) => "iss_missing",
            TokenError::Missing(Audience) => "aud_missing",
            TokenError::Missing(Subject) => "sub_missing",
            TokenError::Missing(Scope) => "scope_missing",
            TokenError::Missing(Role) => "role_missing",
            TokenError::Invalid(Expiry) => "exp_invalid",
            TokenError::Invalid(NotBefore) => "nbf_invalid",
            TokenError::Invalid(IssuedAt) => "iat_invalid",
            TokenError::Invalid(Issuer) => "iss_invalid",
            TokenError::Invalid(Audience) => "aud_invalid",
            TokenError::Invalid(Subject) => "sub_invalid",
            TokenError::Invalid(Scope) => "scope_invalid",
            TokenError::Invalid(Role) => "role_invalid",
            TokenError::Expired => "expired",
            TokenError::Early => "early",
            TokenError::Issuer => "issuer",
            TokenError::Audience => "audience",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The access token is not valid here")
    }
}

impl std::error::Error for TokenError {}
