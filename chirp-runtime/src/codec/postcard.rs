use super::reader::{Layout, LayoutReader};
use super::writer::write;
use super::{Codec, CodecId, DecodeError, EncodeError, Form, List, Serde};

/// postcard 1: variable-length integers with seven bits in each byte.
///
/// Like [`Bincode`](super::Bincode), the format is compact and not self-describing: both sides must use the
/// same types, and types that inspect the data while decoding are not supported. postcard has a written
/// specification and is common on embedded devices.
///
/// Encoding fails for the same values as with `Bincode`: skipped fields, variants after skipped ones, more
/// than 128 levels of nesting, and more than 65,536 elements that take no bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postcard;

impl List for Postcard {}

impl Codec for Postcard {
    const ID: CodecId = CodecId::Postcard;
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

impl Serde for Postcard {
    fn serialize<F: Form>(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write::<Self, F>(value, out)
    }

    fn deserialize<'de, F: Form>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        let mut reader = LayoutReader::<Self>::new(bytes);
        let value = F::deserialize(&mut reader)?;
        *bytes = reader.rest();
        Ok(value)
    }
}

impl Layout for Postcard {
    const NAME: &'static str = "postcard";
    const SMALL: u8 = 0x7f;

    #[inline]
    fn write_unsigned(mut number: u64, out: &mut Vec<u8>) {
        while number > 0x7f {
            out.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        out.push(number.to_le_bytes()[0]);
    }

    fn write_wide(mut number: u128, out: &mut Vec<u8>) {
        while number > 0x7f {
            out.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        out.push(number.to_le_bytes()[0]);
    }

    fn write_character(character: &str, out: &mut Vec<u8>) {
        Self::write_unsigned(character.len() as u64, out);
        out.extend_from_slice(character.as_bytes());
    }

    /// Reads seven bits from each byte, the lowest first. The eighth bit says that more bytes follow. The
    /// number of bytes is limited by the width of the type.
    fn unsigned(reader: &mut LayoutReader<'_, Self>, width: usize) -> Result<u128, DecodeError> {
        let mut number = 0;
        for at in 0..(width * 8).div_ceil(7) {
            let [byte] = reader.take()?;
            let bits = u128::from(byte & 0x7f);
            let shifted = bits << (7 * at);
            if shifted >> (7 * at) != bits {
                break;
            }
            number |= shifted;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(DecodeError::new(format_args!(
            "a number is longer than {width} bytes"
        )))
    }

    /// Reads a character, which is encoded like any text.
    fn character<'de>(reader: &mut LayoutReader<'de, Self>) -> Result<&'de str, DecodeError> {
        reader.text()
    }
}
