use bytes::{Buf, Bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::form::{Lent, Opt, Owned, Return, Slice};
use super::{
    Codec, DecodeError, Decoder, EncodeError, Encoder, Encodes, Form, Serde, attaching, buffer,
};
use crate::packet::{Attachments, Payload};

/// What can travel in a call through the codec `C`: for most codecs, every type that serde can take apart
/// and put together again, and that may be sent between threads.
///
/// It is never implemented by hand. Generated code does everything it does with a user's type through
/// this trait, and names the type where the user wrote it: so a missing derive is one error, there.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent in a call",
    label = "this type must implement `Serialize`, `Deserialize` and `Send`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "with the codec `Raw`, only `&[u8]`, `Vec<u8>`, `Bytes`, `&str` and `String` can be sent"
)]
pub trait Wire<C: Codec>: Sized {
    /// Puts it among arguments.
    fn put(&self, arguments: &mut Encoder<C>);

    /// The next of the arguments.
    fn take(arguments: &mut Decoder<'_, C>) -> Option<Self>;

    /// Its bytes as a result, as they are sent.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when it refuses to be encoded.
    fn payload(self) -> Result<Payload, EncodeError>;

    /// The result that the bytes of an answer stand for, all of them.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when they stand for no such value, or for one and something more.
    fn from_packet(bytes: Bytes) -> Result<Self, DecodeError>;
}

// What is done with a type is a function that all methods call which have it: inlined into each, the methods of a
// service would be the better part of a program.
#[diagnostic::do_not_recommend]
impl<C, T> Wire<C> for T
where
    T: Serialize + DeserializeOwned + Send + 'static,
    C: Encodes<Owned<T>>,
{
    #[inline(never)]
    fn put(&self, arguments: &mut Encoder<C>) {
        arguments.put::<Owned<T>>(self);
    }

    #[inline(never)]
    fn take(arguments: &mut Decoder<'_, C>) -> Option<Self> {
        arguments.take::<Owned<T>>()
    }

    #[inline(never)]
    fn payload(self) -> Result<Payload, EncodeError> {
        <Owned<T> as Returned<C>>::payload(self)
    }

    #[inline(never)]
    fn from_packet(bytes: Bytes) -> Result<Self, DecodeError> {
        <Owned<T> as Returned<C>>::from_packet(bytes)
    }
}

/// What can stand for a type parameter of a service: any type that can travel.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent in a call",
    label = "this type must implement `Serialize`, `Deserialize`, `Send` and `Sync`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`"
)]
pub trait Parameter: Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Parameter for T {}

/// What can travel as `&[T]` and `Option<&T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent in a call",
    label = "this type must implement `Serialize`, `Deserialize` and `Send`, and must not borrow",
    note = "for your own type: `#[derive(serde::Serialize, serde::Deserialize)]`",
    note = "with the codec `Raw`, only `&[u8]`, `Vec<u8>`, `Bytes`, `&str` and `String` can be sent"
)]
pub trait WireBorrowed<C: Codec>: Sized {
    /// Puts a slice among arguments.
    fn put_slice(values: &[Self], arguments: &mut Encoder<C>);

    /// The next of the arguments, to be lent as a slice.
    fn take_slice(arguments: &mut Decoder<'_, C>) -> Option<Vec<Self>>;

    /// Puts what may be there among arguments.
    fn put_option(value: Option<&Self>, arguments: &mut Encoder<C>);

    /// The next of the arguments, to be lent if it is there.
    fn take_option(arguments: &mut Decoder<'_, C>) -> Option<Option<Self>>;
}

#[diagnostic::do_not_recommend]
impl<C: Serde, T: Serialize + DeserializeOwned + Send + 'static> WireBorrowed<C> for T {
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

/// A form that arguments may have through the codec `C`.
#[diagnostic::on_unimplemented(
    message = "this argument is not supported by the codec of its service",
    label = "not supported by the codec `{C}`",
    note = "the codec `Raw` supports `&[u8]`, `Vec<u8>`, `Bytes`, `&str` and `String`"
)]
pub trait Argument<C: Codec>: Form {
    /// Puts it among arguments.
    fn put(value: &Self::Sent<'_>, arguments: &mut Encoder<C>);

    /// Puts it among arguments, without a copy if it is many bytes and nothing follows.
    fn give(value: Self::Sent<'_>, arguments: &mut Encoder<C>);

    /// The next of the arguments, borrowed from their bytes where it can be.
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

/// A form that results may have through the codec `C`.
#[diagnostic::on_unimplemented(
    message = "this result is not supported by the codec of its service",
    label = "not supported by the codec `{C}`",
    note = "the codec `Raw` supports `Vec<u8>`, `Bytes`, `[u8; N]`, `String` and `()`"
)]
pub trait Returned<C: Codec>: Return {
    /// The result that `bytes` stand for, all of them.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when they stand for no such value, or for one and something more.
    fn decode(bytes: &[u8]) -> Result<Self::Value, DecodeError>;

    /// The bytes as they are sent: not copied if the value is nothing but many bytes.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when it refuses to be encoded.
    fn payload(value: Self::Value) -> Result<Payload, EncodeError>;

    /// As [`decode`](Self::decode), of bytes that came, in whose memory the result may stay.
    ///
    /// # Errors
    ///
    /// As of [`decode`](Self::decode).
    fn from_packet(bytes: Bytes) -> Result<Self::Value, DecodeError>;
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
    fn payload(mut value: F::Value) -> Result<Payload, EncodeError> {
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
        let mut attachments = Attachments::default();
        let encoded = attaching::encoding(C::ID, &mut attachments, || C::encode(&value, &mut out));
        match encoded {
            Ok(()) => Ok(Payload::from(out).attach(attachments)),
            Err(error) => {
                buffer::give(out);
                Err(error)
            }
        }
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
}
