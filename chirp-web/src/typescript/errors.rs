//! Classes of errors.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chirp_runtime::reflect::{ErrorDescription, ErrorField, ServiceDescription};

use super::comment::Comment;
use super::layout::Layout;
use super::names::{Names, pascal_case, property, quoted};
use super::types::{Place, Types, call, note};

/// The errors of the methods of a description: one class for all that are the same but for their documentation.
#[derive(Debug)]
pub(super) struct Errors<'d> {
    classes: Vec<(&'d ErrorDescription, String)>,
    by_key: BTreeMap<Key, usize>,
}

/// The features that distinguish errors: the code, the name, whether the data are raw, and the fields.
type Key = (u16, String, bool, String);

fn key(error: &ErrorDescription) -> Key {
    let fields = error.fields.iter();
    let fields: Vec<_> = fields
        .map(|field| (&field.name, &field.value.readable))
        .collect();
    (
        error.code,
        error.name.clone(),
        error.raw,
        format!("{fields:?}"),
    )
}

impl<'d> Errors<'d> {
    pub(super) fn new(services: &'d [ServiceDescription], names: &mut Names) -> Self {
        let mut classes = Vec::new();
        let mut by_key = BTreeMap::new();
        let methods = services.iter().flat_map(|service| &service.methods);
        for error in methods.flat_map(|method| &method.errors) {
            let Entry::Vacant(place) = by_key.entry(key(error)) else {
                continue;
            };
            place.insert(classes.len());
            let name = pascal_case(&error.name);
            let class = names
                .try_take(&name)
                .or_else(|| names.try_take(&format!("{name}Error")))
                .unwrap_or_else(|| names.take(&name));
            classes.push((error, class));
        }
        Self { classes, by_key }
    }

    /// Returns the class of an error.
    pub(super) fn class_of(&self, error: &ErrorDescription) -> Option<&str> {
        let index = *self.by_key.get(&key(error))?;
        Some(&self.classes.get(index)?.1)
    }

    /// Whether an error has data.
    pub(super) fn has_values(&self) -> bool {
        let mut errors = self.classes.iter();
        errors.any(|(error, _)| error.raw || !error.fields.is_empty())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Writes the classes.
    pub(super) fn write(&self, types: &Types<'_>, out: &mut String) {
        for (error, class) in &self.classes {
            out.push('\n');
            let mut comment = Comment::new(&error.documentation);
            for field in &error.fields {
                if let Some(note) = note(&field.value.readable) {
                    comment.tag("remarks", &format!("`{}`: {note}", field.name));
                }
            }
            comment.write(out, 0);
            write_class(error, class, types, out);
        }
    }
}

fn write_class(error: &ErrorDescription, class: &str, types: &Types<'_>, out: &mut String) {
    let head = format!("export class {class} extends errorClass");
    let mut arguments = vec![
        Layout::text(quoted(&error.name)),
        Layout::text(error.code.to_string()),
    ];
    let (data, constant) = if error.raw {
        (Layout::text("<Uint8Array>"), Some(Layout::text("t.bytes")))
    } else if error.fields.is_empty() {
        (Layout::text(""), None)
    } else {
        let constants = error.fields.iter().map(|field| constant(field, types));
        let (data, constant) = if is_tuple(&error.fields) {
            let parts = error.fields.iter();
            let parts = parts.map(|field| types.type_of(&field.value.readable));
            let constants = constants.map(|(_, constant)| constant);
            (
                Layout::list("[", parts.collect(), "]"),
                call("t.tuple", constants.collect()),
            )
        } else {
            let members = error.fields.iter().map(|field| {
                let label = format!("readonly {}: ", property(&field.name));
                Layout::labelled(label, types.type_of(&field.value.readable))
            });
            let constants =
                constants.map(|(name, constant)| Layout::labelled(format!("{name}: "), constant));
            (
                Layout::members(members.collect()),
                call("t.struct", vec![Layout::object(constants.collect())]),
            )
        };
        (Layout::labelled("<", data).then(">"), Some(constant))
    };
    arguments.extend(constant);
    let parts = vec![
        Layout::text(head),
        data,
        Layout::list("(", arguments, ")"),
        Layout::text(" {}"),
    ];
    Layout::Row(parts).write(out, 0);
    out.push('\n');
}

fn constant(field: &ErrorField, types: &Types<'_>) -> (String, Layout) {
    let constant = types.constant_of(&field.value.readable, Place::Whole);
    (property(&field.name), constant)
}

/// Whether the fields have no names.
fn is_tuple(fields: &[ErrorField]) -> bool {
    let mut fields = fields.iter().enumerate();
    fields.all(|(at, field)| field.name == at.to_string())
}

/// Adds the errors of a method to its documentation.
pub(super) fn document(errors: &Errors<'_>, of: &[ErrorDescription], comment: &mut Comment) {
    for error in of {
        let Some(class) = errors.class_of(error) else {
            continue;
        };
        let mut text = format!("{{{class}}}");
        if let Some(first) = error.documentation.lines().next() {
            put!(text, " {first}");
        }
        comment.tag("throws", &text);
    }
}
