use std::fmt;

use serde::{Deserialize, Serialize};

/// How a value is written.
// A public variant named `String` or `Option` would make rustc print the types of std with their paths in every message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Shape {
    /// A value whose shape cannot be seen, or that may have any shape.
    Any,
    /// No value: `()` or a unit struct.
    Unit,
    /// `bool`.
    Bool,
    /// `i8`.
    I8,
    /// `i16`.
    I16,
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `i128`.
    I128,
    /// `u8`.
    U8,
    /// `u16`.
    U16,
    /// `u32`.
    U32,
    /// `u64`.
    U64,
    /// `u128`.
    U128,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `char`.
    Char,
    /// A text.
    Text,
    /// Bytes that are written as such, not as a sequence of numbers.
    Bytes,
    /// A value or none.
    Optional(Box<Self>),
    /// Any number of values of one shape.
    Sequence(Box<Self>),
    /// A fixed number of values.
    Tuple(Vec<Self>),
    /// Pairs of a key and a value.
    Map(Box<Self>, Box<Self>),
    /// A type of this name, whose definition is in [`Shapes`](super::Shapes).
    Named(String),
}

/// The definition of a named type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Definition {
    /// Another name for a shape that contains itself.
    Alias(Shape),
    /// A unit struct.
    Unit,
    /// A struct with one field without a name.
    Newtype(Shape),
    /// A struct whose fields have no names.
    Tuple(Vec<Shape>),
    /// A struct with named fields.
    Struct(Vec<Field>),
    /// A struct that refuses fields that are not listed: `deny_unknown_fields`.
    StrictStruct(Vec<Field>),
    /// A struct with flattened fields: these fields are required, and there may be others.
    OpenStruct(Vec<Field>),
    /// An enum.
    Enum(Vec<Variant>),
    /// An enum whose variants are named by a field beside their own: `#[serde(tag = "..")]`.
    Tagged {
        /// The name of the field.
        tag: String,
        /// The variants.
        variants: Vec<Variant>,
    },
    /// An enum whose variants are named by a field, and whose fields are the value of another:
    /// `#[serde(tag = "..", content = "..")]`.
    Adjacent {
        /// The name of the field for the variant.
        tag: String,
        /// The name of the field for the variant's fields.
        content: String,
        /// The variants.
        variants: Vec<Variant>,
    },
}

/// A field of a struct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Field {
    /// The name by which the field is read.
    pub name: String,
    /// Other names by which the field is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The shape of the value.
    pub shape: Shape,
    /// Whether a value without the field is refused. `true` too where that could not be found out.
    pub required: bool,
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Variant {
    /// The name by which the variant is read.
    pub name: String,
    /// Other names by which the variant is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The fields: `Unit`, `Newtype`, `Tuple` or `Struct`, or an `Alias` of `Any` if they cannot be seen.
    pub definition: Definition,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Any => "any",
            Self::Unit => "()",
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::I128 => "i128",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::U128 => "u128",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::Optional(inner) => return write!(f, "{inner}?"),
            Self::Sequence(item) => return write!(f, "[{item}]"),
            Self::Map(key, value) => return write!(f, "{{{key}: {value}}}"),
            Self::Tuple(items) => return write_tuple(f, items),
            Self::Named(name) => name,
        };
        f.write_str(name)
    }
}

fn write_tuple(f: &mut fmt::Formatter<'_>, items: &[Shape]) -> fmt::Result {
    f.write_str("(")?;
    for (at, item) in items.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(")")
}

fn write_fields(f: &mut fmt::Formatter<'_>, fields: &[Field], end: &str) -> fmt::Result {
    f.write_str("{")?;
    for (at, field) in fields.iter().enumerate() {
        let comma = if at == 0 { " " } else { ", " };
        write!(f, "{comma}{}", field.name)?;
        for alias in &field.aliases {
            write!(f, "|{alias}")?;
        }
        let default = if field.required { "" } else { " = default" };
        write!(f, ": {}{default}", field.shape)?;
    }
    f.write_str(end)?;
    f.write_str(" }")
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alias(shape) => shape.fmt(f),
            Self::Unit => f.write_str("()"),
            Self::Newtype(shape) => write!(f, "({shape})"),
            Self::Tuple(items) => write_tuple(f, items),
            Self::Struct(fields) => write_fields(f, fields, ""),
            Self::StrictStruct(fields) => write_fields(f, fields, " !"),
            Self::OpenStruct(fields) => write_fields(f, fields, " .."),
            Self::Enum(variants) => write_variants(f, variants),
            Self::Tagged { tag, variants } => {
                write!(f, "tag {tag}: ")?;
                write_variants(f, variants)
            }
            Self::Adjacent {
                tag,
                content,
                variants,
            } => {
                write!(f, "tag {tag}, content {content}: ")?;
                write_variants(f, variants)
            }
        }
    }
}

fn write_variants(f: &mut fmt::Formatter<'_>, variants: &[Variant]) -> fmt::Result {
    for (at, variant) in variants.iter().enumerate() {
        let bar = if at == 0 { "" } else { " | " };
        write!(f, "{bar}{}", variant.name)?;
        for alias in &variant.aliases {
            write!(f, "|{alias}")?;
        }
        let fields = &variant.definition;
        match fields {
            Definition::Unit => {}
            Definition::Struct(_) | Definition::StrictStruct(_) | Definition::OpenStruct(_) => {
                write!(f, " {fields}")?;
            }
            Definition::Alias(shape) => write!(f, "({shape})")?,
            _ => write!(f, "{fields}")?,
        }
    }
    Ok(())
}
