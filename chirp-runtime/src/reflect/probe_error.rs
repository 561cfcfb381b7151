use std::fmt;

use serde::de;

/// Why an attempt to deserialize a made-up value ended.
#[derive(Debug)]
pub(super) enum ProbeError {
    /// Something was noted, or another value is tried in the next attempt.
    Stop,
    /// No made-up value is accepted.
    Unbuildable,
    /// A required field was not offered.
    Missing(&'static str),
    /// A field was offered twice, the second time by another name.
    Duplicate(&'static str),
    /// A variant that does not exist was offered. These exist.
    UnknownVariant(&'static [&'static str]),
    /// A list had another length than expected. A struct has as many elements as the expectation says.
    WrongLength(String),
    /// A value of no ordinary type was offered where the expectation says another.
    WrongType(String),
    /// A field that does not exist is refused.
    UnknownField,
    /// An error of the type itself.
    Other,
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this value was made up to find the shape of its type")
    }
}

impl std::error::Error for ProbeError {}

impl de::Error for ProbeError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        match found {
            de::Unexpected::NewtypeStruct => Self::WrongType(expected.to_string()),
            _ => Self::Other,
        }
    }

    fn invalid_value(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Self {
        Self::Other
    }

    fn invalid_length(_: usize, expected: &dyn de::Expected) -> Self {
        Self::WrongLength(expected.to_string())
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        Self::UnknownVariant(variants)
    }

    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Self::UnknownField
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::Duplicate(field)
    }
}
