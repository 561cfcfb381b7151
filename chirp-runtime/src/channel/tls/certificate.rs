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

/// A certificate with the chain that leads to its authority, and its private key.
///
/// It can be renewed while it is in use: connections that come about from then on have the new one, those that
/// there are stay as they are. Cloning gives another handle of the same certificate.
#[derive(Clone, Debug)]
pub struct TlsCertificate {
    pub(super) held: Arc<CertificateResolver>,
}

impl TlsCertificate {
    /// Reads the chain, the certificate itself first, and the private key from files in PEM; the two may be one
    /// file. It blocks for as long as the file system does.
    ///
    /// Who may read the file of the key is not looked at, since it often belongs to a group.
    ///
    /// # Errors
    ///
    /// What the operating system says, with the path, and [`InvalidData`](io::ErrorKind::InvalidData) for what is
    /// no certificate, no key, or does not belong together.
    pub fn from_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> io::Result<Self> {
        let files = (chain.as_ref().into(), key.as_ref().into());
        let read = read(&files)?;
        Ok(Self::of(read, Some(files)))
    }

    /// Takes the chain, the certificate itself first, and the private key in PEM.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData).
    pub fn from_pem(chain: &str, key: &str) -> io::Result<Self> {
        Ok(Self::of(parse(chain, key)?, None))
    }

    /// Reads its files again. It blocks for as long as the file system does. Does nothing for one that came from
    /// memory.
    ///
    /// # Errors
    ///
    /// As [`from_files`](Self::from_files). Then the certificate is the one that it was.
    pub fn reload(&self) -> io::Result<()> {
        if let Some(files) = &self.held.files {
            self.held.replace(read(files)?);
        }
        Ok(())
    }

    /// Puts another in its place.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem). Then the certificate is the one that it was.
    pub fn replace(&self, chain: &str, key: &str) -> io::Result<()> {
        self.held.replace(parse(chain, key)?);
        Ok(())
    }

    fn of(certified: CertifiedKey, files: Option<(PathBuf, PathBuf)>) -> Self {
        let current = RwLock::new(Arc::new(certified));
        Self {
            held: Arc::new(CertificateResolver { current, files }),
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
        .map_err(|_| invalid("there is no private key in PEM"))?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            invalid("the certificate is not that of the private key")
        }
        error => invalid(&format!("the certificate cannot be used: {error}")),
    })
}

/// All certificates of a text in PEM, of which there has to be one.
pub(super) fn certificates(text: &str) -> io::Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(invalid("there is no certificate in PEM")),
    }
}

pub(super) fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What the configurations of rustls ask in each handshake.
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

/// Where it came from, and nothing of the key.
impl fmt::Debug for CertificateResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateResolver")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
