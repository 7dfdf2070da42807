//! Reads PEM files, and says of one that cannot be used which it is and how to mend it. It never judges what a certificate
//! says, and never repeats a byte of a key.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Bytes of a PEM file; a chain of ten certificates takes 20 KiB, the list of a large company's authorities 300.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Who else may read: the rest of the machine. A group may, since that is how certificates are shared with a service.
const OTHERS: u32 = 0o007;

/// All certificates of a file, in their order.
///
/// # Errors
/// Why there are none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = read(path, false)?;
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        found.push(certificate.map_err(|error| format!("it is no PEM file: {error}; write it anew"))?);
    }
    if found.is_empty() {
        let has_key = String::from_utf8_lossy(&bytes).contains("PRIVATE KEY-----");
        let what = if has_key { "it holds a key, and no certificate" } else { "there is no certificate in it" };
        return Err(format!("{what}; name a PEM file with `-----BEGIN CERTIFICATE-----`"));
    }
    Ok(found)
}

/// The private key of a file, which others may not read.
///
/// # Errors
/// Why there is none.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let bytes = read(path, true)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        let path = path.display();
        return Err(format!(
            "this key is encrypted, and nobody is there to type its password; decrypt it: `openssl pkey -in {path} -out \
             FILE`"
        ));
    }
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => {
            "there is no private key in it; name a PEM file with `-----BEGIN PRIVATE KEY-----`".into()
        }
        error => format!("it is no PEM file: {error}; write it anew"),
    })
}

fn read(path: &Path, is_secret: bool) -> Result<Vec<u8>, String> {
    let explain = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => "there is no such file; name one that is there".to_owned(),
        ErrorKind::PermissionDenied => "it may not be read; let the user that runs ringway read it".to_owned(),
        _ => format!("it cannot be read: {error}; name another"),
    };
    // Before opening: a pipe would keep the start waiting for its writer.
    let metadata = std::fs::metadata(path).map_err(explain)?;
    if !metadata.is_file() {
        return Err("this is not a file; name a PEM file".into());
    }
    let file = File::open(path).map_err(explain)?;
    // Of the open file: the name may lead elsewhere meanwhile.
    let mode = file.metadata().map_err(explain)?.mode();
    if is_secret && mode & OTHERS != 0 {
        let (path, mode) = (path.display(), mode & 0o777);
        return Err(format!("every user of this machine may use this key (mode {mode:04o}); `chmod 600 {path}`"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(explain)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("it is larger than {} KiB; name a PEM file", FILE_BYTES_MAX >> 10));
    }
    Ok(bytes)
}
