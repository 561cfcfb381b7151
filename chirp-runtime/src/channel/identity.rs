use std::fmt;
use std::sync::Arc;

use super::{Credentials, PublicKey};

/// The verified identity of the other end of a channel.
///
/// An identity comes from the transport only, that is, from a proven key, a verified certificate, the operating
/// system, or a token in the handshake. It never comes from the content of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// The other end is not identified.
    #[default]
    Anonymous,
    /// A process on this machine at the other end of a Unix socket, as reported by the operating system.
    Unix(Credentials),
    /// The holder of this key, who has proven possession of the private half.
    Key(PublicKey),
    /// The holder of a certificate with these names, verified against a trusted authority.
    Names(CertificateNames),
    /// A client that the program knows by this name, by a token or a cookie in the request of its handshake.
    Account(Arc<str>),
}

impl Identity {
    /// Returns `true` if the other end is not identified.
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// Returns `true` if the other end has proven this key.
    pub fn is_key(&self, key: &PublicKey) -> bool {
        self.key() == Some(key)
    }

    /// Returns `true` if the other end has a verified certificate with this name.
    pub fn is_named(&self, name: &str) -> bool {
        matches!(self, Self::Names(names) if names.contains(name))
    }

    /// Returns `true` if the other end is a local process of the user with this ID.
    pub fn is_user(&self, uid: u32) -> bool {
        matches!(self, Self::Unix(credentials) if credentials.uid == uid)
    }

    /// Returns `true` if the other end has this account.
    pub fn is_account(&self, name: &str) -> bool {
        matches!(self, Self::Account(account) if **account == *name)
    }

    /// Returns the proven key, if the other end is identified by one.
    pub fn key(&self) -> Option<&PublicKey> {
        match self {
            Self::Key(key) => Some(key),
            _ => None,
        }
    }
}

/// Prints the form used in logs: `key d75a..`, `name worker.example`, `user 1000`, `account ann` or `anonymous`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::Unix(credentials) => write!(f, "user {}", credentials.uid),
            Self::Key(key) => write!(f, "key {key}"),
            Self::Names(names) => write!(f, "name {names}"),
            Self::Account(name) => write!(f, "account {}", name.escape_debug()),
        }
    }
}

/// The verified names of a certificate. At a client, the name that it connected to; at a server, the DNS names and
/// URIs in the certificate of the client, as written there.
///
/// A name that contains `*` is compared as plain text: wildcards are not expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateNames(Arc<[Box<str>]>);

impl CertificateNames {
    /// Creates a list of names. Call this only for names that have been verified, never for names that the other
    /// side merely claims.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(Box::from).collect())
    }

    /// Returns `true` if `name` is in the list. DNS names are compared without regard to ASCII case, URIs exactly.
    pub fn contains(&self, name: &str) -> bool {
        let is_uri = name.contains(':');
        self.iter()
            .any(|known| known == name || !is_uri && known.eq_ignore_ascii_case(name))
    }

    /// Iterates over the names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl fmt::Display for CertificateNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            // The text was chosen by an authority and goes into logs.
            write!(f, "{}", name.escape_debug())?;
        }
        Ok(())
    }
}
