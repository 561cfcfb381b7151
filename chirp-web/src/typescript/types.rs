//! Types of TypeScript, and the constants that read and write their values.

use std::collections::{BTreeMap, BTreeSet};

use chirp_runtime::reflect::{Definition, Field, Shape, Variant};

use super::comment::Comment;
use super::keys::UnfitKeys;
use super::layout::Layout;
use super::names::{Names, pascal_case, property, quoted};
use super::parts::{names_in, names_in_definition};

/// The number of names for one shape of keys that are followed. Beyond it, keys are taken for text.
const MAX_NAMES: usize = 64;

/// The place of a value in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A whole argument, result, item or field of an error: bytes are written in base64.
    Whole,
    /// A part of a value: bytes are written as a list of numbers.
    Part,
}

/// The named types of a description.
#[derive(Debug)]
pub(super) struct Types<'d> {
    definitions: &'d BTreeMap<String, Definition>,
    /// The types by their names in the description, with their names in TypeScript.
    names: BTreeMap<&'d str, String>,
    /// Types that are nothing but other names of themselves, which TypeScript does not have.
    endless: BTreeSet<&'d str>,
    unfit_keys: UnfitKeys<'d>,
    /// Types whose constants exist where the next text is written.
    written: BTreeSet<&'d str>,
}

impl<'d> Types<'d> {
    pub(super) fn new(definitions: &'d BTreeMap<String, Definition>, names: &mut Names) -> Self {
        let mut own = BTreeMap::new();
        for name in definitions.keys() {
            own.insert(name.as_str(), names.take(&pascal_case(name)));
        }
        Self {
            definitions,
            names: own,
            endless: find_endless(definitions),
            unfit_keys: UnfitKeys::new(definitions),
            written: BTreeSet::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }

    /// Writes the definitions of all types, each after those that it uses where that is possible.
    pub(super) fn write(&mut self, out: &mut String) {
        for name in self.order() {
            let definition = &self.definitions[name];
            out.push('\n');
            self.write_definition(name, definition, out);
            self.written.insert(name);
        }
    }

    /// Returns the first shape of keys in `shape` that JSON cannot hold.
    pub(super) fn find_unfit_key(&self, shape: &'d Shape) -> Option<&'d Shape> {
        self.unfit_keys.find(shape)
    }

    fn order(&self) -> Vec<&'d str> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for name in self.definitions.keys() {
            // Names that are left once, to be visited or, after their parts, to be noted.
            let mut stack = vec![(name.as_str(), false)];
            while let Some((name, is_after)) = stack.pop() {
                if is_after {
                    order.push(name);
                    continue;
                }
                let Some(definition) = self.definitions.get(name) else {
                    continue;
                };
                if !seen.insert(name) {
                    continue;
                }
                stack.push((name, true));
                let mut parts = Vec::new();
                names_in_definition(definition, &mut parts);
                stack.extend(parts.into_iter().rev().map(|part| (part, false)));
            }
        }
        order
    }

    fn write_definition(&self, name: &'d str, definition: &'d Definition, out: &mut String) {
        let own = &self.names[name];
        if self.endless.contains(name) {
            Comment::new("A type that is defined by itself alone: its values cannot be described.")
                .write(out, 0);
            put!(out, "export type {own} = unknown;\n");
            put!(out, "export const {own}: t.Type<{own}> = t.any;\n");
            return;
        }
        if let Definition::Struct(fields)
        | Definition::StrictStruct(fields)
        | Definition::OpenStruct(fields) = definition
        {
            put!(out, "export interface {own} {{\n");
            for field in fields {
                if let Some(note) = note(&field.shape) {
                    Comment::new(&note).write(out, 1);
                }
                out.push_str("  ");
                self.field_type(field).write(out, 1);
                out.push_str(";\n");
            }
            if matches!(definition, Definition::OpenStruct(_)) {
                Comment::new("Fields that the description does not list.").write(out, 1);
                out.push_str("  [name: string]: unknown;\n");
            }
            out.push_str("}\n");
        } else {
            if let Definition::Alias(shape) | Definition::Newtype(shape) = definition
                && let Some(note) = note(shape)
            {
                Comment::new(&note).write(out, 0);
            }
            let ty = Layout::labelled(
                format!("export type {own} = "),
                self.type_of_definition(definition),
            );
            ty.then(";").write(out, 0);
            out.push('\n');
        }
        let constant = Layout::labelled(
            format!("export const {own}: t.Type<{own}> = "),
            self.constant_of_definition(definition),
        );
        constant.then(";").write(out, 0);
        out.push('\n');
    }

    /// Returns the type of a value.
    pub(super) fn type_of(&self, shape: &Shape) -> Layout {
        Layout::text(match shape {
            Shape::Unit => "null",
            Shape::Bool => "boolean",
            Shape::I8
            | Shape::I16
            | Shape::I32
            | Shape::U8
            | Shape::U16
            | Shape::U32
            | Shape::F32
            | Shape::F64 => "number",
            Shape::I64 | Shape::I128 | Shape::U64 | Shape::U128 => "bigint",
            Shape::Char | Shape::Text => "string",
            Shape::Bytes => "Uint8Array",
            Shape::Optional(inner) => {
                let mut inner = inner;
                // `null` is there once.
                while let Shape::Optional(more) = &**inner {
                    inner = more;
                }
                let inner = match self.type_of(inner) {
                    Layout::Text(text) if text == "null" || text == "unknown" => {
                        return Layout::Text(text);
                    }
                    inner => inner,
                };
                return Layout::Union(vec![inner, Layout::text("null")]);
            }
            Shape::Sequence(item) => {
                let item = self.type_of(item);
                return match item {
                    Layout::Union(_) => {
                        Layout::Row(vec![Layout::text("Array<"), item, Layout::text(">")])
                    }
                    item => item.then("[]"),
                };
            }
            Shape::Tuple(items) => {
                let items = items.iter().map(|item| self.type_of(item));
                return Layout::list("[", items.collect(), "]");
            }
            Shape::Map(key, value) => return self.type_of_map(key, value),
            Shape::Named(name) => match self.names.get(name.as_str()) {
                Some(name) => name,
                None => "unknown",
            },
            _ => "unknown",
        })
    }

    fn type_of_map(&self, key: &Shape, value: &Shape) -> Layout {
        let type_of_value = self.type_of(value);
        let key = without_options(key);
        let (open, close) = if !self.is_text(key) {
            let key = self.type_of(key);
            return Layout::Row(vec![
                Layout::text("Map<"),
                key,
                Layout::text(", "),
                type_of_value,
                Layout::text(">"),
            ]);
        } else if self.is_written(value) {
            ("Record<string, ", ">")
        } else {
            // TypeScript does not allow a type to contain itself within the arguments of an alias such as `Record`.
            ("{ [key: string]: ", " }")
        };
        Layout::labelled(open, type_of_value).then(close)
    }

    /// Returns whether the types that a shape names are all written before.
    fn is_written(&self, shape: &Shape) -> bool {
        let mut parts = Vec::new();
        names_in(shape, &mut parts);
        parts.iter().all(|part| self.written.contains(part))
    }

    /// Returns whether keys of a shape are any texts.
    fn is_text(&self, key: &Shape) -> bool {
        let mut key = key;
        let mut names = 0;
        while let Shape::Named(name) = key {
            names += 1;
            if names > MAX_NAMES {
                return true;
            }
            match self.definitions.get(name.as_str()) {
                Some(Definition::Newtype(inner) | Definition::Alias(inner)) => {
                    key = without_options(inner);
                }
                Some(Definition::Enum(variants)) => {
                    let is_unit = |variant: &Variant| variant.definition == Definition::Unit;
                    return !variants.iter().all(is_unit);
                }
                _ => return true,
            }
        }
        matches!(key, Shape::Char | Shape::Text | Shape::Any)
    }

    fn field_type(&self, field: &Field) -> Layout {
        let mark = if field.required { "" } else { "?" };
        let name = property(&field.name);
        Layout::labelled(format!("{name}{mark}: "), self.type_of(&field.shape))
    }

    fn members(&self, definition: &Definition) -> Option<Vec<Layout>> {
        let (Definition::Struct(fields)
        | Definition::StrictStruct(fields)
        | Definition::OpenStruct(fields)) = definition
        else {
            return None;
        };
        let mut members: Vec<_> = fields.iter().map(|field| self.field_type(field)).collect();
        if matches!(definition, Definition::OpenStruct(_)) {
            members.push(Layout::text("[name: string]: unknown"));
        }
        Some(members)
    }

    fn type_of_definition(&self, definition: &Definition) -> Layout {
        match definition {
            Definition::Alias(shape) | Definition::Newtype(shape) => self.type_of(shape),
            Definition::Unit => Layout::text("null"),
            Definition::Tuple(items) => {
                let items = items.iter().map(|item| self.type_of(item));
                Layout::list("[", items.collect(), "]")
            }
            Definition::Struct(_) | Definition::StrictStruct(_) | Definition::OpenStruct(_) => {
                Layout::members(self.members(definition).unwrap_or_default())
            }
            Definition::Enum(variants) => {
                let mut types = Vec::new();
                for variant in variants {
                    let name = quoted(&variant.name);
                    match &variant.definition {
                        Definition::Unit => types.push(Layout::text(name)),
                        definition => {
                            if *definition == Definition::Alias(Shape::Any) {
                                types.push(Layout::text(name));
                            }
                            types.push(Layout::members(vec![Layout::labelled(
                                format!("{}: ", property(&variant.name)),
                                self.type_of_definition(definition),
                            )]));
                        }
                    }
                }
                union(types)
            }
            Definition::Tagged { tag, variants } => {
                let types = variants.iter().map(|variant| {
                    let name = format!("{}: {}", property(tag), quoted(&variant.name));
                    let mut members = vec![Layout::text(name)];
                    match self.members(&variant.definition) {
                        Some(fields) => members.extend(fields),
                        None if variant.definition == Definition::Unit => {}
                        None => members.push(Layout::text("[name: string]: unknown")),
                    }
                    Layout::members(members)
                });
                union(types.collect())
            }
            Definition::Adjacent {
                tag,
                content,
                variants,
            } => {
                let types = variants.iter().map(|variant| {
                    let name = format!("{}: {}", property(tag), quoted(&variant.name));
                    let mut members = vec![Layout::text(name)];
                    if variant.definition != Definition::Unit {
                        let mark = match variant.definition {
                            Definition::Alias(Shape::Any) => "?",
                            _ => "",
                        };
                        members.push(Layout::labelled(
                            format!("{}{mark}: ", property(content)),
                            self.type_of_definition(&variant.definition),
                        ));
                    }
                    Layout::members(members)
                });
                union(types.collect())
            }
            _ => Layout::text("unknown"),
        }
    }

    /// Returns the constant that reads and writes a value.
    pub(super) fn constant_of(&self, shape: &Shape, place: Place) -> Layout {
        Layout::text(match shape {
            Shape::Unit => "t.nothing",
            Shape::Bool => "t.bool",
            Shape::I8 => "t.i8",
            Shape::I16 => "t.i16",
            Shape::I32 => "t.i32",
            Shape::I64 => "t.i64",
            Shape::I128 => "t.i128",
            Shape::U8 => "t.u8",
            Shape::U16 => "t.u16",
            Shape::U32 => "t.u32",
            Shape::U64 => "t.u64",
            Shape::U128 => "t.u128",
            Shape::F32 => "t.f32",
            Shape::F64 => "t.f64",
            Shape::Char => "t.char",
            Shape::Text => "t.text",
            Shape::Bytes if place == Place::Whole => "t.bytes",
            Shape::Bytes => "t.byteList",
            Shape::Optional(inner) => {
                return call("t.optional", vec![self.constant_of(inner, place)]);
            }
            Shape::Sequence(item) => {
                return call("t.list", vec![self.constant_of(item, Place::Part)]);
            }
            Shape::Tuple(items) => return self.tuple(items),
            Shape::Map(key, value) => {
                let value = self.constant_of(value, Place::Part);
                let key = without_options(key);
                return if self.is_text(key) {
                    call("t.record", vec![value])
                } else {
                    call("t.map", vec![self.constant_of(key, Place::Part), value])
                };
            }
            Shape::Named(name) => match self.names.get(name.as_str()) {
                Some(constant) if self.written.contains(name.as_str()) => constant,
                Some(constant) => return Layout::text(format!("t.lazy(() => {constant})")),
                None => "t.any",
            },
            _ => "t.any",
        })
    }

    fn tuple(&self, items: &[Shape]) -> Layout {
        let items = items.iter().map(|item| self.constant_of(item, Place::Part));
        call("t.tuple", items.collect())
    }

    fn constant_of_definition(&self, definition: &Definition) -> Layout {
        match definition {
            Definition::Alias(shape) | Definition::Newtype(shape) => {
                self.constant_of(shape, Place::Part)
            }
            Definition::Unit => Layout::text("t.nothing"),
            Definition::Tuple(items) => self.tuple(items),
            Definition::Struct(fields) | Definition::StrictStruct(fields) => {
                self.structure("t.struct", fields)
            }
            Definition::OpenStruct(fields) => self.structure("t.openStruct", fields),
            Definition::Enum(variants) => {
                call("t.variants", vec![self.constants_of_variants(variants)])
            }
            Definition::Tagged { tag, variants } => {
                let variants = self.constants_of_variants(variants);
                Layout::labelled(format!("t.tagged({}, ", quoted(tag)), variants).then(")")
            }
            Definition::Adjacent {
                tag,
                content,
                variants,
            } => {
                let variants = self.constants_of_variants(variants);
                let open = format!("t.adjacent({}, {}, ", quoted(tag), quoted(content));
                Layout::labelled(open, variants).then(")")
            }
            _ => Layout::text("t.any"),
        }
    }

    fn structure(&self, function: &str, fields: &[Field]) -> Layout {
        let fields = fields.iter().map(|field| {
            let constant = self.constant_of(&field.shape, Place::Part);
            let constant = if field.required {
                constant
            } else {
                call("t.omittable", vec![constant])
            };
            Layout::labelled(format!("{}: ", property(&field.name)), constant)
        });
        call(function, vec![Layout::object(fields.collect())])
    }

    fn constants_of_variants(&self, variants: &[Variant]) -> Layout {
        let variants = variants.iter().map(|variant| {
            let constant = match &variant.definition {
                Definition::Unit => Layout::text("null"),
                definition => self.constant_of_definition(definition),
            };
            Layout::labelled(format!("{}: ", property(&variant.name)), constant)
        });
        Layout::object(variants.collect())
    }
}

/// Returns a call of a function. A single object or list as the argument is broken without a level of its own.
pub(super) fn call(function: &str, arguments: Vec<Layout>) -> Layout {
    match <[Layout; 1]>::try_from(arguments) {
        Ok([argument]) => Layout::labelled(format!("{function}("), argument).then(")"),
        Err(arguments) => Layout::list(format!("{function}("), arguments, ")"),
    }
}

/// Returns a note about a value that its type in TypeScript does not say.
pub(super) fn note(shape: &Shape) -> Option<String> {
    match shape {
        Shape::I8
        | Shape::I16
        | Shape::I32
        | Shape::I64
        | Shape::I128
        | Shape::U8
        | Shape::U16
        | Shape::U32
        | Shape::U64
        | Shape::U128
        | Shape::F32 => Some(format!("`{shape}`")),
        Shape::Char => Some("One character.".to_owned()),
        Shape::Any => Some("Any value: its shape is not known.".to_owned()),
        Shape::Optional(inner) => match &**inner {
            Shape::Optional(_) | Shape::Unit => Some(
                "`null` is also a value that is there and holds none: JSON cannot tell them apart."
                    .to_owned(),
            ),
            inner => note(inner),
        },
        Shape::Sequence(item) => match &**item {
            Shape::Sequence(_) | Shape::Tuple(_) | Shape::Map(..) => None,
            item => note(item),
        },
        _ => None,
    }
}

/// A key that is an option is written as the key, and no key is none.
fn without_options(mut key: &Shape) -> &Shape {
    while let Shape::Optional(inner) = key {
        key = inner;
    }
    key
}

fn union(mut types: Vec<Layout>) -> Layout {
    match types.len() {
        0 => Layout::text("never"),
        1 => types.remove(0),
        _ => Layout::Union(types),
    }
}

/// Finds types that lead to themselves through other names and options alone.
fn find_endless(definitions: &BTreeMap<String, Definition>) -> BTreeSet<&str> {
    let mut endless = BTreeSet::new();
    // The types that were followed, with the walk in which they were.
    let mut walks: BTreeMap<&str, usize> = BTreeMap::new();
    for (walk, name) in definitions.keys().enumerate() {
        let mut name = name.as_str();
        let mut path = Vec::new();
        let end = loop {
            match walks.get(name) {
                Some(&found) => break (found == walk).then_some(name),
                None => walks.insert(name, walk),
            };
            path.push(name);
            match definitions.get(name) {
                Some(Definition::Alias(shape) | Definition::Newtype(shape)) => {
                    let Shape::Named(next) = without_options(shape) else {
                        break None;
                    };
                    name = next;
                }
                _ => break None,
            }
        };
        if let Some(end) = end {
            endless.extend(path.into_iter().skip_while(|&name| name != end));
        }
    }
    endless
}
