use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use crate::codec::{DecodeError, MAX_DEPTH};

/// Bytes, read as a sequence of 8-bit numbers.
pub(super) struct Octets<'de> {
    rest: &'de [u8],
    depth: usize,
}

impl<'de> Octets<'de> {
    pub(super) fn new(bytes: &'de [u8], depth: usize) -> Self {
        Self { rest: bytes, depth }
    }

    /// Checks that all bytes were read.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if bytes are left over.
    pub(super) fn end(&self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(DecodeError::left_over(more)),
        }
    }
}

impl<'de> SeqAccess<'de> for Octets<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some((&octet, rest)) = self.rest.split_first() else {
            return Ok(None);
        };
        self.rest = rest;
        let depth = self.depth;
        seed.deserialize(Octet { octet, depth }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// One byte, which decodes only as an 8-bit number: it could also be part of a wider number, whose width is unknown.
struct Octet {
    octet: u8,
    depth: usize,
}

impl<'de> Deserializer<'de> for Octet {
    type Error = DecodeError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        Err(Error::invalid_type(
            Unexpected::Other("bytes, which can be decoded only as 8-bit numbers"),
            &visitor,
        ))
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_u8(self.octet)
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_i8(self.octet.cast_signed())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::too_deep());
        }
        visitor.visit_newtype_struct(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool u16 u32 u64 u128 i16 i32 i64 i128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct enum identifier
    }
}
