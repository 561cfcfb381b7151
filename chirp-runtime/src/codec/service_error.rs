use std::convert::Infallible;

use super::form::List;
use super::{Bincode, Carries, CodecId, EncodeError, wire::never};
use crate::packet::ErrorData;

/// An error that a method may return, and that survives the trip: a code, a text and data on the wire,
/// the same value again at the caller.
///
/// It is derived (`#[derive(chirp::ServiceError)]`), or implemented by hand where code and data are laid
/// down by others.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error that a chirp call can return",
    label = "this type must implement `chirp::ServiceError`",
    note = "for a type of yours: `#[derive(Debug, thiserror::Error, chirp::ServiceError)]`, with `#[chirp(code = ..)]` on each variant"
)]
pub trait ServiceError: Sized + Send + 'static {
    /// Whether the error needs a codec that knows fields. One that does is no error of a service whose
    /// codec is [`Raw`](super::Raw).
    const HAS_FIELDS: bool = false;

    /// The error as it travels; fields are encoded by the service's codec.
    fn to_error_data(&self, codec: CodecId) -> ErrorData;

    /// The error that travelled, if it is one of these.
    fn from_error_data(error: &ErrorData, codec: CodecId) -> Option<Self>;
}

/// Every error is this one, as it came.
impl ServiceError for ErrorData {
    fn to_error_data(&self, _: CodecId) -> ErrorData {
        self.clone()
    }

    fn from_error_data(error: &ErrorData, _: CodecId) -> Option<Self> {
        Some(error.clone())
    }
}

/// For methods that cannot fail.
impl ServiceError for Infallible {
    fn to_error_data(&self, _: CodecId) -> ErrorData {
        match *self {}
    }

    fn from_error_data(_: &ErrorData, _: CodecId) -> Option<Self> {
        None
    }
}

/// Every [`ServiceError`], named so that a missing one is reported once; see [`Wire`](super::Wire).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error that a chirp call can return",
    label = "this type must implement `chirp::ServiceError`",
    note = "for a type of yours: `#[derive(Debug, thiserror::Error, chirp::ServiceError)]`, with `#[chirp(code = ..)]` on each variant"
)]
pub trait Failure {
    /// The error itself.
    type Itself: ServiceError;
}

#[diagnostic::do_not_recommend]
impl<E: ServiceError> Failure for E {
    type Itself = E;
}

#[diagnostic::do_not_recommend]
impl<E> Failure for E
where
    for<'a> (): never::Never<'a>,
{
    type Itself = Infallible;
}

/// The fields of an error as data, for the derive. Where the codec cannot encode them there is no data:
/// code and text still arrive.
pub fn encode_fields<L: List>(codec: CodecId, fields: &L::Sent<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let result: Result<(), EncodeError> = match codec {
        CodecId::Bincode => <Bincode as Carries<L>>::encode(fields, &mut out),
        #[cfg(feature = "json")]
        CodecId::Json => <super::Json as Carries<L>>::encode(fields, &mut out),
        _ => Ok(()),
    };
    match result {
        Ok(()) => out,
        Err(_) => Vec::new(),
    }
}

/// The fields of an error from its data, for the derive; `None` where they are not what they should be.
pub fn decode_fields<L: List>(codec: CodecId, data: &[u8]) -> Option<L::Got<'_>> {
    match codec {
        CodecId::Bincode => <Bincode as Carries<L>>::decode(data).ok(),
        #[cfg(feature = "json")]
        CodecId::Json => <super::Json as Carries<L>>::decode(data).ok(),
        _ => None,
    }
}
