//! Which certificate a client is shown: the one for the name it asks for, exact before wildcard, or else the first. It
//! never judges a certificate.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

/// The certificates of a server by their names.
#[derive(Debug)]
pub struct Names {
    first: Arc<CertifiedKey>,
    exact: HashMap<String, Arc<CertifiedKey>>,
    /// By what follows `*.`: a wildcard stands for one label (RFC 6125 section 6.4.3).
    wildcards: HashMap<String, Arc<CertifiedKey>>,
}

impl Names {
    /// A server whose first certificate is `first`.
    pub fn new(first: Arc<CertifiedKey>) -> Names {
        Names { first, exact: HashMap::new(), wildcards: HashMap::new() }
    }

    /// Shows a certificate to whoever asks for `name`, in lower case; `*.` before it stands for any one label.
    /// False when there is one for that name.
    pub fn add(&mut self, name: &str, certificate: &Arc<CertifiedKey>) -> bool {
        let (names, name) = match name.strip_prefix("*.") {
            Some(parent) => (&mut self.wildcards, parent),
            None => (&mut self.exact, name),
        };
        match names.get(name) {
            Some(other) => Arc::ptr_eq(other, certificate),
            None => {
                names.insert(name.to_owned(), Arc::clone(certificate));
                true
            }
        }
    }

    /// The certificate for a name.
    pub fn find(&self, name: Option<&str>) -> &Arc<CertifiedKey> {
        let found = name.and_then(|name| {
            let name = name.to_ascii_lowercase();
            let exact = self.exact.get(&name);
            exact.or_else(|| self.wildcards.get(name.split_once('.')?.1))
        });
        found.unwrap_or(&self.first)
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(self.find(hello.server_name())))
    }
}
