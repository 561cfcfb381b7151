use std::error::Error;
use std::fmt::Display;

use bytes::Bytes;

use crate::packet::ErrorData;

/// The text of an error that travels: its `Display`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Display`",
    label = "missing `Display`: the error's text is sent to the caller",
    note = "for your own type: `#[derive(Debug, thiserror::Error)]`, with `#[error(\"..\")]` on each variant"
)]
pub trait Describe {
    /// The text.
    fn text(&self) -> String;
}

#[diagnostic::do_not_recommend]
impl<T: Display> Describe for T {
    fn text(&self) -> String {
        self.to_string()
    }
}

/// Tells an error of the standard library's kind, for the derive: `MaybeError(self).get()`, with [`NoError`] in
/// scope.
#[derive(Debug)]
pub struct MaybeError<'a, T>(pub &'a T);

impl<'a, T: Error + 'static> MaybeError<'a, T> {
    /// It is one.
    pub fn get(&self) -> Option<&'a (dyn Error + 'static)> {
        Some(self.0)
    }
}

/// Answers for every type that [`MaybeError`] does not know: inherent methods come first.
pub trait NoError<'a> {
    /// It is none.
    fn get(&self) -> Option<&'a (dyn Error + 'static)> {
        None
    }
}

impl<'a, T> NoError<'a> for MaybeError<'a, T> {}

/// What a variant marked `#[chirp(other)]` may keep an error in.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not keep an error as it came",
    label = "a variant marked `#[chirp(other)]` has one field: a `chirp::packet::ErrorData`, or a `Box` of one"
)]
pub trait Kept: Sized {
    /// Keeps the error.
    fn keep(error: &ErrorData) -> Self;

    /// The error as it came.
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

/// What `#[chirp(data)]` may stand on: the data of an error as it is.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an error's raw data",
    label = "`#[chirp(data)]` supports `String`, `Vec<u8>` and `Bytes`",
    note = "without `#[chirp(data)]` a field is encoded by the service's codec"
)]
pub trait Data: Sized {
    /// The bytes.
    fn to_bytes(&self) -> Bytes;

    /// The value, if the bytes stand for one.
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
