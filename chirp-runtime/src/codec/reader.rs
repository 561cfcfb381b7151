use std::fmt::Display;
use std::marker::PhantomData;

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::numbering::Expected;
use super::{DecodeError, MAX_DEPTH};

/// The maximum number of elements of a value in excess of the bytes of their lists and maps. Elements may
/// take no bytes, so that nothing else limits how many elements a few bytes can announce.
pub(super) const MAX_EMPTY: usize = 64 * 1024;

/// The encoding of numbers and characters in a format without names. Everything else is the same in bincode
/// and postcard: the parts of a value follow each other, little-endian, with lengths and variant indices as
/// numbers.
pub(super) trait Layout: Sized {
    /// The format's name.
    const NAME: &'static str;

    /// The largest first byte that is a complete unsigned integer.
    const SMALL: u8;

    /// Appends an unsigned integer in its shortest encoding.
    fn write_unsigned(number: u64, out: &mut Vec<u8>);

    /// Appends an unsigned integer of more than 64 bits in its shortest encoding.
    fn write_wide(number: u128, out: &mut Vec<u8>);

    /// Appends a character, given as text.
    fn write_character(character: &str, out: &mut Vec<u8>);

    /// Reads an unsigned integer of a type that is `width` bytes wide.
    fn unsigned(reader: &mut LayoutReader<'_, Self>, width: usize) -> Result<u128, DecodeError>;

    /// Reads a character as text.
    fn character<'de>(reader: &mut LayoutReader<'de, Self>) -> Result<&'de str, DecodeError>;
}

/// Decodes bincode 2 in its standard configuration, or postcard.
///
/// The decoders of these crates are unsuitable for untrusted input: bincode's allocates for a text before its
/// bytes are there, postcard's reserves memory for as many entries as a map announces, and both accept any
/// depth of nesting and any number of elements that take no bytes. This decoder never reserves more memory
/// than the remaining bytes justify.
pub(super) struct LayoutReader<'de, L> {
    rest: &'de [u8],
    depth: usize,
    /// The number of elements for which memory may have been reserved, over all nested sequences. Never more
    /// than there are bytes.
    promised: usize,
    /// The number of further elements that may take no bytes.
    empty: usize,
    /// The expected shapes, if the sender decodes the value for verification.
    expected: Option<&'de Expected>,
    layout: PhantomData<L>,
}

impl<'de, L: Layout> LayoutReader<'de, L> {
    #[inline]
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self {
            rest: bytes,
            depth: 0,
            promised: 0,
            empty: MAX_EMPTY,
            expected: None,
            layout: PhantomData,
        }
    }

    /// Creates a reader for a value that its sender verifies against the expected shapes.
    pub(super) fn expecting(bytes: &'de [u8], expected: &'de Expected) -> Self {
        Self {
            expected: Some(expected),
            ..Self::new(bytes)
        }
    }

    /// Returns the unread bytes.
    pub(super) fn rest(&self) -> &'de [u8] {
        self.rest
    }

    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (&bytes, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(DecodeError::ended)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads `len` bytes.
    pub(super) fn slice(&mut self, len: usize) -> Result<&'de [u8], DecodeError> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or_else(DecodeError::ended)?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    fn unsigned<T>(&mut self) -> Result<u128, DecodeError> {
        // Nearly all numbers are small, or lengths.
        match *self.rest {
            [small, ref rest @ ..] if small <= L::SMALL => {
                self.rest = rest;
                Ok(small.into())
            }
            _ => L::unsigned(self, size_of::<T>()),
        }
    }

    #[inline]
    fn narrow<T: TryFrom<u128>>(&mut self) -> Result<T, DecodeError> {
        let number = self.unsigned::<T>()?;
        T::try_from(number).map_err(|_| too_large::<T>(number))
    }

    /// Reads a signed integer in zigzag encoding, in which small numbers of either sign are short.
    fn narrow_signed<T: TryFrom<i128>>(&mut self) -> Result<T, DecodeError> {
        let number = self.unsigned::<T>()?;
        let half = i128::try_from(number >> 1).map_err(DecodeError::new)?;
        let number = if number & 1 == 0 { half } else { !half };
        T::try_from(number).map_err(|_| too_large::<T>(number))
    }

    /// Reads a length, which is encoded as a `u64` on every platform.
    #[inline]
    fn length(&mut self) -> Result<usize, DecodeError> {
        let length = self.unsigned::<u64>()?;
        usize::try_from(length).map_err(|_| DecodeError::ended())
    }

    pub(super) fn bytes(&mut self) -> Result<&'de [u8], DecodeError> {
        let len = self.length()?;
        self.slice(len)
    }

    pub(super) fn text(&mut self) -> Result<&'de str, DecodeError> {
        str::from_utf8(self.bytes()?).map_err(|_| DecodeError::new("invalid text: not UTF-8"))
    }

    fn character(&mut self) -> Result<char, DecodeError> {
        let mut characters = L::character(self)?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(DecodeError::new("invalid character: not exactly one")),
        }
    }

    /// Reads the length of a sequence or a map. Rejects a length that the remaining bytes cannot hold.
    fn count(&mut self) -> Result<usize, DecodeError> {
        let count = self.length()?;
        let left = self.rest.len();
        if count > left.saturating_add(self.empty) {
            return Err(DecodeError::unpaid(count, left));
        }
        Ok(count)
    }

    /// Reads all elements of a sequence or a map.
    fn claimed<T>(
        &mut self,
        read: impl FnOnce(&mut LayoutElements<'_, 'de, L>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        let count = self.count()?;
        let before = self.rest.len();
        let promised = count.min(before.saturating_sub(self.promised));
        self.promised += promised;
        let value = self.nested(|reader| {
            let mut elements = LayoutElements {
                reader,
                count,
                promised,
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
        let empty = count.saturating_sub(before - self.rest.len());
        if empty > 0 && value.is_ok() {
            self.empty = self
                .empty
                .checked_sub(empty)
                .ok_or_else(DecodeError::too_many_empty)?;
        }
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
}

fn too_large<T>(number: impl Display) -> DecodeError {
    DecodeError::new(format_args!(
        "{number} is too large for {}",
        std::any::type_name::<T>()
    ))
}

macro_rules! numbers {
    ($($method:ident $visit:ident $read:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
            visitor.$visit(self.$read()?)
        }
    )*};
}

impl<'de, L: Layout> Deserializer<'de> for &mut LayoutReader<'de, L> {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        deserialize_u16 visit_u16 narrow
        deserialize_u32 visit_u32 narrow
        deserialize_u64 visit_u64 narrow
        deserialize_u128 visit_u128 narrow
        deserialize_i16 visit_i16 narrow_signed
        deserialize_i32 visit_i32 narrow_signed
        deserialize_i64 visit_i64 narrow_signed
        deserialize_i128 visit_i128 narrow_signed
        deserialize_char visit_char character
        deserialize_str visit_borrowed_str text
        deserialize_string visit_borrowed_str text
        deserialize_bytes visit_borrowed_bytes bytes
        deserialize_byte_buf visit_borrowed_bytes bytes
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_u8(u8::from_le_bytes(self.take()?))
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_i8(i8::from_le_bytes(self.take()?))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_f32(f32::from_le_bytes(self.take()?))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_f64(f64::from_le_bytes(self.take()?))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.take()? {
            [0] => visitor.visit_bool(false),
            [1] => visitor.visit_bool(true),
            [other] => Err(DecodeError::new(format_args!("invalid bool: {other}"))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.take()? {
            [0] => visitor.visit_none(),
            [1] => self.nested(|reader| visitor.visit_some(reader)),
            [other] => Err(DecodeError::new(format_args!(
                "invalid option tag: {other}"
            ))),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.nested(|reader| visitor.visit_newtype_struct(reader))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.claimed(|elements| visitor.visit_seq(elements))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.nested(|reader| {
            visitor.visit_seq(LayoutElements {
                reader,
                count,
                promised: 0,
            })
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if let Some(expected) = self.expected {
            expected.tuple_struct(name, count);
        }
        self.deserialize_tuple(count, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.claimed(|elements| visitor.visit_map(elements))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if let Some(expected) = self.expected {
            let index = LayoutReader::<L>::new(self.rest).narrow()?;
            expected.variant::<L>(name, variants, index);
        }
        self.nested(|reader| visitor.visit_enum(reader))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, DecodeError> {
        Err(DecodeError::of_type(format_args!(
            "{} is not self-describing, which this type requires: choose another codec",
            L::NAME
        )))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_any(visitor)
    }
}

/// The remaining elements of a sequence, a tuple or a map.
struct LayoutElements<'a, 'de, L> {
    reader: &'a mut LayoutReader<'de, L>,
    count: usize,
    /// The number of elements for which memory may be reserved at once.
    promised: usize,
}

impl<'de, L: Layout> SeqAccess<'de> for LayoutElements<'_, 'de, L> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some(count) = self.count.checked_sub(1) else {
            return Ok(None);
        };
        self.count = count;
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.promised.min(self.count))
    }
}

impl<'de, L: Layout> MapAccess<'de> for LayoutElements<'_, 'de, L> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        seed.deserialize(&mut *self.reader)
    }

    fn size_hint(&self) -> Option<usize> {
        SeqAccess::size_hint(self)
    }
}

impl<'de, L: Layout> EnumAccess<'de> for &mut LayoutReader<'de, L> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let index: U32Deserializer<DecodeError> = self.narrow::<u32>()?.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de, L: Layout> VariantAccess<'de> for &mut LayoutReader<'de, L> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if let Some(expected) = self.expected {
            expected.fields(count);
        }
        self.deserialize_tuple(count, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.deserialize_tuple(fields.len(), visitor)
    }
}
