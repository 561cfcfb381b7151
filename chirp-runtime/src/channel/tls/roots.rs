use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::certificate::{certificates, invalid};
use super::key_file::named;

/// Trusted certificate authorities: at least one.
#[derive(Clone)]
pub struct TlsRoots {
    pub(super) store: Arc<RootCertStore>,
}

impl TlsRoots {
    /// Loads the trusted authorities of the system, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Blocks
    /// on file I/O.
    ///
    /// # Errors
    ///
    /// Returns [`NotFound`](io::ErrorKind::NotFound) if there are none.
    pub fn system() -> io::Result<Self> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        // System stores contain some certificates that are too old to be parsed.
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            let why = found.errors.first().map(ToString::to_string);
            let why = why.unwrap_or_else(|| "no certificate found".to_owned());
            let what = format!("cannot load the system's root certificates: {why}");
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        }
        Ok(Self::of(store))
    }

    /// Loads authorities from a PEM file. Blocks on file I/O.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system, with the path in the message, and the errors of
    /// [`from_pem`](Self::from_pem).
    pub fn from_file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        fs::read_to_string(path)
            .and_then(|text| Self::from_pem(&text))
            .map_err(|error| named(path, &error))
    }

    /// Parses authorities from PEM.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidData`](io::ErrorKind::InvalidData) if the text contains no certificate, or one that is
    /// invalid.
    pub fn from_pem(text: &str) -> io::Result<Self> {
        let mut store = RootCertStore::empty();
        for root in certificates(text)? {
            add(&mut store, root)?;
        }
        Ok(Self::of(store))
    }

    fn of(store: RootCertStore) -> Self {
        let store = Arc::new(store);
        Self { store }
    }
}

fn add(store: &mut RootCertStore, root: CertificateDer<'static>) -> io::Result<()> {
    let wrong = |error| invalid(&format!("invalid root certificate: {error}"));
    store.add(root).map_err(wrong)
}

impl fmt::Debug for TlsRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsRoots({})", self.store.len())
    }
}
