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

/// What comes before the 32 secret bytes of an Ed25519 key in PKCS #8 (RFC 8410).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// A key pair, by which one end of a connection is known to the other: Ed25519.
///
/// Its public half, as text, is its name. Whoever has its secret half *is* that name, so keep it in a file that
/// nobody else can read, as [`save`](Self::save) does.
#[derive(Clone)]
pub struct Keypair {
    public: PublicKey,
    secret: Arc<PrivatePkcs8KeyDer<'static>>,
    pub(super) certified: Arc<CertifiedKey>,
}

impl Keypair {
    /// A new one.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn generate() -> io::Result<Self> {
        let mut pkcs8 = PKCS8.to_vec();
        let mut seed = [0; 32];
        let filled = provider().secure_random.fill(&mut seed);
        filled.map_err(|_| io::Error::other("the operating system gives no random bytes"))?;
        pkcs8.extend(seed);
        Self::of(pkcs8.into())
    }

    /// The one that a file holds, or a new one that is saved there: what a program does when it starts.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load) and [`save`](Self::save).
    pub fn load_or_generate(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        match Self::load(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            loaded => return loaded,
        }
        let new = Self::generate()?;
        match new.save(path) {
            Ok(()) => Ok(new),
            // Another process was quicker.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::load(path),
            Err(error) => Err(error),
        }
    }

    /// Reads one from a file in PEM. It blocks for as long as the file system does.
    ///
    /// # Errors
    ///
    /// What the operating system says, with the path; [`PermissionDenied`](io::ErrorKind::PermissionDenied) when
    /// others than its owner may read or change the file; and what [`from_pem`](Self::from_pem) says.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        key_file::read(path)
            .and_then(|text| Self::from_pem(&text))
            .map_err(|error| key_file::named(path, &error))
    }

    /// Writes it to a new file in PEM, which its owner alone can read. The file is there with all that is in it, or
    /// not at all; one that is there already is left as it is. It blocks for as long as the file system does.
    ///
    /// # Errors
    ///
    /// What the operating system says, with the path: [`AlreadyExists`](io::ErrorKind::AlreadyExists) for one.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        key_file::create(path, &self.to_pem()).map_err(|error| key_file::named(path, &error))
    }

    /// Reads one from PEM: an Ed25519 key in PKCS #8, such as `openssl genpkey -algorithm ed25519` writes.
    ///
    /// # Errors
    ///
    /// [`InvalidData`](io::ErrorKind::InvalidData), without a word of what was read.
    pub fn from_pem(text: &str) -> io::Result<Self> {
        let wrong = |_| invalid("this is no private key in PEM (`-----BEGIN PRIVATE KEY-----`)");
        Self::of(PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(wrong)?)
    }

    /// The pair in PEM, its secret half included.
    pub fn to_pem(&self) -> String {
        let body = STANDARD.encode(self.secret.secret_pkcs8_der());
        let mut pem = format!("{BEGIN}\n");
        for line in body.as_bytes().chunks(64) {
            pem.extend(line.iter().copied().map(char::from));
            pem.push('\n');
        }
        pem + END + "\n"
    }

    /// Its public half, which is its name.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    fn of(secret: PrivatePkcs8KeyDer<'static>) -> io::Result<Self> {
        let key = provider()
            .key_provider
            .load_private_key(secret.clone_key().into())
            .map_err(|_| invalid("this is no private key that can be used"))?;
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
            return Err(invalid(
                "this is a private key of another kind than Ed25519",
            ));
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

/// Its name alone.
impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.public)
    }
}
