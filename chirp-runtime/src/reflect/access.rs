use std::any::type_name;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::Shape;
use super::node::{Kind, Node, Place, REQUIRED, TAG, UNKNOWN};
use super::probe_error::ProbeError;
use super::tracer::{Context, Tracer, Visit};

/// The elements of a sequence or tuple.
#[derive(Debug)]
pub(super) struct Elements<'a> {
    context: &'a Context,
    visit: Visit,
    next: usize,
    len: usize,
}

impl<'a> Elements<'a> {
    pub(super) fn new(context: &'a Context, visit: Visit, len: usize) -> Self {
        Self {
            context,
            visit,
            next: 0,
            len,
        }
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = ProbeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ProbeError> {
        if self.next >= self.len {
            return Ok(None);
        }
        let (id, explored) = self.visit;
        let place = (id, self.next);
        self.next += 1;
        self.context.give(seed, place, explored).map(Some)
    }
}

/// One entry of a map while it is explored, otherwise none.
#[derive(Debug)]
pub(super) struct Entries<'a> {
    context: &'a Context,
    visit: Visit,
    has_given: bool,
}

impl<'a> Entries<'a> {
    pub(super) fn new(context: &'a Context, visit: Visit) -> Self {
        Self {
            context,
            visit,
            has_given: visit.1.is_none(),
        }
    }
}

/// A name that no field or variant has.
pub(super) const UNUSED_NAME: &str = "\u{1}";

/// Whether a key is the derived type of the fields of a struct.
fn is_field<T>() -> bool {
    let name = type_name::<T>();
    name.ends_with("::__Field") || name.contains("::__Field<")
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = ProbeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ProbeError> {
        let (id, explored) = self.visit;
        if is_field::<S::Value>() && explored.is_some() {
            self.context.trace.borrow_mut().open(id);
            return Err(ProbeError::Stop);
        }
        if std::mem::replace(&mut self.has_given, true) {
            return Ok(None);
        }
        self.context.give(seed, (id, 0), explored).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, ProbeError> {
        let (id, explored) = self.visit;
        self.context.give(seed, (id, 1), explored)
    }
}

/// Fields by name: the one that is explored, or the required ones.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    context: &'a Context,
    visit: Visit,
    slots: std::vec::IntoIter<usize>,
    current: usize,
}

impl<'a> Fields<'a> {
    pub(super) fn new(context: &'a Context, visit: Visit) -> Self {
        let (id, explored) = visit;
        let slots = match explored {
            Some(slot) if slot != REQUIRED => {
                let earlier = context.trace.borrow().alias_of((id, slot));
                earlier.into_iter().chain([slot]).collect()
            }
            explored => context.trace.borrow().required(id, explored.is_none()),
        };
        Self {
            context,
            visit,
            slots: slots.into_iter(),
            current: 0,
        }
    }
}

impl Fields<'_> {
    /// The number of fields that are known.
    fn count(&self) -> usize {
        let trace = self.context.trace.borrow();
        trace
            .node_at(self.visit.0)
            .map_or(0, |node| node.slots.len())
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = ProbeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ProbeError> {
        if is_tag_or_content::<S::Value>()
            && self.context.trace.borrow().tags(self.visit.0).is_none()
        {
            self.context.trace.borrow_mut().tag(self.visit.0);
            return Err(ProbeError::Stop);
        }
        let Some(slot) = self.slots.next() else {
            return Ok(None);
        };
        self.current = slot;
        let (id, explored) = self.visit;
        let place = (id, slot);
        let is_open = self.context.trace.borrow().is_open(id);
        if slot == UNKNOWN && is_open {
            // A derived struct with flattened fields keeps what it does not know.
            if !is_field::<S::Value>() || type_name::<S::Value>().contains("::__Field<") {
                return Err(ProbeError::Stop);
            }
            return seed.deserialize(Index(self.count())).map(Some);
        }
        let name = if slot == UNKNOWN {
            UNUSED_NAME
        } else {
            self.context.trace.borrow().name_of(place)
        };
        let key = seed.deserialize(Name(name))?;
        let is_alias = self.context.trace.borrow().alias_of(place).is_some();
        if explored == Some(slot) && !is_alias && note_alias(self.context, place, &key, false) {
            return Err(ProbeError::Stop);
        }
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, ProbeError> {
        let (id, explored) = self.visit;
        let place = (id, self.current);
        if self.current == UNKNOWN && self.context.trace.borrow().is_open(id) {
            // The value behind the last field is ignored.
            if type_name::<S::Value>().ends_with("::IgnoredAny") {
                self.context.trace.borrow_mut().close(id);
            }
            return Err(ProbeError::Stop);
        }
        if explored == Some(self.current) {
            return self.context.explore(seed, place);
        }
        self.context.build(seed, place)
    }
}

/// The number of a field.
#[derive(Debug)]
struct Index(usize);

impl<'de> Deserializer<'de> for Index {
    type Error = ProbeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        visitor.visit_u64(self.0 as u64)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Whether a key is that of a derived enum with `tag` and `content`.
fn is_tag_or_content<T>() -> bool {
    let name = type_name::<T>();
    name.ends_with("::TagOrContentField") || name.ends_with("::TagContentOtherField")
}

/// The two fields of an enum with `tag` and `content`.
#[derive(Debug)]
pub(super) struct TagAndContent<'a> {
    context: &'a Context,
    visit: Visit,
    variant: usize,
    given: usize,
}

impl<'a> TagAndContent<'a> {
    pub(super) fn new(context: &'a Context, visit: Visit) -> Self {
        let variant = visit.1;
        Self {
            context,
            visit,
            variant: variant.unwrap_or_else(|| context.trace.borrow().simplest_variant(visit.0)),
            given: 0,
        }
    }
}

impl<'de> MapAccess<'de> for TagAndContent<'_> {
    type Error = ProbeError;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, ProbeError> {
        let tags = self.context.trace.borrow().tags(self.visit.0);
        let (tag, content) = tags.unwrap_or_default();
        self.given += 1;
        match self.given {
            1 => seed.deserialize(Name(tag)).map(Some),
            2 => seed.deserialize(Name(content)).map(Some),
            _ => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, ProbeError> {
        let (id, explored) = self.visit;
        if self.given > 1 {
            return self.context.give(seed, (id, self.variant), explored);
        }
        seed.deserialize(TagValue {
            context: self.context,
            place: (id, self.variant),
            explores: explored.is_some(),
        })
    }
}

/// The name of a variant as the value of a field.
#[derive(Debug)]
pub(super) struct TagValue<'a> {
    pub(super) context: &'a Context,
    pub(super) place: Place,
    pub(super) explores: bool,
}

impl TagValue<'_> {
    fn name(&self) -> &'static str {
        if self.place.1 == TAG {
            UNUSED_NAME
        } else {
            self.context.trace.borrow().name_of(self.place)
        }
    }
}

impl<'de> Deserializer<'de> for TagValue<'_> {
    type Error = ProbeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        visitor.visit_borrowed_str(self.name())
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        if self.place.1 == TAG {
            let mut trace = self.context.trace.borrow_mut();
            trace.note_variants(self.place.0, variants);
            return Err(ProbeError::Stop);
        }
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for TagValue<'_> {
    type Error = ProbeError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self), ProbeError> {
        let variant = seed.deserialize(Name(self.name()))?;
        if self.explores && note_alias(self.context, self.place, &variant, true) {
            return Err(ProbeError::Stop);
        }
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for TagValue<'_> {
    type Error = ProbeError;

    fn unit_variant(self) -> Result<(), ProbeError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, ProbeError> {
        Err(ProbeError::Unbuildable)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, ProbeError> {
        Err(ProbeError::Unbuildable)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, ProbeError> {
        Err(ProbeError::Unbuildable)
    }
}

/// Notes whether a name is another name of an earlier field or variant. Derived types turn names into variants of an
/// enum of their own, which are compared here.
pub(super) fn note_alias<T>(context: &Context, place: Place, key: &T, is_variant: bool) -> bool {
    let mut trace = context.trace.borrow_mut();
    if !is_field::<T>() || trace.is_open(place.0) {
        return false;
    }
    let mut hasher = DefaultHasher::new();
    discriminant(key).hash(&mut hasher);
    let earlier = trace.note_group(place, hasher.finish());
    if let Some(earlier) = earlier {
        trace.note_alias(place, earlier, is_variant);
    }
    earlier.is_some()
}

/// The name of a field or variant.
#[derive(Debug)]
pub(super) struct Name(pub(super) &'static str);

impl<'de> Deserializer<'de> for Name {
    type Error = ProbeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ProbeError> {
        visitor.visit_borrowed_str(self.0)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A variant of an enum.
#[derive(Debug)]
pub(super) struct VariantName<'a> {
    pub(super) context: &'a Context,
    pub(super) place: Place,
    pub(super) explores: bool,
}

impl<'a, 'de> EnumAccess<'de> for VariantName<'a> {
    type Error = ProbeError;
    type Variant = VariantFields<'a>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, VariantFields<'a>), ProbeError> {
        let name = self.context.trace.borrow().name_of(self.place);
        let variant = seed.deserialize(Name(name))?;
        if self.explores && note_alias(self.context, self.place, &variant, true) {
            return Err(ProbeError::Stop);
        }
        let tracer = Tracer {
            context: self.context,
            place: self.place,
            explores: self.explores,
        };
        Ok((variant, VariantFields(tracer)))
    }
}

/// The fields of a variant.
#[derive(Debug)]
pub(super) struct VariantFields<'a>(Tracer<'a>);

impl VariantFields<'_> {
    /// Variants are identified by their enum, since the visitors of two may have the same name.
    fn key(&self) -> String {
        let (id, slot) = self.0.place;
        format!("variant {id} {slot}")
    }
}

impl<'de> VariantAccess<'de> for VariantFields<'_> {
    type Error = ProbeError;

    fn unit_variant(self) -> Result<(), ProbeError> {
        if self.0.explores {
            let mut trace = self.0.context.trace.borrow_mut();
            trace.note_leaf(self.0.place, Shape::Unit);
            return Err(ProbeError::Stop);
        }
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<S::Value, ProbeError> {
        let node = Node::new(Kind::Newtype, String::new(), &[], 1);
        let key = self.key();
        let visit = |context: &Context, (id, slot): Visit, _| context.give(seed, (id, 0), slot);
        self.0.compound(key, node, usize::MAX, visit)
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        let kind = (Kind::TupleStruct, String::new());
        self.0.elements(self.key(), kind, len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ProbeError> {
        self.0.fields(self.key(), String::new(), fields, visitor)
    }
}
