//! A caller whose credential was checked, as everything behind the check sees it. It holds no secret.

use serde_json::{Map, Value};

use super::voucher::Voucher;

/// What a caller showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialKind {
    /// Nothing, and nothing was asked for.
    Anonymous,
    /// A signed token (RFC 7519).
    Jwt,
    /// A key of this server's own.
    ApiKey,
    /// A TLS client certificate.
    Certificate,
}

impl CredentialKind {
    /// Its word in logs, metrics and rules.
    pub fn word(self) -> &'static str {
        match self {
            CredentialKind::Anonymous => "anonymous",
            CredentialKind::Jwt => "jwt",
            CredentialKind::ApiKey => "api_key",
            CredentialKind::Certificate => "certificate",
        }
    }
}

/// A caller whose credential was checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// Its name in logs, audit and whatever is kept for it: the subject of a token, the id of a key, the name in a
    /// certificate. Unique together with `kind`.
    pub name: Box<str>,
    /// What it showed.
    pub kind: CredentialKind,
    /// What it may do (RFC 6749 section 3.3).
    pub scopes: Box<[Box<str>]>,
    /// What it is.
    pub roles: Box<[Box<str>]>,
    /// From when on the credential is worth nothing, in seconds since 1970.
    pub expires_at_unix_s: Option<u64>,
    /// The key that signed its token, or the secret that it showed; none for the others.
    pub vouched_by: Option<Voucher>,
    /// What a token says of it besides; empty for the others.
    pub claims: Map<String, Value>,
}

impl Principal {
    /// Somebody of whom nothing is known.
    pub fn anonymous() -> Principal {
        Principal {
            name: "anonymous".into(),
            kind: CredentialKind::Anonymous,
            scopes: Box::default(),
            roles: Box::default(),
            expires_at_unix_s: None,
            vouched_by: None,
            claims: Map::new(),
        }
    }

    /// Whether it has this scope.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|own| &**own == scope)
    }

    /// Whether it has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| &**own == role)
    }
}
