//! The keys of TLS. It never reads a certificate.

use super::{Key, key};
use crate::config::field::Field as _;
use crate::config::kind::Kind;

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;

const VERSIONS: &[(&str, &str)] = &[("1.2", "TLS 1.2 and 1.3"), ("1.3", "TLS 1.3 alone")];
const CLIENT_AUTH: &[(&str, &str)] = &[
    ("none", "clients are not asked for a certificate"),
    ("optional", "they are asked, and served without one"),
    ("required", "without one they are refused"),
];

/// Every key of TLS, in the order people read them.
pub static KEYS: [Key; 8] = [
    key!(
        "tls.certificate",
        Kind::Path,
        tls.certificate,
        "PEM file with the certificate of server.listen, and behind it those that lead to its authority."
    )
    .absent("plain HTTP")
    .flag("tls-certificate"),
    key!("tls.key", Kind::Path, tls.key, "PEM file with the key of tls.certificate; others may not read it.")
        .absent("none")
        .flag("tls-key"),
    key!(
        "tls.certificates",
        Kind::Certificates,
        tls.certificates,
        "Several certificates, each with its key as CERTIFICATE:KEY; a client sees the one for the name it asks for, or \
         the first."
    ),
    key!(
        "tls.client_ca",
        Kind::Path,
        tls.client_ca,
        "PEM file with the authorities whose client certificates are taken."
    )
    .absent("none"),
    key!("tls.client_auth", Kind::Choice(CLIENT_AUTH), tls.client_auth, "Whether clients show a certificate."),
    key!("tls.min_version", Kind::Choice(VERSIONS), tls.min_version, "The oldest version of TLS that is spoken."),
    key!(
        "tls.handshake_time_max",
        Kind::Time(100, HOUR),
        tls.handshake_time_max,
        "A connection whose handshake takes longer is closed."
    ),
    key!(
        "tls.handshakes_max",
        Kind::Count(1, 100_000),
        tls.handshakes_max,
        "Handshakes under way in a shard; further connections wait their turn within tls.handshake_time_max."
    ),
];
