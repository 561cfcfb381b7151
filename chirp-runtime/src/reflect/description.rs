use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Definition, Shape};
use crate::codec::DecodeError;

/// The interface of a peer: its services and methods, and the shapes of their values.
///
/// A peer answers `chirp.reflect.describe` with a description in JSON (PROTOCOL.md, section 6.6). Readers ignore fields
/// that they do not know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Description {
    /// The version of this format: [`Description::VERSION`].
    pub version: u32,
    /// The services, in the order of their names.
    pub services: Vec<ServiceDescription>,
    /// Names that are served and not described, such as those of plain handlers, in alphabetical order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<String>,
    /// The definitions of the types that shapes name.
    #[serde(default)]
    pub types: TypeDefinitions,
}

impl Description {
    /// The version of the format that this crate writes.
    pub const VERSION: u32 = 1;
}

/// The definitions of the named types in a [`Description`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TypeDefinitions {
    /// The types as they are written in the codecs `Json` and `MessagePack`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub readable: BTreeMap<String, Definition>,
    /// The types as they are written in the codecs `Bincode` and `Postcard`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub compact: BTreeMap<String, Definition>,
}

/// A service of a [`Description`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceDescription {
    /// The name under which the service is registered. Empty if its methods have no common name.
    pub name: String,
    /// The documentation of the trait.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub documentation: String,
    /// The codec of native calls: `Bincode`, `Postcard`, `MessagePack`, `Json` or `Raw`.
    pub codec: String,
    /// Whether the methods run one after another on each connection.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ordered: bool,
    /// The methods, in the order of the trait.
    pub methods: Vec<MethodDescription>,
}

/// A method of a [`ServiceDescription`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a field of the format"
)]
pub struct MethodDescription {
    /// The whole name by which the method is called, such as `Arith.sum`.
    pub name: String,
    /// Other names of the method.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The documentation of the method.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub documentation: String,
    /// The arguments, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<ArgumentDescription>,
    /// The result. `None` for one-way methods and for methods whose result is a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ValueDescription>,
    /// The items of the result, if it is a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<ValueDescription>,
    /// The errors that the method's error type defines. A method may fail with other codes, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ErrorDescription>,
    /// Whether the method has no response.
    #[serde(default, skip_serializing_if = "is_false")]
    pub one_way: bool,
    /// Whether the method may be called again if it may have run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub idempotent: bool,
    /// Whether arguments are written by name in codecs that have names.
    #[serde(default, skip_serializing_if = "is_false")]
    pub named: bool,
    /// Whether the only argument is all of the parameters in codecs that have names: no list and no name are around it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub params: bool,
    /// The default time limit of a call, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// The reason why the method is deprecated. Empty if no reason is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<String>,
    /// The fingerprint of the signature, as 16 hexadecimal digits (PROTOCOL.md, section 6.4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// An argument of a [`MethodDescription`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ArgumentDescription {
    /// The name of the argument.
    pub name: String,
    /// Other names of the argument.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The value, or the items if the argument is a stream.
    #[serde(flatten)]
    pub value: ValueDescription,
    /// Whether the argument is a stream of values.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stream: bool,
    /// Whether a JSON call without the argument is refused.
    pub required: bool,
}

/// A value: an argument, a result, or an item of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ValueDescription {
    /// The type as it is written in the trait, such as `Vec<Order>`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The shape of the value in the codecs `Json` and `MessagePack`.
    pub readable: Shape,
    /// The shape of the value in the codecs `Bincode` and `Postcard`.
    pub compact: Shape,
    /// The JSON Schema of the value, if the service has the option `schema`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// An error that a method may return.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorDescription {
    /// The error code.
    pub code: u16,
    /// The number of the error for JSON-RPC peers, if `#[chirp(jsonrpc = ..)]` sets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jsonrpc: Option<i32>,
    /// The status of responses of HTTP with the error, if `#[chirp(http_status = ..)]` sets one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The name of the variant or type.
    pub name: String,
    /// The documentation of the variant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub documentation: String,
    /// The fields in the auxiliary data. The names of unnamed fields are their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<ErrorField>,
    /// Whether the auxiliary data are bytes that are not encoded by the codec. JSON callers get them in base64.
    #[serde(default, skip_serializing_if = "is_false")]
    pub raw: bool,
}

/// A field of an [`ErrorDescription`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorField {
    /// The name of the field.
    pub name: String,
    /// The value of the field.
    #[serde(flatten)]
    pub value: ValueDescription,
}

impl ArgumentDescription {
    /// Creates the description of a required argument that is a value.
    pub fn new(name: impl Into<String>, value: ValueDescription) -> Self {
        Self {
            name: name.into(),
            aliases: Vec::new(),
            value,
            stream: false,
            required: true,
        }
    }
}

impl ValueDescription {
    /// Creates the description of a value.
    pub fn new(type_name: impl Into<String>, readable: Shape, compact: Shape) -> Self {
        Self {
            type_name: type_name.into(),
            readable,
            compact,
            schema: None,
        }
    }

    /// Returns `true` for bytes, such as `Bytes` and `Vec<u8>`: a whole argument, result or item of such a type is text in
    /// base64 in JSON. Inside of other values a `Vec<u8>` is an array of numbers.
    pub fn is_bytes(&self) -> bool {
        let is_bytes = match &self.readable {
            Shape::Optional(inner) => **inner == Shape::Bytes,
            shape => *shape == Shape::Bytes,
        };
        is_bytes || is_bytes_type(&self.type_name)
    }
}

/// Returns `true` for the name of a type that is written as bytes, or for an `Option` of one.
fn is_bytes_type(name: &str) -> bool {
    let name: String = name.chars().filter(|c| !c.is_whitespace()).collect();
    let inner = name
        .strip_prefix("Option<")
        .and_then(|rest| rest.strip_suffix('>'));
    let name = inner.unwrap_or(&name).trim_start_matches('&');
    let name = match name.strip_prefix('\'') {
        Some(rest) => rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
        None => name,
    };
    let last = name.rsplit("::").next().unwrap_or(name);
    matches!(last, "Vec<u8>" | "[u8]" | "Bytes")
        || name.starts_with("[u8;")
        || last.starts_with("Cow<") && last.ends_with("[u8]>")
}

impl ErrorField {
    /// Creates the description of a field.
    pub fn new(name: impl Into<String>, value: ValueDescription) -> Self {
        Self {
            name: name.into(),
            value,
        }
    }
}

impl Description {
    /// Reads a description in JSON, as a peer sends it.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the JSON is not a description of this version.
    pub fn from_json(json: &[u8]) -> Result<Self, DecodeError> {
        /// The part of a description that all versions have.
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }

        let undecodable = |error: serde_json::Error| {
            DecodeError::new(format_args!("the JSON is not a description: {error}"))
        };
        let Head { version } = serde_json::from_slice(json).map_err(undecodable)?;
        if version != Self::VERSION {
            return Err(DecodeError::new(format_args!(
                "the description has version {version}, and this side knows version {}",
                Self::VERSION
            )));
        }
        serde_json::from_slice(json).map_err(undecodable)
    }

    /// Returns the method that is called by `name`, which may be an alias.
    pub fn method(&self, name: &str) -> Option<&MethodDescription> {
        let mut methods = self.services.iter().flat_map(|service| &service.methods);
        methods
            .find(|method| method.name == name || method.aliases.iter().any(|alias| alias == name))
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_bytes_are_known_by_their_written_form() {
        let is_bytes = |name: &str| ValueDescription::new(name, Shape::Any, Shape::Any).is_bytes();
        for name in [
            "Vec<u8>",
            "&[u8]",
            "&'a [u8]",
            "Cow<'_, [u8]>",
            "std::borrow::Cow<'a, [u8]>",
            "Bytes",
            "bytes::Bytes",
            "[u8; 16]",
            "&Vec<u8>",
            "Option<&[u8]>",
            "Vec < u8 >",
        ] {
            assert!(is_bytes(name), "{name}");
        }
        for name in [
            "Vec<u16>",
            "Vec<Vec<u8>>",
            "String",
            "BytesMut",
            "Option<Vec<Bytes>>",
            "u8",
            "",
        ] {
            assert!(!is_bytes(name), "{name}");
        }
    }
}
