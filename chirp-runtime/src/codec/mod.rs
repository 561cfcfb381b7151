//! Values to bytes and back.
//!
//! A [`Codec`] is chosen per service, by its type: [`Bincode`] unless the service says otherwise, `Postcard`,
//! `MessagePack` or `Json` (each a feature), and [`Raw`] for bytes that are already what should travel. How a single argument or
//! result travels is its [`Form`], which `#[chirp::service]` picks from the way its type is written:
//! `&[u8]` always travels as bytes, for example, and `&str` is lent from the packet where the codec can.
//!
//! Nothing here knows of packets beyond the two that carry values, and nothing waits or locks.

pub mod attaching;
mod bincode;
mod buffer;
mod data;
mod decoder;
mod encoder;
mod error;
#[cfg(any(feature = "json", feature = "messagepack"))]
mod guarded;
mod item;
mod list;
mod numbering;
mod reader;
mod service_error;
mod standard_errors;
mod type_name;
#[cfg(any(feature = "json", feature = "messagepack"))]
mod whole;
mod wire;
mod writer;

pub mod form;

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
pub use buffer::{give, take};
pub use data::{Data, Describe, Kept, MaybeError, NoError};
pub use decoder::{ArgumentNames, Decoder, StreamSource};
pub use encoder::Encoder;
pub use error::{DecodeError, EncodeError};
pub use form::Form;
pub use item::{Item, encode_item, item_payload, next_item};
#[cfg(feature = "json")]
pub use json::Json;
#[cfg(feature = "messagepack")]
pub use messagepack::MessagePack;
pub use raw::Raw;
pub use service_error::{Failure, Field, FieldDecoder, FieldEncoder, ServiceError};
pub(crate) use type_name::type_name;
pub use wire::{Argument, Parameter, Returned, Wire, WireBorrowed};

use list::List;

/// How deep values may be nested, written or read, in every codec. Without a limit a packet that is nothing but depth
/// would overflow the stack, which ends the process; and what its reader refuses is an error of the sender.
///
/// A level is a `Some`, a newtype struct, a list, a map, a tuple, a struct, or an enum; the fields of a tuple or struct
/// variant are one more. The same levels are counted whether or not a codec's bytes show them.
///
/// Not counted is what serde itself keeps between a type and the codec, for types that are tagged internally or untagged.
const MAX_DEPTH: usize = 128;

/// How a service's values become bytes: [`Bincode`], `Postcard`, `MessagePack`, `Json` or [`Raw`].
///
/// The set is closed, so that a value can know its codec by number ([`CodecId`]).
pub trait Codec: List + Send + Sync + 'static {
    /// The codec's number.
    const ID: CodecId;

    /// The most arguments that a method may have.
    #[doc(hidden)]
    const MAX_ARGUMENTS: usize = usize::MAX;

    /// Whether bytes travel as they are, so that many of them need not be copied to be encoded or decoded. Such
    /// a codec appends nothing after the last value.
    #[doc(hidden)]
    const RUNS: bool = false;

    /// Appends what stands before so many bytes that travel as they are.
    #[doc(hidden)]
    fn before_run(_len: usize, _out: &mut Vec<u8>) {}

    /// Takes bytes that travel as they are off the front of `bytes`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when they begin with no such thing.
    #[doc(hidden)]
    fn run<'de>(bytes: &mut &'de [u8]) -> Result<&'de [u8], DecodeError> {
        Ok(std::mem::take(bytes))
    }
}

/// What may be chosen as a service's codec, as generated code names it: a [`Codec`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a codec",
    label = "not one of chirp's codecs",
    note = "the codecs are `chirp::codec::Bincode`, `Postcard`, `MessagePack`, `Json` and `Raw`; `Postcard`, `MessagePack` \
            and `Json` each need the feature of the same name"
)]
pub trait Chosen {
    /// Itself.
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

/// A codec that goes through serde, and so carries every form.
pub trait Serde: Codec {
    /// Appends the value's bytes to `out`.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the value refuses to be encoded.
    fn serialize<F: Form>(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Takes one value off the front of `bytes`.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when they begin with no such value.
    fn deserialize<'de, F: Form>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError>;
}

/// A codec by its number, which is the one in `PROTOCOL.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodecId {
    /// [`Bincode`].
    Bincode = 0,
    /// `Postcard`, which is there with the feature `postcard`.
    Postcard = 1,
    /// `MessagePack`, which is there with the feature `messagepack`.
    MessagePack = 2,
    /// `Json`, which is there with the feature `json`.
    Json = 3,
    /// [`Raw`].
    Raw = 4,
}

impl CodecId {
    /// The codec of this number, if it is there.
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

/// A codec that can carry a value in the form `F`.
///
/// [`Raw`] carries bytes or text, or nothing; the others carry every form.
#[diagnostic::on_unimplemented(
    message = "this argument or result is not supported by the codec `{Self}`",
    note = "`Raw` supports `&[u8]`, `Vec<u8>`, `Bytes`, `[u8; N]`, `&str`, `String`, and `()` as a result"
)]
pub trait Encodes<F: Form>: Codec {
    /// Appends the value's bytes to `out`.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the value refuses to be encoded. What was appended by then is of no use.
    fn encode(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    /// Takes one value off the front of `bytes`, borrowed from them where it can be.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when they begin with no such value.
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
