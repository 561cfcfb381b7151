use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::Deserialize;

use super::node::{Kind, Known, Node};
use super::trace::Trace;
use super::tracer::{Context, Tracer, outcome};
use super::{Definition, Field, Shape, Variant};
use crate::codec::CodecId;

/// The maximum number of attempts for one type. The parts that are not known by then are [`Shape::Any`].
const MAX_ATTEMPTS: usize = 50_000;

/// Which of the two forms that a type may have is meant. An `IpAddr`, for example, is a text in readable formats and
/// numbers in compact ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notation {
    /// The form in the codecs `Json` and `MessagePack`.
    Readable,
    /// The form in the codecs `Bincode` and `Postcard`.
    Compact,
}

impl Notation {
    /// Returns the notation of a codec.
    pub fn of(codec: CodecId) -> Self {
        match codec {
            CodecId::Json | CodecId::MessagePack => Self::Readable,
            CodecId::Bincode | CodecId::Postcard | CodecId::Raw => Self::Compact,
        }
    }
}

/// The shapes of types in one notation, and the definitions of the named types that they contain.
///
/// ```
/// # mod chirp { pub use chirp_runtime::reflect; }
/// use chirp::reflect::{Notation, Shapes};
///
/// let mut shapes = Shapes::new(Notation::Readable);
/// let shape = shapes.add::<Vec<Option<std::net::IpAddr>>>();
/// assert_eq!(shape.to_string(), "[string?]");
/// ```
#[derive(Debug)]
pub struct Shapes {
    context: Context,
    definitions: BTreeMap<String, Definition>,
    /// The names of nodes in `definitions`.
    names: HashMap<usize, String>,
}

impl Shapes {
    /// Creates an empty table.
    pub fn new(notation: Notation) -> Self {
        Self {
            context: Context {
                trace: RefCell::new(Trace::new()),
                is_readable: notation == Notation::Readable,
            },
            definitions: BTreeMap::new(),
            names: HashMap::new(),
        }
    }

    /// The notation of the shapes.
    pub fn notation(&self) -> Notation {
        if self.context.is_readable {
            Notation::Readable
        } else {
            Notation::Compact
        }
    }

    /// Finds the shape of a type, and adds the definitions of the named types in it.
    ///
    /// Runs the type's `Deserialize` many times with made-up values, of which few are accepted. If it panics, the part
    /// of the value for which it does is [`Shape::Any`].
    pub fn add<'de, T: Deserialize<'de>>(&mut self) -> Shape {
        self.trace(|tracer| {
            let context = tracer.context;
            context.conclude(outcome(&T::deserialize(tracer)));
        })
    }

    /// Finds the shape of a type by attempts to deserialize it.
    fn trace(&mut self, attempt: fn(Tracer<'_>)) -> Shape {
        let root = self.context.trace.get_mut().add_root();
        for _ in 0..MAX_ATTEMPTS {
            let trace = self.context.trace.get_mut();
            if trace.nodes[root].next().is_none() {
                break;
            }
            trace.begin(root);
            let tracer = Tracer {
                context: &self.context,
                place: (root, 0),
                explores: true,
            };
            drop(catch_unwind(AssertUnwindSafe(|| attempt(tracer))));
            self.context.trace.get_mut().end();
        }
        self.shape_of(root, 0)
    }

    /// The definition of a named type.
    pub fn get(&self, name: &str) -> Option<&Definition> {
        self.definitions.get(name)
    }

    /// The named types and their definitions, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Definition)> {
        let definitions = self.definitions.iter();
        definitions.map(|(name, definition)| (name.as_str(), definition))
    }

    pub(super) fn definitions(&self) -> &BTreeMap<String, Definition> {
        &self.definitions
    }

    fn known<T>(&self, id: usize, read: impl FnOnce(&Node) -> T) -> T {
        read(&self.context.trace.borrow().nodes[id])
    }

    fn shape_of(&mut self, id: usize, slot: usize) -> Shape {
        enum Found {
            Leaf(Shape),
            Node(usize),
        }
        let found = self.known(id, |node| {
            match node.slots.get(slot).map(|slot| &slot.known) {
                Some(Known::Leaf(shape)) => Found::Leaf(shape.clone()),
                Some(Known::Node(id)) => Found::Node(*id),
                _ => Found::Leaf(Shape::Any),
            }
        });
        match found {
            Found::Leaf(shape) => shape,
            Found::Node(id) => self.shape(id),
        }
    }

    /// The shape of a node: a reference if it has a name or contains itself.
    fn shape(&mut self, id: usize) -> Shape {
        if let Some(name) = self.names.get(&id) {
            return Shape::Named(name.clone());
        }
        let (kind, name, is_recursive) =
            self.known(id, |node| (node.kind, node.name.clone(), node.is_recursive));
        let is_tagged = matches!(kind, Kind::Tagged | Kind::Adjacent);
        if is_tagged && self.known(id, |node| node.slots.is_empty()) {
            return Shape::Any;
        }
        let has_definition =
            is_tagged || matches!(kind, Kind::Struct | Kind::OpenStruct | Kind::Enum);
        if name.is_empty() && !is_recursive && !has_definition {
            return self.anonymous(id, kind);
        }
        let name = if name.is_empty() {
            format!("{kind:?}")
        } else {
            name
        };
        let name = self.unused(name);
        self.names.insert(id, name.clone());
        // Reserves the name, until the definition is known.
        self.definitions
            .insert(name.clone(), Definition::Alias(Shape::Any));
        let definition = self.definition(id, kind);
        self.definitions.insert(name.clone(), definition);
        Shape::Named(name)
    }

    /// A name that no other type has: types of one name are numbered.
    fn unused(&self, name: String) -> String {
        if !self.definitions.contains_key(&name) {
            return name;
        }
        let mut number = 2_usize;
        loop {
            let numbered = format!("{name}#{number}");
            if !self.definitions.contains_key(&numbered) {
                return numbered;
            }
            number += 1;
        }
    }

    fn anonymous(&mut self, id: usize, kind: Kind) -> Shape {
        match kind {
            Kind::Option => Shape::Optional(Box::new(self.shape_of(id, 0))),
            Kind::Sequence => Shape::Sequence(Box::new(self.shape_of(id, 0))),
            Kind::Map => {
                let key = Box::new(self.shape_of(id, 0));
                Shape::Map(key, Box::new(self.shape_of(id, 1)))
            }
            Kind::Newtype => self.shape_of(id, 0),
            Kind::Tuple | Kind::TupleStruct => Shape::Tuple(self.shapes(id)),
            Kind::UnitStruct => Shape::Unit,
            // These always have a definition.
            Kind::Struct | Kind::OpenStruct | Kind::Enum | Kind::Tagged | Kind::Adjacent => {
                Shape::Any
            }
        }
    }

    fn shapes(&mut self, id: usize) -> Vec<Shape> {
        let count = self.known(id, |node| node.slots.len());
        (0..count).map(|slot| self.shape_of(id, slot)).collect()
    }

    fn definition(&mut self, id: usize, kind: Kind) -> Definition {
        match kind {
            Kind::Option | Kind::Sequence | Kind::Map | Kind::Tuple => {
                Definition::Alias(self.anonymous(id, kind))
            }
            Kind::UnitStruct => Definition::Unit,
            Kind::Newtype => Definition::Newtype(self.shape_of(id, 0)),
            Kind::TupleStruct => Definition::Tuple(self.shapes(id)),
            Kind::Struct => {
                let fields = self.fields(id);
                match self.known(id, |node| node.is_strict) {
                    Some(true) => Definition::StrictStruct(fields),
                    _ => Definition::Struct(fields),
                }
            }
            Kind::OpenStruct => Definition::OpenStruct(self.fields(id)),
            Kind::Enum => Definition::Enum(self.variants(id)),
            Kind::Tagged => Definition::Tagged {
                tag: self.known(id, |node| node.tag.to_owned()),
                variants: self.variants(id),
            },
            Kind::Adjacent => Definition::Adjacent {
                tag: self.known(id, |node| node.tag.to_owned()),
                content: self.known(id, |node| node.content.to_owned()),
                variants: self.contents(id),
            },
        }
    }

    /// The slots that are not other names of others, with their names.
    fn names(&self, id: usize) -> Vec<(usize, String, Vec<String>)> {
        self.known(id, |node| {
            let mut names: Vec<(usize, String, Vec<String>)> = Vec::new();
            for (at, slot) in node.slots.iter().enumerate() {
                let name = slot.name.to_owned();
                match slot.known {
                    Known::AliasOf(of) => {
                        let main = names.iter_mut().find(|(at, ..)| *at == of);
                        if let Some((_, _, aliases)) = main {
                            aliases.push(name);
                        }
                    }
                    _ => names.push((at, name, Vec::new())),
                }
            }
            names
        })
    }

    fn fields(&mut self, id: usize) -> Vec<Field> {
        let mut fields = Vec::new();
        for (slot, mut name, mut aliases) in self.names(id) {
            let shape = self.shape_of(id, slot);
            let main = self.known(id, |node| {
                let is_group = |other: &&super::node::Slot| {
                    other.name == name || aliases.iter().any(|alias| alias == other.name)
                };
                let mut main = node.slots.iter().filter(is_group);
                let main = main.find(|slot| slot.is_required || slot.is_main);
                main.map(|slot| (slot.name.to_owned(), slot.is_required))
            });
            // The errors about missing and duplicate fields have the name that the field is written by.
            if let Some((main, _)) = &main
                && let Some(alias) = aliases.iter_mut().find(|alias| *alias == main)
            {
                std::mem::swap(alias, &mut name);
            }
            let is_unsure = self.known(id, |node| node.required_is_unsure);
            fields.push(Field {
                name,
                aliases,
                shape,
                required: main.is_some_and(|(_, required)| required) || is_unsure,
            });
        }
        fields
    }

    fn variants(&mut self, id: usize) -> Vec<Variant> {
        let mut variants = Vec::new();
        for (slot, name, aliases) in self.names(id) {
            let inner = self.known(id, |node| match node.slots[slot].known {
                Known::Node(inner) => Some(inner),
                _ => None,
            });
            let definition = match (inner, self.shape_of_variant(id, slot)) {
                (Some(inner), _) => {
                    let kind = self.known(inner, |node| node.kind);
                    self.definition(inner, kind)
                }
                (None, Shape::Unit) => Definition::Unit,
                (None, shape) => Definition::Alias(shape),
            };
            variants.push(Variant {
                name,
                aliases,
                definition,
            });
        }
        variants
    }

    /// The variants of an enum whose contents are a field.
    fn contents(&mut self, id: usize) -> Vec<Variant> {
        let mut variants = Vec::new();
        for (slot, name, aliases) in self.names(id) {
            let inner = self.known(id, |node| match node.slots[slot].known {
                Known::Node(inner) => Some(inner),
                _ => None,
            });
            let inner = inner.map(|inner| {
                let kind = self.known(inner, |node| (node.name.is_empty()).then_some(node.kind));
                (inner, kind)
            });
            let definition = match inner {
                Some((
                    inner,
                    Some(kind @ (Kind::UnitStruct | Kind::Struct | Kind::OpenStruct)),
                )) => self.definition(inner, kind),
                Some((inner, Some(Kind::Tuple))) => Definition::Tuple(self.shapes(inner)),
                _ => match self.shape_of(id, slot) {
                    Shape::Any => Definition::Alias(Shape::Any),
                    shape => Definition::Newtype(shape),
                },
            };
            variants.push(Variant {
                name,
                aliases,
                definition,
            });
        }
        variants
    }

    /// The shape that was noted for a variant that is no node.
    fn shape_of_variant(&self, id: usize, slot: usize) -> Shape {
        self.known(id, |node| match &node.slots[slot].known {
            Known::Leaf(shape) => shape.clone(),
            _ => Shape::Any,
        })
    }
}
