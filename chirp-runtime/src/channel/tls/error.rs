use std::fmt;
use std::io;

use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error as Rustls, PeerIncompatible};

use super::raw_keys::KeyRejected;
use crate::channel::PublicKey;

/// The reason why a TLS handshake failed, as seen by this side.
///
/// Travels inside an `io::Error`; [`of`](Self::of) extracts it. No variant contains a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// This side has no certificate and no key to listen with.
    #[error("no certificate or key to listen with on tls://: set one with `ServerBuilder::tls`")]
    NotSetUp,
    /// The host in the address is neither a DNS name nor an IP address.
    #[error("invalid server name `{0}`: expected a DNS name or an IP address")]
    NoName(String),
    /// The other side does not speak TLS.
    #[error("the other side does not speak TLS")]
    NotTls,
    /// The other side closed the connection during the handshake.
    #[error("the other side closed the connection during the TLS handshake (does it speak TLS?)")]
    Ended,
    /// The two sides have no TLS version or no cipher suite in common.
    #[error("no TLS version or cipher suite in common with the other side (TLS 1.3 is required)")]
    TooOld,
    /// One side uses a certificate, and the other a raw public key.
    #[error("one side uses a raw public key, the other a certificate")]
    OtherKind,
    /// The other side presented neither a certificate nor a key.
    #[error("the other side presented neither a certificate nor a key")]
    Nobody,
    /// The policy of this side does not admit the key of the other side.
    #[error("key {0} is not admitted")]
    NotAdmitted(PublicKey),
    /// The certificate of the other side is not signed by a trusted authority.
    #[error("the other side's certificate is not signed by a trusted authority")]
    UnknownIssuer,
    /// The certificate of the other side has expired.
    #[error("the other side's certificate has expired")]
    Expired,
    /// The certificate of the other side is not valid yet, or a clock is wrong.
    #[error("the other side's certificate is not valid yet")]
    NotYetValid,
    /// The certificate of the other side is valid for another name.
    #[error("the other side's certificate is valid for {found}, not for `{expected}`")]
    WrongName {
        /// The expected name.
        expected: String,
        /// The names in the certificate.
        found: String,
    },
    /// The certificate of the other side is invalid for another reason.
    #[error("the other side's certificate is invalid: {0}")]
    Certificate(String),
    /// The other side rejected this side.
    #[error("the other side {0}")]
    Refused(Refusal),
    /// The handshake failed for another reason.
    #[error("TLS handshake failed: {0}")]
    Other(String),
}

/// The reason why the other side rejected this side, as reported by its TLS alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The policy of the other side does not admit the key of this side.
    NotAdmitted,
    /// The other side requires a certificate or a key, and this side has none.
    Nobody,
    /// The other side does not trust the authority of the certificate.
    UnknownIssuer,
    /// A signature of this side or of its authority is invalid.
    BadSignature,
    /// The certificate has expired, or is not valid yet.
    Expired,
    /// The certificate is for another name, or is malformed.
    BadCertificate,
    /// One side uses a certificate and the other a raw public key, or they have no cipher suite in common.
    OtherKind,
    /// The two sides have no TLS version in common.
    TooOld,
    /// Another TLS alert, by its number.
    Alert(u8),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAdmitted => f.write_str("does not admit this side's key"),
            Self::Nobody => f.write_str("requires a certificate or a key, and this side has none"),
            Self::UnknownIssuer => {
                f.write_str("does not trust the authority of this side's certificate")
            }
            Self::BadSignature => {
                f.write_str("reports an invalid signature of this side's certificate")
            }
            Self::Expired => {
                f.write_str("reports that this side's certificate has expired or is not valid yet")
            }
            Self::BadCertificate => {
                f.write_str("reports that this side's certificate is for another name or malformed")
            }
            Self::OtherKind => f.write_str(
                "uses a raw public key where this side uses a certificate or the reverse, \
                 or has no cipher suite in common with this side",
            ),
            Self::TooOld => f.write_str(
                "has no TLS version or cipher suite in common with this side (TLS 1.3 is required)",
            ),
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
    /// Extracts the `TlsError` inside an `io::Error`, if there is one.
    pub fn of(error: &io::Error) -> Option<&Self> {
        crate::channel::find_error(error)
    }

    /// Converts the error of a failed handshake to a `TlsError`, if possible.
    pub(super) fn explain(error: io::Error) -> io::Error {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        match error.kind() {
            _ if rustls_error(&error).is_some() => Self::of_stream(error),
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => Self::Ended.into(),
            _ => error,
        }
    }

    /// Converts an error after the handshake to a `TlsError`, if possible. A TLS 1.3 client completes its handshake before
    /// the server has verified it, and learns about a rejection from what it reads.
    pub(super) fn of_stream(error: io::Error) -> io::Error {
        match rustls_error(&error) {
            Some(rustls) => Self::from(rustls).into(),
            None => error,
        }
    }
}

fn rustls_error(error: &io::Error) -> Option<&Rustls> {
    error.get_ref()?.downcast_ref()
}

impl From<&Rustls> for TlsError {
    fn from(error: &Rustls) -> Self {
        match error {
            // Bytes that are not a TLS record were not written by a TLS implementation.
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
            // A bad signature means that the issuer has the name of a trusted authority and another key.
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
                    [] => "no name".to_owned(),
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

/// Extracts the plain names: rustls formats them as `DnsName("one.test")`.
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
