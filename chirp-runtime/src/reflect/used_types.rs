use std::collections::{BTreeMap, BTreeSet};

use super::{Definition, Description, Shape, TypeDefinitions, ValueDescription};

impl Description {
    /// Returns the definitions of the types that the methods of this description use.
    pub(crate) fn used_types(&self, all: &TypeDefinitions) -> TypeDefinitions {
        let mut values: Vec<&ValueDescription> = Vec::new();
        for method in self.services.iter().flat_map(|service| &service.methods) {
            values.extend(method.arguments.iter().map(|argument| &argument.value));
            values.extend(method.result.iter().chain(&method.items));
            let fields = method.errors.iter().flat_map(|error| &error.fields);
            values.extend(fields.map(|field| &field.value));
        }
        let readable = values.iter().map(|value| &value.readable);
        let compact = values.iter().map(|value| &value.compact);
        TypeDefinitions {
            readable: reachable(readable.collect(), &all.readable),
            compact: reachable(compact.collect(), &all.compact),
        }
    }
}

/// Returns the definitions of the types that these shapes name, and of those inside of them.
fn reachable<'s>(
    mut left: Vec<&'s Shape>,
    definitions: &'s BTreeMap<String, Definition>,
) -> BTreeMap<String, Definition> {
    let mut names = BTreeSet::new();
    while let Some(shape) = left.pop() {
        if let Some(name) = open(shape, &mut left)
            && names.insert(name)
            && let Some(definition) = definitions.get(name)
        {
            parts(definition, &mut left);
        }
    }
    let mut used = BTreeMap::new();
    for (name, definition) in definitions {
        if names.contains(name.as_str()) {
            used.insert(name.clone(), definition.clone());
        }
    }
    used
}

/// Returns the names of the types that are used directly in a definition.
pub(super) fn names_in(definition: &Definition) -> Vec<&str> {
    let (mut left, mut names) = (Vec::new(), Vec::new());
    parts(definition, &mut left);
    while let Some(shape) = left.pop() {
        names.extend(open(shape, &mut left));
    }
    names
}

/// Adds the shapes in a shape. Returns the name of its type if it has one.
fn open<'s>(shape: &'s Shape, left: &mut Vec<&'s Shape>) -> Option<&'s str> {
    match shape {
        Shape::Optional(inner) | Shape::Sequence(inner) => left.push(inner),
        Shape::Tuple(items) => left.extend(items),
        Shape::Map(key, value) => left.extend([&**key, &**value]),
        Shape::Named(name) => return Some(name),
        _ => {}
    }
    None
}

/// Adds the shapes in a definition.
fn parts<'s>(definition: &'s Definition, shapes: &mut Vec<&'s Shape>) {
    match definition {
        Definition::Alias(shape) | Definition::Newtype(shape) => shapes.push(shape),
        Definition::Unit => {}
        Definition::Tuple(items) => shapes.extend(items),
        Definition::Struct(fields)
        | Definition::StrictStruct(fields)
        | Definition::OpenStruct(fields) => {
            shapes.extend(fields.iter().map(|field| &field.shape));
        }
        Definition::Enum(variants)
        | Definition::Tagged { variants, .. }
        | Definition::Adjacent { variants, .. } => {
            for variant in variants {
                parts(&variant.definition, shapes);
            }
        }
    }
}
