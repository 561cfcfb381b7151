mod head;
mod inside;
mod octets;
mod reader;

use serde::{Deserialize, Serialize};

use super::guarded::{Rules, write};
use super::list::Each;
use super::{Codec, CodecId, DecodeError, EncodeError, Form, List, Serde};
use head::{ARRAY_16, BIN_8, BIN_16, BIN_32, Head, MAP_16, NIL, SHORT_ARRAY, SHORT_MAP};
use reader::MessagePackReader;

/// `MessagePack`: compact, self-describing and supported by many languages.
///
/// Positional arguments are an array, and named ones a map. Bytes have the type `bin`. Structs are maps with
/// the field names as keys, so that fields can be added: an older side ignores a new field, and a newer side
/// needs `#[serde(default)]` where a field is missing. As in JSON, `Some(None)` and `Some(())` are decoded as
/// `None`.
///
/// Decoding reads JavaScript's `undefined`, which its libraries write as an extension, as `nil`. It rejects other extension
/// types, integers in place of names, bytes in place of numbers of more than 8
/// bits, and floats that exceed the range of an `f32`. Both sides reject values nested more than 128 levels
/// deep, where each `Some`, newtype, list, map, tuple, struct and enum is a level (PROTOCOL.md, 9.1).
///
/// Types with a human-readable representation (`IpAddr`, UUIDs) are encoded as text. Otherwise they could not
/// be decoded inside untagged, internally tagged and flattened types, where serde always expects that
/// representation. For the same reason `u128` and `i128` can be encoded but not decoded inside such types.
/// serde reads such types from a buffer of its own, past the limit of depth: inside them, a type that is nothing but an
/// `Option` of itself, such as `struct Next(Option<Box<Next>>)`, overflows the stack on any value but `nil`.
///
/// Integers may be encoded as floats if they are whole and in range, since JavaScript libraries encode
/// integers of more than 32 bits that way. Inside the types mentioned above a float remains a float.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl Codec for MessagePack {
    const ID: CodecId = CodecId::MessagePack;
    const RUNS: bool = true;

    fn before_run(len: usize, out: &mut Vec<u8>) {
        // A length beyond 32 bits exceeds every payload limit, and is rejected when sent.
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let [.., high, low] = len.to_be_bytes();
        match len {
            0..=0xff => out.extend([BIN_8, low]),
            0x100..=0xffff => out.extend([BIN_16, high, low]),
            _ => {
                out.push(BIN_32);
                out.extend(len.to_be_bytes());
            }
        }
    }

    fn run<'de>(bytes: &mut &'de [u8]) -> Result<&'de [u8], DecodeError> {
        match Head::take(bytes)? {
            Head::Bytes(run) => Ok(run),
            _ => Err(DecodeError::new("expected bytes")),
        }
    }
}

/// An array. Its head contains the number of elements, which is known last and filled in then.
impl List for MessagePack {
    const ABSENT: Option<&'static [u8]> = Some(&[NIL]);
    const NO_NAMES: &'static [u8] = &[0x80];

    fn open(out: &mut Vec<u8>) {
        out.push(SHORT_ARRAY);
    }

    fn close(out: &mut Vec<u8>, count: usize) -> Result<(), EncodeError> {
        close(out, count, SHORT_ARRAY, ARRAY_16)
    }

    fn opened(bytes: &mut &[u8]) -> Result<Option<usize>, DecodeError> {
        let mut reader = MessagePackReader::new(bytes);
        let count = reader.array()?;
        *bytes = reader.rest();
        Ok(Some(count))
    }

    fn open_names(out: &mut Vec<u8>) {
        out.push(SHORT_MAP);
    }

    fn name(out: &mut Vec<u8>, name: &str, _: usize) {
        // Writing text to memory cannot fail.
        let _ = name.serialize(&mut rmp_serde::Serializer::new(out));
    }

    fn close_names(out: &mut Vec<u8>, count: usize) -> Result<(), EncodeError> {
        close(out, count, SHORT_MAP, MAP_16)
    }

    fn names<'de>(bytes: &mut &'de [u8], each: &mut Each<'_, 'de>) -> Result<bool, DecodeError> {
        let mut reader = MessagePackReader::new(bytes);
        let Some(count) = reader.map()? else {
            return Ok(false);
        };
        for _ in 0..count {
            let name = <&str>::deserialize(&mut reader)?;
            let value = reader.rest();
            reader.skip()?;
            each(name, &value[..value.len() - reader.rest().len()])?;
        }
        *bytes = reader.rest();
        Ok(true)
    }
}

/// Writes the number of elements into the head at the front.
fn close(out: &mut Vec<u8>, count: usize, short: u8, head_16: u8) -> Result<(), EncodeError> {
    if let Ok(count @ 0..=15) = u8::try_from(count) {
        out[0] = short | count;
        return Ok(());
    }
    let count = u16::try_from(count)
        .map_err(|_| EncodeError::new("too many arguments: the limit is 65535"))?;
    let [high, low] = count.to_be_bytes();
    out.splice(..1, [head_16, high, low]);
    Ok(())
}

impl Serde for MessagePack {
    fn serialize<F: Form>(value: &F::Sent<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut serializer = rmp_serde::Serializer::new(out).with_struct_map();
        let done = if F::BYTES {
            write::<F, Self, _>(value, &mut serializer)
        } else {
            write::<F, Self, _>(value, &mut serializer.with_human_readable())
        };
        done.map_err(EncodeError::new)
    }

    fn deserialize<'de, F: Form>(bytes: &mut &'de [u8]) -> Result<F::Got<'de>, DecodeError> {
        let mut reader = MessagePackReader::new(bytes);
        if F::BYTES {
            reader = reader.of_bytes();
        }
        let value = F::deserialize(&mut reader)?;
        *bytes = reader.rest();
        Ok(value)
    }
}

impl Rules for MessagePack {
    const HAS_INFINITY: bool = true;
    const COUNTS: bool = true;
}
