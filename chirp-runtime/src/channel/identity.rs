use std::fmt;
use std::sync::Arc;

use super::{Credentials, PublicKey};

/// Who is at the other end of a channel, as far as the channel has made sure of it.
///
/// It comes from what carries the bytes, a key that was proven or the operating system, and never from anything
/// that a message says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// Nobody knows.
    #[default]
    Anonymous,
    /// A process of this machine, in the words of the operating system: the other end of a Unix socket.
    Unix(Credentials),
    /// Whoever holds the private half of this key, and has proven it.
    Key(PublicKey),
    /// Whoever an authority has given these names to, in a certificate.
    Names(CertificateNames),
}

impl Identity {
    /// Whether nobody knows who it is.
    pub fn is_anonymous(&self) -> bool {
        matches!(self, Self::Anonymous)
    }

    /// Whether it is the holder of this key.
    pub fn is_key(&self, key: &PublicKey) -> bool {
        self.key() == Some(key)
    }

    /// Whether an authority has given it this name.
    pub fn is_named(&self, name: &str) -> bool {
        matches!(self, Self::Names(names) if names.contains(name))
    }

    /// Whether it is a process of this user, on this machine.
    pub fn is_user(&self, uid: u32) -> bool {
        matches!(self, Self::Unix(credentials) if credentials.uid == uid)
    }

    /// Its key, if that is what it is known by.
    pub fn key(&self) -> Option<&PublicKey> {
        match self {
            Self::Key(key) => Some(key),
            _ => None,
        }
    }
}

/// As it stands in a log: `key d75a..`, `name worker.example`, `user 1000`, `nobody known`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("nobody known"),
            Self::Unix(credentials) => write!(f, "user {}", credentials.uid),
            Self::Key(key) => write!(f, "key {key}"),
            Self::Names(names) => write!(f, "name {names}"),
        }
    }
}

/// The names that a certificate gives: at a client, the one that was connected to; at a server, the DNS names
/// and the URIs of the client's certificate, as they are written there.
///
/// A name with a `*` in it is a text like any other here, and stands for nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateNames(Arc<[Box<str>]>);

impl CertificateNames {
    /// These names. What the other side says of itself is no reason to call this.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(Box::from).collect())
    }

    /// Whether this is one of them. DNS names know no large and small letters, and other names do.
    pub fn contains(&self, name: &str) -> bool {
        let is_uri = name.contains(':');
        self.iter()
            .any(|known| known == name || !is_uri && known.eq_ignore_ascii_case(name))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl fmt::Display for CertificateNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.iter().enumerate() {
            f.write_str(if at == 0 { "" } else { ", " })?;
            // It is the authority's text, and goes into logs.
            write!(f, "{}", name.escape_debug())?;
        }
        Ok(())
    }
}
