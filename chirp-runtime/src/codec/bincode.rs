use bincode::config::{self, Config};
use bincode::enc::write::Writer;
use bincode::error as bincode_error;

use super::form::{Got, Sent};
use super::{Codec, CodecId, DecodeError, EncodeError, Form, Serde, sealed};

/// The most that one value may claim while it is decoded, in bytes.
const DECODE_LIMIT: usize = 16 * 1024 * 1024;

/// bincode 2's standard configuration, through serde: little-endian, integers of variable length.
///
/// The default: compact, quick, and without names, so both sides must mean the same types.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bincode;

impl sealed::Sealed for Bincode {}

impl Codec for Bincode {
    const ID: CodecId = CodecId::Bincode;
}

impl Serde for Bincode {
    fn serialize<F: Form>(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        bincode::serde::encode_into_writer(Sent::<F>(value), Appending(out), config::standard())
            .map_err(|error| EncodeError::new(encode_reason(&error)))
    }

    fn deserialize<'de, F: Form>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        let (Got::<F>(value), len) = bincode::serde::borrow_decode_from_slice(bytes, limited())
            .map_err(|error| DecodeError::new(decode_reason(&error)))?;
        *bytes = &bytes[len..];
        Ok(value)
    }
}

fn limited() -> impl Config {
    config::standard().with_limit::<DECODE_LIMIT>()
}

struct Appending<'a>(&'a mut Vec<u8>);

impl Writer for Appending<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode_error::EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// bincode shows its errors in the form of `Debug`; what a type's own `Serialize` said is text.
fn encode_reason(error: &bincode_error::EncodeError) -> String {
    match error {
        bincode_error::EncodeError::OtherString(text) => text.clone(),
        bincode_error::EncodeError::Other(text) => (*text).to_owned(),
        other => other.to_string(),
    }
}

fn decode_reason(error: &bincode_error::DecodeError) -> String {
    use bincode_error::DecodeError as E;
    match error {
        E::UnexpectedEnd { .. } => DecodeError::ended().to_string(),
        E::LimitExceeded => format!("a value claims more than {DECODE_LIMIT} bytes"),
        E::Utf8 { .. } => "a text is not UTF-8".to_owned(),
        E::OtherString(text) => text.clone(),
        E::Other(text) => (*text).to_owned(),
        other => other.to_string(),
    }
}
