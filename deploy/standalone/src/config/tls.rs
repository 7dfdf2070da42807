//! The certificates of a configuration: read and checked with everything else, so that a bad file is told like a bad value
//! and what was in force stays. It never puts them in force.

use std::path::PathBuf;

use ringway_dataplane::{CertificateFiles, ClientAuth, Tls, TlsError, TlsOptions, TlsVersion};

use super::InForce;
use super::problem::{Findings, Origin};
use super::settings::Settings;
use super::source_file::{self, Stamp};

/// Reads the certificates that the settings name; `None` where TLS is not spoken or something is wrong.
pub fn load(settings: &Settings, values: &[InForce], former: Option<&Tls>, findings: &mut Findings) -> Option<Tls> {
    if findings.bad.iter().any(|key| key.starts_with("tls.")) {
        // One of the values was not understood, and others stand for something else than their author meant.
        return None;
    }
    let options = match options(settings) {
        Ok(options) => options?,
        Err((key, text)) => {
            findings.error(&origin(values, |row| row.key.path == key), text);
            return None;
        }
    };
    match Tls::load(&options, former) {
        Ok(tls) => {
            for warning in tls.warnings() {
                findings.warning(&place(values, warning), told(values, warning));
            }
            Some(tls)
        }
        Err(errors) => {
            for error in &errors {
                findings.error(&place(values, error), told(values, error));
            }
            None
        }
    }
}

/// The options that settings make, `None` for plain HTTP; or the key that keeps them from making sense, and why.
fn options(settings: &Settings) -> Result<Option<TlsOptions>, (&'static str, String)> {
    let tls = &settings.tls;
    let certificates = match (&tls.certificate, &tls.key, tls.certificates.is_empty()) {
        (None, None, true) => {
            if tls.client_ca.is_some() || tls.client_auth != "none" {
                let key = if tls.client_ca.is_some() { "tls.client_ca" } else { "tls.client_auth" };
                return Err((key, format!("{key} needs TLS; give tls.certificate and tls.key")));
            }
            return Ok(None);
        }
        (Some(certificate), Some(key), true) => {
            vec![CertificateFiles { certificate: certificate.clone(), key: key.clone() }]
        }
        (Some(_), None, true) => return Err(("tls.certificate", "tls.certificate has no key; give tls.key".into())),
        (None, Some(_), true) => return Err(("tls.key", "tls.key has no certificate; give tls.certificate".into())),
        (None, None, false) => tls.certificates.iter().filter_map(|pair| files(pair)).collect(),
        (_, _, false) => {
            let text = "tls.certificates and tls.certificate say the same; keep one";
            return Err(("tls.certificates", text.into()));
        }
    };
    Ok(Some(TlsOptions {
        certificates,
        client_ca: tls.client_ca.clone(),
        client_auth: match tls.client_auth.as_str() {
            "optional" => ClientAuth::Optional,
            "required" => ClientAuth::Required,
            word => {
                debug_assert_eq!(word, "none", "its words are those of its key");
                ClientAuth::None
            }
        },
        min_version: if tls.min_version == "1.3" { TlsVersion::V1_3 } else { TlsVersion::V1_2 },
        handshake_time_max: tls.handshake_time_max,
        handshakes_max: tls.handshakes_max,
    }))
}

/// `CERTIFICATE:KEY`.
pub fn files(pair: &str) -> Option<CertificateFiles> {
    let (certificate, key) = pair.split_once(':')?;
    let is_path = |path: &str| !path.is_empty() && !path.contains([':', '\0']);
    (is_path(certificate) && is_path(key))
        .then(|| CertificateFiles { certificate: certificate.into(), key: key.into() })
}

/// Who named the file.
fn place(values: &[InForce], error: &TlsError) -> Origin {
    origin(values, |row| names(row, error))
}

fn names(row: &InForce, error: &TlsError) -> bool {
    use super::kind::Value;
    let Some(path) = &error.path else {
        return row.key.path == "tls.client_auth";
    };
    match &row.value {
        _ if !row.key.path.starts_with("tls.") => false,
        Some(Value::Text(text)) => path.as_os_str() == text.as_str(),
        Some(Value::List(pairs)) => {
            pairs.iter().filter_map(|pair| files(pair)).any(|files| files.certificate == *path || files.key == *path)
        }
        _ => false,
    }
}

fn told(values: &[InForce], error: &TlsError) -> String {
    let key = values.iter().find(|row| names(row, error)).map_or("tls", |row| row.key.path);
    format!("{key}: {error}")
}

fn origin(values: &[InForce], is_it: impl Fn(&InForce) -> bool) -> Origin {
    values.iter().find(|row| is_it(row)).map_or(Origin::Default, |row| row.origin.clone())
}

/// Every file that is named with its stamp, so that a renewed certificate is noticed though no key changed.
pub fn stamps(settings: &Settings) -> Vec<(PathBuf, Option<Stamp>)> {
    let Ok(Some(options)) = options(settings) else {
        return Vec::new();
    };
    let pairs = options.certificates.iter().flat_map(|files| [&files.certificate, &files.key]);
    pairs.chain(&options.client_ca).map(|path| (path.clone(), source_file::stamp(path))).collect()
}
