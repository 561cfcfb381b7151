use std::any::type_name;
use std::cell::RefCell;

use serde::de::{DeserializeSeed, Deserializer, Visitor};

use super::Shape;
use super::access::{Elements, Entries, Fields, TagAndContent, VariantName};
use super::node::{Kind, Node, Place, REQUIRED, TAG, UNKNOWN};
use super::probe_error::ProbeError;
use super::tagged::TaggedFields;
use super::trace::{MAX_SLOTS, Trace};

/// Texts that types which are written as a text may accept.
const TEXTS: &[&str] = &[
    "",
    "a",
    "0",
    "1",
    "127.0.0.1",
    "::1",
    "127.0.0.1:1",
    "[::1]:1",
    "00000000-0000-0000-0000-000000000000",
    "1970-01-01",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00",
    "00:00:00",
    "UTC",
    "1.0.0",
    "http://a.b/",
    "a@b.c",
    "1s",
    "00",
    "#000000",
    "/",
    "true",
    "en",
];

/// State that is shared by the deserializers of one attempt.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) trace: RefCell<Trace>,
    pub(super) is_readable: bool,
}

impl Context {
    /// Explores the value at `place`, which ends the attempt.
    pub(super) fn explore<'de, S: DeserializeSeed<'de>>(
        &self,
        seed: S,
        place: Place,
    ) -> Result<S::Value, ProbeError> {
        self.trace.borrow_mut().explore(place);
        let tracer = Tracer {
            context: self,
            place,
            explores: true,
        };
        self.conclude(outcome(&seed.deserialize(tracer)));
        Err(ProbeError::Stop)
    }

    /// Makes up the value at `place`.
    pub(super) fn build<'de, S: DeserializeSeed<'de>>(
        &self,
        seed: S,
        place: Place,
    ) -> Result<S::Value, ProbeError> {
        let tracer = Tracer {
            context: self,
            place,
            explores: false,
        };
        match seed.deserialize(tracer) {
            Err(ProbeError::Stop) => Err(ProbeError::Stop),
            Err(_) if self.trace.borrow_mut().choose_next(place) => Err(ProbeError::Stop),
            Err(_) => Err(ProbeError::Unbuildable),
            Ok(value) => Ok(value),
        }
    }

    /// Gives the value at `slot`: the one that is explored, or a made-up one before it.
    pub(super) fn give<'de, S: DeserializeSeed<'de>>(
        &self,
        seed: S,
        place: Place,
        explored: Option<usize>,
    ) -> Result<S::Value, ProbeError> {
        if explored == Some(place.1) {
            return self.explore(seed, place);
        }
        let value = self.build(seed, place);
        if explored.is_some_and(|slot| slot != REQUIRED)
            && matches!(value, Err(ProbeError::Unbuildable))
        {
            self.trace.borrow_mut().give_up_behind(place);
        }
        value
    }
}

/// Gives made-up values and notes which are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracer<'a> {
    pub(super) context: &'a Context,
    pub(super) place: Place,
    /// Whether the value is explored, rather than made up.
    pub(super) explores: bool,
}

/// The place that is visited: a node, and the explored slot of the node, if there is one.
pub(super) type Visit = (usize, Option<usize>);

impl<'a> Tracer<'a> {
    /// Notes a shape and ends the attempt, or returns which value to make up.
    fn leaf(self, shape: Shape, choices: usize) -> Result<usize, ProbeError> {
        let mut trace = self.context.trace.borrow_mut();
        if self.explores {
            trace.note_leaf(self.place, shape);
            return Err(ProbeError::Stop);
        }
        let choice = trace.choice(self.place, choices);
        choice.ok_or(ProbeError::Unbuildable)
    }

    /// Visits a type that consists of others. `choices` is how many ways there are to make up a value.
    // What does not depend on the type is in functions of its own: every type of a program has its copy of this one.
    pub(super) fn compound<T>(
        self,
        key: String,
        node: Node,
        choices: usize,
        visit: impl FnOnce(&'a Context, Visit, usize) -> Result<T, ProbeError>,
    ) -> Result<T, ProbeError> {
        let (id, entered) = self.enter(key, node, choices)?;
        let result = entered.and_then(|(slot, choice)| {
            let result = visit(self.context, (id, slot), choice);
            if self.leave(id, outcome(&result)) {
                return Err(ProbeError::Stop);
            }
            result
        });
        self.context.trace.borrow_mut().ascend();
        result
    }

    /// Enters a type that consists of others. Returns its node, and the slot to explore or the value to make up.
    ///
    /// # Errors
    ///
    /// The outer error is for types that were not entered.
    fn enter(
        &self,
        key: String,
        node: Node,
        choices: usize,
    ) -> Result<(usize, Entered), ProbeError> {
        let mut trace = self.context.trace.borrow_mut();
        let Some(id) = trace.node(key, node).filter(|_| trace.descend()) else {
            if self.explores {
                trace.give_up(self.place);
            }
            return Err(ProbeError::Unbuildable);
        };
        let entered = if self.explores {
            let slot = trace.enter(self.place, id);
            slot.map(|slot| (Some(slot), 0)).ok_or(ProbeError::Stop)
        } else {
            let choice = trace.choice(self.place, choices);
            choice
                .map(|choice| (None, choice))
                .ok_or(ProbeError::Unbuildable)
        };
        Ok((id, entered))
    }

    /// Leaves a type that was explored. Returns `true` if the attempt ends here.
    fn leave(&self, id: usize, outcome: Outcome<'_>) -> bool {
        if !self.explores {
            return false;
        }
        let mut trace = self.context.trace.borrow_mut();
        trace.leave(self.place, id);
        if let Some(pending) = &mut trace.pending
            && std::mem::take(&mut pending.is_inside)
        {
            return false;
        }
        drop(trace);
        self.context.conclude(outcome);
        true
    }

    /// Visits values without names.
    pub(super) fn elements<'de, V: Visitor<'de>>(
        self,
        key: String,
        (kind, name): (Kind, String),
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        let slots = len.min(MAX_SLOTS);
        let node = Node::new(kind, name, &[], slots);
        self.compound(key, node, 1, |context, visit, _| {
            // A sequence that is made up is empty.
            let len = if kind == Kind::Sequence && visit.1.is_none() {
                0
            } else {
                slots
            };
            visitor.visit_seq(Elements::new(context, visit, len))
        })
    }

    /// Visits an enum whose variants are named by a field beside their own.
    fn tagged<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        let name = derived_name::<V>();
        let node = Node::new(Kind::Tagged, name.to_owned(), &[], 0);
        let key = key::<V>("tagged", "", &[]);
        self.compound(key, node, MAX_SLOTS, |context, (id, slot), choice| {
            let place = (id, slot.unwrap_or(choice));
            let explored = match slot {
                None | Some(TAG) => None,
                Some(_) => {
                    let part = context.trace.borrow_mut().enter_variant(place);
                    Some(part.ok_or(ProbeError::Stop)?)
                }
            };
            let fields = TaggedFields::new(context, place, explored);
            let value = if TaggedFields::is_list(context, explored) {
                visitor.visit_seq(fields)
            } else {
                visitor.visit_map(fields)
            };
            let mut trace = context.trace.borrow_mut();
            match (&value, slot) {
                (Err(ProbeError::Missing(tag)), Some(TAG)) => trace.note_tag(id, tag),
                (Err(ProbeError::UnknownVariant(variants)), Some(TAG)) => {
                    trace.note_variants(id, variants);
                }
                (Err(ProbeError::UnknownVariant(_)), None) => return Err(ProbeError::Unbuildable),
                (Err(_), _) => trace.pending = None,
                _ => {}
            }
            value
        })
    }

    /// Visits a struct that does not list its fields.
    fn unlisted<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        let node = Node::unlisted();
        let (id, slot) = self.place;
        let key = format!("unlisted {id} {slot} {}", type_name::<V>());
        self.compound(key, node, 1, |context, visit, _| {
            visit_fields(context, visit, visitor)
        })
    }

    /// Visits fields with names.
    pub(super) fn fields<'de, V: Visitor<'de>>(
        self,
        key: String,
        name: String,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        let slots = fields.len().min(MAX_SLOTS);
        let node = Node::new(Kind::Struct, name, fields, slots);
        self.compound(key, node, 1, |context, visit, _| {
            visit_fields(context, visit, visitor)
        })
    }
}

/// The result of a type, without its value.
pub(super) type Outcome<'a> = Result<(), &'a ProbeError>;

/// The slot to explore, or the value to make up. An error ends the attempt.
type Entered = Result<(Option<usize>, usize), ProbeError>;

pub(super) fn outcome<T>(result: &Result<T, ProbeError>) -> Outcome<'_> {
    result.as_ref().map(|_| ())
}

fn visit_fields<'de, V: Visitor<'de>>(
    context: &Context,
    visit: Visit,
    visitor: V,
) -> Result<V::Value, ProbeError> {
    let (id, _) = visit;
    if context.trace.borrow().tags(id).is_some() {
        return visitor.visit_map(TagAndContent::new(context, visit));
    }
    let was_open = context.trace.borrow().is_open(id);
    let value = visitor.visit_map(Fields::new(context, visit));
    note_fields(context, visit, was_open, outcome(&value));
    value
}

/// Notes what the result of a struct tells about its fields.
fn note_fields(context: &Context, (id, slot): Visit, was_open: bool, outcome: Outcome<'_>) {
    if slot == Some(REQUIRED) {
        let mut trace = context.trace.borrow_mut();
        match outcome {
            Err(ProbeError::Missing(name)) => trace.note_required(id, name),
            Err(ProbeError::Stop) => {}
            Err(ProbeError::Unbuildable) => trace.give_up((id, REQUIRED)),
            Ok(()) | Err(_) => trace.knows_required(id),
        }
    } else if slot == Some(UNKNOWN) && was_open {
        let mut trace = context.trace.borrow_mut();
        match outcome {
            // An index behind the last field is refused.
            Err(ProbeError::Other) => trace.close(id),
            Err(ProbeError::Stop) if !trace.is_open(id) => {}
            _ => trace.note_strict(id, false),
        }
    } else if slot == Some(UNKNOWN) {
        let is_strict = matches!(outcome, Err(ProbeError::UnknownField));
        context.trace.borrow_mut().note_strict(id, is_strict);
    } else if let Some(slot) = slot
        && let Err(ProbeError::Duplicate(name)) = outcome
    {
        let mut trace = context.trace.borrow_mut();
        trace.note_main(id, name);
        trace.give_up((id, slot));
    }
}

/// Identifies the type behind a visitor. One visitor that is used for several types is told apart by the rest.
fn key<V>(kind: &str, name: &str, names: &[&str]) -> String {
    key_of(type_name::<V>(), kind, name, names)
}

fn key_of(visitor: &str, kind: &str, name: &str, names: &[&str]) -> String {
    format!("{kind} {visitor} {name} {}", names.join(","))
}

/// The name of the derived type that a visitor or a field belongs to.
fn derived_name<V>() -> &'static str {
    derived_name_of(type_name::<V>())
}

fn derived_name_of(visitor: &str) -> &str {
    let derived = visitor.split_once(">::deserialize::__");
    let name = derived.and_then(|(before, _)| before.rsplit_once(" for "));
    let name = name.map_or("", |(_, name)| name.split('<').next().unwrap_or(name));
    name.rsplit("::").next().unwrap_or(name)
}

/// The name of a type with its type parameters, which are those of its visitor.
fn name_of<V>(name: &str) -> String {
    with_parameters(name, &crate::codec::type_name::<V>())
}

fn with_parameters(name: &str, visitor: &str) -> String {
    let parameters = visitor.rsplit_once("__Visitor<").map(|(_, rest)| rest);
    let parameters = parameters.and_then(|rest| rest.strip_suffix('>'));
    match parameters {
        Some(parameters) if !parameters.is_empty() && !parameters.starts_with('\'') => {
            format!("{name}<{parameters}>")
        }
        _ => name.to_owned(),
    }
}

macro_rules! leaves {
    ($($method:ident, $visit:ident, $shape:ident, $values:expr;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
            let values = $values;
            let choice = self.leaf(Shape::$shape, values.len())?;
            match values.get(choice) {
                Some(value) => visitor.$visit(*value),
                None => Err(ProbeError::Unbuildable),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = ProbeError;

    leaves! {
        deserialize_bool, visit_bool, Bool, [false, true];
        deserialize_i8, visit_i8, I8, [0, 1];
        deserialize_i16, visit_i16, I16, [0, 1];
        deserialize_i32, visit_i32, I32, [0, 1];
        deserialize_i64, visit_i64, I64, [0, 1];
        deserialize_i128, visit_i128, I128, [0, 1];
        deserialize_u8, visit_u8, U8, [0, 1];
        deserialize_u16, visit_u16, U16, [0, 1];
        deserialize_u32, visit_u32, U32, [0, 1];
        deserialize_u64, visit_u64, U64, [0, 1];
        deserialize_u128, visit_u128, U128, [0, 1];
        deserialize_f32, visit_f32, F32, [0.0, 1.0];
        deserialize_f64, visit_f64, F64, [0.0, 1.0];
        deserialize_char, visit_char, Char, ['a', '0'];
        deserialize_str, visit_borrowed_str, Text, TEXTS;
        deserialize_string, visit_borrowed_str, Text, TEXTS;
        deserialize_identifier, visit_borrowed_str, Text, TEXTS;
        deserialize_bytes, visit_borrowed_bytes, Bytes, [&b""[..], &[0; 4], &[0; 8], &[0; 16], &[0; 32]];
        deserialize_byte_buf, visit_borrowed_bytes, Bytes, [&b""[..], &[0; 4], &[0; 8], &[0; 16], &[0; 32]];
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        let asks = type_name::<V>();
        if asks.contains("::TaggedContentVisitor<") {
            return self.tagged(visitor);
        }
        if asks.contains("::UntaggedUnitVisitor") {
            let node = Node::new(Kind::UnitStruct, String::new(), &[], 0);
            let key = key::<V>("unit variant", "", &[]);
            return self.compound(key, node, 1, |_, _, _| visitor.visit_unit());
        }
        if asks.contains("::__Visitor") {
            return self.unlisted(visitor);
        }
        match self.leaf(Shape::Any, 6)? {
            0 => visitor.visit_unit(),
            1 => visitor.visit_u64(0),
            2 => visitor.visit_borrowed_str(""),
            3 => visitor.visit_bool(false),
            4 => visitor.visit_seq(Elements::new(self.context, (0, None), 0)),
            _ => visitor.visit_map(serde::de::value::MapDeserializer::new(std::iter::empty::<(
                (),
                (),
            )>())),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        self.leaf(Shape::Any, 1)?;
        visitor.visit_unit()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        self.leaf(Shape::Unit, 1)?;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        let node = Node::new(Kind::Option, String::new(), &[], 1);
        let key = key::<V>("option", "", &[]);
        self.compound(key, node, 1, |context, (id, slot), _| match slot {
            Some(slot) => visitor.visit_some(Tracer {
                context,
                place: (id, slot),
                explores: true,
            }),
            None => visitor.visit_none(),
        })
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        let node = Node::new(Kind::UnitStruct, name_of::<V>(name), &[], 0);
        let key = key::<V>("unit", name, &[]);
        self.compound(key, node, 1, |_, _, _| visitor.visit_unit())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        let node = Node::new(Kind::Newtype, name_of::<V>(name), &[], 1);
        let key = key::<V>("newtype", name, &[]);
        self.compound(key, node, TEXTS.len(), |context, (id, slot), _| {
            visitor.visit_newtype_struct(Tracer {
                context,
                place: (id, 0),
                explores: slot.is_some(),
            })
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        let kind = (Kind::Sequence, String::new());
        self.elements(key::<V>("seq", "", &[]), kind, 1, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        let key = key::<V>("tuple", &len.to_string(), &[]);
        self.elements(key, (Kind::Tuple, String::new()), len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        let kind = (Kind::TupleStruct, name_of::<V>(name));
        self.elements(key::<V>("tuple struct", name, &[]), kind, len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        // A derived struct with flattened fields asks for a map, and does not say its name.
        let name = derived_name::<V>();
        let node = Node::new(Kind::Map, name_of::<V>(name), &[], 2);
        let key = key::<V>("map", "", &[]);
        self.compound(key, node, 1, |context, visit, _| {
            if context.trace.borrow().is_open(visit.0) {
                return visit_fields(context, visit, visitor);
            }
            visitor.visit_map(Entries::new(context, visit))
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        let key = key::<V>("struct", name, fields);
        self.fields(key, name_of::<V>(name), fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        let slots = variants.len().min(MAX_SLOTS);
        let node = Node::new(Kind::Enum, name_of::<V>(name), variants, slots);
        let key = key::<V>("enum", name, variants);
        self.compound(key, node, slots, |context, (id, slot), choice| {
            visitor.visit_enum(VariantName {
                context,
                place: (id, slot.unwrap_or(choice)),
                explores: slot.is_some(),
            })
        })
    }

    fn is_human_readable(&self) -> bool {
        self.context.is_readable
    }
}
