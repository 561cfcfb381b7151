use std::fmt;

use super::MAX_DEPTH;
use super::reader::MAX_EMPTY;

/// The error of encoding a value. The message is the codec's or that of the type's `Serialize` implementation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(Box<str>);

impl EncodeError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string().into())
    }

    /// Creates the error for a value that is nested too deeply to be decoded.
    #[cold]
    pub(crate) fn too_deep() -> Self {
        Self(too_deep().into())
    }

    /// Creates the error for a value with too many zero-byte elements to be decoded.
    #[cold]
    pub(crate) fn too_many_empty() -> Self {
        Self(too_many_empty().into())
    }
}

/// The error of decoding bytes that are not a value of the requested type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", details.text)]
pub struct DecodeError {
    /// In a box: errors are rare, and every step of decoding returns a result that may be one.
    details: Box<DecodeErrorDetails>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct DecodeErrorDetails {
    text: String,
    /// The codec cannot decode this type, whatever the bytes are.
    is_of_type: bool,
}

impl DecodeError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self::of_bytes(reason.to_string())
    }

    fn of_bytes(text: String) -> Self {
        Self::of(text, false)
    }

    #[cold]
    fn of(text: String, is_of_type: bool) -> Self {
        Self {
            details: Box::new(DecodeErrorDetails { text, is_of_type }),
        }
    }

    /// The codec cannot decode this type, whatever the bytes are.
    #[cold]
    pub(crate) fn of_type(reason: impl fmt::Display) -> Self {
        Self::of(reason.to_string(), true)
    }

    /// The same reason, with text before it.
    #[cold]
    pub(crate) fn behind(self, before: impl fmt::Display) -> Self {
        let text = format!("{before}: {}", self.details.text);
        Self::of(text, self.details.is_of_type)
    }

    /// Returns `true` if other bytes could be decoded as this type.
    pub(crate) fn is_of_bytes(&self) -> bool {
        !self.details.is_of_type
    }

    /// Creates the error for bytes that end inside a value.
    pub(crate) fn ended() -> Self {
        Self::of_bytes("the bytes end before the value does".to_owned())
    }

    /// Creates the error for a value that is nested too deeply.
    #[cold]
    pub(crate) fn too_deep() -> Self {
        Self::of_bytes(too_deep())
    }

    /// Creates the error for too many elements without bytes.
    #[cold]
    pub(crate) fn too_many_empty() -> Self {
        Self::of_bytes(too_many_empty())
    }

    /// Creates the error for a list or a map with more elements than its bytes can hold.
    #[cold]
    pub(crate) fn unpaid(count: usize, left: usize) -> Self {
        Self::of_bytes(format!(
            "the bytes end before the value does: {count} elements announced with {left} bytes left, and at most \
             {MAX_EMPTY} elements of a value may have no bytes"
        ))
    }

    /// Creates the error for bytes after the end of a value, as when the two sides use different types.
    pub(crate) fn left_over(count: usize) -> Self {
        Self::of_bytes(match count {
            1 => "1 byte is left over".to_owned(),
            _ => format!("{count} bytes are left over"),
        })
    }
}

pub(super) fn too_deep() -> String {
    format!("a value is nested more than {MAX_DEPTH} deep")
}

fn too_many_empty() -> String {
    format!("a value has more than {MAX_EMPTY} elements without bytes")
}

/// Checks that a number does not become infinite when converted to `f32`.
///
/// # Errors
///
/// Returns a message if the number is too large.
#[cfg(any(feature = "json", feature = "messagepack"))]
pub(super) fn f32_range(value: f64) -> Result<(), String> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "only the range matters, not the precision"
    )]
    let narrow = value as f32;
    if narrow.is_infinite() && value.is_finite() {
        return Err(format!("{value:e} is too large for f32"));
    }
    Ok(())
}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new(reason)
    }
}
