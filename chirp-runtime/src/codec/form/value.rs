use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(feature = "reflect")]
use super::FindShape;
use super::{Form, Plain, Return, SerializeForm};
use crate::codec::{DecodeError, raw};

/// The form of any other type: its serde implementation.
#[derive(Debug)]
pub struct Owned<T>(PhantomData<T>);

/// The form of `&T`: encoded as `T`, and lent to the method.
#[derive(Debug)]
pub struct Lent<F>(PhantomData<F>);

/// The form of `&[T]`: encoded as `Vec<T>`, and lent to the method.
#[derive(Debug)]
pub struct Slice<T>(PhantomData<T>);

/// The form of an `Option` of a type that has its own form.
#[derive(Debug)]
pub struct Opt<F>(PhantomData<F>);

impl<T: Serialize + DeserializeOwned + Send + 'static> Form for Owned<T> {
    type Sent<'a> = T;
    type Got<'de> = T;

    fn serialize<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }

    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape {
        finder.of_type::<T>()
    }
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Return for Owned<T> {
    type Value = T;
}

impl Plain for Owned<String> {
    fn bytes(value: &String) -> &[u8] {
        value.as_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<String, DecodeError> {
        raw::text(bytes).map(str::to_owned)
    }
}

/// The form of an empty result.
impl Plain for Owned<()> {
    fn bytes((): &()) -> &[u8] {
        &[]
    }

    fn from_bytes(bytes: &[u8]) -> Result<(), DecodeError> {
        match bytes.len() {
            0 => Ok(()),
            more => Err(DecodeError::left_over(more)),
        }
    }
}

impl<F: Form> Form for Lent<F> {
    type Sent<'a> = &'a F::Sent<'a>;
    type Got<'de> = F::Got<'de>;

    const BYTES: bool = F::BYTES;

    fn serialize<S: Serializer>(value: &Self::Sent<'_>, serializer: S) -> Result<S::Ok, S::Error> {
        F::serialize(value, serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Got<'de>, D::Error> {
        F::deserialize(deserializer)
    }

    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape {
        F::shape(finder)
    }
}

impl<F: Plain> Plain for Lent<F> {
    fn bytes<'a>(value: &'a Self::Sent<'_>) -> &'a [u8] {
        F::bytes(value)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self::Got<'_>, DecodeError> {
        F::from_bytes(bytes)
    }
}

impl<T: Serialize + DeserializeOwned + Send + 'static> Form for Slice<T> {
    type Sent<'a> = &'a [T];
    type Got<'de> = Vec<T>;

    fn serialize<S: Serializer>(value: &&[T], serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
        Vec::deserialize(deserializer)
    }

    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape {
        finder.of_type::<Vec<T>>()
    }
}

impl<F: Form> Form for Opt<F> {
    type Sent<'a> = Option<F::Sent<'a>>;
    type Got<'de> = Option<F::Got<'de>>;

    const BYTES: bool = F::BYTES;

    fn serialize<S: Serializer>(value: &Self::Sent<'_>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.serialize_some(&SerializeForm::<F>(value)),
            None => serializer.serialize_none(),
        }
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Got<'de>, D::Error> {
        deserializer.deserialize_option(Perhaps::<F>(PhantomData))
    }

    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape {
        let inner = F::shape(finder);
        finder.optional(inner)
    }
}

impl<F: Return> Return for Opt<F> {
    type Value = Option<F::Value>;
}

struct Perhaps<F>(PhantomData<F>);

impl<'de, F: Form> Visitor<'de> for Perhaps<F> {
    type Value = Option<F::Got<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or none")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        F::deserialize(deserializer).map(Some)
    }
}
