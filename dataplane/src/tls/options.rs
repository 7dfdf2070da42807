//! How TLS is spoken, as its user says it. It never reads a file: [`super::Tls::load`] does.

use std::path::PathBuf;
use std::time::Duration;

/// TLS of the MCP listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Certificates with their keys. A client is shown the one for the name it asks for, or else the first.
    pub certificates: Vec<CertificateFiles>,
    /// PEM file with the authorities whose client certificates are taken.
    pub client_ca: Option<PathBuf>,
    /// Whether clients show a certificate.
    pub client_auth: ClientAuth,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// A handshake that takes longer ends with its connection. 10 s: nginx allows 60 s, HAProxy's examples 10 s.
    pub handshake_time_max: Duration,
    /// Handshakes under way in a shard. Further connections wait their turn, unread, within `handshake_time_max`; while any
    /// does, one that takes over a second ends.
    pub handshakes_max: usize,
}

/// One certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM file with the certificate, and behind it those that lead to its authority.
    pub certificate: PathBuf,
    /// PEM file with its private key, which others may not read.
    pub key: PathBuf,
}

/// Whether clients show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked.
    #[default]
    None,
    /// They are asked, and served without one; a bad one is refused.
    Optional,
    /// Without one they are refused.
    Required,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

impl TlsOptions {
    /// TLS 1.2 and 1.3 with one certificate, for anybody.
    pub fn new(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> TlsOptions {
        let files = CertificateFiles { certificate: certificate.into(), key: key.into() };
        TlsOptions { certificates: vec![files], ..TlsOptions::default() }
    }
}

impl Default for TlsOptions {
    fn default() -> TlsOptions {
        TlsOptions {
            certificates: Vec::new(),
            client_ca: None,
            client_auth: ClientAuth::None,
            min_version: TlsVersion::V1_2,
            handshake_time_max: Duration::from_secs(10),
            handshakes_max: 256,
        }
    }
}
