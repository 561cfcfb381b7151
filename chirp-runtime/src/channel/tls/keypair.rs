use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::SignatureAlgorithm;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::key_file;
use super::provider::provider;
use super::raw_keys;
use crate::channel::PublicKey;

/// The PKCS #8 prefix of the 32 private bytes of an Ed25519 key (RFC 8410).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// An Ed25519 key pair that identifies one end of a connection.
///
/// The public half is the identity that the other side sees. Keep the private half in a file that nobody else can
/// read, as [`save`](Self::save) does.
#[derive(Clone)]
pub struct Keypair {
    public: PublicKey,
    secret: Arc<PrivatePkcs8KeyDer<'static>>,
    pub(super) certified: Arc<CertifiedKey>,
}

impl Keypair {
    /// Generates a new key pair.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system provides no random bytes.
    pub fn generate() -> io::Result<Self> {
        let mut pkcs8 = PKCS8.to_vec();
        let mut seed = [0; 32];
        let filled = provider().secure_random.fill(&mut seed);
        filled.map_err(|_| io::Error::other("the operating system provides no random bytes"))?;
        pkcs8.extend(seed);
        Self::of(pkcs8.into())
    }

    /// Loads the key pair in a file, or generates one and saves it there. Blocks on file I/O.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`load`](Self::load) and [`save`](Self::save).
    pub fn load_or_generate(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        match Self::load(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded,
        }
        let new = Self::generate()?;
        match new.save(path) {
            Ok(()) => Ok(new),
            // Another process has created the file in the meantime.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            Err(error) => Err(error),
        }
    }

    /// Loads a key pair from a PEM file. Blocks on file I/O.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system; [`PermissionDenied`](io::ErrorKind::PermissionDenied) if anyone
    /// but the owner may read or change the file; and the errors of [`from_pem`](Self::from_pem). The message
    /// contains the path.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        key_file::read(path)
            .and_then(|text| Self::from_pem(&text))
            .map_err(|error| key_file::named(path, &error))
    }

    /// Saves the key pair to a new PEM file that only its owner can read. The file is created atomically; an
    /// existing file is not changed. Blocks on file I/O.
    ///
    /// # Errors
    ///
    /// Returns the error of the operating system, with the path in the message:
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if the file exists.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        key_file::create(path, &self.to_pem()).map_err(|error| key_file::named(path, &error))
    }

    /// Parses an Ed25519 private key in PKCS #8 PEM, as written by `openssl genpkey -algorithm ed25519`.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidData`](io::ErrorKind::InvalidData) for any other text. The message contains nothing of the
    /// text.
    pub fn from_pem(text: &str) -> io::Result<Self> {
        let wrong = |_| invalid("no private key in PEM format (`-----BEGIN PRIVATE KEY-----`)");
        Self::of(PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(wrong)?)
    }

    /// Encodes the key pair in PEM, including the private half.
    pub fn to_pem(&self) -> String {
        let body = STANDARD.encode(self.secret.secret_pkcs8_der());
        let mut pem = format!("{BEGIN}\n");
        for line in body.as_bytes().chunks(64) {
            pem.extend(line.iter().copied().map(char::from));
            pem.push('\n');
        }
        pem + END + "\n"
    }

    /// Returns the public half, which identifies the holder.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    fn of(secret: PrivatePkcs8KeyDer<'static>) -> io::Result<Self> {
        let key = provider()
            .key_provider
            .load_private_key(secret.clone_key().into())
            .map_err(|_| invalid("invalid private key"))?;
        let public = key
            .public_key()
            .filter(|_| key.algorithm() == SignatureAlgorithm::ED25519)
            .and_then(|der| {
                Some((
                    raw_keys::public_key(&der)?,
                    CertificateDer::from(der.to_vec()),
                ))
            });
        let Some((public, der)) = public else {
            return Err(invalid("unsupported private key: expected an Ed25519 key"));
        };
        Ok(Self {
            public,
            secret: Arc::new(secret),
            certified: Arc::new(CertifiedKey::new(vec![der], key)),
        })
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Shows the public half only.
impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.public)
    }
}
