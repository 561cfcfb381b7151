use std::error::Error;
use std::fmt;
use std::io;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error as Rustls, PeerIncompatible};

use super::raw_keys::KeyRejected;
use crate::channel::PublicKey;
use crate::channel::endpoint::Explained;

/// Why a handshake of TLS failed, as this side saw it.
///
/// It is inside the `io::Error` that says so: [`of`](Self::of) finds it. The variants are ordered: first this side,
/// then what the other side is, then who it is, then what it says of this side. None of them holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// Nobody has said who this side is.
    #[error("a tls:// address needs a certificate or a key to listen with: `ServerBuilder::tls`")]
    NotSetUp,
    /// What stands for the host in an address cannot be in a certificate.
    #[error("`{0}` is no name that a certificate could be for")]
    NoName(String),
    /// The other side speaks something else.
    #[error("the other side does not speak TLS")]
    NotTls,
    /// The other side went away before the handshake was over.
    #[error("the other side ended the connection in the handshake: it may not speak TLS")]
    Ended,
    /// The other side speaks no version or cipher that this side does.
    #[error("the other side has no TLS 1.3, or no cipher of this side's")]
    TooOld,
    /// One side has a certificate and the other a key.
    #[error("one side has a key for its name, and the other a certificate")]
    OtherKind,
    /// The other side has neither certificate nor key.
    #[error("the other side has not said who it is")]
    Nobody,
    /// The other side's key is not admitted.
    #[error("the key {0} is not admitted")]
    NotAdmitted(PublicKey),
    /// Nobody that this side believes has signed the other side's certificate.
    #[error("the other side's certificate is not signed by an authority that this side believes")]
    UnknownIssuer,
    /// The other side's certificate has expired.
    #[error("the other side's certificate has expired")]
    Expired,
    /// The other side's certificate is not valid yet, or a clock is wrong.
    #[error("the other side's certificate is not valid yet")]
    NotYetValid,
    /// The other side's certificate is somebody else's.
    #[error("the other side's certificate is not for `{expected}` but for {found}")]
    WrongName {
        /// Who should have been there.
        expected: String,
        /// Whom it is for.
        found: String,
    },
    /// Something else is wrong with the other side's certificate.
    #[error("the other side's certificate cannot be believed: {0}")]
    Certificate(String),
    /// The other side has turned this side away.
    #[error("the other side {0}")]
    Refused(Refusal),
    /// The handshake went wrong in another way.
    #[error("TLS failed: {0}")]
    Other(String),
}

/// Why the other side has turned this side away, in its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its rule does not admit this side's key.
    NotAdmitted,
    /// It wants a certificate or a key, and got none.
    Nobody,
    /// It does not believe the authority of this side's certificate.
    UnknownIssuer,
    /// A signature of this side's, or of its authority's, is not right.
    BadSignature,
    /// This side's certificate has expired, or is not valid yet.
    Expired,
    /// This side's certificate is for another name, or is malformed.
    BadCertificate,
    /// One side has a certificate and the other a key, or they have no cipher in common.
    OtherKind,
    /// It speaks no version or cipher that this side does.
    TooOld,
    /// Another alert of TLS, by its number.
    Alert(u8),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAdmitted => f.write_str("does not admit this side's key"),
            Self::Nobody => f.write_str("wants a certificate or a key, and this side has none"),
            Self::UnknownIssuer => {
                f.write_str("does not believe the authority of this side's certificate")
            }
            Self::BadSignature => f.write_str("says that this side's certificate is forged"),
            Self::Expired => f.write_str("says that this side's certificate is not valid now"),
            Self::BadCertificate => f.write_str("says that this side's certificate is not for it"),
            Self::OtherKind => f.write_str(
                "has a key where this side has a certificate, or the reverse, \
                 or no cipher of this side's",
            ),
            Self::TooOld => f.write_str("has no TLS 1.3, or no cipher of this side's"),
            Self::Alert(number) => write!(f, "refused the connection (TLS alert {number})"),
        }
    }
}

impl From<AlertDescription> for Refusal {
    fn from(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::CertificateUnknown | AlertDescription::AccessDenied => {
                Self::NotAdmitted
            }
            AlertDescription::CertificateRequired => Self::Nobody,
            AlertDescription::DecryptError => Self::BadSignature,
            AlertDescription::UnknownCA => Self::UnknownIssuer,
            AlertDescription::CertificateExpired => Self::Expired,
            AlertDescription::BadCertificate => Self::BadCertificate,
            AlertDescription::UnsupportedCertificate | AlertDescription::HandshakeFailure => {
                Self::OtherKind
            }
            AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity => {
                Self::TooOld
            }
            other => Self::Alert(other.into()),
        }
    }
}

impl TlsError {
    /// What an error says about TLS, if it does.
    pub fn of(error: &io::Error) -> Option<&Self> {
        let mut error: &(dyn Error + 'static) = error.get_ref()?;
        loop {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            // An `io::Error` shows what is in it as if it were that.
            let io_error = error
                .downcast_ref::<Explained>()
                .map(|explained| &explained.error)
                .or_else(|| error.downcast_ref());
            error = match io_error.and_then(io::Error::get_ref) {
                Some(inner) => inner,
                None => error.source()?,
            };
        }
    }

    /// What a failed handshake failed of.
    pub(super) fn explain(error: io::Error) -> io::Error {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Rustls>());
        match (inner, error.kind()) {
            (Some(rustls), _) => Self::from(rustls).into(),
            (None, BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof) => {
                Self::Ended.into()
            }
            _ => error,
        }
    }
}

impl From<&Rustls> for TlsError {
    fn from(error: &Rustls) -> Self {
        match error {
            // What cannot be a record of TLS has not been written by it.
            Rustls::InvalidMessage(_) => Self::NotTls,
            Rustls::AlertReceived(alert) => Self::Refused((*alert).into()),
            Rustls::NoCertificatesPresented => Self::Nobody,
            Rustls::PeerIncompatible(
                PeerIncompatible::IncorrectCertificateTypeExtension
                | PeerIncompatible::UnsolicitedCertificateTypeExtension,
            ) => Self::OtherKind,
            Rustls::PeerIncompatible(
                PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::NoCipherSuitesInCommon
                | PeerIncompatible::NoKxGroupsInCommon
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled,
            ) => Self::TooOld,
            Rustls::InvalidCertificate(error) => error.into(),
            other => Self::Other(other.to_string()),
        }
    }
}

impl From<&CertificateError> for TlsError {
    fn from(error: &CertificateError) -> Self {
        match error {
            // A name that is believed, and another's signature.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::NotValidForNameContext {
                expected,
                presented,
            } => Self::WrongName {
                expected: text_of(expected),
                found: match &presented[..] {
                    [] => "nobody".to_owned(),
                    names => bare(names).join(", "),
                },
            },
            CertificateError::Other(other) => match other.0.downcast_ref() {
                Some(KeyRejected(key)) => Self::NotAdmitted(*key),
                None => Self::Certificate(error.to_string()),
            },
            error => Self::Certificate(error.to_string()),
        }
    }
}

/// Names as rustls gives them are `DnsName("one.test")`, with what is inside escaped.
fn bare(names: &[String]) -> Vec<&str> {
    names
        .iter()
        .map(|name| {
            let inside = name
                .split_once('"')
                .and_then(|(_, rest)| rest.rsplit_once('"'));
            inside.map_or(name.as_str(), |(name, _)| name)
        })
        .collect()
}

pub(super) fn text_of(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        let kind = match &error {
            TlsError::NotSetUp | TlsError::NoName(_) => io::ErrorKind::InvalidInput,
            TlsError::Ended => io::ErrorKind::ConnectionAborted,
            TlsError::NotTls | TlsError::TooOld | TlsError::Other(_) => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::PermissionDenied,
        };
        Self::new(kind, error)
    }
}
