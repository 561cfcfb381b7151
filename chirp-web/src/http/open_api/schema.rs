//! JSON Schemas (2020-12) of shapes.

use std::collections::{BTreeMap, BTreeSet};

use chirp_runtime::reflect::{
    Definition, Field, Shape, TypeDefinitions, ValueDescription, Variant,
};
use serde_json::{Map, Value, json};

/// The names of types as components, which have fewer characters than names of types.
pub(super) struct ComponentNames {
    types: BTreeMap<String, String>,
    /// The names of the fields of variants, by type and variant. Generators of clients name objects better that are components than
    /// those inside of others; `openapi-python-client` leaves out the latter where a type is one of several.
    variants: BTreeMap<(String, String), String>,
}

impl ComponentNames {
    /// Names the types of a description. `taken` are the names of other components.
    pub(super) fn new(types: &TypeDefinitions, taken: &[&str]) -> Self {
        let mut used = BTreeSet::new();
        used.extend(taken.iter().map(|&name| name.to_owned()));
        let mut component = |name: &str| {
            let plain = plain_name(name);
            let mut component = plain.clone();
            let mut number = 2;
            while !used.insert(component.clone()) {
                component = format!("{plain}_{number}");
                number += 1;
            }
            component
        };
        let mut of_types = BTreeMap::new();
        for name in types.readable.keys() {
            of_types.insert(name.clone(), component(name));
        }
        let mut of_variants = BTreeMap::new();
        for (name, definition) in &types.readable {
            for variant in variants_with_fields(definition) {
                let component = component(&format!("{name}.{}", variant.name));
                of_variants.insert((name.clone(), variant.name.clone()), component);
            }
        }
        Self {
            types: of_types,
            variants: of_variants,
        }
    }

    /// Adds the schemas of all types.
    pub(super) fn add_schemas(&self, types: &TypeDefinitions, schemas: &mut Map<String, Value>) {
        for (name, definition) in &types.readable {
            if let Some(component) = self.types.get(name) {
                schemas.insert(component.clone(), self.definition(name, definition));
            }
            for variant in variants_with_fields(definition) {
                if let Some(component) = self.variant(name, variant) {
                    let fields = self.definition(name, &variant.definition);
                    schemas.insert(component.clone(), fields);
                }
            }
        }
    }

    fn variant(&self, owner: &str, variant: &Variant) -> Option<&String> {
        let key = (owner.to_owned(), variant.name.clone());
        self.variants.get(&key)
    }

    /// Returns the schema of a whole argument, result or item.
    pub(super) fn value(&self, value: &ValueDescription) -> Value {
        if value.is_bytes() {
            let text = json!({"type": "string", "contentEncoding": "base64"});
            return match value.readable {
                Shape::Optional(_) => nullable(text),
                _ => text,
            };
        }
        let schema = value.schema.as_ref();
        // A schema with definitions of its own could not be moved into another document.
        let schema =
            schema.and_then(|schema| serde_json::from_slice::<Value>(schema.as_bytes()).ok());
        match schema {
            Some(Value::Object(mut schema)) if schema.get("$defs").is_none() => {
                schema.remove("$schema");
                Value::Object(schema)
            }
            _ => self.shape(&value.readable),
        }
    }

    pub(super) fn shape(&self, shape: &Shape) -> Value {
        match shape {
            Shape::Unit => of_type("null"),
            Shape::Bool => of_type("boolean"),
            Shape::I8 => integer(i8::MIN, i8::MAX),
            Shape::I16 => integer(i16::MIN, i16::MAX),
            Shape::I32 => integer(i32::MIN, i32::MAX),
            Shape::I64 => integer(i64::MIN, i64::MAX),
            Shape::U8 => integer(u8::MIN, u8::MAX),
            Shape::U16 => integer(u16::MIN, u16::MAX),
            Shape::U32 => integer(u32::MIN, u32::MAX),
            Shape::U64 => integer(u64::MIN, u64::MAX),
            Shape::I128 => of_type("integer"),
            Shape::U128 => json!({"type": "integer", "minimum": 0}),
            Shape::F32 | Shape::F64 => of_type("number"),
            Shape::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
            Shape::Text => of_type("string"),
            Shape::Bytes => array(integer(u8::MIN, u8::MAX)),
            Shape::Optional(inner) => nullable(self.shape(inner)),
            Shape::Sequence(item) => array(self.shape(item)),
            Shape::Tuple(items) => self.tuple(items),
            Shape::Map(key, value) => {
                let mut schema = of_type("object");
                schema["additionalProperties"] = self.shape(value);
                if let Some(names) = key_schema(key) {
                    schema["propertyNames"] = names;
                }
                schema
            }
            Shape::Named(name) => match self.types.get(name) {
                Some(component) => reference(component),
                None => any(),
            },
            // Any value.
            _ => any(),
        }
    }

    /// Returns the schema of a type, or of the fields of a variant of it.
    fn definition(&self, name: &str, definition: &Definition) -> Value {
        match definition {
            Definition::Alias(shape) | Definition::Newtype(shape) => self.shape(shape),
            Definition::Unit => self.shape(&Shape::Unit),
            Definition::Tuple(items) => self.tuple(items),
            Definition::Struct(fields) | Definition::OpenStruct(fields) => self.object(fields),
            Definition::StrictStruct(fields) => closed(self.object(fields)),
            Definition::Enum(variants) => self.variants(name, variants),
            Definition::Tagged { tag, variants } => one_of(variants, |variant| {
                let fields = self.content(name, variant);
                let own = tagged(tag, &variant.name);
                match fields {
                    None => own,
                    Some(fields) => json!({"allOf": [own, fields]}),
                }
            }),
            Definition::Adjacent {
                tag,
                content,
                variants,
            } => one_of(variants, |variant| {
                let mut own = tagged(tag, &variant.name);
                if let Some(fields) = self.content(name, variant) {
                    own["properties"][content] = fields;
                    own["required"] = vec![tag.as_str(), content].into();
                }
                own
            }),
            _ => any(),
        }
    }

    fn variants(&self, name: &str, variants: &[Variant]) -> Value {
        let is_unit = |variant: &&Variant| matches!(variant.definition, Definition::Unit);
        let (units, others): (Vec<_>, Vec<_>) = variants.iter().partition(is_unit);
        let mut names = of_type("string");
        names["enum"] = units.iter().map(|variant| variant.name.as_str()).collect();
        if others.is_empty() {
            return names;
        }
        let others = others.into_iter().map(|variant| {
            let content = self.content(name, variant).unwrap_or_else(any);
            closed(object_with(&variant.name, content))
        });
        let names = (!units.is_empty()).then_some(names);
        let schemas: Vec<_> = names.into_iter().chain(others).collect();
        json!({"oneOf": schemas})
    }

    /// Returns the schema of a variant's fields, if it has any.
    fn content(&self, owner: &str, variant: &Variant) -> Option<Value> {
        match (&variant.definition, self.variant(owner, variant)) {
            (Definition::Unit, _) => None,
            (_, Some(component)) => Some(reference(component)),
            (definition, None) => Some(self.definition(owner, definition)),
        }
    }

    fn object(&self, fields: &[Field]) -> Value {
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in fields {
            properties.insert(field.name.clone(), self.shape(&field.shape));
            // A field with another name may be given by that one.
            if field.required && field.aliases.is_empty() {
                required.push(field.name.as_str().into());
            }
        }
        object(properties, required)
    }

    fn tuple(&self, items: &[Shape]) -> Value {
        let length = items.len();
        let mut schema = json!({"type": "array", "minItems": length, "maxItems": length});
        if length > 0 {
            schema["prefixItems"] = items.iter().map(|item| self.shape(item)).collect();
        }
        schema
    }
}

/// Iterates over the variants that have named fields, which are objects inside of the objects of their type.
fn variants_with_fields(definition: &Definition) -> impl Iterator<Item = &Variant> {
    let variants: &[Variant] = match definition {
        Definition::Enum(variants) | Definition::Adjacent { variants, .. } => variants,
        _ => &[],
    };
    variants.iter().filter(|variant| {
        matches!(
            variant.definition,
            Definition::Struct(_) | Definition::StrictStruct(_) | Definition::OpenStruct(_)
        )
    })
}

/// Returns a reference to a component.
pub(super) fn reference(component: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{component}")})
}

pub(super) fn of_type(name: &str) -> Value {
    json!({"type": name})
}

/// Returns the schema of any value.
fn any() -> Value {
    Value::Object(Map::new())
}

/// Returns the schema of bytes that are no JSON.
pub(super) fn binary() -> Value {
    json!({"type": "string", "format": "binary"})
}

/// Returns the schema of one value.
pub(super) fn constant(type_name: &str, value: Value) -> Value {
    let mut schema = of_type(type_name);
    schema["enum"] = vec![value].into();
    schema
}

/// Returns the schema of an object with named fields, of which some are required.
pub(super) fn object(properties: Map<String, Value>, required: Vec<Value>) -> Value {
    let mut schema = of_type("object");
    schema["properties"] = properties.into();
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// Returns the schema of an object with one field.
pub(super) fn object_with(name: &str, value: Value) -> Value {
    let mut properties = Map::new();
    properties.insert(name.to_owned(), value);
    object(properties, vec![name.into()])
}

fn integer(least: impl Into<Value>, greatest: impl Into<Value>) -> Value {
    let (least, greatest) = (least.into(), greatest.into());
    json!({"type": "integer", "minimum": least, "maximum": greatest})
}

/// Returns the schema of the text of a map's keys, if not every text is one.
fn key_schema(key: &Shape) -> Option<Value> {
    Some(match key {
        Shape::U8 | Shape::U16 | Shape::U32 | Shape::U64 | Shape::U128 => {
            json!({"pattern": "^[0-9]+$"})
        }
        Shape::I8 | Shape::I16 | Shape::I32 | Shape::I64 | Shape::I128 => {
            json!({"pattern": "^-?[0-9]+$"})
        }
        Shape::Bool => json!({"enum": ["true", "false"]}),
        Shape::Char => json!({"minLength": 1, "maxLength": 1}),
        _ => return None,
    })
}

pub(super) fn array(item: Value) -> Value {
    let mut schema = of_type("array");
    schema["items"] = item;
    schema
}

fn nullable(schema: Value) -> Value {
    if schema.as_object().is_some_and(Map::is_empty) {
        return schema;
    }
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn closed(mut object: Value) -> Value {
    object["additionalProperties"] = false.into();
    object
}

fn one_of(variants: &[Variant], schema: impl Fn(&Variant) -> Value) -> Value {
    let schemas: Vec<_> = variants.iter().map(schema).collect();
    json!({"oneOf": schemas})
}

/// The schema of an object that names its variant.
fn tagged(tag: &str, variant: &str) -> Value {
    object_with(tag, constant("string", variant.into()))
}

/// Replaces the characters that names of components and operations do not have.
pub(super) fn plain_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.chars()
        .map(|c| if is_plain(c) { c } else { '_' })
        .collect()
}
