use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::Shape;
use super::access::{Name, TagValue, UNUSED_NAME, note_alias};
use super::node::{Kind, Known, Place, REQUIRED, TAG, UNKNOWN};
use super::probe_error::ProbeError;
use super::tracer::{Context, Outcome};

/// The value of an enum whose variants are named by a field beside their own.
///
/// serde reads the other fields from a buffer of its own, so that no question about them arrives here. What they are
/// follows from the error: a missing field is named, a value of a wrong type is answered with the right one, and a list
/// that is too short with the number of fields.
#[derive(Debug)]
pub(super) struct TaggedFields<'a> {
    context: &'a Context,
    /// The variant.
    place: Place,
    explores: bool,
    is_tag_given: bool,
    fields: std::vec::IntoIter<(&'static str, Offer)>,
    value: Offer,
}

/// A value that a buffer holds.
#[derive(Clone, Debug)]
pub(super) enum Offer {
    /// A value that only newtypes accept.
    Wrong,
    /// No value.
    None,
    /// A value of a shape.
    Of(Shape),
}

impl<'a> TaggedFields<'a> {
    pub(super) fn new(context: &'a Context, place: Place, explored: Option<Place>) -> Self {
        Self {
            context,
            place,
            explores: explored.is_some() || place.1 == TAG,
            is_tag_given: false,
            fields: fields(context, place, explored).into_iter(),
            value: Offer::None,
        }
    }

    /// Whether the fields are offered in a list, without names.
    pub(super) fn is_list(context: &Context, explored: Option<Place>) -> bool {
        let trace = context.trace.borrow();
        explored.is_some_and(|(id, slot)| {
            let node = trace.node_at(id);
            slot == UNKNOWN && node.is_some_and(|node| node.kind == Kind::OpenStruct)
        })
    }

    fn tag(&self) -> TagValue<'a> {
        TagValue {
            context: self.context,
            place: self.place,
            explores: self.explores,
        }
    }
}

/// The fields to offer, in order.
fn fields(context: &Context, place: Place, explored: Option<Place>) -> Vec<(&'static str, Offer)> {
    let trace = context.trace.borrow();
    let inner = match explored {
        Some((id, _)) => Some(id),
        None => match trace
            .node_at(place.0)
            .and_then(|node| node.slots.get(place.1))
        {
            Some(slot) => match slot.known {
                Known::Node(id) => Some(id),
                _ => None,
            },
            None => None,
        },
    };
    let Some(node) = inner.and_then(|id| trace.node_at(id)) else {
        return Vec::new();
    };
    let slot = explored.map_or(REQUIRED, |(_, slot)| slot);
    match slot {
        REQUIRED => {
            let slots = node.slots.iter();
            slots
                .map(|slot| match &slot.known {
                    Known::Leaf(shape) => (slot.name, Offer::Of(shape.clone())),
                    _ => (slot.name, Offer::None),
                })
                .collect()
        }
        // Without fields, a unit variant refuses an element, and a struct its type.
        UNKNOWN if node.kind == Kind::OpenStruct && node.slots.is_empty() => {
            vec![("", Offer::Wrong)]
        }
        UNKNOWN if node.kind == Kind::OpenStruct => Vec::new(),
        UNKNOWN => vec![(UNUSED_NAME, Offer::None)],
        slot => match node.slots.get(slot) {
            Some(found) => match found.known {
                Known::Leaf(_) => vec![(found.name, Offer::None)],
                _ => vec![(found.name, Offer::Wrong)],
            },
            None => Vec::new(),
        },
    }
}

impl<'de> MapAccess<'de> for TaggedFields<'_> {
    type Error = ProbeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ProbeError> {
        if !std::mem::replace(&mut self.is_tag_given, true) {
            let tags = self.context.trace.borrow().tags(self.place.0);
            let (tag, _) = tags.unwrap_or_default();
            if tag.is_empty() {
                return Ok(None);
            }
            self.value = Offer::Of(Shape::Any);
            return seed.deserialize(Name(tag)).map(Some);
        }
        let Some((name, value)) = self.fields.next() else {
            return Ok(None);
        };
        self.value = value;
        seed.deserialize(Name(name)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, ProbeError> {
        if !matches!(self.value, Offer::Of(Shape::Any)) {
            return seed.deserialize(self.value.clone());
        }
        let variant = seed.deserialize(self.tag())?;
        if self.explores && note_alias(self.context, self.place, &variant, true) {
            return Err(ProbeError::Stop);
        }
        Ok(variant)
    }
}

impl<'de> SeqAccess<'de> for TaggedFields<'_> {
    type Error = ProbeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ProbeError> {
        if !std::mem::replace(&mut self.is_tag_given, true) {
            return seed.deserialize(self.tag()).map(Some);
        }
        match self.fields.next() {
            Some((_, value)) => seed.deserialize(value).map(Some),
            None => Ok(None),
        }
    }
}

impl<'de> Deserializer<'de> for Offer {
    type Error = ProbeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        match self {
            Self::Wrong => visitor.visit_newtype_struct(Self::None),
            Self::Of(Shape::Bool) => visitor.visit_bool(false),
            Self::Of(Shape::Char) => visitor.visit_char('a'),
            Self::Of(Shape::Text) => visitor.visit_borrowed_str("a"),
            Self::Of(Shape::F32 | Shape::F64) => visitor.visit_f64(0.0),
            // One is accepted by types that refuse zero.
            Self::Of(_) => visitor.visit_u64(1),
            Self::None => visitor.visit_unit(),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The shape that serde's types expect, by the text of their errors.
fn expected(text: &str) -> Shape {
    match text.strip_prefix("a nonzero ").unwrap_or(text) {
        "a boolean" => Shape::Bool,
        "u8" => Shape::U8,
        "u16" => Shape::U16,
        "u32" => Shape::U32,
        "u64" => Shape::U64,
        "i8" => Shape::I8,
        "i16" => Shape::I16,
        "i32" => Shape::I32,
        "i64" => Shape::I64,
        "f32" => Shape::F32,
        "f64" => Shape::F64,
        "a character" => Shape::Char,
        "a string" => Shape::Text,
        _ => Shape::Any,
    }
}

impl Context {
    /// Notes what the result of a type tells about a tagged enum in it.
    pub(super) fn conclude(&self, outcome: Outcome<'_>) {
        let mut trace = self.trace.borrow_mut();
        let Some(pending) = trace.pending.take() else {
            return;
        };
        let (id, slot) = pending.place;
        let is_typed = trace.node_at(id).and_then(|node| node.slots.get(slot));
        let is_typed = is_typed.is_some_and(|slot| matches!(slot.known, Known::Leaf(_)));
        match (slot, outcome) {
            (REQUIRED, Err(ProbeError::Missing(name))) => {
                let is_known = trace
                    .node_at(id)
                    .is_some_and(|node| node.slots.iter().any(|slot| slot.name == *name));
                if is_known {
                    trace.give_up((id, REQUIRED));
                } else {
                    trace.note_required(id, name);
                }
            }
            (REQUIRED, Ok(())) => trace.knows_required(id),
            (UNKNOWN, Err(ProbeError::WrongLength(text))) => trace.note_count(id, text),
            (UNKNOWN, outcome) => {
                let is_strict = matches!(outcome, Err(ProbeError::UnknownField));
                trace.note_strict(id, is_strict);
            }
            (_, Err(ProbeError::WrongType(text))) if !is_typed => match expected(text) {
                Shape::Any => trace.note_leaf((id, slot), Shape::Any),
                shape => trace.note_offered((id, slot), shape),
            },
            // No value is refused, so that the field is no option.
            (_, Err(ProbeError::Other)) if is_typed => trace.finish((id, slot)),
            (REQUIRED, _) => trace.give_up((id, REQUIRED)),
            (_, _) => trace.note_leaf((id, slot), Shape::Any),
        }
    }
}
