//! The JSON Schemas of values.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A type with a JSON Schema.
///
/// Generated code uses a user's type only through this trait, and with the span of the type in the user's code.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no JSON Schema",
    label = "this type must implement `schemars::JsonSchema`, since its service has the option `schema`",
    note = "for your own type: `#[derive(schemars::JsonSchema)]`, with version 1 of schemars"
)]
pub trait HasSchema {
    /// Returns the text of the schema, of values that are read or of values that are written.
    fn schema(settings: SchemaSettings) -> String;
}

#[diagnostic::do_not_recommend]
impl<T: JsonSchema> HasSchema for T {
    fn schema(settings: SchemaSettings) -> String {
        let schema = settings.into_generator().into_root_schema_for::<T>();
        // A schema is a JSON value, whose encoding cannot fail.
        serde_json::to_string(&schema).unwrap_or_default()
    }
}

/// Returns the schema of an argument.
pub fn schema_of_argument<T: HasSchema>() -> String {
    T::schema(SchemaSettings::draft2020_12().for_deserialize())
}

/// Returns the schema of a result.
pub fn schema_of_result<T: HasSchema>() -> String {
    T::schema(SchemaSettings::draft2020_12().for_serialize())
}

/// Bytes, which are base64 text in JSON.
#[derive(Debug)]
pub struct BytesSchema;

impl JsonSchema for BytesSchema {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "contentEncoding": "base64" })
    }
}
