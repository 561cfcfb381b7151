use bincode::config;
use bincode::enc::Encode;
use bincode::enc::write::Writer;
use bincode::error::EncodeError as BincodeError;
use serde::Deserialize;

use super::reader::{Layout, LayoutReader};
use super::writer::write;
use super::{Codec, CodecId, DecodeError, EncodeError, Form, List, Serde};

/// The default codec: bincode 2 in its standard configuration, little-endian with variable-length integers.
///
/// Compact and fast, but not self-describing, so both sides must use the same types. Types that inspect the
/// data while decoding (`#[serde(untagged)]`, `#[serde(flatten)]`, `serde_json::Value`) need another codec,
/// such as [`Json`](https://docs.rs/chirp/latest/chirp/codec/struct.Json.html).
///
/// Fields and variants are identified by position. Encoding a value therefore fails if
///
/// - a field is skipped (`#[serde(skip_serializing_if)]`);
/// - a variant follows a skipped one (`#[serde(skip)]`), because serde counts skipped variants when encoding
///   but not when decoding. Move skipped variants to the end. The codec decodes the first value of each
///   variant to detect this, except for values that contain stream halves;
/// - the value is nested more than 128 levels deep, where each `Some`, newtype, list, map, tuple, struct and
///   enum is a level (PROTOCOL.md, 9.1);
/// - its lists and maps have more than 65,536 elements that take no bytes, such as `()`.
///
/// The codec does not detect structs whose derives always disagree: a field with `#[serde(skip_serializing)]`
/// alone is never encoded but always decoded, and `#[serde(skip_deserializing)]` alone has the reverse
/// effect. Use `#[serde(skip)]` instead.
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

impl Bincode {
    /// Reads one value from the beginning of `bytes`.
    pub(crate) fn read<'de, T: Deserialize<'de>>(bytes: &mut &'de [u8]) -> Result<T, DecodeError> {
        let mut reader = LayoutReader::<Self>::new(bytes);
        let value = T::deserialize(&mut reader)?;
        *bytes = reader.rest();
        Ok(value)
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

    /// Reads one byte for values up to 250. A larger first byte selects the number of bytes that follow,
    /// which must not exceed the width of the type.
    #[inline]
    fn unsigned(reader: &mut LayoutReader<'_, Self>, width: usize) -> Result<u128, DecodeError> {
        Ok(match reader.take()? {
            [251] if width >= 2 => u16::from_le_bytes(reader.take()?).into(),
            [252] if width >= 4 => u32::from_le_bytes(reader.take()?).into(),
            [253] if width >= 8 => u64::from_le_bytes(reader.take()?).into(),
            [254] if width >= 16 => u128::from_le_bytes(reader.take()?),
            [255] => {
                return Err(DecodeError::new("invalid number: reserved first byte 255"));
            }
            [251..=254] => {
                return Err(DecodeError::new(format_args!(
                    "a number is longer than {width} bytes"
                )));
            }
            [small] => small.into(),
        })
    }

    /// Reads a character as UTF-8 without a length: the first byte determines the length.
    fn character<'de>(reader: &mut LayoutReader<'de, Self>) -> Result<&'de str, DecodeError> {
        let len = match reader.rest().first() {
            None => return Err(DecodeError::ended()),
            Some(0..=0x7f) => 1,
            Some(0xc0..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(_) => 4,
        };
        str::from_utf8(reader.slice(len)?)
            .map_err(|_| DecodeError::new("invalid character: not UTF-8"))
    }
}

/// Appends a number in the encoding of the `bincode` crate. Writing to memory cannot fail.
#[inline]
fn append(number: impl Encode, out: &mut Vec<u8>) {
    let _ = bincode::encode_into_writer(number, BincodeWriter(out), config::standard());
}

/// Lets the `bincode` crate append to a buffer.
struct BincodeWriter<'a>(&'a mut Vec<u8>);

impl Writer for BincodeWriter<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), BincodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}
