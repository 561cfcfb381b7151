use super::form::{Got, Sent};
use super::{Codec, CodecId, DecodeError, EncodeError, Form, List, Serde};

/// JSON: readable, and every language has it. Arguments are an array, by position; bytes are base64
/// text, of the standard alphabet, padded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Codec for Json {
    const ID: CodecId = CodecId::Json;
}

/// `[a,b]`.
impl List for Json {
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

    fn trim(bytes: &mut &[u8]) {
        *bytes = bytes.trim_ascii_start();
    }
}

impl Serde for Json {
    fn serialize<F: Form>(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        serde_json::to_writer(out, &Sent::<F>(value)).map_err(EncodeError::new)
    }

    fn deserialize<'de, F: Form>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        let mut values = serde_json::Deserializer::from_slice(bytes).into_iter();
        match values.next() {
            Some(Ok(Got::<F>(value))) => {
                *bytes = &bytes[values.byte_offset()..];
                Ok(value)
            }
            Some(Err(error)) => Err(DecodeError::new(error)),
            None => Err(DecodeError::ended()),
        }
    }
}

fn punctuation(bytes: &mut &[u8], expected: u8, count: usize) -> Result<(), DecodeError> {
    match bytes.trim_ascii_start().split_first() {
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
