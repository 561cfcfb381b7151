use std::collections::{BTreeMap, BTreeSet};

use super::used_types::names_in;
use super::{Definition, Description, ServiceDescription, Shape, TypeDefinitions};

impl Description {
    /// Keeps the names for which `keep` returns `true`. A method without its own name goes by the first of its aliases that
    /// is kept. Services without methods and types that no method uses are removed.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        for service in &mut self.services {
            service.methods.retain_mut(|method| {
                method.aliases.retain(|alias| keep(alias));
                if keep(&method.name) {
                    return true;
                }
                let is_kept = !method.aliases.is_empty();
                if is_kept {
                    method.name = method.aliases.remove(0);
                }
                is_kept
            });
        }
        self.services.retain(|service| !service.methods.is_empty());
        self.others.retain(|name| keep(name));
        self.remove_unused_types();
    }

    /// Adds the services of another description. Names that are described here keep their meaning. A type of `other` whose
    /// name is the name of another type here is renamed.
    pub fn merge(&mut self, mut other: Self) {
        let mut known = BTreeSet::new();
        known.extend(self.others.iter().cloned());
        for method in self.services.iter().flat_map(|service| &service.methods) {
            known.insert(method.name.clone());
            known.extend(method.aliases.iter().cloned());
        }
        other.retain(|name| !known.contains(name));
        let renamed = Renamed::new(&self.types, &other.types);
        other.for_each_shape(&mut |shape, is_readable| renamed.apply(shape, is_readable));
        let TypeDefinitions { readable, compact } = other.types;
        add(&mut self.types.readable, readable, &renamed.readable);
        add(&mut self.types.compact, compact, &renamed.compact);
        self.services.append(&mut other.services);
        self.others.append(&mut other.others);
        self.sort();
    }

    /// Sorts the services by their names, and those of one name by their first methods, and the names of other methods.
    pub(crate) fn sort(&mut self) {
        fn names(service: &ServiceDescription) -> (&str, Option<&str>) {
            let first = service.methods.first();
            (&service.name, first.map(|method| method.name.as_str()))
        }
        self.services
            .sort_unstable_by(|one, other| names(one).cmp(&names(other)));
        self.others.sort_unstable();
    }

    /// Removes the types that no method uses.
    fn remove_unused_types(&mut self) {
        let all = std::mem::take(&mut self.types);
        self.types = self.used_types(&all);
    }

    /// Calls `each` for the shapes of all values and types, with whether it is the shape in codecs with names.
    fn for_each_shape(&mut self, each: &mut dyn FnMut(&mut Shape, bool)) {
        let services = self.services.iter_mut();
        for method in services.flat_map(|service| &mut service.methods) {
            let arguments = method.arguments.iter_mut();
            let values = arguments
                .map(|argument| &mut argument.value)
                .chain(method.result.iter_mut())
                .chain(method.items.iter_mut());
            let errors = method.errors.iter_mut();
            let fields = errors.flat_map(|error| &mut error.fields);
            for value in values.chain(fields.map(|field| &mut field.value)) {
                each(&mut value.readable, true);
                each(&mut value.compact, false);
            }
        }
        for definition in self.types.readable.values_mut() {
            for_each_part(definition, &mut |shape| each(shape, true));
        }
        for definition in self.types.compact.values_mut() {
            for_each_part(definition, &mut |shape| each(shape, false));
        }
    }
}

/// New names of types, by their present names.
struct Renamed {
    readable: BTreeMap<String, String>,
    compact: BTreeMap<String, String>,
}

impl Renamed {
    /// Finds new names for the types of `other` that are not the same here.
    fn new(own: &TypeDefinitions, other: &TypeDefinitions) -> Self {
        Self {
            readable: new_names(&own.readable, &other.readable),
            compact: new_names(&own.compact, &other.compact),
        }
    }

    fn apply(&self, shape: &mut Shape, is_readable: bool) {
        let names = if is_readable {
            &self.readable
        } else {
            &self.compact
        };
        if !names.is_empty() {
            rename(shape, names);
        }
    }
}

type Definitions = BTreeMap<String, Definition>;

fn new_names(own: &Definitions, other: &Definitions) -> BTreeMap<String, String> {
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let common: Vec<_> = other
        .iter()
        .filter_map(|(name, definition)| Some((name, definition, own.get(name)?)))
        .collect();
    loop {
        let before = renamed.len();
        for (name, theirs, ours) in &common {
            if renamed.contains_key(*name) {
                continue;
            }
            // A type that has a renamed type inside is another type, too.
            let parts = names_in(theirs);
            if theirs != ours || parts.iter().any(|part| renamed.contains_key(*part)) {
                let mut numbered = (2..).map(|number| format!("{name} {number}"));
                let is_free = |new: &String| {
                    !own.contains_key(new)
                        && !other.contains_key(new)
                        && !renamed.values().any(|taken| taken == new)
                };
                if let Some(new) = numbered.find(is_free) {
                    renamed.insert((*name).clone(), new);
                }
            }
        }
        if renamed.len() == before {
            return renamed;
        }
    }
}

fn add(own: &mut Definitions, other: Definitions, renamed: &BTreeMap<String, String>) {
    for (name, definition) in other {
        let name = renamed.get(&name).cloned().unwrap_or(name);
        own.entry(name).or_insert(definition);
    }
}

fn rename(shape: &mut Shape, names: &BTreeMap<String, String>) {
    match shape {
        Shape::Optional(inner) | Shape::Sequence(inner) => rename(inner, names),
        Shape::Tuple(items) => items.iter_mut().for_each(|item| rename(item, names)),
        Shape::Map(key, value) => {
            rename(key, names);
            rename(value, names);
        }
        Shape::Named(name) => {
            if let Some(new) = names.get(name) {
                name.clone_from(new);
            }
        }
        _ => {}
    }
}

/// Calls `each` for the shapes in a definition.
fn for_each_part(definition: &mut Definition, each: &mut dyn FnMut(&mut Shape)) {
    match definition {
        Definition::Alias(shape) | Definition::Newtype(shape) => each(shape),
        Definition::Unit => {}
        Definition::Tuple(items) => items.iter_mut().for_each(each),
        Definition::Struct(fields)
        | Definition::StrictStruct(fields)
        | Definition::OpenStruct(fields) => {
            for field in fields {
                each(&mut field.shape);
            }
        }
        Definition::Enum(variants)
        | Definition::Tagged { variants, .. }
        | Definition::Adjacent { variants, .. } => {
            for variant in variants {
                for_each_part(&mut variant.definition, each);
            }
        }
    }
}
