//! The encoding of a single argument or result.
//!
//! The type of an argument as written (`&str`) can differ from the decoded type (borrowed or owned text),
//! which is then lent to the method. A [`Form`] is a type that combines the two:
//!
//! | written | form | decoded as |
//! |---|---|---|
//! | `&str` | [`Str`] | `Cow<str>` |
//! | `Cow<str>` | [`CowStr`] | `Cow<str>` |
//! | `&[u8]` | [`Slice8`] | `Cow<[u8]>` |
//! | `Cow<[u8]>` | [`CowSlice8`] | `Cow<[u8]>` |
//! | `Vec<u8>`, `Bytes`, `[u8; N]` | [`Blob<T>`] | `T` |
//! | `&[T]` | [`Slice<T>`] | `Vec<T>` |
//! | `Option` of one of these | [`Opt<F>`] | `Option` of the decoded type of `F` |
//! | `&T` | [`Lent<F>`], where `F` is the form of `T` | the decoded type of `F` |
//! | any other `T` | [`Owned<T>`] | `T` |

pub(super) mod blob;
mod text;
mod value;

use bytes::Bytes;
use serde::{Deserializer, Serialize, Serializer};

pub use blob::{Blob, CowSlice8, Slice8};
pub use text::{CowStr, Str};
pub use value::{Lent, Opt, Owned, Slice};

use super::DecodeError;

/// The encoding of an argument or a result.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an encoding form",
    note = "forms are an implementation detail of `#[chirp::service]`"
)]
pub trait Form: 'static {
    /// The type that is encoded.
    type Sent<'a>: 'a;
    /// The type that is decoded from bytes with the lifetime `'de`.
    type Got<'de>;

    /// Whether the value is bytes. Only JSON encodes bytes as text.
    const BYTES: bool = false;

    /// Encodes a value with serde.
    ///
    /// # Errors
    ///
    /// Returns the error of the serializer.
    fn serialize<S: Serializer>(value: &Self::Sent<'_>, serializer: S) -> Result<S::Ok, S::Error>;

    /// Decodes a value with serde.
    ///
    /// # Errors
    ///
    /// Returns the error of the deserializer.
    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Got<'de>, D::Error>;

    /// Finds the shape of the values.
    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape;

    /// Converts a value into its bytes, if it has no other contents and is too large to copy.
    ///
    /// # Errors
    ///
    /// Returns the value if it is to be encoded like any other.
    fn into_run(value: Self::Sent<'_>) -> Result<Bytes, Self::Sent<'_>> {
        Err(value)
    }
}

/// A source of the shapes of types, in a layer above.
#[cfg(feature = "reflect")]
pub trait FindShape {
    /// The shape of a type.
    type Shape;

    /// Finds the shape of a type by its `Deserialize`.
    fn of_type<T: serde::de::DeserializeOwned>(&mut self) -> Self::Shape;

    /// Returns the shape of bytes.
    fn bytes(&mut self) -> Self::Shape;

    /// Returns the shape of an optional value.
    fn optional(&mut self, inner: Self::Shape) -> Self::Shape;
}

/// A form without borrows, which results can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be returned",
    note = "methods return owned values"
)]
pub trait Return:
    for<'a> Form<Sent<'a> = <Self as Return>::Value, Got<'a> = <Self as Return>::Value>
{
    /// The type of the result.
    type Value: Send + 'static;

    /// The conversion from bytes to a result that has no other contents.
    const OF_RUN: Option<OfRun<Self::Value>> = None;
}

/// A conversion from bytes to a value, which reuses their memory if possible.
pub(crate) type OfRun<T> = fn(Bytes) -> Result<T, DecodeError>;

/// A form that consists of bytes alone, which [`Raw`](super::Raw) supports.
pub trait Plain: Form {
    /// Returns the value as bytes.
    fn bytes<'a>(value: &'a Self::Sent<'_>) -> &'a [u8];

    /// Creates a value from bytes.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if text is not UTF-8 or bytes are left over.
    fn from_bytes(bytes: &[u8]) -> Result<Self::Got<'_>, DecodeError>;
}

/// Adapts a value of a form to serde's `Serialize`.
struct SerializeForm<'v, 'a, F: Form>(&'v F::Sent<'a>);

impl<F: Form> Serialize for SerializeForm<'_, '_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        F::serialize(self.0, serializer)
    }
}
