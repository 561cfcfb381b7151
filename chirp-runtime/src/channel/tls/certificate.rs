use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, SignatureScheme};

use super::key_file::named;
use super::provider::provider;

/// A certificate chain with its private key.
///
/// A certificate can be renewed while it is in use: later handshakes use the new one, and existing connections are
/// not affected. Clones share the certificate.
#[derive(Clone, Debug)]
pub struct TlsCertificate {
    pub(super) resolver: Arc<CertificateResolver>,
}

impl TlsCertificate {
    /// Reads the certificate chain, leaf first, and the private key from PEM files. Both may be in one file. Blocks
    /// on file I/O.
    ///
    /// The permissions of the key file are not checked, since it often belongs to a group.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system, with the path in the message, and
    /// [`InvalidData`](io::ErrorKind::InvalidData) if a file holds no certificate or no key, or if the key does not
    /// belong to the certificate.
    pub fn from_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> io::Result<Self> {
        let files = (chain.as_ref().into(), key.as_ref().into());
        let read = read(&files)?;
        Ok(Self::of(read, Some(files)))
    }

    /// Parses the certificate chain, leaf first, and the private key from PEM.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidData`](io::ErrorKind::InvalidData) if a text holds no certificate or no key, or if the key does
    /// not belong to the certificate.
    pub fn from_pem(chain: &str, key: &str) -> io::Result<Self> {
        Ok(Self::of(parse(chain, key)?, None))
    }

    /// Reads the files again. Has no effect on a certificate that was created from memory. Blocks on file I/O.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`from_files`](Self::from_files). The previous certificate stays in use.
    pub fn reload(&self) -> io::Result<()> {
        if let Some(files) = &self.resolver.files {
            self.resolver.replace(read(files)?);
        }
        Ok(())
    }

    /// Replaces the certificate with another one in PEM.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`from_pem`](Self::from_pem). The previous certificate stays in use.
    pub fn replace(&self, chain: &str, key: &str) -> io::Result<()> {
        self.resolver.replace(parse(chain, key)?);
        Ok(())
    }

    fn of(certified: CertifiedKey, files: Option<(PathBuf, PathBuf)>) -> Self {
        let current = RwLock::new(Arc::new(certified));
        Self {
            resolver: Arc::new(CertificateResolver { current, files }),
        }
    }
}

fn read((chain, key): &(PathBuf, PathBuf)) -> io::Result<CertifiedKey> {
    let text = |path: &Path| fs::read_to_string(path).map_err(|error| named(path, &error));
    parse(&text(chain)?, &text(key)?).map_err(|error| named(chain, &error))
}

fn parse(chain: &str, key: &str) -> io::Result<CertifiedKey> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| invalid("no private key in PEM format"))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            invalid("the private key does not belong to the certificate")
        }
        error => invalid(&format!("invalid certificate: {error}")),
    })
}

/// Parses all certificates of a PEM text, which must contain at least one.
pub(super) fn certificates(text: &str) -> io::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(invalid("no certificate in PEM format")),
    }
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Provides the current certificate to rustls in each handshake.
pub(super) struct CertificateResolver {
    current: RwLock<Arc<CertifiedKey>>,
    files: Option<(PathBuf, PathBuf)>,
}

impl CertificateResolver {
    fn current(&self) -> Arc<CertifiedKey> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    fn replace(&self, certified: CertifiedKey) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for CertificateResolver {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Shows the source of the certificate and nothing of the key.
impl fmt::Debug for CertificateResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateResolver")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
