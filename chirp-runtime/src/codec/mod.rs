//! Conversion between values and bytes.
//!
//! Each service has one [`Codec`], chosen by type: [`Bincode`] by default, `Postcard`, `MessagePack` or
//! `Json` (each a crate feature), or [`Raw`] for data that need no encoding.
//!
//! The encoding of an argument or a result also depends on how its type is written in the trait. `&[u8]`, for
//! example, is encoded as bytes rather than as a sequence of numbers, and `&str` is borrowed from the packet
//! if the codec allows.

pub(crate) mod attaching;
mod bincode;
pub(crate) mod buffer;
pub(crate) mod data;
pub(crate) mod decoder;
pub(crate) mod encoder;
mod error;
#[cfg(any(feature = "json", feature = "messagepack"))]
mod guarded;
pub(crate) mod item;
mod list;
mod numbering;
mod reader;
pub(crate) mod service_error;
mod standard_errors;
mod type_name;
pub(crate) mod value_encoding;
#[cfg(any(feature = "json", feature = "messagepack"))]
mod whole;
pub(crate) mod wire;
mod writer;

pub(crate) mod form;

#[cfg(feature = "reflect")]
pub(crate) mod argument_table;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json")]
mod limited;
#[cfg(feature = "messagepack")]
mod messagepack;
#[cfg(feature = "postcard")]
mod postcard;
mod raw;

pub use self::bincode::Bincode;
#[cfg(feature = "postcard")]
pub use self::postcard::Postcard;
pub use error::{DecodeError, EncodeError};
pub use item::Item;
#[cfg(feature = "json")]
pub use json::Json;
#[cfg(feature = "reflect")]
pub(crate) use json::answering;
#[cfg(feature = "messagepack")]
pub use messagepack::MessagePack;
pub use raw::Raw;
#[cfg(feature = "reflect")]
pub(crate) use service_error::DescribeErrors;
pub use service_error::ServiceError;

// Generated code uses these through `__private`. They are not part of the public interface.
#[cfg(feature = "reflect")]
pub(crate) use argument_table::ArgumentTable;
pub(crate) use buffer::give;
pub(crate) use decoder::{ArgumentNames, Decoder, StreamSource};
pub(crate) use encoder::Encoder;
#[cfg(feature = "reflect")]
pub(crate) use form::FindShape;
pub(crate) use form::Form;
pub(crate) use item::{encode_item, item_payload, next_item};
pub(crate) use type_name::type_name;
pub(crate) use value_encoding::ValueEncoding;
#[cfg(test)]
pub(crate) use wire::Argument;
pub(crate) use wire::{Returned, Wire};

use list::List;

/// The maximum nesting depth of values, for encoding and decoding in every codec. Without a limit, a deeply
/// nested packet could overflow the stack and abort the process. The encoder enforces the limit too, so that
/// the sender learns of the error.
///
/// A level is a `Some`, a newtype struct, a list, a map, a tuple, a struct or an enum. The fields of a tuple
/// or struct variant are one more level. The count does not depend on whether a codec's encoding has a trace
/// of the level.
///
/// Layers that serde inserts itself, for internally tagged and untagged types, are not counted.
const MAX_DEPTH: usize = 128;

/// The encoding of a service's values: [`Bincode`], `Postcard`, `MessagePack`, `Json` or [`Raw`].
///
/// The trait is sealed, so that each codec has a number ([`CodecId`]).
pub trait Codec: List + Send + Sync + 'static {
    /// The codec's number.
    const ID: CodecId;

    /// The maximum number of arguments of a method.
    #[doc(hidden)]
    const MAX_ARGUMENTS: usize = usize::MAX;

    /// Whether bytes are encoded as they are, so that long ones need not be copied. Such a codec appends
    /// nothing after the last value.
    #[doc(hidden)]
    const RUNS: bool = false;

    /// Appends what precedes `len` bytes that are encoded as they are.
    #[doc(hidden)]
    fn before_run(_len: usize, _out: &mut Vec<u8>) {}

    /// Takes bytes that are encoded as they are off the front of `bytes`.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the front is not such bytes.
    #[doc(hidden)]
    fn run<'de>(bytes: &mut &'de [u8]) -> Result<&'de [u8], DecodeError> {
        Ok(std::mem::take(bytes))
    }
}

/// A type that can be chosen as a service's codec: any [`Codec`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a codec",
    label = "not one of chirp's codecs",
    note = "the codecs are `chirp::codec::Bincode`, `Postcard`, `MessagePack`, `Json` and `Raw`; `Postcard`, `MessagePack` \
            and `Json` each need the feature of the same name"
)]
#[doc(hidden)]
pub trait Chosen {
    /// The codec itself.
    type Codec: Codec;
}

impl Chosen for Bincode {
    type Codec = Self;
}
#[cfg(feature = "postcard")]
impl Chosen for Postcard {
    type Codec = Self;
}
#[cfg(feature = "messagepack")]
impl Chosen for MessagePack {
    type Codec = Self;
}
#[cfg(feature = "json")]
impl Chosen for Json {
    type Codec = Self;
}
impl Chosen for Raw {
    type Codec = Self;
}

/// A codec based on serde, which supports every form.
#[doc(hidden)]
pub trait Serde: Codec {
    /// Appends an encoded value to `out`.
    ///
    /// # Errors
    ///
    /// Returns [`EncodeError`] if the value cannot be encoded.
    fn serialize<F: Form>(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Decodes one value from the front of `bytes`.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the front is not such a value.
    fn deserialize<'de, F: Form>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError>;
}

/// The number of a codec (PROTOCOL.md, "Codec numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodecId {
    /// [`Bincode`].
    Bincode = 0,
    /// `Postcard`. Requires the feature `postcard`.
    Postcard = 1,
    /// `MessagePack`. Requires the feature `messagepack`.
    MessagePack = 2,
    /// `Json`. Requires the feature `json`.
    Json = 3,
    /// [`Raw`].
    Raw = 4,
}

impl CodecId {
    /// Returns the codec with this number. Returns `None` if the number is unknown or the codec's feature is
    /// disabled.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Bincode),
            #[cfg(feature = "postcard")]
            1 => Some(Self::Postcard),
            #[cfg(feature = "messagepack")]
            2 => Some(Self::MessagePack),
            #[cfg(feature = "json")]
            3 => Some(Self::Json),
            4 => Some(Self::Raw),
            _ => None,
        }
    }
}

/// A codec that supports values of the form `F`.
///
/// [`Raw`] supports bytes, text and the empty result. The other codecs support every form.
#[diagnostic::on_unimplemented(
    message = "this argument or result is not supported by the codec `{Self}`",
    note = "`Raw` supports `&[u8]`, `Vec<u8>`, `Bytes`, `[u8; N]`, `&str`, `String`, and `()` as a result"
)]
#[doc(hidden)]
pub trait Encodes<F: Form>: Codec {
    /// Appends an encoded value to `out`.
    ///
    /// # Errors
    ///
    /// Returns [`EncodeError`] if the value cannot be encoded. `out` may then end in a partial value.
    fn encode(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Decodes one value from the front of `bytes`, and borrows from them where possible.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the front is not such a value.
    fn decode<'de>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError>;
}

#[diagnostic::do_not_recommend]
impl<F: Form, C: Serde> Encodes<F> for C {
    fn encode(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        C::serialize::<F>(value, out)
    }

    fn decode<'de>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        C::deserialize::<F>(bytes)
    }
}

#[cfg(test)]
mod tests;
