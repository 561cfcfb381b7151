use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use super::{
    Definition, Description, ErrorDescription, Field, MethodDescription, Shape, TypeDefinitions,
    ValueDescription, Variant,
};

/// The maximum depth of a value, as in calls.
const MAX_DEPTH: usize = 128;
/// The maximum length of a value in JSON, in bytes.
const MAX_TEXT: usize = 64 << 20;

/// Reads values as they are in packets by their described shapes, and returns them in JSON.
///
/// Programs that do not know the types can thus show what was sent, in recorded packets for example. The codec is that of
/// the method's service. The input may be hostile, and so may the description.
///
/// ```
/// # mod chirp { pub use chirp_runtime::reflect; }
/// use chirp::reflect::{Shape, TypeDefinitions, ValueReader};
///
/// let types = TypeDefinitions::default();
/// let reader = ValueReader::new("Bincode", &types)?;
/// let shape = Shape::Sequence(Box::new(Shape::U16));
/// assert_eq!(reader.read(&shape, &[2, 7, 251, 0, 1])?, "[7,256]");
/// # Ok::<(), chirp::reflect::ValueError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ValueReader<'a> {
    codec: ValueCodec,
    types: &'a TypeDefinitions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ValueCodec {
    Bincode,
    Postcard,
    Json,
    Raw,
}

/// A value that cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Values of this codec are not read.
    #[error("values in the codec {0} cannot be shown")]
    Codec(String),
    /// The description does not say what the value, or a part of it, looks like.
    #[error("the description does not show the shape of {0}")]
    Unknown(String),
    /// The bytes do not fit the shape.
    #[error("the bytes are no {0}")]
    Mismatch(String),
    /// Bytes are left over behind the value.
    #[error("{0} bytes are left over behind the value")]
    LeftOver(usize),
    /// The value is too deep or too long.
    #[error("the value is deeper than 128 levels or longer than 64 MiB")]
    TooLarge,
}

impl<'a> ValueReader<'a> {
    /// Creates a reader of the codec of a [`ServiceDescription`](super::ServiceDescription).
    ///
    /// # Errors
    ///
    /// [`ValueError::Codec`] if it cannot read values of the codec.
    pub fn new(codec: &str, types: &'a TypeDefinitions) -> Result<Self, ValueError> {
        let codec = match codec {
            "Bincode" => ValueCodec::Bincode,
            "Postcard" => ValueCodec::Postcard,
            "Json" => ValueCodec::Json,
            "Raw" => ValueCodec::Raw,
            other => return Err(ValueError::Codec(other.to_owned())),
        };
        Ok(Self { codec, types })
    }

    /// Creates a reader for a method, which may be called by an alias or by its JSON name.
    ///
    /// # Errors
    ///
    /// [`ValueError::Unknown`] if the method is not described, and the errors of [`new`](Self::new).
    pub fn of_method(
        description: &'a Description,
        name: &str,
    ) -> Result<(Self, &'a MethodDescription), ValueError> {
        let (native, is_json) = match name.strip_suffix(";json") {
            Some(native) => (native, true),
            None => (name, false),
        };
        let mut found = description.services.iter().flat_map(|service| {
            let methods = service.methods.iter();
            methods.map(move |method| (service, method))
        });
        let is_called = |method: &MethodDescription| {
            method.name == native || method.aliases.iter().any(|alias| alias == native)
        };
        let Some((service, method)) = found.find(|(_, method)| is_called(method)) else {
            return Err(ValueError::Unknown(format!("the method {native:?}")));
        };
        let codec = if is_json { "Json" } else { &service.codec };
        Ok((Self::new(codec, &description.types)?, method))
    }

    /// Returns the parameters of a call, as an object by the names of the arguments.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the parameters do not fit the description.
    pub fn arguments(self, method: &MethodDescription, bytes: &[u8]) -> Result<String, ValueError> {
        match self.codec {
            ValueCodec::Json if bytes.is_empty() => return Ok("{}".to_owned()),
            ValueCodec::Json => return json(bytes),
            ValueCodec::Raw if method.arguments.is_empty() && bytes.is_empty() => {
                return Ok("{}".to_owned());
            }
            ValueCodec::Bincode | ValueCodec::Postcard | ValueCodec::Raw => {}
        }
        let mut cursor = self.cursor(bytes);
        cursor.out.push('{');
        for (at, argument) in method.arguments.iter().enumerate() {
            // Arguments with a default may be left out at the end.
            if cursor.bytes.is_empty() && !argument.required {
                break;
            }
            if at > 0 {
                cursor.out.push(',');
            }
            cursor.text(&argument.name);
            cursor.out.push(':');
            if argument.stream {
                // The place of the stream among those that came with the call.
                cursor.shape(&Shape::U32, 0)?;
            } else {
                cursor.value(&argument.value)?;
            }
        }
        cursor.out.push('}');
        cursor.finish()
    }

    /// Returns a result or an item.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the bytes do not fit the description.
    pub fn value(self, value: &ValueDescription, bytes: &[u8]) -> Result<String, ValueError> {
        if self.codec == ValueCodec::Json {
            return json(bytes);
        }
        let mut cursor = self.cursor(bytes);
        cursor.value(value)?;
        cursor.finish()
    }

    /// Returns the auxiliary data of an error: an object by the names of fields, an array, or text in base64.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the bytes do not fit the description.
    pub fn error_data(self, error: &ErrorDescription, bytes: &[u8]) -> Result<String, ValueError> {
        let mut cursor = self.cursor(bytes);
        if error.raw {
            cursor.base64(bytes);
            return Ok(cursor.out);
        }
        if self.codec == ValueCodec::Json {
            return json(bytes);
        }
        let is_named = error
            .fields
            .iter()
            .any(|field| field.name.parse::<usize>().is_err());
        cursor.out.push(if is_named { '{' } else { '[' });
        for (at, field) in error.fields.iter().enumerate() {
            if at > 0 {
                cursor.out.push(',');
            }
            if is_named {
                cursor.text(&field.name);
                cursor.out.push(':');
            }
            cursor.value(&field.value)?;
        }
        cursor.out.push(if is_named { '}' } else { ']' });
        cursor.finish()
    }

    /// Returns a value of a compact shape.
    ///
    /// # Errors
    ///
    /// [`ValueError`] if the bytes do not fit the shape.
    pub fn read(self, shape: &Shape, bytes: &[u8]) -> Result<String, ValueError> {
        let mut cursor = self.cursor(bytes);
        cursor.shape(shape, 0)?;
        cursor.finish()
    }

    fn cursor<'b>(self, bytes: &'b [u8]) -> ValueCursor<'a, 'b> {
        ValueCursor {
            codec: self.codec,
            types: self.types,
            bytes,
            out: String::new(),
        }
    }
}

/// Checks that bytes are JSON, and returns them.
fn json(bytes: &[u8]) -> Result<String, ValueError> {
    let no_json = |_| ValueError::Mismatch("JSON".to_owned());
    let value: Box<serde_json::value::RawValue> = serde_json::from_slice(bytes).map_err(no_json)?;
    Ok(value.get().to_owned())
}

/// A value that is being read.
struct ValueCursor<'a, 'b> {
    codec: ValueCodec,
    types: &'a TypeDefinitions,
    bytes: &'b [u8],
    out: String,
}

impl<'b> ValueCursor<'_, 'b> {
    fn finish(self) -> Result<String, ValueError> {
        match self.bytes.len() {
            0 => Ok(self.out),
            left => Err(ValueError::LeftOver(left)),
        }
    }

    fn value(&mut self, value: &ValueDescription) -> Result<(), ValueError> {
        if self.codec == ValueCodec::Raw {
            let bytes = std::mem::take(&mut self.bytes);
            match (&value.compact, std::str::from_utf8(bytes)) {
                (Shape::Text, Ok(text)) => self.text(text),
                (Shape::Unit, _) if bytes.is_empty() => self.out.push_str("null"),
                _ => self.base64(bytes),
            }
            return Ok(());
        }
        // Bytes in the sense of the codec, which are text in JSON.
        let is_bytes = matches!(&value.compact, Shape::Sequence(item) if **item == Shape::U8)
            && value.readable == Shape::Text;
        let shape = if is_bytes {
            &Shape::Bytes
        } else {
            &value.compact
        };
        self.shape(shape, 0)
    }

    fn shape(&mut self, shape: &Shape, depth: usize) -> Result<(), ValueError> {
        if depth > MAX_DEPTH || self.out.len() > MAX_TEXT {
            return Err(ValueError::TooLarge);
        }
        let mismatch = || ValueError::Mismatch(shape.to_string());
        match shape {
            Shape::Unit => self.out.push_str("null"),
            Shape::Bool => {
                let word = match self.byte().ok_or_else(mismatch)? {
                    0 => "false",
                    1 => "true",
                    _ => return Err(mismatch()),
                };
                self.out.push_str(word);
            }
            Shape::I8 => {
                let byte = self.byte().ok_or_else(mismatch)?;
                self.display(byte.cast_signed());
            }
            Shape::U8 => {
                let byte = self.byte().ok_or_else(mismatch)?;
                self.display(byte);
            }
            Shape::U16 | Shape::U32 | Shape::U64 | Shape::U128 => {
                let number = self.number(bits(shape)).ok_or_else(mismatch)?;
                self.display(number);
            }
            Shape::I16 | Shape::I32 | Shape::I64 | Shape::I128 => {
                let number = self.number(bits(shape)).ok_or_else(mismatch)?;
                // Zigzag: the sign is the lowest bit.
                let number = (number >> 1).cast_signed() ^ -((number & 1).cast_signed());
                self.display(number);
            }
            Shape::F32 => {
                let bytes = self.array().ok_or_else(mismatch)?;
                self.float(f32::from_le_bytes(bytes).into(), |out, _| {
                    write!(out, "{:?}", f32::from_le_bytes(bytes))
                });
            }
            Shape::F64 => {
                let bytes = self.array().ok_or_else(mismatch)?;
                self.float(f64::from_le_bytes(bytes), |out, number| {
                    write!(out, "{number:?}")
                });
            }
            Shape::Char => {
                let text = self.char().ok_or_else(mismatch)?;
                self.text(text);
            }
            Shape::Text => {
                let bytes = self.run().ok_or_else(mismatch)?;
                let text = std::str::from_utf8(bytes).map_err(|_| mismatch())?;
                self.text(text);
            }
            Shape::Bytes => {
                let bytes = self.run().ok_or_else(mismatch)?;
                self.base64(bytes);
            }
            Shape::Optional(inner) => match self.byte().ok_or_else(mismatch)? {
                0 => self.out.push_str("null"),
                1 => self.shape(inner, depth + 1)?,
                _ => return Err(mismatch()),
            },
            Shape::Sequence(item) => {
                let length = self.length().ok_or_else(mismatch)?;
                self.out.push('[');
                for at in 0..length {
                    self.comma(at);
                    self.shape(item, depth + 1)?;
                }
                self.out.push(']');
            }
            Shape::Tuple(items) => self.tuple(items, depth)?,
            Shape::Map(key, value) => self.map(key, value, depth)?,
            Shape::Named(name) => {
                let definition = self.types.compact.get(name);
                let definition = definition.ok_or_else(|| unknown(name))?;
                self.definition(name, definition, depth + 1)?;
            }
            Shape::Any => return Err(unknown("a value")),
        }
        Ok(())
    }

    fn definition(
        &mut self,
        name: &str,
        definition: &Definition,
        depth: usize,
    ) -> Result<(), ValueError> {
        match definition {
            Definition::Alias(shape) | Definition::Newtype(shape) => self.shape(shape, depth),
            Definition::Unit => {
                self.out.push_str("null");
                Ok(())
            }
            Definition::Tuple(items) => self.tuple(items, depth),
            Definition::Struct(fields) | Definition::StrictStruct(fields) => {
                self.fields(fields, depth)
            }
            Definition::Enum(variants) => self.variant(name, variants, depth),
            // Their fields have no order.
            Definition::OpenStruct(_) | Definition::Tagged { .. } | Definition::Adjacent { .. } => {
                Err(unknown(name))
            }
        }
    }

    fn tuple(&mut self, items: &[Shape], depth: usize) -> Result<(), ValueError> {
        self.out.push('[');
        for (at, item) in items.iter().enumerate() {
            self.comma(at);
            self.shape(item, depth + 1)?;
        }
        self.out.push(']');
        Ok(())
    }

    fn fields(&mut self, fields: &[Field], depth: usize) -> Result<(), ValueError> {
        self.out.push('{');
        for (at, field) in fields.iter().enumerate() {
            self.comma(at);
            self.text(&field.name);
            self.out.push(':');
            self.shape(&field.shape, depth + 1)?;
        }
        self.out.push('}');
        Ok(())
    }

    fn variant(
        &mut self,
        name: &str,
        variants: &[Variant],
        depth: usize,
    ) -> Result<(), ValueError> {
        let number = self
            .number(32)
            .and_then(|number| usize::try_from(number).ok());
        let variant = number.and_then(|number| variants.get(number));
        let variant = variant.ok_or_else(|| ValueError::Mismatch(name.to_owned()))?;
        if variant.definition == Definition::Unit {
            self.text(&variant.name);
            return Ok(());
        }
        self.out.push('{');
        self.text(&variant.name);
        self.out.push(':');
        self.definition(name, &variant.definition, depth + 1)?;
        self.out.push('}');
        Ok(())
    }

    /// A map: an object if its keys are text in JSON, and pairs otherwise.
    fn map(&mut self, key: &Shape, value: &Shape, depth: usize) -> Result<(), ValueError> {
        let mismatch = || ValueError::Mismatch("map".to_owned());
        let length = self.length().ok_or_else(mismatch)?;
        let begin = self.out.len();
        self.out.push('{');
        let mut is_object = true;
        let mut pairs = Vec::new();
        for at in 0..length {
            self.comma(at);
            let start = self.out.len();
            self.shape(key, depth + 1)?;
            match self.out.as_bytes().get(start) {
                Some(b'"') => {}
                Some(b'{' | b'[' | b'n') | None => is_object = false,
                // Numbers and truth values are keys as text.
                Some(_) => {
                    self.out.insert(start, '"');
                    self.out.push('"');
                }
            }
            let middle = self.out.len();
            self.out.push(':');
            self.shape(value, depth + 1)?;
            pairs.push((start, middle, self.out.len()));
        }
        if is_object {
            self.out.push('}');
            return Ok(());
        }
        let text = self.out.split_off(begin);
        self.out.push('[');
        for (at, (start, middle, end)) in pairs.into_iter().enumerate() {
            self.comma(at);
            let key = &text[start - begin..middle - begin];
            let value = &text[middle - begin + 1..end - begin];
            self.out.push('[');
            self.out.push_str(key);
            self.out.push(',');
            self.out.push_str(value);
            self.out.push(']');
        }
        self.out.push(']');
        Ok(())
    }

    fn comma(&mut self, at: usize) {
        if at > 0 {
            self.out.push(',');
        }
    }

    fn display(&mut self, value: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{value}");
    }

    /// A number, or `null` if JSON has none for it.
    fn float(&mut self, number: f64, write: impl FnOnce(&mut String, f64) -> std::fmt::Result) {
        if number.is_finite() {
            let _ = write(&mut self.out, number);
        } else {
            self.out.push_str("null");
        }
    }

    fn text(&mut self, text: &str) {
        // Text is always JSON.
        self.out
            .push_str(&serde_json::to_string(text).unwrap_or_default());
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.out.push('"');
        STANDARD.encode_string(bytes, &mut self.out);
        self.out.push('"');
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*first)
    }

    /// A number of bytes, and those bytes.
    fn run(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number(64)?).ok()?;
        let (run, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(run)
    }

    /// A number of elements. Those without bytes are limited to 65,536, as in calls.
    fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.number(64)?).ok()?;
        (length <= self.bytes.len() + 65_536).then_some(length)
    }

    fn char(&mut self) -> Option<&'b str> {
        if self.codec == ValueCodec::Postcard {
            let text = std::str::from_utf8(self.run()?).ok()?;
            return (text.chars().count() == 1).then_some(text);
        }
        let length = match *self.bytes.first()? {
            0..0x80 => 1,
            0xC0..0xE0 => 2,
            0xE0..0xF0 => 3,
            0xF0.. => 4,
            _ => return None,
        };
        let (char, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        std::str::from_utf8(char).ok()
    }

    /// An integer of variable length, within so many bits.
    fn number(&mut self, bits: u32) -> Option<u128> {
        let number = if self.codec == ValueCodec::Postcard {
            let mut number = 0_u128;
            let mut shift = 0;
            loop {
                let byte = self.byte()?;
                let part = u128::from(byte & 0x7F);
                if shift >= 128 || part << shift >> shift != part {
                    return None;
                }
                number |= part << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            number
        } else {
            match self.byte()? {
                251 => u16::from_le_bytes(self.array()?).into(),
                252 => u32::from_le_bytes(self.array()?).into(),
                253 => u64::from_le_bytes(self.array()?).into(),
                254 => u128::from_le_bytes(self.array()?),
                255 => return None,
                small => small.into(),
            }
        };
        (bits == 128 || number >> bits == 0).then_some(number)
    }
}

fn unknown(name: &str) -> ValueError {
    ValueError::Unknown(name.to_owned())
}

fn bits(shape: &Shape) -> u32 {
    match shape {
        Shape::U16 | Shape::I16 => 16,
        Shape::U32 | Shape::I32 => 32,
        Shape::U64 | Shape::I64 => 64,
        _ => 128,
    }
}
