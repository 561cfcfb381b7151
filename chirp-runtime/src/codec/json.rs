use super::form::{Got, Sent};
use super::{Codec, CodecId, DecodeError, EncodeError, Form, Serde, sealed};

/// JSON: readable, and every language has it. Arguments are an array, by position; bytes are base64
/// text, of the standard alphabet, padded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl sealed::Sealed for Json {}

impl Codec for Json {
    const ID: CodecId = CodecId::Json;
    const ARRAY: bool = true;
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
