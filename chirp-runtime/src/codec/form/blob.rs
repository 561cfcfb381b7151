use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

#[cfg(feature = "reflect")]
use super::FindShape;
use super::{Form, OfRun, Plain, Return};
use crate::codec::DecodeError;
use crate::packet::Payload;

/// The form of `&[u8]`: bytes, borrowed from the packet if the codec allows. JSON encodes bytes as base64 text.
#[derive(Debug)]
pub struct Slice8;

/// The form of `Cow<[u8]>`: like [`Slice8`], passed to the method as a `Cow`.
#[derive(Debug)]
pub struct CowSlice8;

/// The form of `Vec<u8>`, `Bytes` and `[u8; N]`: bytes, never a sequence of numbers.
#[derive(Debug)]
pub struct Blob<T>(PhantomData<T>);

/// A type that owns bytes and has no other contents.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as bytes",
    note = "supported: `Vec<u8>`, `bytes::Bytes` and `[u8; N]`; to use another type of the same name, refer to it through a type alias"
)]
pub trait BlobType: AsRef<[u8]> + Send + 'static {
    /// Creates a value from bytes.
    ///
    /// # Errors
    ///
    /// Returns a message if the type has no value with this number of bytes.
    fn from_bytes(bytes: Cow<'_, [u8]>) -> Result<Self, String>
    where
        Self: Sized;

    /// Creates a value from bytes, like [`from_bytes`](Self::from_bytes), and reuses their memory if possible.
    ///
    /// # Errors
    ///
    /// Returns the error of [`from_bytes`](Self::from_bytes).
    fn from_run(run: Bytes) -> Result<Self, String>
    where
        Self: Sized,
    {
        Self::from_bytes(Cow::Borrowed(&run))
    }

    /// Converts the value into its bytes without a copy.
    ///
    /// # Errors
    ///
    /// Returns the value if the conversion requires a copy.
    fn into_run(self) -> Result<Bytes, Self>
    where
        Self: Sized,
    {
        Err(self)
    }
}

impl BlobType for Vec<u8> {
    fn from_bytes(bytes: Cow<'_, [u8]>) -> Result<Self, String> {
        Ok(bytes.into_owned())
    }

    fn from_run(run: Bytes) -> Result<Self, String> {
        Ok(run.into())
    }

    fn into_run(self) -> Result<Bytes, Self> {
        // A mostly empty buffer would keep unused memory until it is sent.
        if self.capacity() / 2 > self.len() {
            return Err(self);
        }
        Ok(self.into())
    }
}

impl BlobType for Bytes {
    fn from_bytes(bytes: Cow<'_, [u8]>) -> Result<Self, String> {
        Ok(bytes.into_owned().into())
    }

    fn from_run(run: Bytes) -> Result<Self, String> {
        Ok(run)
    }

    fn into_run(self) -> Result<Bytes, Self> {
        Ok(self)
    }
}

impl<const N: usize> BlobType for [u8; N] {
    fn from_bytes(bytes: Cow<'_, [u8]>) -> Result<Self, String> {
        (*bytes)
            .try_into()
            .map_err(|_| format!("expected {N} bytes, got {}", bytes.len()))
    }
}

impl Form for Slice8 {
    type Sent<'a> = &'a [u8];
    type Got<'de> = Cow<'de, [u8]>;

    const BYTES: bool = true;

    fn serialize<S: Serializer>(value: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
        put(value, serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Got<'de>, D::Error> {
        take(deserializer)
    }

    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape {
        finder.bytes()
    }
}

impl Plain for Slice8 {
    fn bytes<'a>(value: &'a &[u8]) -> &'a [u8] {
        value
    }

    fn from_bytes(bytes: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
        Ok(Cow::Borrowed(bytes))
    }
}

impl Form for CowSlice8 {
    type Sent<'a> = Cow<'a, [u8]>;
    type Got<'de> = Cow<'de, [u8]>;

    const BYTES: bool = true;

    fn serialize<S: Serializer>(value: &Cow<'_, [u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        put(value, serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Got<'de>, D::Error> {
        take(deserializer)
    }

    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape {
        finder.bytes()
    }
}

impl Plain for CowSlice8 {
    fn bytes<'a>(value: &'a Cow<'_, [u8]>) -> &'a [u8] {
        value
    }

    fn from_bytes(bytes: &[u8]) -> Result<Cow<'_, [u8]>, DecodeError> {
        Ok(Cow::Borrowed(bytes))
    }
}

impl<T: BlobType> Form for Blob<T> {
    type Sent<'a> = T;
    type Got<'de> = T;

    const BYTES: bool = true;

    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        put(value.as_ref(), serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::from_bytes(take(deserializer)?).map_err(D::Error::custom)
    }

    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape {
        finder.bytes()
    }

    fn into_run(value: Self::Sent<'_>) -> Result<Bytes, Self::Sent<'_>> {
        if value.as_ref().len() <= Payload::COPIED {
            return Err(value);
        }
        value.into_run()
    }
}

impl<T: BlobType> Return for Blob<T> {
    type Value = T;

    const OF_RUN: Option<OfRun<T>> = Some(|run| T::from_run(run).map_err(DecodeError::new));
}

impl<T: BlobType> Plain for Blob<T> {
    fn bytes(value: &T) -> &[u8] {
        value.as_ref()
    }

    fn from_bytes(bytes: &[u8]) -> Result<T, DecodeError> {
        T::from_bytes(Cow::Borrowed(bytes)).map_err(DecodeError::new)
    }
}

fn put<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    #[cfg(feature = "json")]
    if serializer.is_human_readable() {
        use base64::Engine;
        return serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(bytes));
    }
    serializer.serialize_bytes(bytes)
}

fn take<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, [u8]>, D::Error> {
    #[cfg(feature = "json")]
    if deserializer.is_human_readable() {
        use base64::Engine;
        let text = super::Str::deserialize(deserializer)?;
        return base64::engine::general_purpose::STANDARD
            .decode(text.as_bytes())
            .map(Cow::Owned)
            .map_err(|error| D::Error::custom(format!("invalid base64: {error}")));
    }
    // `deserialize_byte_buf` could allocate for a length before the bytes are there.
    deserializer.deserialize_bytes(OctetVisitor)
}

struct OctetVisitor;

impl<'de> Visitor<'de> for OctetVisitor {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(bytes))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes.to_vec()))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        Ok(Cow::Owned(bytes))
    }
}
