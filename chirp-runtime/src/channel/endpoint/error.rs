use std::io;

use super::OtherAddress;
use super::scheme_table::BUILT_IN;

/// The error for a text that is not an address, or an address whose scheme is not known where it is used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct EndpointError(Reason);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("invalid address `{text}`: {why}")]
    Invalid { text: String, why: &'static str },
    #[error(
        "unknown scheme `{scheme}` of the address `{address}`: known are {known}; register others with \
         `.scheme(\"{scheme}\", ..)`, and write unix:///path for a path that contains a scheme"
    )]
    UnknownScheme {
        address: String,
        scheme: String,
        known: String,
    },
    #[error("scheme {name:?} cannot be registered: {why}")]
    Scheme { name: String, why: &'static str },
}

impl EndpointError {
    pub(super) fn invalid(text: &str, why: &'static str) -> Self {
        Self(Reason::Invalid {
            text: text.into(),
            why,
        })
    }

    pub(super) fn unknown_scheme<'a>(
        address: &OtherAddress,
        registered: impl Iterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<_> = BUILT_IN.into_iter().chain(registered).collect();
        Self(Reason::UnknownScheme {
            address: address.to_string(),
            scheme: address.scheme().into(),
            known: known.join(", "),
        })
    }

    pub(super) fn scheme(name: &str, why: &'static str) -> Self {
        Self(Reason::Scheme {
            name: name.into(),
            why,
        })
    }
}

impl From<std::convert::Infallible> for EndpointError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

impl From<EndpointError> for io::Error {
    fn from(error: EndpointError) -> Self {
        let kind = match error.0 {
            Reason::UnknownScheme { .. } => io::ErrorKind::Unsupported,
            Reason::Invalid { .. } | Reason::Scheme { .. } => io::ErrorKind::InvalidInput,
        };
        io::Error::new(kind, error)
    }
}
