mod reader;

use bincode::config;
use bincode::enc::write::Writer;
use bincode::error::EncodeError as BincodeError;
use serde::Deserialize;

use super::form::{Got, Sent};
use super::{Codec, CodecId, DecodeError, EncodeError, Form, Serde, sealed};
use reader::Reader;

/// bincode 2's standard configuration, through serde: little-endian, integers of variable length.
///
/// The default: compact, quick, and without names, so both sides must mean the same types. It cannot carry
/// types that have to see the bytes to know what they are (`#[serde(untagged)]`, `#[serde(flatten)]`,
/// `serde_json::Value`): for those there is [`Json`](https://docs.rs/chirp/latest/chirp/codec/struct.Json.html).
/// Values nested more than 128 deep are refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bincode;

impl sealed::Sealed for Bincode {}

impl Codec for Bincode {
    const ID: CodecId = CodecId::Bincode;
}

impl Serde for Bincode {
    fn serialize<F: Form>(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        bincode::serde::encode_into_writer(Sent::<F>(value), Appending(out), config::standard())
            .map_err(|error| EncodeError::new(reason(&error)))
    }

    fn deserialize<'de, F: Form>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        let mut reader = Reader::new(bytes);
        let Got::<F>(value) = Got::deserialize(&mut reader)?;
        *bytes = reader.rest();
        Ok(value)
    }
}

struct Appending<'a>(&'a mut Vec<u8>);

impl Writer for Appending<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), BincodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// bincode shows its errors in the form of `Debug`; what a type's own `Serialize` said is text.
fn reason(error: &BincodeError) -> String {
    match error {
        BincodeError::OtherString(text) => text.clone(),
        BincodeError::Other(text) => (*text).to_owned(),
        other => other.to_string(),
    }
}
