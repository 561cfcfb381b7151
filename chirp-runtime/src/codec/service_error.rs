use std::error::Error;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::form::Owned;
use super::{Bincode, Codec, CodecId, Decoder, Encoder, Form};
use crate::packet::ErrorData;

/// An error that a method may return, and that survives the trip: a code, a text and data on the wire,
/// the same value again at the caller.
///
/// It is derived (`#[derive(chirp::ServiceError)]`), or implemented by hand where code and data are laid
/// down by others. These are errors as they are:
///
/// | type | code | at the caller |
/// |---|---|---|
/// | [`ErrorData`] | its own | the same, with text and data: any error at all |
/// | `String` | 0 | the same; an error with another code or with data is none |
/// | `Box<dyn Error + Send + Sync>` | 0, or that of an [`ErrorData`] inside | an [`ErrorData`] in a box: any error at all |
/// | [`std::io::Error`] | by its [kind](std::io::ErrorKind), from 1 to 38; 0 for others | kind and text |
/// | [`CallError`](crate::peer::CallError) | 0 | `CallError::Remote` |
/// | [`StreamError`](crate::stream::StreamError) | 0, or that of the error that broke it off | `StreamError::Failed` |
/// | [`Infallible`](std::convert::Infallible) | none | it does not happen |
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a service method",
    label = "this type must implement `chirp::ServiceError`",
    note = "for your own type: `#[derive(Debug, thiserror::Error, chirp::ServiceError)]`, with `#[chirp(code = ..)]` on each variant",
    note = "errors supported without a derive: `String`, `std::io::Error`, `chirp::packet::ErrorData`, and \
            `Box<dyn Error + Send + Sync>` in place of `anyhow::Error`"
)]
pub trait ServiceError: Sized + Send + 'static {
    /// Whether the error needs a codec that knows fields. One that does is no error of a service whose
    /// codec is [`Raw`](super::Raw).
    const HAS_FIELDS: bool = false;

    /// The error as it travels; fields are encoded by the service's codec.
    fn to_error_data(&self, codec: CodecId) -> ErrorData;

    /// The error that travelled, if it is one of these.
    fn from_error_data(error: &ErrorData, codec: CodecId) -> Option<Self>;

    /// This error as one of the standard library's kind, if it is one. Its cause is then the cause of the
    /// [`MethodError`](crate::peer::MethodError) that it comes in.
    fn as_error(&self) -> Option<&(dyn Error + 'static)> {
        None
    }
}

/// Every error is this one, as it came.
impl ServiceError for ErrorData {
    fn to_error_data(&self, _: CodecId) -> ErrorData {
        self.clone()
    }

    fn from_error_data(error: &ErrorData, _: CodecId) -> Option<Self> {
        Some(error.clone())
    }

    fn as_error(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

/// Every [`ServiceError`], as generated code names it for a service whose codec is `C`: see
/// [`Wire`](super::Wire).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a service method",
    label = "this type must implement `chirp::ServiceError`",
    note = "for your own type: `#[derive(Debug, thiserror::Error, chirp::ServiceError)]`, with `#[chirp(code = ..)]` on each variant",
    note = "errors supported without a derive: `String`, `std::io::Error`, `chirp::packet::ErrorData`, and \
            `Box<dyn Error + Send + Sync>` in place of `anyhow::Error`"
)]
pub trait Failure<C: Codec>: Sized {
    /// Whether the codec can carry it.
    const FITS: bool;

    /// The error as it travels.
    fn encode(&self) -> ErrorData;

    /// The error that travelled, if it is one of these.
    fn decode(error: &ErrorData) -> Option<Self>;
}

#[diagnostic::do_not_recommend]
impl<C: Codec, E: ServiceError> Failure<C> for E {
    const FITS: bool = !(E::HAS_FIELDS && matches!(C::ID, CodecId::Raw));

    fn encode(&self) -> ErrorData {
        self.to_error_data(C::ID)
    }

    fn decode(error: &ErrorData) -> Option<Self> {
        Self::from_error_data(error, C::ID)
    }
}

/// The fields of an error on their way into its data, for the derive.
///
/// Where the codec cannot encode them there is no data: code and text still arrive.
#[derive(Debug)]
pub struct FieldEncoder(FieldEncoding);

/// The fields of an error on their way out of its data, for the derive.
#[derive(Debug)]
pub struct FieldDecoder<'de>(FieldDecoding<'de>);

/// The codec of the service that an error is returned by is known by number only.
#[derive(Debug)]
enum FieldEncoding {
    Bincode(Encoder<Bincode>),
    #[cfg(feature = "postcard")]
    Postcard(Encoder<super::Postcard>),
    #[cfg(feature = "messagepack")]
    MessagePack(Encoder<super::MessagePack>),
    #[cfg(feature = "json")]
    Json(Encoder<super::Json>),
    None,
}

#[derive(Debug)]
enum FieldDecoding<'de> {
    Bincode(Decoder<'de, Bincode>),
    #[cfg(feature = "postcard")]
    Postcard(Decoder<'de, super::Postcard>),
    #[cfg(feature = "messagepack")]
    MessagePack(Decoder<'de, super::MessagePack>),
    #[cfg(feature = "json")]
    Json(Decoder<'de, super::Json>),
    None,
}

/// The same with whichever codec it is.
macro_rules! whichever {
    ($fields:ident $value:expr, $it:ident => $done:expr, $none:expr) => {
        match $value {
            $fields::Bincode($it) => $done,
            #[cfg(feature = "postcard")]
            $fields::Postcard($it) => $done,
            #[cfg(feature = "messagepack")]
            $fields::MessagePack($it) => $done,
            #[cfg(feature = "json")]
            $fields::Json($it) => $done,
            $fields::None => $none,
        }
    };
}

impl FieldEncoder {
    /// No fields yet.
    pub fn new(codec: CodecId) -> Self {
        Self(match codec {
            CodecId::Bincode => FieldEncoding::Bincode(Encoder::new()),
            #[cfg(feature = "postcard")]
            CodecId::Postcard => FieldEncoding::Postcard(Encoder::new()),
            #[cfg(feature = "messagepack")]
            CodecId::MessagePack => FieldEncoding::MessagePack(Encoder::new()),
            #[cfg(feature = "json")]
            CodecId::Json => FieldEncoding::Json(Encoder::new()),
            _ => FieldEncoding::None,
        })
    }

    /// The next field.
    pub fn put<F: Form>(&mut self, value: &F::Sent<'_>) {
        whichever!(FieldEncoding &mut self.0, out => out.put::<F>(value), ());
    }

    /// The data.
    pub fn finish(self) -> Vec<u8> {
        whichever!(FieldEncoding self.0, out => out.finish().unwrap_or_default(), Vec::new())
    }
}

impl<'de> FieldDecoder<'de> {
    /// The fields that `data` stands for.
    pub fn new(codec: CodecId, data: &'de [u8]) -> Self {
        Self(match codec {
            CodecId::Bincode => FieldDecoding::Bincode(Decoder::new(data)),
            #[cfg(feature = "postcard")]
            CodecId::Postcard => FieldDecoding::Postcard(Decoder::new(data)),
            #[cfg(feature = "messagepack")]
            CodecId::MessagePack => FieldDecoding::MessagePack(Decoder::new(data)),
            #[cfg(feature = "json")]
            CodecId::Json => FieldDecoding::Json(Decoder::new(data)),
            _ => FieldDecoding::None,
        })
    }

    /// The next field, if that is what it should be.
    pub fn take<F: Form>(&mut self) -> Option<F::Got<'de>> {
        whichever!(FieldDecoding &mut self.0, from => from.take::<F>(), None)
    }

    /// The end, if there are no more.
    pub fn end(&mut self) -> Option<()> {
        whichever!(FieldDecoding &mut self.0, from => from.end(), None)
    }
}

/// What can be a field of an error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a service error",
    label = "this type must implement `Serialize`, `Deserialize` and `Send`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "to keep an error from another crate, store its text: `error.to_string()`"
)]
pub trait Field: Sized {
    /// Puts it among the fields.
    fn put(&self, fields: &mut FieldEncoder);

    /// The next of the fields.
    fn take(fields: &mut FieldDecoder<'_>) -> Option<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Field for T {
    fn put(&self, fields: &mut FieldEncoder) {
        fields.put::<Owned<T>>(self);
    }

    fn take(fields: &mut FieldDecoder<'_>) -> Option<Self> {
        fields.take::<Owned<T>>()
    }
}
