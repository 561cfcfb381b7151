mod parts;

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;
use serde::ser::{self, Serializer};

use super::numbering::{Numbering, Shape};
use super::reader::Layout;
use super::{EncodeError, Form, MAX_DEPTH};
use parts::{Elements, WriterParts};

/// Encodes the format that [`LayoutReader`](super::reader::LayoutReader) decodes: bincode 2 in its standard
/// configuration, or postcard.
///
/// The encoders of these crates produce the same bytes, but also encode values that their decoders reject or
/// misread: values nested without limit, structs with skipped fields, and lists with a wrongly declared
/// length.
#[derive(Debug)]
struct LayoutWriter<'a, L> {
    out: &'a mut Vec<u8>,
    depth: usize,
    /// The number of elements that took no bytes, over all lists and maps encoded so far.
    empty: usize,
    numbering: Numbering,
    layout: PhantomData<L>,
}

/// Appends an encoded value to `out`.
#[inline]
pub(super) fn write<L: Layout, F: Form>(
    value: &F::Sent<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let mut writer = LayoutWriter::<L> {
        out,
        depth: 0,
        empty: 0,
        numbering: Numbering::default(),
        layout: PhantomData,
    };
    F::serialize(value, &mut writer)?;
    if writer.numbering.is_doubtful() {
        return writer.numbering.verify::<L, F>(&writer.out[start..]);
    }
    Ok(())
}

impl<'a, L: Layout> LayoutWriter<'a, L> {
    /// Begins a value that contains other values.
    #[inline]
    fn enter(&mut self) -> Result<(), EncodeError> {
        if self.depth == MAX_DEPTH {
            return Err(EncodeError::too_deep());
        }
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn leave(&mut self) {
        self.depth -= 1;
    }

    #[inline]
    fn unsigned(&mut self, number: u64) {
        L::write_unsigned(number, self.out);
    }

    /// Appends a length, which is encoded as a `u64` on every platform.
    #[inline]
    fn length(&mut self, length: usize) {
        self.unsigned(length as u64);
    }

    /// Appends a signed integer in zigzag encoding, in which small numbers of either sign are short.
    #[inline]
    fn signed(&mut self, number: i64) {
        self.unsigned(((number << 1) ^ (number >> 63)).cast_unsigned());
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    /// Appends the index of an enum's variant. The following values are inside the enum.
    #[inline]
    fn variant(
        &mut self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        fields: Option<usize>,
    ) -> Result<(), EncodeError> {
        self.enter()?;
        self.numbering.note(Shape {
            name,
            variant,
            index,
            fields,
        });
        self.unsigned(index.into());
        Ok(())
    }

    #[inline]
    fn parts(
        &mut self,
        name: &'static str,
        count: usize,
        levels: usize,
    ) -> Result<WriterParts<'_, 'a, L>, EncodeError> {
        self.enter()?;
        Ok(WriterParts {
            writer: self,
            name,
            left: count,
            levels,
        })
    }

    fn elements(&mut self, count: Option<usize>) -> Result<Elements<'_, 'a, L>, EncodeError> {
        let Some(count) = count else {
            return Err(EncodeError::new(format_args!(
                "{} requires the length of a list or a map in advance, which this type does not know: choose another codec",
                L::NAME
            )));
        };
        self.enter()?;
        self.length(count);
        let start = self.out.len();
        Ok(Elements {
            writer: self,
            count,
            left: count,
            start,
        })
    }
}

macro_rules! numbers {
    ($($method:ident $type:ident $write:ident)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            self.$write(value.into());
            Ok(())
        }
    )*};
}

macro_rules! fixed {
    ($($method:ident $type:ident)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<(), EncodeError> {
            self.out.extend_from_slice(&value.to_le_bytes());
            Ok(())
        }
    )*};
}

impl<'w, 'a, L: Layout> Serializer for &'w mut LayoutWriter<'a, L> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Elements<'w, 'a, L>;
    type SerializeMap = Elements<'w, 'a, L>;
    type SerializeTuple = WriterParts<'w, 'a, L>;
    type SerializeTupleStruct = WriterParts<'w, 'a, L>;
    type SerializeTupleVariant = WriterParts<'w, 'a, L>;
    type SerializeStruct = WriterParts<'w, 'a, L>;
    type SerializeStructVariant = WriterParts<'w, 'a, L>;

    fn is_human_readable(&self) -> bool {
        false
    }

    numbers! {
        serialize_u16 u16 unsigned
        serialize_u32 u32 unsigned
        serialize_u64 u64 unsigned
        serialize_i16 i16 signed
        serialize_i32 i32 signed
        serialize_i64 i64 signed
    }

    fixed! {
        serialize_u8 u8
        serialize_i8 i8
        serialize_f32 f32
        serialize_f64 f64
    }

    fn serialize_u128(self, value: u128) -> Result<(), EncodeError> {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            Err(_) => L::write_wide(value, self.out),
        }
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), EncodeError> {
        self.serialize_u128(((value << 1) ^ (value >> 127)).cast_unsigned())
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), EncodeError> {
        self.out.push(value.into());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), EncodeError> {
        L::write_character(value.encode_utf8(&mut [0; 4]), self.out);
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), EncodeError> {
        self.bytes(value.as_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_bytes(self, value: &[u8]) -> Result<(), EncodeError> {
        self.bytes(value);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<(), EncodeError> {
        self.out.push(0);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), EncodeError> {
        self.out.push(1);
        self.enter()?;
        value.serialize(&mut *self)?;
        self.leave();
        Ok(())
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.enter()?;
        value.serialize(&mut *self)?;
        self.leave();
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<(), EncodeError> {
        self.variant(name, index, variant, None)?;
        self.leave();
        Ok(())
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.variant(name, index, variant, None)?;
        value.serialize(&mut *self)?;
        self.leave();
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, count: Option<usize>) -> Result<Elements<'w, 'a, L>, EncodeError> {
        self.elements(count)
    }

    #[inline]
    fn serialize_map(self, count: Option<usize>) -> Result<Elements<'w, 'a, L>, EncodeError> {
        self.elements(count)
    }

    #[inline]
    fn serialize_tuple(self, count: usize) -> Result<WriterParts<'w, 'a, L>, EncodeError> {
        self.parts("a tuple", count, 1)
    }

    #[inline]
    fn serialize_tuple_struct(
        self,
        name: &'static str,
        count: usize,
    ) -> Result<WriterParts<'w, 'a, L>, EncodeError> {
        self.numbering.note(Shape {
            name,
            variant: "",
            index: 0,
            fields: Some(count),
        });
        self.parts(name, count, 1)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<WriterParts<'w, 'a, L>, EncodeError> {
        self.variant(name, index, variant, Some(count))?;
        self.parts(variant, count, 2)
    }

    #[inline]
    fn serialize_struct(
        self,
        name: &'static str,
        count: usize,
    ) -> Result<WriterParts<'w, 'a, L>, EncodeError> {
        self.parts(name, count, 1)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<WriterParts<'w, 'a, L>, EncodeError> {
        self.variant(name, index, variant, None)?;
        self.parts(variant, count, 2)
    }
}

impl ser::Error for EncodeError {
    fn custom<T: Display>(reason: T) -> Self {
        Self::new(reason)
    }
}
