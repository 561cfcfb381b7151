use std::error::Error;
use std::fmt::Display;

use bytes::Bytes;

use crate::packet::ErrorData;

/// An error with a message to send: every type that implements `Display`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Display`",
    label = "missing `Display`: the error's text is sent to the caller",
    note = "for your own type: `#[derive(Debug, thiserror::Error)]`, with `#[error(\"..\")]` on each variant"
)]
pub trait Describe {
    /// Returns the message.
    fn text(&self) -> String;
}

#[diagnostic::do_not_recommend]
impl<T: Display> Describe for T {
    fn text(&self) -> String {
        self.to_string()
    }
}

/// Detects for the derive whether a type implements [`Error`]: `MaybeError(self).get()`, with [`NoError`] in scope.
#[derive(Debug)]
pub struct MaybeError<'a, T>(pub &'a T);

impl<'a, T: Error + 'static> MaybeError<'a, T> {
    /// Returns the error.
    pub fn get(&self) -> Option<&'a (dyn Error + 'static)> {
        Some(self.0)
    }
}

/// The fallback for types that [`MaybeError`] has no inherent method for. Inherent methods take precedence.
pub trait NoError<'a> {
    /// Returns `None`, since the type does not implement [`Error`].
    fn get(&self) -> Option<&'a (dyn Error + 'static)> {
        None
    }
}

impl<'a, T> NoError<'a> for MaybeError<'a, T> {}

/// A field type for a variant marked `#[chirp(other)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot hold an unknown error",
    label = "a variant marked `#[chirp(other)]` must have one field of type `chirp::packet::ErrorData` or `Box<ErrorData>`"
)]
pub trait Kept: Sized {
    /// Stores the error.
    fn keep(error: &ErrorData) -> Self;

    /// Returns the stored error.
    fn kept(&self) -> ErrorData;
}

impl Kept for ErrorData {
    fn keep(error: &ErrorData) -> Self {
        error.clone()
    }

    fn kept(&self) -> ErrorData {
        self.clone()
    }
}

impl Kept for Box<ErrorData> {
    fn keep(error: &ErrorData) -> Self {
        Self::new(error.clone())
    }

    fn kept(&self) -> ErrorData {
        (**self).clone()
    }
}

/// A field type for `#[chirp(data)]`: the data of an error without further encoding.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an error's raw data",
    label = "`#[chirp(data)]` supports `String`, `Vec<u8>` and `Bytes`",
    note = "without `#[chirp(data)]` a field is encoded by the service's codec"
)]
pub trait Data: Sized {
    /// Returns the data.
    fn to_bytes(&self) -> Bytes;

    /// Creates a value from data, if they are valid for the type.
    fn from_bytes(bytes: &Bytes) -> Option<Self>;
}

impl Data for String {
    fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self.as_bytes())
    }

    fn from_bytes(bytes: &Bytes) -> Option<Self> {
        str::from_utf8(bytes).ok().map(str::to_owned)
    }
}

impl Data for Vec<u8> {
    fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self)
    }

    fn from_bytes(bytes: &Bytes) -> Option<Self> {
        Some(bytes.to_vec())
    }
}

impl Data for Bytes {
    fn to_bytes(&self) -> Bytes {
        self.clone()
    }

    fn from_bytes(bytes: &Bytes) -> Option<Self> {
        Some(bytes.clone())
    }
}
