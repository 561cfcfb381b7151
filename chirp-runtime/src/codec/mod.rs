//! Values to bytes and back.
//!
//! A [`Codec`] is chosen per service, by its type: [`Bincode`] unless the service says otherwise, [`Json`]
//! for readable bytes, [`Raw`] for bytes that are already what should travel. How a single argument or
//! result travels is its [`Form`], which `#[chirp::service]` picks from the way its type is written:
//! `&[u8]` always travels as bytes, for example, and `&str` is lent from the packet where the codec can.
//!
//! Nothing here knows of packets beyond the two that carry values, and nothing waits or locks.

mod bincode;
mod buffer;
mod error;
mod service_error;
mod wire;

pub mod form;

#[cfg(feature = "json")]
mod json;
mod raw;

pub use self::bincode::Bincode;
pub use buffer::{give, take};
pub use error::{DecodeError, EncodeError};
pub use form::Form;
#[cfg(feature = "json")]
pub use json::Json;
pub use raw::Raw;
pub use service_error::{Failure, ServiceError, decode_fields, encode_fields};
pub use wire::Wire;

/// How a service's values become bytes: [`Bincode`], [`Json`] or [`Raw`].
///
/// The set is closed, so that a value can know its codec by number ([`CodecId`]).
pub trait Codec: sealed::Sealed + Send + Sync + 'static {
    /// The codec's number.
    const ID: CodecId;
}

/// A codec by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodecId {
    /// [`Bincode`].
    Bincode,
    /// `Json`, which is there with the feature `json`.
    Json,
    /// [`Raw`].
    Raw,
}

/// A codec that can carry what travels in the form `F`: one result, or a whole list of arguments.
///
/// [`Bincode`] and [`Json`] carry every form; [`Raw`] carries one piece of bytes or text, or nothing.
#[diagnostic::on_unimplemented(
    message = "the codec `{Self}` cannot carry these arguments or this result",
    label = "not carried by this codec",
    note = "`Raw` carries one argument and one result, each bytes or text, or none: `&[u8]`, `Vec<u8>`, `Bytes`, `&str`, `String`, `()`"
)]
pub trait Carries<F: Form>: Codec {
    /// Appends the value's bytes to `out`.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the value refuses to be encoded. What was appended by then is of no use.
    fn encode(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// The value that `bytes` stand for, borrowed from them where it can be.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when they stand for no such value, or for one and something more.
    fn decode<'de>(bytes: &'de [u8]) -> Result<F::Got<'de>, DecodeError>;
}

mod sealed {
    pub trait Sealed {}
}

#[cfg(test)]
mod tests;
