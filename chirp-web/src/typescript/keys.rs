//! Maps whose keys JSON cannot hold.

use std::collections::{BTreeMap, BTreeSet};

use chirp_runtime::reflect::{Definition, Shape};

use super::parts::{names_in_definition, shapes_in};

/// Types that contain maps whose keys are no text in JSON, each with the shape of such keys.
#[derive(Debug)]
pub(super) struct UnfitKeys<'d> {
    definitions: &'d BTreeMap<String, Definition>,
    of_types: BTreeMap<&'d str, &'d Shape>,
}

impl<'d> UnfitKeys<'d> {
    pub(super) fn new(definitions: &'d BTreeMap<String, Definition>) -> Self {
        let mut keys = Self {
            definitions,
            of_types: BTreeMap::new(),
        };
        let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut open = Vec::new();
        for (name, definition) in definitions {
            let mut parts = Vec::new();
            names_in_definition(definition, &mut parts);
            for part in parts {
                users.entry(part).or_default().push(name);
            }
            let mut shapes = Vec::new();
            shapes_in(definition, &mut shapes);
            if let Some(key) = shapes.into_iter().find_map(|shape| keys.find(shape)) {
                open.push((name.as_str(), key));
            }
        }
        let mut seen = BTreeSet::new();
        while let Some((name, key)) = open.pop() {
            if seen.insert(name) {
                keys.of_types.insert(name, key);
                let users = users.get(name).into_iter().flatten();
                open.extend(users.map(|user| (*user, key)));
            }
        }
        keys
    }

    /// Returns the first shape of keys in `shape` that JSON cannot hold.
    pub(super) fn find(&self, shape: &'d Shape) -> Option<&'d Shape> {
        match shape {
            Shape::Map(key, _) if !self.is_key(key) => Some(key),
            Shape::Map(_, inner) | Shape::Optional(inner) | Shape::Sequence(inner) => {
                self.find(inner)
            }
            Shape::Tuple(items) => items.iter().find_map(|item| self.find(item)),
            Shape::Named(name) => self.of_types.get(name.as_str()).copied(),
            _ => None,
        }
    }

    /// Returns whether values of a shape can be keys in JSON, as the callee judges it. Where that depends on the value, they
    /// can.
    fn is_key(&self, shape: &Shape) -> bool {
        match shape {
            Shape::Unit | Shape::Bytes | Shape::Sequence(_) | Shape::Tuple(_) | Shape::Map(..) => {
                false
            }
            Shape::Named(name) => match self.definitions.get(name) {
                // A newtype may contain itself.
                None
                | Some(
                    Definition::Newtype(Shape::Named(_))
                    | Definition::Alias(_)
                    | Definition::Enum(_),
                ) => true,
                Some(Definition::Newtype(inner)) => self.is_key(inner),
                Some(_) => false,
            },
            _ => true,
        }
    }
}
