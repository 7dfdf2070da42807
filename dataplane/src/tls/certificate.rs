//! What a certificate says of its holder: names, and the time in which it counts. It never decides whether it is trusted.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// A client's certificate, signed by one of the authorities that are taken. Whose it is, is for others to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate itself, DER.
    pub der: CertificateDer<'static>,
    /// The last common name of its subject.
    pub common_name: Option<String>,
    /// DNS names of its subject, as they stand there.
    pub dns_names: Vec<String>,
    /// URIs of its subject, SPIFFE ids among them.
    pub uris: Vec<String>,
    /// E-mail addresses of its subject.
    pub emails: Vec<String>,
    /// IP addresses of its subject.
    pub addresses: Vec<IpAddr>,
    /// Until when it counts, in seconds since 1970. It is looked at when a connection begins, which may last longer.
    pub not_after_unix_s: u64,
}

impl ClientCertificate {
    /// Reads one. A name that cannot be read is left out; `None` when nothing can.
    pub fn read(der: &CertificateDer<'_>) -> Option<ClientCertificate> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut read = ClientCertificate {
            der: der.clone().into_owned(),
            common_name: certificate
                .subject()
                .iter_common_name()
                .filter_map(|name| name.as_str().ok())
                .last()
                .map(Into::into),
            dns_names: Vec::new(),
            uris: Vec::new(),
            emails: Vec::new(),
            addresses: Vec::new(),
            not_after_unix_s: u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0),
        };
        for name in subject_names(&certificate) {
            match name {
                GeneralName::DNSName(name) => read.dns_names.push((*name).to_owned()),
                GeneralName::URI(uri) => read.uris.push((*uri).to_owned()),
                GeneralName::RFC822Name(email) => read.emails.push((*email).to_owned()),
                GeneralName::IPAddress(bytes) => read.addresses.extend(address(bytes)),
                _ => {}
            }
        }
        Some(read)
    }
}

/// What a server's own certificate says.
#[derive(Clone, Debug)]
pub struct Facts {
    /// DNS names, in lower case.
    pub dns_names: Vec<String>,
    /// IP addresses.
    pub addresses: Vec<IpAddr>,
    /// Since when it counts.
    pub not_before: SystemTime,
    /// Until when.
    pub not_after: SystemTime,
}

/// Reads the facts of a certificate.
///
/// # Errors
/// When it is none.
pub fn facts(der: &CertificateDer<'_>) -> Result<Facts, String> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|_| "its first certificate cannot be read; write it anew".to_owned())?;
    let validity = certificate.validity();
    let mut facts = Facts {
        dns_names: Vec::new(),
        addresses: Vec::new(),
        not_before: time(validity.not_before.timestamp()),
        not_after: time(validity.not_after.timestamp()),
    };
    for name in subject_names(&certificate) {
        match name {
            GeneralName::DNSName(name) => facts.dns_names.push(name.to_ascii_lowercase()),
            GeneralName::IPAddress(bytes) => facts.addresses.extend(address(bytes)),
            _ => {}
        }
    }
    Ok(facts)
}

fn subject_names<'c>(certificate: &'c X509Certificate<'_>) -> impl Iterator<Item = &'c GeneralName<'c>> {
    let names = certificate.subject_alternative_name().ok().flatten();
    names.into_iter().flat_map(|names| names.value.general_names.iter())
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4().or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A time of seconds since 1970; one before counts as 1970.
fn time(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
