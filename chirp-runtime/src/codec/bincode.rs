use bincode::config;
use bincode::enc::Encode;
use bincode::enc::write::Writer;
use bincode::error::EncodeError as BincodeError;

use super::reader::{Layout, LayoutReader};
use super::writer::write;
use super::{Codec, CodecId, DecodeError, EncodeError, Form, List, Serde};

/// bincode 2's standard configuration, through serde: little-endian, integers of variable length.
///
/// The default: compact, quick, and without names, so both sides must mean the same types. It cannot carry
/// types that have to see the bytes to know what they are (`#[serde(untagged)]`, `#[serde(flatten)]`,
/// `serde_json::Value`): for those there is [`Json`](https://docs.rs/chirp/latest/chirp/codec/struct.Json.html).
///
/// Fields and variants are identified by their position, so a value is an error of its sender if
///
/// - a field is skipped (`#[serde(skip_serializing_if)]`),
/// - a variant stands behind one that is skipped (`#[serde(skip)]`): serde counts skipped variants when it writes, and not
///   when it reads. Skipped variants go to the end. The first value of each variant is read back to find out, which
///   cannot be done for values with halves of streams in them,
/// - it is nested more than 128 deep, each `Some`, newtype, list, map, tuple, struct and enum being a level (PROTOCOL.md, 9.1),
/// - its lists and maps have more than 65,536 elements without bytes, such as `()`.
///
/// Not detected is a struct whose derives disagree always: with `#[serde(skip_serializing)]` alone a field is never written
/// and always read, with `#[serde(skip_deserializing)]` alone the reverse. Use `#[serde(skip)]`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bincode;

impl List for Bincode {}

impl Codec for Bincode {
    const ID: CodecId = CodecId::Bincode;
    const RUNS: bool = true;

    fn before_run(len: usize, out: &mut Vec<u8>) {
        Self::write_unsigned(len as u64, out);
    }

    fn run<'de>(bytes: &mut &'de [u8]) -> Result<&'de [u8], DecodeError> {
        let mut reader = LayoutReader::<Self>::new(bytes);
        let run = reader.bytes()?;
        *bytes = reader.rest();
        Ok(run)
    }
}

impl Serde for Bincode {
    #[inline]
    fn serialize<F: Form>(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::<Self, F>(value, out)
    }

    #[inline]
    fn deserialize<'de, F: Form>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        let mut reader = LayoutReader::<Self>::new(bytes);
        let value = F::deserialize(&mut reader)?;
        *bytes = reader.rest();
        Ok(value)
    }
}

impl Layout for Bincode {
    const NAME: &'static str = "bincode";
    const SMALL: u8 = 250;

    #[inline]
    fn write_unsigned(number: u64, out: &mut Vec<u8>) {
        append(number, out);
    }

    fn write_wide(number: u128, out: &mut Vec<u8>) {
        append(number, out);
    }

    fn write_character(character: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(character.as_bytes());
    }

    /// One byte up to 250; above, the byte says how many follow, which are no more than the type has.
    #[inline]
    fn unsigned(reader: &mut LayoutReader<'_, Self>, width: usize) -> Result<u128, DecodeError> {
        Ok(match reader.take()? {
            [251] if width >= 2 => u16::from_le_bytes(reader.take()?).into(),
            [252] if width >= 4 => u32::from_le_bytes(reader.take()?).into(),
            [253] if width >= 8 => u64::from_le_bytes(reader.take()?).into(),
            [254] if width >= 16 => u128::from_le_bytes(reader.take()?),
            [255] => {
                return Err(DecodeError::new(
                    "a number begins with the reserved byte 255",
                ));
            }
            [251..=254] => {
                return Err(DecodeError::new(format_args!(
                    "a number is longer than {width} bytes"
                )));
            }
            [small] => small.into(),
        })
    }

    /// UTF-8 without a length: its first byte says it.
    fn character<'de>(reader: &mut LayoutReader<'de, Self>) -> Result<&'de str, DecodeError> {
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

/// Appends a number as the crate `bincode` encodes it. Writing into memory cannot fail.
#[inline]
fn append(number: impl Encode, out: &mut Vec<u8>) {
    let _ = bincode::encode_into_writer(number, BincodeWriter(out), config::standard());
}

/// Lets the crate `bincode` append to a buffer.
struct BincodeWriter<'a>(&'a mut Vec<u8>);

impl Writer for BincodeWriter<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), BincodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}
