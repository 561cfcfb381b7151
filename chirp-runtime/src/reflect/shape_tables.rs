use std::collections::BTreeMap;

use super::{Definition, Notation, Shapes, TypeDefinitions};

/// The shapes of the types of a description, in both notations.
#[derive(Debug)]
pub(crate) struct ShapeTables {
    pub(crate) readable: Shapes,
    pub(crate) compact: Shapes,
}

impl ShapeTables {
    /// Creates empty tables.
    pub(crate) fn new() -> Self {
        Self {
            readable: Shapes::new(Notation::Readable),
            compact: Shapes::new(Notation::Compact),
        }
    }

    /// Returns the definitions of all named types.
    pub(crate) fn definitions(&self) -> TypeDefinitions {
        TypeDefinitions {
            readable: definitions(&self.readable),
            compact: definitions(&self.compact),
        }
    }
}

fn definitions(shapes: &Shapes) -> BTreeMap<String, Definition> {
    let mut definitions = BTreeMap::new();
    for (name, definition) in shapes.iter() {
        definitions.insert(name.to_owned(), definition.clone());
    }
    definitions
}
