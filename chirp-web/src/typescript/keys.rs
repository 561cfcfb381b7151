//! Maps whose keys JSON cannot hold.

use std::collections::{BTreeMap, BTreeSet};

use chirp_runtime::reflect::{Definition, Shape};

/// Returns the first shape of keys that are no text in JSON, in `shapes` and the types that they name.
pub(super) fn find<'d>(
    shapes: impl Iterator<Item = &'d Shape>,
    types: &'d BTreeMap<String, Definition>,
) -> Option<&'d Shape> {
    let mut open: Vec<&Shape> = shapes.collect();
    let mut seen = BTreeSet::new();
    while let Some(shape) = open.pop() {
        match shape {
            Shape::Map(key, _) if !is_key(key, types) => return Some(key),
            Shape::Map(_, inner) | Shape::Optional(inner) | Shape::Sequence(inner) => {
                open.push(inner);
            }
            Shape::Tuple(items) => open.extend(items),
            Shape::Named(name) if seen.insert(name) => {
                if let Some(definition) = types.get(name) {
                    add_parts(definition, &mut open);
                }
            }
            _ => {}
        }
    }
    None
}

fn add_parts<'d>(definition: &'d Definition, shapes: &mut Vec<&'d Shape>) {
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
            definitions.for_each(|definition| add_parts(definition, shapes));
        }
        _ => {}
    }
}

/// Returns whether values of a shape can be keys in JSON, as the callee judges it. Where that depends on the value, they can.
fn is_key(shape: &Shape, types: &BTreeMap<String, Definition>) -> bool {
    let mut shape = shape;
    loop {
        let name = match shape {
            Shape::Unit | Shape::Bytes | Shape::Sequence(_) | Shape::Tuple(_) | Shape::Map(..) => {
                return false;
            }
            Shape::Named(name) => name,
            _ => return true,
        };
        match types.get(name) {
            Some(Definition::Newtype(inner)) if !matches!(inner, Shape::Named(_)) => shape = inner,
            None | Some(Definition::Newtype(_) | Definition::Alias(_) | Definition::Enum(_)) => {
                return true;
            }
            Some(_) => return false,
        }
    }
}
