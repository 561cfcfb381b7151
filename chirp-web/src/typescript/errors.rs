//! Classes of errors.

use chirp_runtime::reflect::{ErrorDescription, ErrorField, ServiceDescription};

use super::comment::Comment;
use super::layout::Layout;
use super::names::{Names, pascal_case, property, quoted};
use super::types::{Place, Types, call, note};

/// The errors of the methods of a description: one class for all that are the same but for their documentation.
#[derive(Debug)]
pub(super) struct Errors<'d> {
    classes: Vec<(&'d ErrorDescription, String)>,
}

impl<'d> Errors<'d> {
    pub(super) fn new(services: &'d [ServiceDescription], names: &mut Names) -> Self {
        let mut errors = Self {
            classes: Vec::new(),
        };
        let methods = services.iter().flat_map(|service| &service.methods);
        for error in methods.flat_map(|method| &method.errors) {
            if errors.class_of(error).is_some() {
                continue;
            }
            let name = pascal_case(&error.name);
            let class = names
                .try_take(&name)
                .or_else(|| names.try_take(&format!("{name}Error")))
                .unwrap_or_else(|| names.take(&name));
            errors.classes.push((error, class));
        }
        errors
    }

    /// Returns the class of an error.
    pub(super) fn class_of(&self, error: &ErrorDescription) -> Option<&str> {
        let mut classes = self.classes.iter();
        let found = classes.find(|(known, _)| is_same(known, error));
        found.map(|(_, class)| class.as_str())
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

fn is_same(one: &ErrorDescription, other: &ErrorDescription) -> bool {
    let mut fields = one.fields.iter().zip(&other.fields);
    (one.code, &one.name, one.raw) == (other.code, &other.name, other.raw)
        && one.fields.len() == other.fields.len()
        && fields.all(|(one, other)| {
            one.name == other.name && one.value.readable == other.value.readable
        })
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
