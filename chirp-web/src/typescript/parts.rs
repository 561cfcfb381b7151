//! The parts of types.

use chirp_runtime::reflect::{Definition, Shape};

/// Adds the types that a shape names.
pub(super) fn names_in<'d>(shape: &'d Shape, names: &mut Vec<&'d str>) {
    match shape {
        Shape::Named(name) => names.push(name),
        Shape::Optional(inner) | Shape::Sequence(inner) => names_in(inner, names),
        Shape::Tuple(items) => items.iter().for_each(|item| names_in(item, names)),
        Shape::Map(key, value) => {
            names_in(key, names);
            names_in(value, names);
        }
        _ => {}
    }
}

/// Adds the types that a definition names.
pub(super) fn names_in_definition<'d>(definition: &'d Definition, names: &mut Vec<&'d str>) {
    let mut shapes = Vec::new();
    shapes_in(definition, &mut shapes);
    for shape in shapes {
        names_in(shape, names);
    }
}

/// Adds the shapes of a definition.
pub(super) fn shapes_in<'d>(definition: &'d Definition, shapes: &mut Vec<&'d Shape>) {
    match definition {
        Definition::Alias(shape) | Definition::Newtype(shape) => shapes.push(shape),
        Definition::Tuple(items) => shapes.extend(items),
        Definition::Struct(fields)
        | Definition::StrictStruct(fields)
        | Definition::OpenStruct(fields) => {
            shapes.extend(fields.iter().map(|field| &field.shape));
        }
        Definition::Enum(variants)
        | Definition::Tagged { variants, .. }
        | Definition::Adjacent { variants, .. } => {
            let definitions = variants.iter().map(|variant| &variant.definition);
            definitions.for_each(|definition| shapes_in(definition, shapes));
        }
        _ => {}
    }
}
