//! Whom a client of TLS trusts, and what it remembers: a workload's `tls` table as rustls takes it. Never opens a socket.

use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::workload::Tls;

/// TLS sessions kept for new connections to resume; the oldest goes first. One server needs few.
const RESUMABLE_SESSIONS_MAX: usize = 256;

/// How the connections of one group, on one thread, are secured.
#[derive(Clone, Debug)]
pub struct Trust {
    pub config: Arc<ClientConfig>,
    pub server_name: ServerName<'static>,
}

impl Trust {
    /// `authority`: `host:port` of the target, whose host is the name the certificate must carry where `tls` says none.
    pub fn new(tls: &Tls, authority: &str) -> Result<Self, String> {
        let name = tls.server_name.as_deref().unwrap_or_else(|| host(authority));
        let server_name = ServerName::try_from(name.to_owned())
            .map_err(|_| format!("tls.server_name: {name:?} is neither a host name nor an address"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("tls: {error}"))?;
        let mut config = if tls.verify {
            builder.with_root_certificates(roots(tls.ca.as_deref())?).with_no_client_auth()
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth()
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = resumption(tls.resume);
        Ok(Self { config: Arc::new(config), server_name })
    }

    /// The same trust with a memory of its own: threads that shared one would wait for each other at each handshake.
    pub fn for_thread(&self, resume: bool) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = resumption(resume);
        Self { config: Arc::new(config), server_name: self.server_name.clone() }
    }
}

fn resumption(resume: bool) -> Resumption {
    if resume { Resumption::in_memory_sessions(RESUMABLE_SESSIONS_MAX) } else { Resumption::disabled() }
}

/// `host:port`, `[::1]:443`, or a host alone.
fn host(authority: &str) -> &str {
    if let Some((address, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let why = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
            return Err(format!("tls: no certificates of this machine's authorities ({why}); name some in tls.ca"));
        }
        return Ok(roots);
    };
    let failed = |why: String| format!("tls.ca: {}: {why}", path.display());
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))? {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("no certificate in it".into()));
    }
    Ok(roots)
}

/// `verify = false`: any certificate will do, as long as the server holds its key.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_authority() {
        for (authority, want) in [
            ("a.example:443", "a.example"),
            ("a.example", "a.example"),
            ("[::1]:8443", "::1"),
            ("10.0.0.1:1", "10.0.0.1"),
        ] {
            assert_eq!(host(authority), want, "{authority}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let tls = Tls { ca: Some("/nowhere/ca.pem".into()), server_name: None, verify: true, resume: true };
        let why = Trust::new(&tls, "a.example:443").unwrap_err();
        assert!(why.starts_with("tls.ca: /nowhere/ca.pem: "), "{why}");
        let tls = Tls { ca: None, server_name: Some("not a name".into()), verify: false, resume: true };
        let why = Trust::new(&tls, "a.example:443").unwrap_err();
        assert!(why.starts_with("tls.server_name: "), "{why}");
    }
}
