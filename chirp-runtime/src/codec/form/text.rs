use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

#[cfg(feature = "reflect")]
use super::FindShape;
use super::{Form, Plain};
use crate::codec::{DecodeError, raw};

/// The form of `&str`: text, borrowed from the packet if the codec allows. JSON text with an escape is copied.
#[derive(Debug)]
pub struct Str;

/// The form of `Cow<str>`: like [`Str`], passed to the method as a `Cow`.
#[derive(Debug)]
pub struct CowStr;

impl Form for Str {
    type Sent<'a> = &'a str;
    type Got<'de> = Cow<'de, str>;

    fn serialize<S: Serializer>(value: &&str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Got<'de>, D::Error> {
        deserializer.deserialize_str(Text)
    }

    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape {
        finder.of_type::<String>()
    }
}

impl Plain for Str {
    fn bytes<'a>(value: &'a &str) -> &'a [u8] {
        value.as_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
        raw::text(bytes).map(Cow::Borrowed)
    }
}

impl Form for CowStr {
    type Sent<'a> = Cow<'a, str>;
    type Got<'de> = Cow<'de, str>;

    fn serialize<S: Serializer>(value: &Cow<'_, str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(value)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Got<'de>, D::Error> {
        deserializer.deserialize_str(Text)
    }

    #[cfg(feature = "reflect")]
    fn shape<S: FindShape>(finder: &mut S) -> S::Shape {
        finder.of_type::<String>()
    }
}

impl Plain for CowStr {
    fn bytes<'a>(value: &'a Cow<'_, str>) -> &'a [u8] {
        value.as_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Cow<'_, str>, DecodeError> {
        raw::text(bytes).map(Cow::Borrowed)
    }
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text))
    }
}
