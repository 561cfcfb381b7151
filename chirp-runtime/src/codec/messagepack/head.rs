use crate::codec::DecodeError;

/// The first byte of an empty array. The low four bits hold the length of an array of up to 15 elements.
pub(super) const SHORT_ARRAY: u8 = 0x90;

/// The first byte of an array whose length follows in two bytes.
pub(super) const ARRAY_16: u8 = 0xdc;

/// The first byte of an empty map. The low four bits hold the size of a map of up to 15 entries.
pub(super) const SHORT_MAP: u8 = 0x80;

/// The first byte of a map whose size follows in two bytes.
pub(super) const MAP_16: u8 = 0xde;

/// The first byte of bytes whose length follows in one byte.
pub(super) const BIN_8: u8 = 0xc4;
/// The first byte of bytes whose length follows in two bytes.
pub(super) const BIN_16: u8 = 0xc5;
/// The first byte of bytes whose length follows in four bytes.
pub(super) const BIN_32: u8 = 0xc6;

/// The byte of `nil`.
pub(super) const NIL: u8 = 0xc0;

/// The first byte of an extension value of one byte.
pub(super) const FIXEXT_1: u8 = 0xd4;

/// A scalar value, or the head of a composite value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Head<'de> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    F32(f32),
    F64(f64),
    Text(&'de str),
    Bytes(&'de [u8]),
    /// An array with this number of elements, which follow.
    Array(usize),
    /// A map with this number of keys, each of which follows with its value.
    Map(usize),
    /// A value of this extension type, which has been passed over.
    Extension(i8),
}

impl<'de> Head<'de> {
    /// Reads a head from the front of `bytes`. Checks that the announced elements can fit into the remaining bytes.
    #[inline]
    pub(super) fn take(bytes: &mut &'de [u8]) -> Result<Self, DecodeError> {
        let [first] = fixed(bytes)?;
        let head = match first {
            0x00..=0x7f => Self::Unsigned(first.into()),
            0x80..=0x8f => Self::map(bytes, (first & 0x0f).into())?,
            0x90..=0x9f => Self::array(bytes, (first & 0x0f).into())?,
            0xa0..=0xbf => Self::Text(text(run(bytes, (first & 0x1f).into())?)?),
            NIL => Self::Nil,
            0xc1 => {
                return Err(DecodeError::new("invalid value: reserved first byte c1"));
            }
            0xc2 | 0xc3 => Self::Bool(first == 0xc3),
            BIN_8..=BIN_32 => Self::Bytes(sized(bytes, first - BIN_8)?),
            0xc7..=0xc9 => {
                let len = length(bytes, first - 0xc7)?;
                Self::extension(bytes, len)?
            }
            0xca => Self::F32(f32::from_be_bytes(fixed(bytes)?)),
            0xcb => Self::F64(f64::from_be_bytes(fixed(bytes)?)),
            0xcc => Self::Unsigned(u8::from_be_bytes(fixed(bytes)?).into()),
            0xcd => Self::Unsigned(u16::from_be_bytes(fixed(bytes)?).into()),
            0xce => Self::Unsigned(u32::from_be_bytes(fixed(bytes)?).into()),
            0xcf => Self::Unsigned(u64::from_be_bytes(fixed(bytes)?)),
            0xd0 => Self::Signed(i8::from_be_bytes(fixed(bytes)?).into()),
            0xd1 => Self::Signed(i16::from_be_bytes(fixed(bytes)?).into()),
            0xd2 => Self::Signed(i32::from_be_bytes(fixed(bytes)?).into()),
            0xd3 => Self::Signed(i64::from_be_bytes(fixed(bytes)?)),
            FIXEXT_1..=0xd8 => Self::extension(bytes, 1 << (first - FIXEXT_1))?,
            0xd9..=0xdb => Self::Text(text(sized(bytes, first - 0xd9)?)?),
            ARRAY_16 | 0xdd => {
                let count = length(bytes, first - ARRAY_16 + 1)?;
                Self::array(bytes, count)?
            }
            MAP_16 | 0xdf => {
                let count = length(bytes, first - MAP_16 + 1)?;
                Self::map(bytes, count)?
            }
            0xe0..=0xff => Self::Signed(i8::from_be_bytes([first]).into()),
        };
        Ok(head)
    }

    fn array(bytes: &[u8], count: usize) -> Result<Self, DecodeError> {
        paid_for(bytes, count)?;
        Ok(Self::Array(count))
    }

    fn map(bytes: &[u8], count: usize) -> Result<Self, DecodeError> {
        paid_for(bytes, count.saturating_mul(2))?;
        Ok(Self::Map(count))
    }

    /// Skips an extension: a type byte and its data.
    fn extension(bytes: &mut &[u8], len: usize) -> Result<Self, DecodeError> {
        let kind = i8::from_be_bytes(fixed(bytes)?);
        let value = run(bytes, len)?;
        Ok(match (kind, value) {
            // How libraries of JavaScript write `undefined`.
            (0, [0]) => Self::Nil,
            _ => Self::Extension(kind),
        })
    }
}

/// Checks that this number of values can fit, since each takes at least one byte.
fn paid_for(bytes: &[u8], count: usize) -> Result<(), DecodeError> {
    if count > bytes.len() {
        return Err(DecodeError::ended());
    }
    Ok(())
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], DecodeError> {
    let (&taken, rest) = bytes.split_first_chunk().ok_or_else(DecodeError::ended)?;
    *bytes = rest;
    Ok(taken)
}

fn run<'de>(bytes: &mut &'de [u8], len: usize) -> Result<&'de [u8], DecodeError> {
    let (taken, rest) = bytes.split_at_checked(len).ok_or_else(DecodeError::ended)?;
    *bytes = rest;
    Ok(taken)
}

/// Reads a length of one, two or four bytes.
fn length(bytes: &mut &[u8], width: u8) -> Result<usize, DecodeError> {
    let length = match width {
        0 => u8::from_be_bytes(fixed(bytes)?).into(),
        1 => u16::from_be_bytes(fixed(bytes)?).into(),
        _ => u32::from_be_bytes(fixed(bytes)?),
    };
    usize::try_from(length).map_err(|_| DecodeError::ended())
}

fn sized<'de>(bytes: &mut &'de [u8], width: u8) -> Result<&'de [u8], DecodeError> {
    let len = length(bytes, width)?;
    run(bytes, len)
}

fn text(bytes: &[u8]) -> Result<&str, DecodeError> {
    str::from_utf8(bytes).map_err(|_| DecodeError::new("invalid text: not UTF-8"))
}
