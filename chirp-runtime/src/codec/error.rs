use std::fmt;

use super::MAX_DEPTH;
use super::reader::MAX_EMPTY;

/// Why a value could not be encoded: its own words, or its `Serialize` implementation's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(String);

impl EncodeError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }

    /// The reader would refuse the value for its depth.
    #[cold]
    pub(crate) fn too_deep() -> Self {
        Self(too_deep())
    }

    /// The reader would refuse the value for the number of its elements that have no bytes.
    #[cold]
    pub(crate) fn too_many_empty() -> Self {
        Self(too_many_empty())
    }
}

/// Why bytes stand for no value of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct DecodeError {
    text: String,
    /// The codec cannot decode this type, whatever the bytes are.
    is_of_type: bool,
}

impl DecodeError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self::of_bytes(reason.to_string())
    }

    fn of_bytes(text: String) -> Self {
        Self {
            text,
            is_of_type: false,
        }
    }

    /// The codec cannot decode this type, whatever the bytes are.
    #[cold]
    pub(crate) fn of_type(reason: impl fmt::Display) -> Self {
        Self {
            text: reason.to_string(),
            is_of_type: true,
        }
    }

    /// The same reason, with text before it.
    #[cold]
    pub(crate) fn behind(self, before: impl fmt::Display) -> Self {
        Self {
            text: format!("{before}: {}", self.text),
            ..self
        }
    }

    /// Whether other bytes could be decoded as this type.
    pub(crate) fn is_of_bytes(&self) -> bool {
        !self.is_of_type
    }

    /// The bytes ended before a value did.
    pub(crate) fn ended() -> Self {
        Self::of_bytes("the bytes end before the value does".to_owned())
    }

    /// Something stands in more than it may.
    #[cold]
    pub(crate) fn too_deep() -> Self {
        Self::of_bytes(too_deep())
    }

    /// Lists or maps have more elements than bytes.
    #[cold]
    pub(crate) fn too_many_empty() -> Self {
        Self::of_bytes(too_many_empty())
    }

    /// A list or a map claims more elements than its bytes can have.
    #[cold]
    pub(crate) fn unpaid(count: usize, left: usize) -> Self {
        Self::of_bytes(format!(
            "the bytes end before the value does: a list or a map of {count} elements has at most {left} bytes, and no \
             more than {MAX_EMPTY} elements of a value may be without bytes"
        ))
    }

    /// A value ended before its bytes did, so the two sides do not mean the same type.
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

/// Checks that a number which becomes an `f32` has not become infinite.
///
/// # Errors
///
/// A text, when it is too large.
#[cfg(any(feature = "json", feature = "messagepack"))]
pub(super) fn f32_range(value: f64) -> Result<(), String> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "precision may be lost, and the range is what is looked at"
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
