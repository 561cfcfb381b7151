//! Reading text by the type of an argument.

use chirp::reflect::{Definition, Field, JsonText, Shape, TypeDefinitions, ValueDescription};

/// The number of definitions that may refer to each other before a shape is given up. A description may be hostile.
const MAX_STEPS: usize = 64;

/// Returns the fields of a struct.
pub(super) fn fields_of<'a>(shape: &'a Shape, types: &'a TypeDefinitions) -> Option<&'a [Field]> {
    match resolve(shape, types) {
        Found::Struct(fields) => Some(fields),
        _ => None,
    }
}

/// Reads text as a value. The error names what was expected.
pub(super) fn read_text(
    text: &str,
    value: &ValueDescription,
    types: &TypeDefinitions,
) -> Result<JsonText, String> {
    if value.is_bytes() {
        let is_optional = matches!(value.readable, Shape::Optional(_))
            || value.type_name.trim_start().starts_with("Option");
        return match text {
            "null" if is_optional => json("null"),
            text => Ok(JsonText::bytes(text)),
        };
    }
    read_shape(text, &value.readable, types)
        .ok_or_else(|| expected(&value.type_name, &value.readable, types))
        .flatten()
}

/// `None` if the text is no value of the shape.
fn read_shape(
    text: &str,
    shape: &Shape,
    types: &TypeDefinitions,
) -> Option<Result<JsonText, String>> {
    let found = match resolve(shape, types) {
        Found::Shape(shape) => shape,
        Found::Enum(definition) => return read_variant(text, definition),
        Found::Struct(_) | Found::Other => return from_json(text),
    };
    let number = |is_valid: bool, printed: String| is_valid.then(|| json(&printed));
    match found {
        Shape::Text => Some(Ok(JsonText::text(text))),
        Shape::Char => (text.chars().count() == 1).then(|| Ok(JsonText::text(text))),
        Shape::Bytes => Some(Ok(JsonText::bytes(text))),
        Shape::Bool => matches!(text, "true" | "false").then(|| json(text)),
        Shape::Optional(_) if text == "null" => Some(json("null")),
        Shape::Optional(inner) => read_shape(text, inner, types),
        Shape::I8 | Shape::I16 | Shape::I32 | Shape::I64 | Shape::I128 => {
            let value: i128 = text.parse().ok()?;
            let bits = match found {
                Shape::I8 => 8,
                Shape::I16 => 16,
                Shape::I32 => 32,
                Shape::I64 => 64,
                _ => 128,
            };
            let max = i128::MAX >> (128 - bits);
            number((-max - 1..=max).contains(&value), value.to_string())
        }
        Shape::U8 | Shape::U16 | Shape::U32 | Shape::U64 | Shape::U128 => {
            let value: u128 = text.parse().ok()?;
            let bits = match found {
                Shape::U8 => 8,
                Shape::U16 => 16,
                Shape::U32 => 32,
                Shape::U64 => 64,
                _ => 128,
            };
            number(value <= u128::MAX >> (128 - bits), value.to_string())
        }
        Shape::F32 | Shape::F64 => {
            let value: f64 = text.parse().ok()?;
            // A number in JSON stays as it is written.
            let as_written = text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
                && JsonText::new(text).is_ok();
            let printed = if as_written {
                text.to_owned()
            } else {
                format!("{value:?}")
            };
            number(value.is_finite(), printed)
        }
        Shape::Unit => (text.is_empty() || text == "null").then(|| json("null")),
        // Without a type, JSON is JSON and everything else is text.
        Shape::Any => Some(json(text).or_else(|_| Ok(JsonText::text(text)))),
        _ => from_json(text),
    }
}

/// A shape behind names, as far as it matters for reading text.
enum Found<'a> {
    Shape(&'a Shape),
    Enum(&'a Definition),
    Struct(&'a [Field]),
    /// A tuple struct, for example.
    Other,
}

fn resolve<'a>(shape: &'a Shape, types: &'a TypeDefinitions) -> Found<'a> {
    let mut shape = shape;
    for _ in 0..MAX_STEPS {
        let Shape::Named(name) = shape else {
            return Found::Shape(shape);
        };
        shape = match types.readable.get(name) {
            Some(Definition::Alias(inner) | Definition::Newtype(inner)) => inner,
            Some(Definition::Unit) => &Shape::Unit,
            Some(definition @ Definition::Enum(_)) => return Found::Enum(definition),
            Some(Definition::Struct(fields) | Definition::OpenStruct(fields)) => {
                return Found::Struct(fields);
            }
            Some(_) => return Found::Other,
            None => &Shape::Any,
        };
    }
    Found::Shape(&Shape::Any)
}

/// Reads the name of a variant without fields, or JSON.
fn read_variant(text: &str, definition: &Definition) -> Option<Result<JsonText, String>> {
    let Definition::Enum(variants) = definition else {
        return from_json(text);
    };
    let is_named = variants.iter().any(|variant| {
        matches!(variant.definition, Definition::Unit)
            && (variant.name == text || variant.aliases.iter().any(|alias| alias == text))
    });
    if is_named {
        return Some(Ok(JsonText::text(text)));
    }
    let is_structured = text.trim_start().starts_with([
        '{', '[', '"', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-',
    ]);
    is_structured.then(|| from_json(text)).flatten()
}

fn from_json(text: &str) -> Option<Result<JsonText, String>> {
    match json(text) {
        Ok(value) => Some(Ok(value)),
        Err(_) if !text.trim_start().starts_with(['{', '[', '"']) => None,
        Err(error) => Some(Err(error)),
    }
}

/// Parses JSON text.
pub(super) fn json(text: &str) -> Result<JsonText, String> {
    if text.trim().is_empty() {
        return Err("expected JSON, and there is nothing".to_owned());
    }
    JsonText::new(text.trim()).map_err(|error| error.to_string())
}

fn expected(type_name: &str, shape: &Shape, types: &TypeDefinitions) -> String {
    let mut text = format!("expected {type_name}");
    if let Found::Enum(Definition::Enum(variants)) = resolve(shape, types) {
        let names: Vec<_> = variants.iter().map(|variant| &variant.name[..]).collect();
        text = format!("{text}: one of {}", names.join(", "));
    } else if shape.to_string() != type_name && !matches!(shape, Shape::Named(_)) {
        text = format!("{text}, which is {shape}");
    }
    if matches!(
        resolve(shape, types),
        Found::Struct(_)
            | Found::Other
            | Found::Shape(Shape::Sequence(_) | Shape::Tuple(_) | Shape::Map(..))
    ) {
        text.push_str(" in JSON");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> TypeDefinitions {
        serde_json::from_str(
            r#"{"readable": {
                "Order": {"struct": [{"name": "id", "shape": "u64", "required": true}]},
                "Id": {"newtype": "u64"},
                "Name": {"alias": "text"},
                "Loop": {"alias": {"named": "Loop"}},
                "Marker": "unit",
                "Pair": {"tuple": ["u8", "u8"]},
                "Color": {"enum": [
                    {"name": "red", "aliases": ["rot"], "definition": "unit"},
                    {"name": "rgb", "definition": {"tuple": ["u8", "u8", "u8"]}}
                ]}
            }}"#,
        )
        .expect("definitions")
    }

    fn value(type_name: &str, shape: &str) -> ValueDescription {
        let shape: Shape = serde_json::from_str(shape).expect("a shape");
        ValueDescription::new(type_name, shape.clone(), shape)
    }

    #[test]
    fn text_is_read_by_its_type() {
        let cases = [
            ("String", r#""text""#, "1", r#""1""#),
            ("String", r#""text""#, "", r#""""#),
            ("String", r#""text""#, "\"x\"", r#""\"x\"""#),
            ("String", r#""text""#, "null", r#""null""#),
            ("char", r#""char""#, "é", r#""é""#),
            ("bool", r#""bool""#, "true", "true"),
            (
                "i64",
                r#""i64""#,
                "-9223372036854775808",
                "-9223372036854775808",
            ),
            ("i8", r#""i8""#, "+5", "5"),
            ("u8", r#""u8""#, "255", "255"),
            (
                "u128",
                r#""u128""#,
                "340282366920938463463374607431768211455",
                "340282366920938463463374607431768211455",
            ),
            (
                "i128",
                r#""i128""#,
                "-170141183460469231731687303715884105728",
                "-170141183460469231731687303715884105728",
            ),
            ("f64", r#""f64""#, "0.10", "0.10"),
            ("f64", r#""f64""#, "-1e3", "-1e3"),
            ("f64", r#""f64""#, ".5", "0.5"),
            ("Option<u32>", r#"{"optional":"u32"}"#, "null", "null"),
            ("Option<u32>", r#"{"optional":"u32"}"#, "7", "7"),
            ("Option<String>", r#"{"optional":"text"}"#, "x", r#""x""#),
            ("Vec<u32>", r#"{"sequence":"u32"}"#, "[1, 2]", "[1, 2]"),
            (
                "HashMap<String, u8>",
                r#"{"map":["text","u8"]}"#,
                r#"{"a":1}"#,
                r#"{"a":1}"#,
            ),
            (
                "(u8, bool)",
                r#"{"tuple":["u8","bool"]}"#,
                "[1,true]",
                "[1,true]",
            ),
            (
                "Order",
                r#"{"named":"Order"}"#,
                r#"{"id":1}"#,
                r#"{"id":1}"#,
            ),
            ("Id", r#"{"named":"Id"}"#, "7", "7"),
            ("Name", r#"{"named":"Name"}"#, "7", r#""7""#),
            ("Color", r#"{"named":"Color"}"#, "red", r#""red""#),
            ("Color", r#"{"named":"Color"}"#, "rot", r#""rot""#),
            ("Color", r#"{"named":"Color"}"#, r#""red""#, r#""red""#),
            (
                "Color",
                r#"{"named":"Color"}"#,
                r#"{"rgb":[1,2,3]}"#,
                r#"{"rgb":[1,2,3]}"#,
            ),
            ("Marker", r#"{"named":"Marker"}"#, "", "null"),
            ("Pair", r#"{"named":"Pair"}"#, "[1,2]", "[1,2]"),
            ("()", r#""unit""#, "null", "null"),
            ("IpAddr", r#""any""#, "127.0.0.1", r#""127.0.0.1""#),
            ("Value", r#""any""#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            ("Missing", r#"{"named":"Missing"}"#, "x", r#""x""#),
            ("Loop", r#"{"named":"Loop"}"#, "x", r#""x""#),
            ("&[u8]", r#"{"sequence":"u8"}"#, "abc", r#""YWJj""#),
            ("Vec<u8>", r#"{"sequence":"u8"}"#, "null", r#""bnVsbA==""#),
            (
                "Option<Vec<u8>>",
                r#"{"optional":{"sequence":"u8"}}"#,
                "null",
                "null",
            ),
        ];
        let types = types();
        for (type_name, shape, text, json) in cases {
            let read = read_text(text, &value(type_name, shape), &types);
            let read = read.unwrap_or_else(|error| panic!("{type_name} {text}: {error}"));
            assert_eq!(read.as_str(), json, "{type_name} {text}");
        }
    }

    #[test]
    fn other_text_is_refused_with_what_was_expected() {
        let cases = [
            ("i64", r#""i64""#, "x", "expected i64"),
            ("i64", r#""i64""#, "1.5", "expected i64"),
            ("i64", r#""i64""#, "", "expected i64"),
            ("u8", r#""u8""#, "256", "expected u8"),
            ("u8", r#""u8""#, "-1", "expected u8"),
            ("f64", r#""f64""#, "NaN", "expected f64"),
            ("f64", r#""f64""#, "inf", "expected f64"),
            ("bool", r#""bool""#, "yes", "expected bool"),
            ("char", r#""char""#, "ab", "expected char"),
            (
                "Option<u32>",
                r#"{"optional":"u32"}"#,
                "x",
                "expected Option<u32>, which is u32?",
            ),
            (
                "Vec<u32>",
                r#"{"sequence":"u32"}"#,
                "1 2",
                "expected Vec<u32>, which is [u32] in JSON",
            ),
            (
                "Order",
                r#"{"named":"Order"}"#,
                "x",
                "expected Order in JSON",
            ),
            (
                "Color",
                r#"{"named":"Color"}"#,
                "blue",
                "expected Color: one of red, rgb",
            ),
        ];
        let types = types();
        for (type_name, shape, text, message) in cases {
            let error = read_text(text, &value(type_name, shape), &types);
            let error = error.expect_err(type_name);
            assert_eq!(error, message, "{type_name} {text}");
        }
        let error = read_text("[1,", &value("Vec<u32>", r#"{"sequence":"u32"}"#), &types);
        assert!(error.is_err_and(|error| error.contains("EOF")));
    }
}
