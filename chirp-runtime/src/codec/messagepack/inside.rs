use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use super::head::Head;
use super::reader::{MessagePackReader, unexpected};
use crate::codec::DecodeError;

/// The remaining elements of an array or a map.
pub(super) struct MessagePackElements<'a, 'de> {
    pub(super) reader: &'a mut MessagePackReader<'de>,
    pub(super) count: usize,
    /// The number of elements for which memory may be reserved at once.
    pub(super) promised: usize,
    /// Whether the keys are field names of a struct.
    pub(super) named: bool,
}

impl<'de> SeqAccess<'de> for MessagePackElements<'_, 'de> {
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

impl<'de> MapAccess<'de> for MessagePackElements<'_, 'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        if self.named && self.count > 0 {
            match self.reader.peek()? {
                Head::Text(_) => {}
                other => return Err(Error::invalid_type(unexpected(other), &"a field name")),
            }
        }
        self.reader.is_key = !self.named;
        let key = self.next_element_seed(seed);
        self.reader.is_key = false;
        key
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

/// A variant, identified by name, and its contents.
pub(super) struct MessagePackVariant<'a, 'de> {
    pub(super) reader: &'a mut MessagePackReader<'de>,
    /// Whether the variant has contents, which follow.
    pub(super) filled: bool,
}

impl<'de> MessagePackVariant<'_, 'de> {
    fn filled(
        self,
        expected: &str,
    ) -> Result<impl Deserializer<'de, Error = DecodeError>, DecodeError> {
        if self.filled {
            return Ok(self.reader);
        }
        Err(Error::invalid_type(Unexpected::UnitVariant, &expected))
    }
}

impl<'de> EnumAccess<'de> for MessagePackVariant<'_, 'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        // An enum can be the key of a map.
        self.reader.is_key = false;
        Ok((seed.deserialize(&mut *self.reader)?, self))
    }
}

impl<'de> VariantAccess<'de> for MessagePackVariant<'_, 'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        if self.filled {
            return serde::Deserialize::deserialize(self.reader);
        }
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, DecodeError> {
        seed.deserialize(self.filled("newtype variant")?)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.filled("tuple variant")?
            .deserialize_tuple(count, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.filled("struct variant")?
            .deserialize_struct("", fields, visitor)
    }
}
