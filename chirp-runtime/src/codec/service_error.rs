use std::error::Error;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::form::Owned;
use super::{ArgumentNames, Bincode, Codec, CodecId, Decoder, Encoder, Form, ValueEncoding};
use crate::packet::ErrorData;
#[cfg(feature = "reflect")]
use crate::packet::FrameworkError;

/// An error type that service methods can return.
///
/// On the wire an error is a code, a message and data. The caller gets the same value back.
///
/// Derive the trait with `#[derive(chirp::ServiceError)]`, or implement it by hand if the code and data are
/// defined elsewhere. These types implement it already:
/// | type | code | decoded by the caller as |
/// |---|---|---|
/// | [`ErrorData`] | its own | the same error; accepts every error |
/// | `String` | 0 | the same text; accepts only errors with code 0 and without data |
/// | `Box<dyn Error + Send + Sync>` | 0, or that of an [`ErrorData`] inside | a boxed [`ErrorData`]; accepts every error |
/// | [`std::io::Error`] | from 1 to 38 by [kind](std::io::ErrorKind), 0 for other kinds | an error of the same kind and text |
/// | [`CallError`](crate::peer::CallError) | 0 | `CallError::Remote` |
/// | [`StreamError`](crate::stream::StreamError) | 0, or that of the error that ended the stream | `StreamError::Failed` |
/// | [`Infallible`](std::convert::Infallible) | none | never occurs |
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a service method",
    label = "this type must implement `chirp::ServiceError`",
    note = "for your own type: `#[derive(Debug, thiserror::Error, chirp::ServiceError)]`, with `#[chirp(code = ..)]` on each variant",
    note = "errors supported without a derive: `String`, `std::io::Error`, `chirp::packet::ErrorData`, and \
            `Box<dyn Error + Send + Sync>` in place of `anyhow::Error`"
)]
pub trait ServiceError: Sized + Send + 'static {
    /// Whether the error has fields to encode. The codec [`Raw`](super::Raw) does not support such errors.
    const HAS_FIELDS: bool = false;

    /// Converts the error to its representation on the wire, with fields encoded by `codec`.
    fn to_error_data(&self, codec: CodecId) -> ErrorData;

    /// Converts an error from its representation on the wire. Returns `None` if the type has no such error.
    fn from_error_data(error: &ErrorData, codec: CodecId) -> Option<Self>;

    /// Returns this error as a [`std::error::Error`], if the type implements that trait.
    /// [`MethodError`](crate::peer::MethodError) uses the result to report the error's source.
    fn as_error(&self) -> Option<&(dyn Error + 'static)> {
        None
    }

    /// Returns whether the data of errors with this code are not encoded by the codec, as far as the type knows. In calls
    /// by JSON names such data are base64 text.
    #[doc(hidden)]
    fn has_raw_data(_code: u16) -> bool {
        true
    }

    /// Describes the errors of the type. By default none is known.
    #[cfg(feature = "reflect")]
    #[doc(hidden)]
    fn describe<D: DescribeErrors>(_errors: &mut D) {}
}

/// A receiver of the descriptions of a type's errors, in a layer above.
#[cfg(feature = "reflect")]
pub trait DescribeErrors {
    /// Adds an error. `raw` says that the data are not encoded by the codec.
    fn error(&mut self, code: u16, name: &str, documentation: &str, raw: bool);

    /// Sets the number that the last error has for JSON-RPC peers.
    fn number(&mut self, number: i32);

    /// Sets the status of responses of HTTP with the last error.
    fn http_status(&mut self, status: u16);

    /// Adds a field to the last error.
    fn field<F: Form>(&mut self, name: &str, type_name: &str);
}

/// Accepts every error unchanged.
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

/// A [`ServiceError`] of a service with the codec `C`, as generated code refers to the type: see
/// [`Wire`](super::Wire).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the error of a service method",
    label = "this type must implement `chirp::ServiceError`",
    note = "for your own type: `#[derive(Debug, thiserror::Error, chirp::ServiceError)]`, with `#[chirp(code = ..)]` on each variant",
    note = "errors supported without a derive: `String`, `std::io::Error`, `chirp::packet::ErrorData`, and \
            `Box<dyn Error + Send + Sync>` in place of `anyhow::Error`"
)]
pub trait Failure<C: Codec>: Sized {
    /// Whether the codec supports the error.
    const FITS: bool;

    /// Converts the error to its representation on the wire.
    fn encode(&self, encoding: ValueEncoding) -> ErrorData;

    /// Converts an error from its representation on the wire, in JSON if the call was in JSON. Returns `None` if the
    /// type has no such error.
    fn decode(error: &ErrorData, json: bool) -> Option<Self>;

    /// Describes the errors of the type.
    #[cfg(feature = "reflect")]
    fn describe<D: DescribeErrors>(errors: &mut D);
}

#[diagnostic::do_not_recommend]
impl<C: Codec, E: ServiceError> Failure<C> for E {
    const FITS: bool = !(E::HAS_FIELDS && matches!(C::ID, CodecId::Raw));

    fn encode(&self, encoding: ValueEncoding) -> ErrorData {
        match encoding {
            ValueEncoding::Native => self.to_error_data(C::ID),
            #[cfg(feature = "reflect")]
            ValueEncoding::Json => {
                let mut error = super::json::answering(|| self.to_error_data(CodecId::Json));
                if !error.data.is_empty()
                    && E::has_raw_data(error.code)
                    && FrameworkError::from_error_data(&error).is_none()
                {
                    error.data = super::json::encode_bytes(&error.data).into();
                }
                error
            }
        }
    }

    #[cfg(feature = "reflect")]
    fn describe<D: DescribeErrors>(errors: &mut D) {
        E::describe(errors);
    }

    fn decode(error: &ErrorData, json: bool) -> Option<Self> {
        #[cfg(feature = "json")]
        if json {
            return from_json_error_data(error);
        }
        let _ = json;
        Self::from_error_data(error, C::ID)
    }
}

/// Converts an error of a call in JSON, in which data that are not encoded by the codec are base64 text.
#[cfg(feature = "json")]
fn from_json_error_data<E: ServiceError>(error: &ErrorData) -> Option<E> {
    if E::has_raw_data(error.code)
        && let Some(data) = super::json::decode_bytes(&error.data)
    {
        let error = ErrorData::new(error.code, error.message.clone()).with_data(data);
        return E::from_error_data(&error, CodecId::Json);
    }
    E::from_error_data(error, CodecId::Json)
}

/// An encoder of an error's fields, for the derive.
///
/// If a field cannot be encoded, the error is sent without data: its code and message still arrive.
#[derive(Debug)]
pub struct FieldEncoder(FieldEncoding);

/// A decoder of an error's fields, for the derive.
#[derive(Debug)]
pub struct FieldDecoder<'de>(FieldDecoding<'de>);

/// An encoder for the codec of the service, which an error type knows only by number.
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
    Json(NamedFields<'de>),
    None,
}

/// A decoder of fields that may have names.
#[cfg(feature = "json")]
#[derive(Debug)]
struct NamedFields<'de> {
    fields: Decoder<'de, super::Json>,
    /// The index of the next field, if the fields have names.
    next: Option<usize>,
}

#[cfg(feature = "json")]
impl<'de> NamedFields<'de> {
    fn new(data: &'de [u8], names: ArgumentNames) -> Self {
        if names.is_empty() {
            return Self {
                fields: Decoder::new(data),
                next: None,
            };
        }
        Self {
            fields: Decoder::named(data, names),
            next: Some(0),
        }
    }

    fn take<F: Form>(&mut self) -> Option<F::Got<'de>> {
        if let Some(next) = &mut self.next {
            self.fields.find_or(*next, b"null");
            *next += 1;
        }
        self.fields.take::<F>()
    }

    fn end(&mut self) -> Option<()> {
        self.fields.end()
    }
}

/// Evaluates the same expression for whichever codec is in use.
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
    /// Creates an encoder of fields without names.
    pub fn new(codec: CodecId) -> Self {
        Self::named(codec, &[])
    }

    /// Creates an encoder of fields with these names: in JSON they are an object.
    #[cfg_attr(
        not(feature = "json"),
        expect(unused_variables, reason = "no other codec has names")
    )]
    pub fn named(codec: CodecId, names: &'static [&'static str]) -> Self {
        Self(match codec {
            CodecId::Bincode => FieldEncoding::Bincode(Encoder::new()),
            #[cfg(feature = "postcard")]
            CodecId::Postcard => FieldEncoding::Postcard(Encoder::new()),
            #[cfg(feature = "messagepack")]
            CodecId::MessagePack => FieldEncoding::MessagePack(Encoder::new()),
            #[cfg(feature = "json")]
            CodecId::Json if names.is_empty() => FieldEncoding::Json(Encoder::new()),
            #[cfg(feature = "json")]
            CodecId::Json => FieldEncoding::Json(Encoder::named(names)),
            _ => FieldEncoding::None,
        })
    }

    /// Appends the next field.
    pub fn put<F: Form>(&mut self, value: &F::Sent<'_>) {
        whichever!(FieldEncoding &mut self.0, out => out.put::<F>(value), ());
    }

    /// Returns the encoded fields.
    pub fn finish(self) -> Vec<u8> {
        whichever!(FieldEncoding self.0, out => out.finish().unwrap_or_default(), Vec::new())
    }
}

impl<'de> FieldDecoder<'de> {
    /// Creates a decoder of the fields without names in `data`.
    pub fn new(codec: CodecId, data: &'de [u8]) -> Self {
        Self::named(codec, data, &[])
    }

    /// Creates a decoder of fields with names: in JSON they may be an object, in which a field that may be `null` may be
    /// missing. Each name is in a list of its own.
    #[cfg_attr(
        not(feature = "json"),
        expect(unused_variables, reason = "no other codec has names")
    )]
    pub fn named(codec: CodecId, data: &'de [u8], names: ArgumentNames) -> Self {
        Self(match codec {
            CodecId::Bincode => FieldDecoding::Bincode(Decoder::new(data)),
            #[cfg(feature = "postcard")]
            CodecId::Postcard => FieldDecoding::Postcard(Decoder::new(data)),
            #[cfg(feature = "messagepack")]
            CodecId::MessagePack => FieldDecoding::MessagePack(Decoder::new(data)),
            #[cfg(feature = "json")]
            CodecId::Json => FieldDecoding::Json(NamedFields::new(data, names)),
            _ => FieldDecoding::None,
        })
    }

    /// Decodes the next field. Returns `None` if it is not of this form.
    pub fn take<F: Form>(&mut self) -> Option<F::Got<'de>> {
        whichever!(FieldDecoding &mut self.0, from => from.take::<F>(), None)
    }

    /// Finishes decoding. Returns `None` if fields are left over.
    pub fn end(&mut self) -> Option<()> {
        whichever!(FieldDecoding &mut self.0, from => from.end(), None)
    }
}

/// A type that can be a field of an error.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a service error",
    label = "this type must implement `Serialize`, `Deserialize` and `Send`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "to keep an error from another crate, store its text: `error.to_string()`"
)]
pub trait Field: Sized {
    /// Describes the field.
    #[cfg(feature = "reflect")]
    fn describe<D: DescribeErrors>(errors: &mut D, name: &str, type_name: &str);

    /// Encodes the field.
    fn put(&self, fields: &mut FieldEncoder);

    /// Decodes the next field.
    fn take(fields: &mut FieldDecoder<'_>) -> Option<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + 'static> Field for T {
    #[cfg(feature = "reflect")]
    fn describe<D: DescribeErrors>(errors: &mut D, name: &str, type_name: &str) {
        errors.field::<Owned<T>>(name, type_name);
    }

    fn put(&self, fields: &mut FieldEncoder) {
        fields.put::<Owned<T>>(self);
    }

    fn take(fields: &mut FieldDecoder<'_>) -> Option<Self> {
        fields.take::<Owned<T>>()
    }
}
