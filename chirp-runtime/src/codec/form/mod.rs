//! How a single argument or result travels.
//!
//! A method's argument is written one way (`&str`), decoded in another (text that is borrowed if it can be,
//! else copied) and lent to the method. A [`Form`] is the type that says so:
//!
//! | written | form | decoded as |
//! |---|---|---|
//! | `&str` | [`Str`] | `Cow<str>` |
//! | `Cow<str>` | [`CowStr`] | `Cow<str>` |
//! | `&[u8]` | [`Slice8`] | `Cow<[u8]>` |
//! | `Cow<[u8]>` | [`CowSlice8`] | `Cow<[u8]>` |
//! | `Vec<u8>`, `Bytes`, `[u8; N]` | [`Blob<T>`] | `T` |
//! | `&[T]` | [`Slice<T>`] | `Vec<T>` |
//! | `Option` of one of these | [`Opt<F>`] | `Option` of what `F` is decoded as |
//! | `&T` | [`Lent<F>`], `F` being the form of `T` | what `F` is decoded as |
//! | any other `T` | [`Owned<T>`] | `T` |

mod blob;
mod text;
mod value;

use bytes::Bytes;
use serde::{Deserializer, Serialize, Serializer};

pub use blob::{Blob, BlobType, CowSlice8, Slice8};
pub use text::{CowStr, Str};
pub use value::{Lent, Opt, Owned, Slice};

use super::DecodeError;

/// How an argument or a result travels.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an encoding form",
    note = "forms are an implementation detail of `#[chirp::service]`"
)]
pub trait Form: 'static {
    /// What is encoded.
    type Sent<'a>: 'a;
    /// What is decoded from bytes that live for `'de`.
    type Got<'de>;

    /// Whether it is bytes, which only JSON writes as text.
    const BYTES: bool = false;

    /// Encodes through serde.
    ///
    /// # Errors
    ///
    /// The serializer's.
    fn serialize<S: Serializer>(value: &Self::Sent<'_>, serializer: S) -> Result<S::Ok, S::Error>;

    /// Decodes through serde.
    ///
    /// # Errors
    ///
    /// The deserializer's.
    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Got<'de>, D::Error>;

    /// The bytes that a value owns, if it is nothing else and they are too many to be copied.
    ///
    /// # Errors
    ///
    /// The value, when it is to be encoded as any other.
    fn into_run(value: Self::Sent<'_>) -> Result<Bytes, Self::Sent<'_>> {
        Err(value)
    }
}

/// A form that borrows nothing, so that a result may have it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned",
    note = "methods return owned values"
)]
pub trait Return:
    for<'a> Form<Sent<'a> = <Self as Return>::Value, Got<'a> = <Self as Return>::Value>
{
    /// The result.
    type Value: Send + 'static;

    /// What makes a result of the bytes that it is, if it is nothing else.
    const OF_RUN: Option<OfRun<Self::Value>> = None;
}

/// Makes a value of bytes, in their own memory if it can.
pub type OfRun<T> = fn(Bytes) -> Result<T, DecodeError>;

/// A form that is a run of bytes, so that [`Raw`](super::Raw) carries it.
pub trait Plain: Form {
    /// The value as bytes.
    fn bytes<'a>(value: &'a Self::Sent<'_>) -> &'a [u8];

    /// The value that the bytes are.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for bytes that are not text where text is meant, and for left-over bytes.
    fn from_bytes(bytes: &[u8]) -> Result<Self::Got<'_>, DecodeError>;
}

/// A value to be encoded, as serde wants it.
struct SerializeForm<'v, 'a, F: Form>(&'v F::Sent<'a>);

impl<F: Form> Serialize for SerializeForm<'_, '_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        F::serialize(self.0, serializer)
    }
}
