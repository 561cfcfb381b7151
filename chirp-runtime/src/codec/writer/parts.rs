use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::LayoutWriter;
use crate::codec::EncodeError;
use crate::codec::reader::{Layout, MAX_EMPTY};

/// The remaining parts of a tuple or a struct.
#[derive(Debug)]
pub(super) struct WriterParts<'w, 'a, L> {
    pub(super) writer: &'w mut LayoutWriter<'a, L>,
    pub(super) name: &'static str,
    pub(super) left: usize,
    /// The number of nesting levels: two for a variant with fields, which is an enum and a struct.
    pub(super) levels: usize,
}

impl<L: Layout> WriterParts<'_, '_, L> {
    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        // Wraps around below zero. The total is compared with the declared number once, at the end.
        self.left = self.left.wrapping_sub(1);
        value.serialize(&mut *self.writer)
    }

    #[inline]
    fn finish(self) -> Result<(), EncodeError> {
        self.writer.depth -= self.levels;
        if self.left != 0 {
            return Err(miscounted::<L>(self.name, self.left));
        }
        Ok(())
    }
}

/// Creates the error for a value with more or fewer elements than declared.
#[cold]
fn miscounted<L: Layout>(name: &str, left: usize) -> EncodeError {
    let (number, how) = match left.cast_signed() {
        left @ 0.. => (left.unsigned_abs(), "fewer"),
        left => (left.unsigned_abs(), "more"),
    };
    EncodeError::new(format_args!(
        "{name} has {number} {how} elements than its `Serialize` declared, but {} encodes the declared number",
        L::NAME
    ))
}

/// Creates the error for a skipped field, in whose place the next field would be decoded.
#[cold]
fn skipped<L: Layout>(name: &str, field: &str) -> EncodeError {
    EncodeError::new(format_args!(
        "field `{field}` of `{name}` is skipped (`skip_serializing_if`), but {} identifies fields by position: always \
         encode the field, or choose another codec",
        L::NAME
    ))
}

macro_rules! parts {
    ($($trait:ident $method:ident)*) => {$(
        impl<L: Layout> $trait for WriterParts<'_, '_, L> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.part(value)
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

parts! {
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl<L: Layout> $trait for WriterParts<'_, '_, L> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), EncodeError> {
                self.part(value)
            }

            fn skip_field(&mut self, field: &'static str) -> Result<(), EncodeError> {
                Err(skipped::<L>(self.name, field))
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                self.finish()
            }
        }
    )*};
}

fields!(SerializeStruct SerializeStructVariant);

/// The remaining elements of a list or a map.
#[derive(Debug)]
pub(super) struct Elements<'w, 'a, L> {
    pub(super) writer: &'w mut LayoutWriter<'a, L>,
    pub(super) count: usize,
    pub(super) left: usize,
    /// The offset at which the elements begin.
    pub(super) start: usize,
}

impl<L: Layout> Elements<'_, '_, L> {
    fn finish(self) -> Result<(), EncodeError> {
        let Self {
            writer,
            count,
            left,
            start,
        } = self;
        writer.leave();
        if left != 0 {
            return Err(miscounted::<L>("a list or a map", left));
        }
        writer.empty += count.saturating_sub(writer.out.len() - start);
        if writer.empty > MAX_EMPTY {
            return Err(EncodeError::too_many_empty());
        }
        Ok(())
    }
}

impl<L: Layout> SerializeSeq for Elements<'_, '_, L> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.left = self.left.wrapping_sub(1);
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}

impl<L: Layout> SerializeMap for Elements<'_, '_, L> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.left = self.left.wrapping_sub(1);
        key.serialize(&mut *self.writer)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), EncodeError> {
        self.finish()
    }
}
