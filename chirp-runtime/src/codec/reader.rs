use std::fmt::Display;
use std::marker::PhantomData;

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::numbering::Expected;
use super::{DecodeError, MAX_DEPTH};

/// How many elements of lists and maps one value may have beyond the bytes of those lists and maps: elements may have
/// no bytes at all, so that nothing else bounds how many a few bytes stand for.
pub(super) const MAX_EMPTY: usize = 64 * 1024;

/// How a format without names writes numbers and characters. All else is the same in bincode and postcard:
/// the parts of a value one after another, little-endian, lengths and variants as numbers.
pub(super) trait Layout: Sized {
    /// The format's name.
    const NAME: &'static str;

    /// The largest first byte that is an unsigned integer by itself.
    const SMALL: u8;

    /// Appends an unsigned integer, in as few bytes as it can have.
    fn write_unsigned(number: u64, out: &mut Vec<u8>);

    /// As [`write_unsigned`](Self::write_unsigned), of one that needs more than 64 bits.
    fn write_wide(number: u128, out: &mut Vec<u8>);

    /// Appends a character, which is given as text.
    fn write_character(character: &str, out: &mut Vec<u8>);

    /// An unsigned integer of a type that has `width` bytes.
    fn unsigned(reader: &mut LayoutReader<'_, Self>, width: usize) -> Result<u128, DecodeError>;

    /// The text that is one character.
    fn character<'de>(reader: &mut LayoutReader<'de, Self>) -> Result<&'de str, DecodeError>;
}

/// Reads what bincode 2 writes in its standard configuration, or what postcard writes.
///
/// Their own decoders would do but for what a stranger may send: bincode's takes the memory for a text before
/// it has the bytes, postcard's for as many entries as a map claims, and both go as deep as the bytes say, and
/// count elements that have no bytes for as long as they say. Here nothing is taken that the bytes at hand do
/// not pay for.
pub(super) struct LayoutReader<'de, L> {
    rest: &'de [u8],
    depth: usize,
    /// For how many elements memory may have been taken by the sequences that are being read: never more than
    /// there are bytes, however deep they stand in each other.
    promised: usize,
    /// How many more elements there may be without bytes.
    empty: usize,
    /// What is known of the value, if it is read back by its sender.
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

    /// The same, of a value whose sender compares how it is read with how it was written.
    pub(super) fn expecting(bytes: &'de [u8], expected: &'de Expected) -> Self {
        Self {
            expected: Some(expected),
            ..Self::new(bytes)
        }
    }

    /// The bytes that have not been read.
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

    /// The next `len` bytes.
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
        // Nearly every number is small, or a length.
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

    /// A signed integer: zigzag, so that small ones of either sign are short.
    fn narrow_signed<T: TryFrom<i128>>(&mut self) -> Result<T, DecodeError> {
        let number = self.unsigned::<T>()?;
        let half = i128::try_from(number >> 1).map_err(DecodeError::new)?;
        let number = if number & 1 == 0 { half } else { !half };
        T::try_from(number).map_err(|_| too_large::<T>(number))
    }

    /// A length; on every platform of the width of `u64`.
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
        str::from_utf8(self.bytes()?).map_err(|_| DecodeError::new("a text is not UTF-8"))
    }

    fn character(&mut self) -> Result<char, DecodeError> {
        let mut characters = L::character(self)?.chars();
        match (characters.next(), characters.next()) {
            (Some(character), None) => Ok(character),
            _ => Err(DecodeError::new("a character is not one character")),
        }
    }

    /// The length of a sequence or a map that the bytes may well hold.
    fn count(&mut self) -> Result<usize, DecodeError> {
        let count = self.length()?;
        let left = self.rest.len();
        if count > left.saturating_add(self.empty) {
            return Err(DecodeError::unpaid(count, left));
        }
        Ok(count)
    }

    /// Reads as many elements as the bytes claim.
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

    /// Reads something inside something.
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
            [other] => Err(DecodeError::new(format_args!("{other} is no bool"))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.take()? {
            [0] => visitor.visit_none(),
            [1] => self.nested(|reader| visitor.visit_some(reader)),
            [other] => Err(DecodeError::new(format_args!("{other} is no option"))),
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
            "{} does not say of values what they are, which this type needs: choose another codec",
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

/// What is left of a sequence, a tuple or a map.
struct LayoutElements<'a, 'de, L> {
    reader: &'a mut LayoutReader<'de, L>,
    count: usize,
    /// How many of these memory may be taken for at once.
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
