//! Makes [`Tls`] of files, or says everything that is wrong with them. It never serves: what it makes is put in force whole,
//! and connections keep what they began with.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ring::digest;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, version};

use super::certificate::{self, Facts};
use super::files;
use super::names::Names;
use super::options::{CertificateFiles, ClientAuth, TlsOptions, TlsVersion};

/// TLS, loaded and checked. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<Loaded>);

struct Loaded {
    config: Arc<ServerConfig>,
    handshake_time_max: Duration,
    handshakes_max: usize,
    /// Tells one content from another.
    fingerprint: Vec<u8>,
    /// Who may resume: tickets of another trust are not taken.
    trust: Vec<u8>,
    warnings: Vec<TlsError>,
    first: Facts,
    /// When the first of them ends.
    not_after: SystemTime,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("names", &self.0.first.dns_names).finish_non_exhaustive()
    }
}

/// Something wrong with a file, or with what is wanted of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError {
    /// The file, where it is about one.
    pub path: Option<PathBuf>,
    /// What is wrong, and the fix.
    pub text: String,
}

impl TlsError {
    fn of(path: &Path, text: impl Into<String>) -> TlsError {
        TlsError { path: Some(path.to_owned()), text: text.into() }
    }

    fn new(text: impl Into<String>) -> TlsError {
        TlsError { path: None, text: text.into() }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", path.display(), self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl std::error::Error for TlsError {}

impl Tls {
    /// Reads and checks the files. `former` is what is in force: sessions that began with it go on to be resumed, unless
    /// other clients are trusted.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn load(options: &TlsOptions, former: Option<&Tls>) -> Result<Tls, Vec<TlsError>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut errors = Vec::new();
        let mut fingerprint = digest::Context::new(&digest::SHA256);
        fingerprint.update(format!("{:?}", (options.client_auth, options.min_version)).as_bytes());
        let mut trust = digest::Context::new(&digest::SHA256);
        trust.update(format!("{:?}", options.client_auth).as_bytes());

        let mut read = Vec::new();
        for files in &options.certificates {
            match certificate(files, &provider, &mut fingerprint) {
                Ok(certificate) => read.push((files, certificate)),
                Err(error) => errors.push(error),
            }
        }
        if options.certificates.is_empty() {
            errors.push(TlsError::new("TLS needs a certificate and its key; name their files"));
        }
        let mut names = read.first().map(|(_, (first, _))| Names::new(Arc::clone(first)));
        for (files, (certificate, facts)) in &read {
            for name in &facts.dns_names {
                if names.as_mut().is_some_and(|names| !names.add(name, certificate)) {
                    errors.push(TlsError::of(
                        &files.certificate,
                        format!("an earlier certificate is for {name} too, and clients would be shown only that one; remove one"),
                    ));
                }
            }
        }
        let roots = roots(options, &mut trust).map_err(|error| errors.push(error)).ok().flatten();
        let (Some(names), [(_, (_, first)), ..], true) = (names, &read[..], errors.is_empty()) else {
            return Err(errors);
        };

        let trust = trust.finish().as_ref().to_vec();
        fingerprint.update(&trust);
        let tickets =
            former.filter(|former| former.0.trust == trust).map(|former| Arc::clone(&former.0.config.ticketer));
        let config = config(options, provider, names, roots, tickets).map_err(|error| vec![error])?;
        let fingerprint = fingerprint.finish().as_ref().to_vec();
        let not_after = read.iter().map(|(_, (_, facts))| facts.not_after).min().unwrap_or(first.not_after);
        let warnings = read.iter().filter_map(|(files, (_, facts))| warning(files, facts)).collect();
        Ok(Tls(Arc::new(Loaded {
            config: Arc::new(config),
            handshake_time_max: options.handshake_time_max,
            handshakes_max: options.handshakes_max,
            fingerprint,
            trust,
            warnings,
            first: first.clone(),
            not_after,
        })))
    }

    /// What its owner should know: a certificate that counts no longer, or not yet.
    pub fn warnings(&self) -> &[TlsError] {
        &self.0.warnings
    }

    /// DNS names of the first certificate, wildcards among them.
    pub fn names(&self) -> &[String] {
        &self.0.first.dns_names
    }

    /// Whether the first certificate is for that address.
    pub fn is_for(&self, address: IpAddr) -> bool {
        self.0.first.addresses.contains(&address)
    }

    /// When the first of the certificates ends.
    pub fn not_after(&self) -> SystemTime {
        self.0.not_after
    }

    /// Whether both say the same to clients; bounds do not count.
    pub fn is_same(&self, other: &Tls) -> bool {
        self.0.fingerprint == other.0.fingerprint
    }

    pub(crate) fn config(&self) -> &Arc<ServerConfig> {
        &self.0.config
    }

    pub(crate) fn handshake_time_max(&self) -> Duration {
        self.0.handshake_time_max
    }

    pub(crate) fn handshakes_max(&self) -> usize {
        self.0.handshakes_max
    }
}

fn certificate(
    files: &CertificateFiles,
    provider: &CryptoProvider,
    fingerprint: &mut digest::Context,
) -> Result<(Arc<CertifiedKey>, Facts), TlsError> {
    let CertificateFiles { certificate, key } = files;
    let chain = files::certificates(certificate).map_err(|text| TlsError::of(certificate, text))?;
    let facts = certificate::facts(&chain[0]).map_err(|text| TlsError::of(certificate, text))?;
    for link in &chain {
        fingerprint.update(link);
    }
    let secret = files::key(key).map_err(|text| TlsError::of(key, text))?;
    let certified = CertifiedKey::from_der(chain, secret, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            let certificate = certificate.display();
            TlsError::of(key, format!("it is not the key of {certificate}; name the two that belong together"))
        }
        error => {
            TlsError::of(key, format!("this key cannot be used ({error}); RSA, ECDSA P-256 or P-384 and Ed25519 can"))
        }
    })?;
    Ok((Arc::new(certified), facts))
}

fn roots(options: &TlsOptions, trust: &mut digest::Context) -> Result<Option<RootCertStore>, TlsError> {
    let Some(path) = &options.client_ca else {
        return match options.client_auth {
            ClientAuth::None => Ok(None),
            _ => Err(TlsError::new("client certificates need an authority that signs them; name its file")),
        };
    };
    if options.client_auth == ClientAuth::None {
        return Err(TlsError::of(
            path,
            "no client is asked for a certificate, so that this authority would do nothing; ask",
        ));
    }
    let mut roots = RootCertStore::empty();
    for authority in files::certificates(path).map_err(|text| TlsError::of(path, text))? {
        trust.update(&authority);
        let added = roots.add(authority);
        added.map_err(|error| TlsError::of(path, format!("it cannot be an authority ({error}); write it anew")))?;
    }
    Ok(Some(roots))
}

fn config(
    options: &TlsOptions,
    provider: Arc<CryptoProvider>,
    names: Names,
    roots: Option<RootCertStore>,
    tickets: Option<Arc<dyn ProducesTickets>>,
) -> Result<ServerConfig, TlsError> {
    let unusable = |error: &dyn fmt::Display| TlsError::new(format!("TLS cannot be set up: {error}"));
    let versions = match options.min_version {
        TlsVersion::V1_2 => vec![&version::TLS13, &version::TLS12],
        TlsVersion::V1_3 => vec![&version::TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| unusable(&error))?;
    let builder = match roots {
        None => builder.with_no_client_auth(),
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let is_optional = options.client_auth == ClientAuth::Optional;
            let verifier = if is_optional { verifier.allow_unauthenticated() } else { verifier };
            builder.with_client_cert_verifier(verifier.build().map_err(|error| unusable(&error))?)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(names));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // A session lives in the client's ticket: nothing is kept here, and every shard, which shares the keys, resumes it.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = match tickets {
        Some(tickets) => tickets,
        None => rustls::crypto::ring::Ticketer::new().map_err(|error| unusable(&error))?,
    };
    Ok(config)
}

fn warning(files: &CertificateFiles, facts: &Facts) -> Option<TlsError> {
    let now = SystemTime::now();
    let text = if facts.not_after < now {
        format!("this certificate counts no longer since {}, and clients refuse it; renew it", day(facts.not_after))
    } else if facts.not_before > now {
        format!(
            "this certificate counts only from {} on, and clients refuse it; look at the clock",
            day(facts.not_before)
        )
    } else {
        return None;
    };
    Some(TlsError::of(&files.certificate, text))
}

fn day(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}
