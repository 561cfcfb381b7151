use std::fmt;

use super::MAX_DEPTH;

/// Why a value could not be encoded: its own words, or its `Serialize` implementation's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EncodeError(String);

impl EncodeError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

/// Why bytes stand for no value of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(String);

impl DecodeError {
    pub(crate) fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }

    /// The bytes ended before a value did.
    pub(crate) fn ended() -> Self {
        Self("the bytes end before the value does".to_owned())
    }

    /// Something stands in more than it may.
    pub(crate) fn too_deep() -> Self {
        Self(format!("a value is nested more than {MAX_DEPTH} deep"))
    }

    /// A value ended before its bytes did, so the two sides do not mean the same type.
    pub(crate) fn left_over(count: usize) -> Self {
        Self(match count {
            1 => "1 byte is left over".to_owned(),
            _ => format!("{count} bytes are left over"),
        })
    }
}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::new(reason)
    }
}
