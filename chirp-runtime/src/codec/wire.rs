use bytes::{Buf, Bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg(feature = "reflect")]
use super::FindShape;
use super::form::{Lent, Opt, Owned, Return, Slice};
use super::{
    Codec, CodecId, DecodeError, Decoder, EncodeError, Encoder, Encodes, Form, Serde,
    ValueEncoding, attaching, buffer,
};
use crate::packet::{Attachments, Payload};

/// A type that can be sent in a call with the codec `C`. Most codecs support every type that implements
/// serde's traits and `Send`.
///
/// Not to be implemented by hand. Generated code uses a user's type only through this trait, and with the
/// span of the type in the user's code: a missing derive then causes a single error at the right place.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent in a call",
    label = "this type must implement `Serialize`, `Deserialize` and `Send`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "with the codec `Raw`, only `&[u8]`, `Vec<u8>`, `Bytes`, `&str` and `String` can be sent"
)]
pub trait Wire<C: Codec>: Sized {
    /// Finds the shape of the value.
    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape;

    /// Encodes the value as an argument.
    fn put(&self, arguments: &mut Encoder<C>);

    /// Decodes the next argument.
    fn take(arguments: &mut Decoder<'_, C>) -> Option<Self>;

    /// Encodes the value as a result.
    ///
    /// # Errors
    ///
    /// Returns [`EncodeError`] if the value cannot be encoded.
    fn payload(self, encoding: ValueEncoding) -> Result<Payload, EncodeError>;

    /// Decodes a result from all bytes of a response, in JSON if the call was in JSON.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the bytes are not such a value or have bytes left over.
    fn from_response(bytes: Bytes, json: bool) -> Result<Self, DecodeError>;
}

// One function per type, shared by all methods that use the type. Inlined into each method, this code would
// make up most of a service's machine code.
#[diagnostic::do_not_recommend]
impl<C, T> Wire<C> for T
where
    T: Serialize + DeserializeOwned + Send + 'static,
    C: Encodes<Owned<T>>,
{
    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape {
        Owned::<T>::shape(finder)
    }

    #[inline(never)]
    fn put(&self, arguments: &mut Encoder<C>) {
        arguments.put::<Owned<T>>(self);
    }

    #[inline(never)]
    fn take(arguments: &mut Decoder<'_, C>) -> Option<Self> {
        arguments.take::<Owned<T>>()
    }

    #[inline(never)]
    fn payload(self, encoding: ValueEncoding) -> Result<Payload, EncodeError> {
        <Owned<T> as Returned<C>>::payload(self, encoding)
    }

    #[inline(never)]
    fn from_response(bytes: Bytes, json: bool) -> Result<Self, DecodeError> {
        <Owned<T> as Returned<C>>::from_response(bytes, json)
    }
}

/// A type that can be used for a type parameter of a service: any type that can be sent in a call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent in a call",
    label = "this type must implement `Serialize`, `Deserialize`, `Send` and `Sync`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`"
)]
pub trait Parameter: Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Parameter for T {}

/// A type that can be sent as `&[T]` and `Option<&T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent in a call",
    label = "this type must implement `Serialize`, `Deserialize` and `Send`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "with the codec `Raw`, only `&[u8]`, `Vec<u8>`, `Bytes`, `&str` and `String` can be sent"
)]
pub trait WireBorrowed<C: Codec>: Sized {
    /// Finds the shape of a slice.
    #[cfg(feature = "reflect")]
    fn slice_shape<S: FindShape>(finder: &mut S) -> S::Shape;

    /// Finds the shape of an optional reference.
    #[cfg(feature = "reflect")]
    fn option_shape<S: FindShape>(finder: &mut S) -> S::Shape;

    /// Encodes a slice as an argument.
    fn put_slice(values: &[Self], arguments: &mut Encoder<C>);

    /// Decodes the next argument, to be lent as a slice.
    fn take_slice(arguments: &mut Decoder<'_, C>) -> Option<Vec<Self>>;

    /// Encodes an optional reference as an argument.
    fn put_option(value: Option<&Self>, arguments: &mut Encoder<C>);

    /// Decodes the next argument, to be lent as an optional reference.
    fn take_option(arguments: &mut Decoder<'_, C>) -> Option<Option<Self>>;
}

#[diagnostic::do_not_recommend]
impl<C: Serde, T: Serialize + DeserializeOwned + Send + 'static> WireBorrowed<C> for T {
    #[cfg(feature = "reflect")]
    fn slice_shape<S: FindShape>(finder: &mut S) -> S::Shape {
        Slice::<T>::shape(finder)
    }

    #[cfg(feature = "reflect")]
    fn option_shape<S: FindShape>(finder: &mut S) -> S::Shape {
        Opt::<Lent<Owned<T>>>::shape(finder)
    }

    #[inline(never)]
    fn put_slice(values: &[Self], arguments: &mut Encoder<C>) {
        arguments.put::<Slice<T>>(&values);
    }

    #[inline(never)]
    fn take_slice(arguments: &mut Decoder<'_, C>) -> Option<Vec<Self>> {
        arguments.take::<Slice<T>>()
    }

    #[inline(never)]
    fn put_option(value: Option<&Self>, arguments: &mut Encoder<C>) {
        arguments.put::<Opt<Lent<Owned<T>>>>(&value);
    }

    #[inline(never)]
    fn take_option(arguments: &mut Decoder<'_, C>) -> Option<Option<Self>> {
        arguments.take::<Opt<Lent<Owned<T>>>>()
    }
}

/// A form of arguments that the codec `C` supports.
#[diagnostic::on_unimplemented(
    message = "this argument is not supported by the codec of its service",
    label = "not supported by the codec `{C}`",
    note = "the codec `Raw` supports `&[u8]`, `Vec<u8>`, `Bytes`, `&str` and `String`"
)]
pub trait Argument<C: Codec>: Form {
    /// Encodes the value as an argument.
    fn put(value: &Self::Sent<'_>, arguments: &mut Encoder<C>);

    /// Encodes the value as an argument, without a copy if it is many bytes and the last argument.
    fn give(value: Self::Sent<'_>, arguments: &mut Encoder<C>);

    /// Decodes the next argument, and borrows from the bytes where possible.
    fn take<'de>(arguments: &mut Decoder<'de, C>) -> Option<Self::Got<'de>>;
}

#[diagnostic::do_not_recommend]
impl<C: Encodes<F>, F: Form> Argument<C> for F {
    #[inline(never)]
    fn put(value: &F::Sent<'_>, arguments: &mut Encoder<C>) {
        arguments.put::<F>(value);
    }

    #[inline(never)]
    fn give(value: F::Sent<'_>, arguments: &mut Encoder<C>) {
        arguments.give::<F>(value);
    }

    #[inline(never)]
    fn take<'de>(arguments: &mut Decoder<'de, C>) -> Option<F::Got<'de>> {
        arguments.take::<F>()
    }
}

/// A form of results that the codec `C` supports.
#[diagnostic::on_unimplemented(
    message = "this result is not supported by the codec of its service",
    label = "not supported by the codec `{C}`",
    note = "the codec `Raw` supports `Vec<u8>`, `Bytes`, `[u8; N]`, `String` and `()`"
)]
pub trait Returned<C: Codec>: Return {
    /// Decodes a result from all of `bytes`.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the bytes are not such a value or have bytes left over.
    fn decode(bytes: &[u8]) -> Result<Self::Value, DecodeError>;

    /// Encodes a result. Many bytes are not copied.
    ///
    /// # Errors
    ///
    /// Returns [`EncodeError`] if the value cannot be encoded.
    fn payload(value: Self::Value, encoding: ValueEncoding) -> Result<Payload, EncodeError>;

    /// Decodes a result like [`decode`](Self::decode), and keeps the packet's memory for many bytes.
    ///
    /// # Errors
    ///
    /// Returns the error of [`decode`](Self::decode).
    fn from_packet(bytes: Bytes) -> Result<Self::Value, DecodeError>;

    /// Decodes a result like [`from_packet`](Self::from_packet), in JSON if the call was in JSON.
    ///
    /// # Errors
    ///
    /// Returns the error of [`decode`](Self::decode).
    fn from_response(bytes: Bytes, json: bool) -> Result<Self::Value, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<C: Encodes<F>, F: Return> Returned<C> for F {
    #[inline(never)]
    fn decode(mut bytes: &[u8]) -> Result<F::Value, DecodeError> {
        let value = C::decode(&mut bytes)?;
        C::trim(&mut bytes);
        match bytes.len() {
            0 => Ok(value),
            more => Err(DecodeError::left_over(more)),
        }
    }

    #[inline(never)]
    fn payload(mut value: F::Value, encoding: ValueEncoding) -> Result<Payload, EncodeError> {
        #[cfg(feature = "reflect")]
        if encoding == ValueEncoding::Json {
            return json_payload::<F>(&value);
        }
        let _ = encoding;
        let mut out = buffer::take();
        if C::RUNS {
            match F::into_run(value) {
                Ok(run) => {
                    C::before_run(run.len(), &mut out);
                    return Ok(Payload::parted(out, run));
                }
                Err(other) => value = other,
            }
        }
        attached(C::ID, out, |out| C::encode(&value, out))
    }

    #[inline(never)]
    fn from_packet(mut bytes: Bytes) -> Result<F::Value, DecodeError> {
        let of_run = F::OF_RUN.filter(|_| C::RUNS && bytes.len() > Payload::COPIED);
        let Some(of_run) = of_run else {
            return <F as Returned<C>>::decode(&bytes);
        };
        let mut rest = &bytes[..];
        let len = C::run(&mut rest)?.len();
        match rest.len() {
            0 => {
                bytes.advance(bytes.len() - len);
                of_run(bytes)
            }
            more => Err(DecodeError::left_over(more)),
        }
    }

    #[inline(never)]
    fn from_response(bytes: Bytes, json: bool) -> Result<F::Value, DecodeError> {
        if json {
            return decode_json::<F>(&bytes);
        }
        <F as Returned<C>>::from_packet(bytes)
    }
}

/// Decodes a result in JSON.
#[cfg(feature = "json")]
#[cold]
#[inline(never)]
fn decode_json<F: Return>(bytes: &[u8]) -> Result<F::Value, DecodeError> {
    let decode = <F as Returned<super::Json>>::decode;
    match decode(bytes) {
        // Results of protocols such as MCP are objects, also if there is nothing to say.
        Err(error) if bytes == b"{}" => decode(b"null").map_err(|_| error),
        decoded => decoded,
    }
}

#[cfg(not(feature = "json"))]
fn decode_json<F: Return>(_: &[u8]) -> Result<F::Value, DecodeError> {
    Err(DecodeError::new("the feature `json` is disabled"))
}

/// Encodes a value into `out`, and attaches its stream halves.
fn attached(
    codec: CodecId,
    mut out: Vec<u8>,
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<Payload, EncodeError> {
    let mut attachments = Attachments::default();
    match attaching::encoding(codec, &mut attachments, || encode(&mut out)) {
        Ok(()) => Ok(Payload::from(out).attach(attachments)),
        Err(error) => {
            buffer::give(out);
            Err(error)
        }
    }
}

/// Encodes a result for a caller that expects JSON.
#[cfg(feature = "reflect")]
fn json_payload<F: Return>(value: &F::Value) -> Result<Payload, EncodeError> {
    attached(CodecId::Json, buffer::take(), |out| {
        super::json::encode_result::<F>(value, out)
    })
}
