//! The keys of who may call, and what. It never reads a credential.

use super::{Key, key};
use crate::config::field::Field as _;
use crate::config::kind::Kind;

const MODES: &[(&str, &str)] = &[
    ("auto", "callers are known as soon as there is something to know them by"),
    ("required", "a server that has nothing to know callers by does not start"),
    ("none", "nobody is asked who they are"),
];
const ALGORITHMS: &[(&str, &str)] =
    &[("HS256", "HMAC with SHA-256"), ("HS384", "HMAC with SHA-384"), ("HS512", "HMAC with SHA-512")];
const PROXY_PROTOCOL: &[(&str, &str)] = &[
    ("off", "a connection begins with TLS or HTTP, whoever it is of"),
    (
        "required",
        "one of access.proxies begins with a PROXY protocol header of version 2, or is closed; others may not",
    ),
];
const EFFECTS: &[(&str, &str)] =
    &[("allow", "what no rule speaks of is allowed"), ("deny", "what no rule speaks of is denied")];

/// Every key of who may call, in the order people read them.
pub static KEYS: [Key; 20] = [
    key!(
        "auth.mode",
        Kind::Choice(MODES),
        auth.mode,
        "Whether callers are asked who they are; --no-auth is `none`, said aloud."
    ),
    key!(
        "auth.jwt_secret",
        Kind::Secret,
        auth.jwt_secret,
        "The secret that signs bearer tokens, at least 32 bytes; for keys that others hold there is auth.jwks_file."
    )
    .absent("no tokens are taken by a secret")
    .secret()
    .older(&["SOVREN_JWT_SECRET", "JWT_SECRET"]),
    key!(
        "auth.jwt_key_id",
        Kind::Word,
        auth.jwt_key_id,
        "What tokens call auth.jwt_secret (`kid`); those that say another are refused."
    )
    .absent("what no key of auth.jwks_file is called"),
    key!("auth.jwt_algorithm", Kind::Choice(ALGORITHMS), auth.jwt_algorithm, "How auth.jwt_secret signs."),
    key!(
        "auth.jwks_file",
        Kind::Path,
        auth.jwks_file,
        "The public keys of token issuers, a JWK set (RFC 7517); read again when it changes."
    )
    .absent("no tokens are taken by a public key"),
    key!(
        "auth.jwks_url",
        Kind::Url,
        auth.jwks_url,
        "Where an issuer publishes its keys, https alone but on this machine; the last ones hold while they cannot be had."
    )
    .absent("none is asked"),
    key!("auth.jwks_refresh", Kind::Time(1_000, 86_400_000), auth.jwks_refresh, "How often they are fetched again."),
    key!(
        "auth.issuers",
        Kind::Words,
        auth.issuers,
        "Issuers whose tokens are taken (`iss`); empty for any that signs."
    ),
    key!(
        "auth.audiences",
        Kind::Words,
        auth.audiences,
        "What tokens call this server (`aud`); tokens of auth.jwks_file must name one."
    ),
    key!("auth.keys_file", Kind::Path, auth.keys_file, "API keys of this server's own, as `ringway keys` writes them.")
        .absent("none"),
    key!(
        "auth.client_certificates",
        Kind::Flag,
        auth.client_certificates,
        "Whether a TLS client certificate of tls.client_ca is a credential; its name is its URI, DNS name or common name."
    ),
    key!(
        "auth.client_certificate_scopes",
        Kind::Words,
        auth.client_certificate_scopes,
        "The scopes of whoever shows one."
    ),
    key!("auth.scopes", Kind::Words, auth.scopes, "Scopes that every caller needs; one without is answered 403."),
    key!(
        "auth.resource",
        Kind::Url,
        auth.resource,
        "The URL that OAuth clients know /mcp by, when it is not the one they call."
    )
    .absent("the one they call"),
    key!(
        "auth.authorization_servers",
        Kind::Words,
        auth.authorization_servers,
        "Where OAuth clients get tokens, as the metadata of RFC 9728 says; empty for auth.issuers."
    ),
    key!(
        "access.addresses",
        Kind::Networks,
        access.addresses,
        "Addresses and networks that may call, like 10.0.0.0/8; an empty list is nobody."
    )
    .absent("all of them")
    .older(&["SOVREN_ALLOWED_IPS"]),
    key!(
        "access.proxies",
        Kind::Networks,
        access.proxies,
        "Proxies whose X-Forwarded-For or Forwarded says where a request comes from."
    )
    .absent("none"),
    key!(
        "access.proxy_protocol",
        Kind::Choice(PROXY_PROTOCOL),
        access.proxy_protocol,
        "Whether access.proxies say whose connection it is before its first byte, at server.listen."
    ),
    key!(
        "access.rules_file",
        Kind::Path,
        access.rules_file,
        "Rules of who may see and use which tool, resource and prompt: a list in YAML or JSON."
    )
    .absent("everything is for everybody who is known"),
    key!(
        "access.default",
        Kind::Choice(EFFECTS),
        access.default,
        "What holds where no rule of access.rules_file speaks."
    ),
];
