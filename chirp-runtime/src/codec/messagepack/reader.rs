use serde::de::{Deserializer, Error, Expected, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::head::{FIXEXT_1, Head, NIL};
use super::inside::{MessagePackElements, MessagePackVariant};
use super::octets::Octets;
use crate::codec::error::f32_range;
use crate::codec::whole::Whole;
use crate::codec::{DecodeError, MAX_DEPTH};

/// Decodes what rmp-serde encodes, and the encodings of other languages for the same values.
///
/// rmp-serde's own decoder is unsuitable for untrusted input: it does not limit the nesting of variants,
/// loops forever on a recursive `Option`, and reserves memory for as many elements as an array announces. It
/// also does not report where a borrowed value ends. This decoder never reserves more memory than the
/// remaining bytes justify.
pub(super) struct MessagePackReader<'de> {
    rest: &'de [u8],
    depth: usize,
    /// The number of elements for which memory may have been reserved, over all nested arrays. Never more
    /// than there are bytes.
    promised: usize,
    /// Whether types are read in their human-readable representation: always, except for bytes.
    human_readable: bool,
    /// Whether the next value is the key of a map. A key may be of any type even where serde asks for a name,
    /// as in a struct with a flattened map.
    pub(super) is_key: bool,
}

impl<'de> MessagePackReader<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self {
            rest: bytes,
            human_readable: true,
            depth: 0,
            promised: 0,
            is_key: false,
        }
    }

    /// Prepares for reading bytes instead of a human-readable value.
    pub(super) fn of_bytes(self) -> Self {
        Self {
            human_readable: false,
            ..self
        }
    }

    /// Returns the unread bytes.
    pub(super) fn rest(&self) -> &'de [u8] {
        self.rest
    }

    /// Reads the head of an array of arguments. Returns the number of elements.
    pub(super) fn array(&mut self) -> Result<usize, DecodeError> {
        match self.head()? {
            Head::Array(count) => Ok(count),
            other => Err(DecodeError::new(format_args!(
                "expected an array of arguments, found {}",
                unexpected(other)
            ))),
        }
    }

    /// Reads the head of a map. Returns the number of keys, or `None` without reading if the value is not a map.
    pub(super) fn map(&mut self) -> Result<Option<usize>, DecodeError> {
        match self.peek()? {
            Head::Map(count) => {
                self.head()?;
                Ok(Some(count))
            }
            _ => Ok(None),
        }
    }

    fn head(&mut self) -> Result<Head<'de>, DecodeError> {
        Head::take(&mut self.rest)
    }

    /// Skips a value of any depth.
    pub(super) fn skip(&mut self) -> Result<(), DecodeError> {
        let mut left = 1_usize;
        while left > 0 {
            left -= 1;
            // No head announces more values than there are bytes.
            left = left.saturating_add(match self.head()? {
                Head::Array(count) => count,
                Head::Map(count) => count.saturating_mul(2),
                _ => 0,
            });
        }
        Ok(())
    }

    /// Reads the next head without consuming it.
    pub(super) fn peek(&self) -> Result<Head<'de>, DecodeError> {
        Head::take(&mut &*self.rest)
    }

    #[inline]
    fn visit<V: Visitor<'de>>(
        &mut self,
        head: Head<'de>,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match head {
            Head::Nil => visitor.visit_unit(),
            Head::Bool(value) => visitor.visit_bool(value),
            Head::Unsigned(value) => visitor.visit_u64(value),
            Head::Signed(value) => visitor.visit_i64(value),
            Head::F32(value) => visitor.visit_f32(value),
            Head::F64(value) => visitor.visit_f64(value),
            Head::Text(value) => visitor.visit_borrowed_str(value),
            Head::Bytes(value) => visitor.visit_borrowed_bytes(value),
            Head::Array(count) => self.elements(count, |elements| visitor.visit_seq(elements)),
            Head::Map(count) => self.entries(count, false, visitor),
            Head::Extension(kind) => Err(extension(kind, &visitor)),
        }
    }

    /// Visits an integer, which may be encoded as a float: JavaScript encodes integers of more than 32 bits that way.
    #[inline]
    fn integer<V: Visitor<'de>>(
        &mut self,
        head: Head<'de>,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let float = match head {
            Head::F32(float) => float.into(),
            Head::F64(float) => float,
            head => return self.visit(head, visitor),
        };
        match Whole::of_float(float) {
            Some(whole) => whole.visit(visitor),
            None => Err(Error::invalid_type(Unexpected::Float(float), &visitor)),
        }
    }

    /// Reads the entries of a map. `named` is whether the keys must be field names.
    fn entries<V: Visitor<'de>>(
        &mut self,
        count: usize,
        named: bool,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.elements(count, |elements| {
            elements.named = named;
            visitor.visit_map(elements)
        })
    }

    /// Reads all elements of an array or a map.
    fn elements<T>(
        &mut self,
        count: usize,
        read: impl FnOnce(&mut MessagePackElements<'_, 'de>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let promised = count.min(self.rest.len().saturating_sub(self.promised));
        self.promised += promised;
        let value = self.nested(|reader| {
            let mut elements = MessagePackElements {
                reader,
                count,
                promised,
                named: false,
            };
            let value = read(&mut elements)?;
            match elements.count {
                0 => Ok(value),
                more => Err(DecodeError::new(format_args!(
                    "{more} of {count} elements are left over"
                ))),
            }
        });
        self.promised -= promised;
        value
    }

    /// Reads a value one level deeper.
    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::too_deep());
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// Reads a 128-bit number, which `MessagePack` encodes as 16 big-endian bytes. Returns any other head unchanged.
    fn wide(&mut self) -> Result<Result<[u8; 16], Head<'de>>, DecodeError> {
        let head = self.head()?;
        Ok(match head {
            Head::Bytes(bytes) => bytes.try_into().map_err(|_| head),
            other => Err(other),
        })
    }
}

pub(super) fn unexpected(head: Head<'_>) -> Unexpected<'_> {
    match head {
        Head::Nil => Unexpected::Unit,
        Head::Bool(value) => Unexpected::Bool(value),
        Head::Unsigned(value) => Unexpected::Unsigned(value),
        Head::Signed(value) => Unexpected::Signed(value),
        Head::F32(value) => Unexpected::Float(value.into()),
        Head::F64(value) => Unexpected::Float(value),
        Head::Text(_) => Unexpected::Other("text"),
        Head::Bytes(_) => Unexpected::Other("bytes"),
        Head::Array(_) => Unexpected::Seq,
        Head::Map(_) => Unexpected::Map,
        Head::Extension(_) => Unexpected::Other("an extension type"),
    }
}

/// Why a value of an extension type is not taken, in place of what was `expected`.
#[cold]
fn extension(kind: i8, expected: &dyn Expected) -> DecodeError {
    let name = match kind {
        -1 => " (a timestamp)",
        // What msgpackr writes for objects unless it is told not to.
        0x72 => " (a record of msgpackr: write maps, with `useRecords: false`)",
        _ => "",
    };
    let found = format!("a value of extension type {kind}{name}");
    Error::invalid_type(Unexpected::Other(&found), expected)
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            let head = self.head()?;
            self.integer(head, visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut MessagePackReader<'de> {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        self.human_readable
    }

    forward_to_deserialize_any! {
        bool f64 char str string bytes byte_buf unit map
    }

    integers! {
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let head = self.head()?;
        self.visit(head, visitor)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let head = self.head()?;
        if let Head::F64(value) = head {
            f32_range(value).map_err(DecodeError::new)?;
        }
        self.visit(head, visitor)
    }

    /// Reads a name. A number would be an index, which may differ between the two sides.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let is_key = std::mem::take(&mut self.is_key);
        match self.head()? {
            head if is_key => self.visit(head, visitor),
            Head::Text(name) => visitor.visit_borrowed_str(name),
            other => Err(Error::invalid_type(unexpected(other), &"a name")),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.wide()? {
            Ok(bytes) => visitor.visit_u128(u128::from_be_bytes(bytes)),
            Err(head) => self.integer(head, visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.wide()? {
            Ok(bytes) => visitor.visit_i128(i128::from_be_bytes(bytes)),
            Err(head) => self.integer(head, visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if let [NIL, rest @ ..] | [FIXEXT_1, 0, 0, rest @ ..] = self.rest {
            self.rest = rest;
            return visitor.visit_none();
        }
        self.nested(|reader| visitor.visit_some(reader))
    }

    /// Reads `nil` or an empty array.
    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.head()? {
            Head::Nil | Head::Array(0) => visitor.visit_unit(),
            other => Err(Error::invalid_type(unexpected(other), &visitor)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.nested(|reader| visitor.visit_newtype_struct(reader))
    }

    /// Reads an array, or bytes, which other languages may use for 8-bit numbers.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.head()? {
            Head::Bytes(bytes) => self.nested(|reader| {
                let mut octets = Octets::new(bytes, reader.depth);
                let value = visitor.visit_seq(&mut octets)?;
                octets.end()?;
                Ok(value)
            }),
            head => self.visit(head, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_seq(visitor)
    }

    /// Reads a map, or an array of all fields.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.head()? {
            Head::Map(count) => self.entries(count, true, visitor),
            head => self.visit(head, visitor),
        }
    }

    /// Reads a map with the variant's name as its only key, or the name alone for a variant without contents.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let filled = match self.peek()? {
            Head::Map(1) => {
                self.head()?;
                true
            }
            Head::Text(_) => false,
            other => return Err(Error::invalid_type(unexpected(other), &visitor)),
        };
        self.nested(|reader| visitor.visit_enum(MessagePackVariant { reader, filled }))
    }

    /// Skips an unknown value of any type and depth.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.skip()?;
        visitor.visit_unit()
    }
}
