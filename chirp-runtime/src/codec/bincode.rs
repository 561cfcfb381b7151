use bincode::config;
use bincode::enc::write::Writer;
use bincode::error::EncodeError as BincodeError;
use bincode::serde::EncodeError as SerdeError;
use serde::Deserialize;

use super::form::{Got, Sent};
use super::reader::{Layout, Reader};
use super::{Codec, CodecId, DecodeError, EncodeError, Form, List, Serde};

/// bincode 2's standard configuration, through serde: little-endian, integers of variable length.
///
/// The default: compact, quick, and without names, so both sides must mean the same types. It cannot carry
/// types that have to see the bytes to know what they are (`#[serde(untagged)]`, `#[serde(flatten)]`,
/// `serde_json::Value`): for those there is [`Json`](https://docs.rs/chirp/latest/chirp/codec/struct.Json.html).
/// Values nested more than 128 deep are refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bincode;

impl List for Bincode {}

impl Codec for Bincode {
    const ID: CodecId = CodecId::Bincode;
    const RUNS: bool = true;

    fn before_run(len: usize, out: &mut Vec<u8>) {
        // Writing a number into memory cannot fail.
        let _ = bincode::serde::encode_into_writer(len, Appending(out), config::standard());
    }

    fn run<'de>(bytes: &mut &'de [u8]) -> Result<&'de [u8], DecodeError> {
        let mut reader = Reader::<Self>::new(bytes);
        let run = reader.bytes()?;
        *bytes = reader.rest();
        Ok(run)
    }
}

impl Serde for Bincode {
    #[inline]
    fn serialize<F: Form>(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        bincode::serde::encode_into_writer(Sent::<F>(value), Appending(out), config::standard())
            .map_err(|error| EncodeError::new(reason(&error)))
    }

    #[inline]
    fn deserialize<'de, F: Form>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        let mut reader = Reader::<Self>::new(bytes);
        let Got::<F>(value) = Got::deserialize(&mut reader)?;
        *bytes = reader.rest();
        Ok(value)
    }
}

impl Layout for Bincode {
    const NAME: &'static str = "bincode";
    const SMALL: u8 = 250;

    /// One byte up to 250; above, the byte says how many follow.
    #[inline]
    fn unsigned(reader: &mut Reader<'_, Self>, _: usize) -> Result<u128, DecodeError> {
        Ok(match reader.take()? {
            [251] => u16::from_le_bytes(reader.take()?).into(),
            [252] => u32::from_le_bytes(reader.take()?).into(),
            [253] => u64::from_le_bytes(reader.take()?).into(),
            [254] => u128::from_le_bytes(reader.take()?),
            [255] => {
                return Err(DecodeError::new(
                    "a number begins with the reserved byte 255",
                ));
            }
            [small] => small.into(),
        })
    }

    /// UTF-8 without a length: its first byte says it.
    fn character<'de>(reader: &mut Reader<'de, Self>) -> Result<&'de str, DecodeError> {
        let len = match reader.rest().first() {
            None => return Err(DecodeError::ended()),
            Some(0..=0x7f) => 1,
            Some(0xc0..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(_) => 4,
        };
        str::from_utf8(reader.slice(len)?).map_err(|_| DecodeError::new("a character is not UTF-8"))
    }
}

struct Appending<'a>(&'a mut Vec<u8>);

impl Writer for Appending<'_> {
    #[inline]
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
        BincodeError::Serde(SerdeError::SequenceMustHaveLength) => {
            "bincode says beforehand how long a list or a map is, which this type does not know: choose another codec"
                .to_owned()
        }
        other => other.to_string(),
    }
}
