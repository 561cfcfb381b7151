mod integers;

use std::borrow::Cow;
#[cfg(feature = "reflect")]
use std::cell::Cell;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::form::Str;
use super::guarded::{Rules, write};
use super::limited::Limited;
use super::list::Each;
use super::{Codec, CodecId, DecodeError, EncodeError, Form, List, Serde};
use integers::AnyNotation;

/// JSON: human-readable and supported by every language.
///
/// Positional arguments are an array, and named ones an object. Bytes are base64 text with the standard
/// alphabet and padding.
///
/// `Some(None)` and `Some(())` are decoded as `None`. Encoding an infinity or NaN fails, and so does decoding
/// a number that is too large for an `f32`. Values nested more than 128 levels deep are rejected by both
/// sides, where each `Some`, newtype, list, map, tuple, struct and enum is a level (PROTOCOL.md, 9.1).
///
/// Integers may be written as floats (`1e3`, `5.0`) if they are whole and in range; no precision is lost.
/// Inside untagged, internally tagged and flattened types, which inspect the data while decoding, a float
/// remains a float, and serde does not support integers of more than 64 bits.
/// serde reads such types from a buffer of its own, past the limit of depth: inside them, a type that is nothing but an
/// `Option` of itself, such as `struct Next(Option<Box<Next>>)`, overflows the stack on any value but `null`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Codec for Json {
    const ID: CodecId = CodecId::Json;
}

/// An array: `[a,b]`.
impl List for Json {
    const ABSENT: Option<&'static [u8]> = Some(b"null");
    const NO_NAMES: &'static [u8] = b"{}";

    fn open(out: &mut Vec<u8>) {
        out.push(b'[');
    }

    fn separate(out: &mut Vec<u8>) {
        out.push(b',');
    }

    fn close(out: &mut Vec<u8>, _: usize) -> Result<(), EncodeError> {
        out.push(b']');
        Ok(())
    }

    fn opened(bytes: &mut &[u8]) -> Result<Option<usize>, DecodeError> {
        punctuation(bytes, b'[', 0)?;
        Ok(None)
    }

    fn separated(bytes: &mut &[u8], count: usize) -> Result<(), DecodeError> {
        punctuation(bytes, b',', count)
    }

    fn closed(bytes: &mut &[u8], count: usize) -> Result<(), DecodeError> {
        punctuation(bytes, b']', count)
    }

    fn is_over(bytes: &[u8]) -> bool {
        trimmed(bytes).starts_with(b"]")
    }

    fn trim(bytes: &mut &[u8]) {
        *bytes = trimmed(bytes);
    }

    fn open_names(out: &mut Vec<u8>) {
        out.push(b'{');
    }

    fn name(out: &mut Vec<u8>, name: &str, count: usize) {
        if count > 0 {
            out.push(b',');
        }
        // Writing text to memory cannot fail.
        let _ = serde_json::to_writer(&mut *out, name);
        out.push(b':');
    }

    fn close_names(out: &mut Vec<u8>, _: usize) -> Result<(), EncodeError> {
        out.push(b'}');
        Ok(())
    }

    fn names<'de>(bytes: &mut &'de [u8], each: &mut Each<'_, 'de>) -> Result<bool, DecodeError> {
        let Some(mut rest) = trimmed(bytes).strip_prefix(b"{") else {
            return Ok(false);
        };
        let mut count = 0;
        while count > 0 || !trimmed(rest).starts_with(b"}") {
            let name: Cow<'de, str> = Self::deserialize::<Str>(&mut rest)?;
            punctuation(&mut rest, b':', count)?;
            let value = rest;
            // Unknown arguments are skipped without being interpreted, at any depth.
            next::<IgnoredAny>(&mut rest)?;
            each(&name, &value[..value.len() - rest.len()])?;
            count += 1;
            if trimmed(rest).starts_with(b"}") {
                break;
            }
            punctuation(&mut rest, b',', count)?;
        }
        punctuation(&mut rest, b'}', count)?;
        *bytes = rest;
        Ok(true)
    }
}

impl Serde for Json {
    fn serialize<F: Form>(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let start = out.len();
        let mut serializer = serde_json::Serializer::new(&mut *out);
        match write::<F, Self, _>(value, &mut serializer) {
            Ok(()) => Ok(()),
            Err(error) => {
                Self::again::<F>(value, out, start).unwrap_or(Err(EncodeError::new(error)))
            }
        }
    }

    fn deserialize<'de, F: Form>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        let refused = match attempt::<Got<'de, F>>(bytes) {
            Ok(Got(value)) => return Ok(value),
            Err(refused) => refused,
        };
        // Decoding again is rare: few integers are written as floats, and few values are invalid.
        match attempt::<AnyNotation<Got<'de, F>>>(bytes) {
            Ok(AnyNotation(Got(value))) => Ok(value),
            Err(again) => Err(reason(later(refused, again))),
        }
    }
}

impl Json {
    /// Encodes a value once more as part of an answer to a call by a JSON name. Returns `None` elsewhere.
    #[cfg(feature = "reflect")]
    #[cold]
    fn again<F: Form>(
        value: &F::Sent<'_>,
        out: &mut Vec<u8>,
        start: usize,
    ) -> Option<Result<(), EncodeError>> {
        ANSWERING.get().then(|| {
            out.truncate(start);
            encode_result::<F>(value, out)
        })
    }

    /// There are no JSON names.
    #[cfg(not(feature = "reflect"))]
    fn again<F: Form>(
        _: &F::Sent<'_>,
        _: &mut Vec<u8>,
        _: usize,
    ) -> Option<Result<(), EncodeError>> {
        None
    }
}

#[cfg(feature = "reflect")]
thread_local! {
    /// Whether the value being encoded is part of an answer to a call by a JSON name.
    static ANSWERING: Cell<bool> = const { Cell::new(false) };
}

/// Encodes the fields of an error, or an item, for a call by a JSON name: as in its result, an infinity or NaN is `null`.
#[cfg(feature = "reflect")]
pub(crate) fn answering<T>(encode: impl FnOnce() -> T) -> T {
    struct Restore(bool);

    impl Drop for Restore {
        fn drop(&mut self) {
            ANSWERING.set(self.0);
        }
    }

    let _restore = Restore(ANSWERING.replace(true));
    encode()
}

/// Decodes bytes from base64 text. Returns `None` for anything else.
pub(super) fn decode_bytes(mut text: &[u8]) -> Option<Vec<u8>> {
    let bytes = Json::deserialize::<super::form::Slice8>(&mut text).ok()?;
    trimmed(text).is_empty().then(|| bytes.into_owned())
}

/// Encodes bytes as base64 text.
#[cfg(feature = "reflect")]
pub(super) fn encode_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing text to memory cannot fail.
    let _ = Json::serialize::<super::form::Slice8>(&bytes, &mut out);
    out
}

/// Encodes the result of a call by a JSON name. An infinity or NaN is `null`: the caller has no type that would miss the
/// number, and the method has run already.
#[cfg(feature = "reflect")]
pub(super) fn encode_result<F: Form>(
    value: &F::Sent<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut serializer = serde_json::Serializer::new(out);
    write::<F, ResultRules, _>(value, &mut serializer).map_err(EncodeError::new)
}

/// Skips JSON whitespace, which consists of four characters.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    let start = bytes.iter().position(|byte| !space(byte));
    &bytes[start.unwrap_or(bytes.len())..]
}

impl Rules for Json {
    const HAS_INFINITY: bool = false;
    const COUNTS: bool = false;
}

/// The rules of results of calls by JSON names.
#[cfg(feature = "reflect")]
struct ResultRules;

#[cfg(feature = "reflect")]
impl Rules for ResultRules {
    const HAS_INFINITY: bool = true;
    const COUNTS: bool = false;
}

/// A value decoded within the depth limit.
struct Got<'de, F: Form>(F::Got<'de>);

impl<'de, F: Form> Deserialize<'de> for Got<'de, F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        F::deserialize(Limited::new(deserializer)).map(Self)
    }
}

/// Decodes one value from the front of `bytes`.
fn next<'de, T: Deserialize<'de>>(bytes: &mut &'de [u8]) -> Result<T, DecodeError> {
    attempt(bytes).map_err(reason)
}

/// Decodes one value like [`next`]. Returns the `serde_json` error, or `None` in its place if the bytes ended.
fn attempt<'de, T: Deserialize<'de>>(
    bytes: &mut &'de [u8],
) -> Result<T, Option<serde_json::Error>> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    // `serde_json` counts depth differently, and does not count every `Option` and newtype.
    deserializer.disable_recursion_limit();
    let mut values = deserializer.into_iter();
    match values.next() {
        Some(Ok(value)) => {
            *bytes = &bytes[values.byte_offset()..];
            Ok(value)
        }
        Some(Err(error)) => Err(Some(error)),
        None => Err(None),
    }
}

fn reason(error: Option<serde_json::Error>) -> DecodeError {
    error.map_or_else(DecodeError::ended, DecodeError::new)
}

/// Chooses the more helpful of two errors. The first may merely be about an integer that is written as a
/// float, and shows the integer as a float.
fn later(
    refused: Option<serde_json::Error>,
    again: Option<serde_json::Error>,
) -> Option<serde_json::Error> {
    let (Some(refused), Some(again)) = (refused, again) else {
        // Bytes that end early do so both times.
        return None;
    };
    let place = |error: &serde_json::Error| (error.line(), error.column());
    let is_later = place(&again) > place(&refused);
    let is_of_number = refused.is_syntax() && again.is_data();
    if is_later || is_of_number || refused.to_string().contains("floating point") {
        return Some(again);
    }
    Some(refused)
}

fn punctuation(bytes: &mut &[u8], expected: u8, count: usize) -> Result<(), DecodeError> {
    match trimmed(bytes).split_first() {
        Some((&found, rest)) if found == expected => {
            *bytes = rest;
            Ok(())
        }
        found => {
            let found = found.map_or("the end".to_owned(), |(&found, _)| {
                format!("`{}`", char::from(found).escape_default())
            });
            Err(DecodeError::new(format_args!(
                "expected `{}` after {count} arguments, found {found}",
                char::from(expected)
            )))
        }
    }
}
