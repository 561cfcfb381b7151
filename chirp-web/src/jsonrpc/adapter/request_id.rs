use std::fmt::Write as _;
use std::sync::Arc;

/// The id of a request, as its JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum RequestId {
    /// A number without sign, point, exponent and leading zeros.
    Integer(u64),
    Other(Arc<str>),
}

impl RequestId {
    pub(super) fn new(json: &str) -> Self {
        let is_plain = (1..=19).contains(&json.len())
            && json.bytes().all(|byte| byte.is_ascii_digit())
            && (json.len() == 1 || !json.starts_with('0'));
        match json.parse() {
            Ok(number) if is_plain => Self::Integer(number),
            _ => Self::Other(json.into()),
        }
    }

    /// Appends the JSON text to `out`, and returns it.
    pub(super) fn text<'a>(&'a self, out: &'a mut String) -> &'a str {
        match self {
            Self::Integer(number) => {
                out.clear();
                // Writing to memory does not fail.
                let _ = write!(out, "{number}");
                out
            }
            Self::Other(text) => text,
        }
    }

    /// Whether other requests may have the same id. JSON-RPC advises against `null`, and does not forbid it.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Other(text) if &**text == "null")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_their_text() {
        for text in [
            "0",
            "7",
            "00",
            "-0",
            "1.0",
            "1e3",
            "-1",
            "9999999999999999999",
            "18446744073709551616",
            "123456789012345678901234567890",
            "\"\"",
            "\"7\"",
            "\"\\u0061\"",
            "null",
        ] {
            assert_eq!(RequestId::new(text).text(&mut String::new()), text);
        }
        assert_eq!(RequestId::new("7"), RequestId::Integer(7));
        assert_ne!(RequestId::new("1"), RequestId::new("1.0"));
    }
}
