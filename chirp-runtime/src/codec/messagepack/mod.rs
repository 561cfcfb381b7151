mod head;
mod inside;
mod octets;
mod reader;

use serde::{Deserialize, Serialize};

use super::guarded::{Rules, write};
use super::list::Each;
use super::{Codec, CodecId, DecodeError, EncodeError, Form, List, Serde};
use head::{ARRAY_16, BIN_8, BIN_16, BIN_32, Head, MAP_16, SHORT_ARRAY, SHORT_MAP};
use reader::MessagePackReader;

/// `MessagePack`: compact, it says of values what they are, and many languages have it.
///
/// Arguments are an array, by position, or a map if they are named; bytes are of the type `bin`. Structs are maps from the names of their
/// fields, so that a field may be added: an older side ignores it, and a newer one that misses it needs
/// `#[serde(default)]`. As in JSON `Some(None)` and `Some(())` arrive as `None`. Extension types are refused
/// (but for JavaScript's `undefined`, which its libraries write as one, and which is read as `nil`), and so are integers in place of names, bytes in place of numbers of more than 8 bits, and floats that would be infinite
/// as an `f32`. Values nested more than 128 deep are refused by their sender as well, each `Some`, newtype, list, map,
/// tuple, struct and enum being a level (PROTOCOL.md, 9.1).
///
/// Types that ask serde whether they are written for people (`IpAddr`, UUIDs) are: as text. Else they could not be
/// read inside of untagged, internally tagged and flattened types, which serde reads as if everything were for
/// people. Nor has serde integers of more than 64 bits there: `u128` and `i128` are encoded and cannot be decoded.
/// serde reads them from a buffer of its own, past the limit of depth: inside of them a type that is nothing but an
/// `Option` of itself, such as `struct Next(Option<Box<Next>>)`, overflows the stack on any value but `nil`.
///
/// Where an integer is asked for, a float is taken if it is a whole number in range, since JavaScript's libraries write
/// integers of more than 32 bits as floats. Inside of those types a float stays a float.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessagePack;

impl Codec for MessagePack {
    const ID: CodecId = CodecId::MessagePack;
    const RUNS: bool = true;

    fn before_run(len: usize, out: &mut Vec<u8>) {
        // More than a packet can have is refused where it would be sent.
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
            _ => Err(DecodeError::new("what should be bytes is not")),
        }
    }
}

/// An array, whose head says how many elements there are: they are counted first, so it is put right last.
impl List for MessagePack {
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
        // Writing a text into memory cannot fail.
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

/// Puts the number of elements into the head that stands first.
fn close(out: &mut Vec<u8>, count: usize, short: u8, head_16: u8) -> Result<(), EncodeError> {
    if let Ok(count @ 0..=15) = u8::try_from(count) {
        out[0] = short | count;
        return Ok(());
    }
    let count = u16::try_from(count)
        .map_err(|_| EncodeError::new("there are more than 65535 arguments"))?;
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
