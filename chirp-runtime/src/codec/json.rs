use super::form::{Got, Sent};
use super::{Carries, Codec, CodecId, DecodeError, EncodeError, Form, sealed};

/// JSON: readable, and every language has it. Arguments are an array, by position; bytes are base64
/// text, of the standard alphabet, padded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl sealed::Sealed for Json {}

impl Codec for Json {
    const ID: CodecId = CodecId::Json;
}

impl<F: Form> Carries<F> for Json {
    fn encode(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        serde_json::to_writer(out, &Sent::<F>(value)).map_err(EncodeError::new)
    }

    fn decode<'de>(bytes: &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        serde_json::from_slice(bytes)
            .map(|Got::<F>(value)| value)
            .map_err(DecodeError::new)
    }
}
