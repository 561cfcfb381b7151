//! Rules of all codecs, enforced on values that a third-party serializer encodes.

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::error::too_deep;
use super::{Form, MAX_DEPTH};

/// The checks that a codec needs in addition to the depth limit.
pub(super) trait Rules {
    /// Whether the format supports infinities and NaN.
    const HAS_INFINITY: bool;

    /// Whether the format encodes the number of elements before them.
    const COUNTS: bool;
}

/// Encodes a value with a serializer that rejects values which the codec's reader would reject or misread.
#[inline]
pub(super) fn write<F: Form, R: Rules, S: Serializer>(
    value: &F::Sent<'_>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    F::serialize(value, GuardedSerializer::<S, R>::new(serializer, 0))
}

/// A serializer at a depth of nesting.
struct GuardedSerializer<S, R> {
    inner: S,
    depth: usize,
    rules: PhantomData<R>,
}

/// A value at a depth of nesting.
struct GuardedValue<'v, T: ?Sized, R> {
    value: &'v T,
    depth: usize,
    rules: PhantomData<R>,
}

impl<'v, T: ?Sized, R> GuardedValue<'v, T, R> {
    fn new(value: &'v T, depth: usize) -> Self {
        Self {
            value,
            depth,
            rules: PhantomData,
        }
    }
}

impl<T: Serialize + ?Sized, R: Rules> Serialize for GuardedValue<'_, T, R> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value
            .serialize(GuardedSerializer::<S, R>::new(serializer, self.depth))
    }
}

#[inline]
fn deeper<E: Error>(depth: usize, levels: usize) -> Result<usize, E> {
    let deeper = depth + levels;
    if deeper > MAX_DEPTH {
        return Err(E::custom(too_deep()));
    }
    Ok(deeper)
}

impl<S: Serializer, R: Rules> GuardedSerializer<S, R> {
    #[inline]
    fn new(inner: S, depth: usize) -> Self {
        Self {
            inner,
            depth,
            rules: PhantomData,
        }
    }

    /// Begins a value with elements or fields.
    #[inline]
    fn parts<T>(
        self,
        count: Option<usize>,
        levels: usize,
        begin: impl FnOnce(S) -> Result<T, S::Error>,
    ) -> Result<GuardedParts<T, R>, S::Error> {
        let depth = deeper(self.depth, levels)?;
        Ok(GuardedParts {
            inner: begin(self.inner)?,
            depth,
            left: count.filter(|_| R::COUNTS),
            rules: PhantomData,
        })
    }

    fn finite(value: f64) -> Result<(), S::Error> {
        if R::HAS_INFINITY || value.is_finite() {
            return Ok(());
        }
        Err(S::Error::custom(format_args!(
            "{value} is not supported by this codec: choose another codec, or send an `Option`"
        )))
    }
}

macro_rules! passed_on {
    ($($method:ident $type:ty)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        }
    )*};
}

impl<S: Serializer, R: Rules> Serializer for GuardedSerializer<S, R> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = GuardedParts<S::SerializeSeq, R>;
    type SerializeTuple = GuardedParts<S::SerializeTuple, R>;
    type SerializeTupleStruct = GuardedParts<S::SerializeTupleStruct, R>;
    type SerializeTupleVariant = GuardedParts<S::SerializeTupleVariant, R>;
    type SerializeMap = GuardedParts<S::SerializeMap, R>;
    type SerializeStruct = GuardedParts<S::SerializeStruct, R>;
    type SerializeStructVariant = GuardedParts<S::SerializeStructVariant, R>;

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    passed_on! {
        serialize_bool bool
        serialize_i8 i8
        serialize_i16 i16
        serialize_i32 i32
        serialize_i64 i64
        serialize_i128 i128
        serialize_u8 u8
        serialize_u16 u16
        serialize_u32 u32
        serialize_u64 u64
        serialize_u128 u128
        serialize_char char
        serialize_str &str
        serialize_bytes &[u8]
        serialize_unit_struct &'static str
    }

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        Self::finite(value.into())?;
        self.inner.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        Self::finite(value)?;
        self.inner.serialize_f64(value)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let depth = deeper(self.depth, 1)?;
        self.inner
            .serialize_some(&GuardedValue::<_, R>::new(value, depth))
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        deeper::<S::Error>(self.depth, 1)?;
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let depth = deeper(self.depth, 1)?;
        self.inner
            .serialize_newtype_struct(name, &GuardedValue::<_, R>::new(value, depth))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let depth = deeper(self.depth, 1)?;
        let value = GuardedValue::<_, R>::new(value, depth);
        self.inner
            .serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, count: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.parts(count, 1, |inner| inner.serialize_seq(count))
    }

    fn serialize_tuple(self, count: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.parts(Some(count), 1, |inner| inner.serialize_tuple(count))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        count: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.parts(Some(count), 1, |inner| {
            inner.serialize_tuple_struct(name, count)
        })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.parts(Some(count), 2, |inner| {
            inner.serialize_tuple_variant(name, index, variant, count)
        })
    }

    fn serialize_map(self, count: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.parts(count, 1, |inner| inner.serialize_map(count))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        count: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        self.parts(Some(count), 1, |inner| inner.serialize_struct(name, count))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        count: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.parts(Some(count), 2, |inner| {
            inner.serialize_struct_variant(name, index, variant, count)
        })
    }
}

/// The serialization of a value with elements or fields.
struct GuardedParts<T, R> {
    inner: T,
    /// The depth of the elements.
    depth: usize,
    /// The number of remaining elements, if it was declared.
    left: Option<usize>,
    rules: PhantomData<R>,
}

impl<T, R: Rules> GuardedParts<T, R> {
    /// Wraps the next element for the inner serializer.
    #[inline]
    fn next<'v, V: ?Sized>(&mut self, value: &'v V) -> GuardedValue<'v, V, R> {
        // Wraps around below zero. The total is compared with the declared number once, at the end.
        self.left = self.left.map(|left| left.wrapping_sub(1));
        self.same(value)
    }

    /// Wraps a value that belongs to the previous element, such as the value of a map's key.
    #[inline]
    fn same<'v, V: ?Sized>(&self, value: &'v V) -> GuardedValue<'v, V, R> {
        GuardedValue::new(value, self.depth)
    }

    #[inline]
    fn finish<E: Error>(self) -> Result<T, E> {
        match self.left {
            None | Some(0) => Ok(self.inner),
            Some(_) => Err(E::custom(
                "a value has more or fewer elements than its `Serialize` declared",
            )),
        }
    }
}

macro_rules! parts {
    ($($trait:ident $method:ident)*) => {$(
        impl<T: $trait, R: Rules> $trait for GuardedParts<T, R> {
            type Ok = T::Ok;
            type Error = T::Error;

            #[inline]
            fn $method<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), T::Error> {
                let value = self.next(value);
                self.inner.$method(&value)
            }

            #[inline]
            fn end(self) -> Result<T::Ok, T::Error> {
                self.finish::<T::Error>()?.end()
            }
        }
    )*};
}

parts! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

macro_rules! fields {
    ($($trait:ident)*) => {$(
        impl<T: $trait, R: Rules> $trait for GuardedParts<T, R> {
            type Ok = T::Ok;
            type Error = T::Error;

            #[inline]
            fn serialize_field<V: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &V,
            ) -> Result<(), T::Error> {
                let value = self.next(value);
                self.inner.serialize_field(name, &value)
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), T::Error> {
                self.inner.skip_field(name)
            }

            #[inline]
            fn end(self) -> Result<T::Ok, T::Error> {
                self.finish::<T::Error>()?.end()
            }
        }
    )*};
}

fields!(SerializeStruct SerializeStructVariant);

impl<T: SerializeMap, R: Rules> SerializeMap for GuardedParts<T, R> {
    type Ok = T::Ok;
    type Error = T::Error;

    fn serialize_key<K: Serialize + ?Sized>(&mut self, key: &K) -> Result<(), T::Error> {
        let key = self.next(key);
        self.inner.serialize_key(&key)
    }

    fn serialize_value<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), T::Error> {
        let value = self.same(value);
        self.inner.serialize_value(&value)
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), T::Error> {
        let key = self.next(key);
        let value = self.same(value);
        self.inner.serialize_entry(&key, &value)
    }

    fn end(self) -> Result<T::Ok, T::Error> {
        self.finish::<T::Error>()?.end()
    }
}
