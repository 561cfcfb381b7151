use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::certificate::{certificates, invalid};
use super::key_file::named;

/// The authorities whose certificates are believed. There is at least one.
#[derive(Clone)]
pub struct TlsRoots {
    pub(super) store: Arc<RootCertStore>,
}

impl TlsRoots {
    /// Those that the system believes; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others. It blocks while it reads
    /// them.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub fn system() -> io::Result<Self> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        // Systems have some that are too old to be used.
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            let why = found.errors.first().map(ToString::to_string);
            let why = why.unwrap_or_else(|| "there are none".to_owned());
            let what = format!("the system's root certificates cannot be read: {why}");
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        }
        Ok(Self::of(store))
    }

    /// Those of a file in PEM. It blocks for as long as the file system does.
    ///
    /// # Errors
    ///
    /// What the operating system says, with the path, and [`InvalidData`](io::ErrorKind::InvalidData).
    pub fn from_file(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        fs::read_to_string(path)
            .and_then(|text| Self::from_pem(&text))
            .map_err(|error| named(path, &error))
    }

    /// Those of a text in PEM.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData) when one of them is no certificate, or there is none.
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
    let wrong = |error| invalid(&format!("a root certificate cannot be used: {error}"));
    store.add(root).map_err(wrong)
}

impl fmt::Debug for TlsRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsRoots({})", self.store.len())
    }
}
