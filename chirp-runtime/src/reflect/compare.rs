use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Write};

use super::difference::{Breaks, Change, Difference};
use super::member::{Member, Pair, moved, pairs};
use super::reading::Reading;
use super::{Definition, Field, Shape, Shapes, Variant};
use crate::codec::CodecId;

/// The maximum depth of what is compared. A description may come from another program, and be nested without end.
const MAX_DEPTH: usize = 64;

/// The maximum number of parts that are compared at once, and of differences that are returned.
const MAX_PARTS: usize = 1_000_000;
const MAX_DIFFERENCES: usize = 1_000;

/// The maximum length of a shape in a difference, in bytes.
const MAX_TEXT: usize = 300;

/// Compares two shapes, each with its table, and returns the differences by path, in one codec. The paths begin with the
/// old shape. Names of types are not compared, and each pair of named types is compared once, where it occurs first.
///
/// The tables must have the notation of the codec: [`Notation::of`](super::Notation::of). Differences inside of
/// [`Shape::Any`] are not seen.
pub fn compare(codec: CodecId, old: (&Shapes, &Shape), new: (&Shapes, &Shape)) -> Vec<Difference> {
    let (old_types, new_types) = (old.0.definitions(), new.0.definitions());
    let mut effort = Effort::default();
    compare_in(
        Reading::of(codec),
        (old_types, old.1),
        (new_types, new.1),
        &mut effort,
    )
}

/// Compares two shapes within a limit of effort.
pub(super) fn compare_in(
    reading: Reading,
    (old_types, old): (&Types, &Shape),
    (new_types, new): (&Types, &Shape),
    effort: &mut Effort,
) -> Vec<Difference> {
    let mut comparison = Comparison {
        reading,
        old_types,
        new_types,
        compared: HashSet::new(),
        differences: Vec::new(),
        depth: 0,
        is_key: false,
        effort,
    };
    comparison.shapes(&root(old), old, new);
    comparison.differences
}

pub(super) type Types = BTreeMap<String, Definition>;

/// The effort that comparisons have cost.
#[derive(Debug, Default)]
pub(super) struct Effort {
    parts: usize,
}

impl Effort {
    /// Counts one part. Returns `false` beyond the limit.
    pub(super) fn spend(&mut self) -> bool {
        self.parts += 1;
        self.parts <= MAX_PARTS
    }
}

/// The root of the paths in a shape. Paths say where they enter an optional value or a sequence: `Order[].price`.
pub(super) fn root(shape: &Shape) -> String {
    match shape {
        Shape::Optional(inner) | Shape::Sequence(inner) => root(inner),
        shape => short(shape),
    }
}

/// Formats a value, cut to a limit.
pub(super) fn short(value: &impl fmt::Display) -> String {
    struct Cut(String);
    impl Write for Cut {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let room = MAX_TEXT - self.0.len();
            if text.len() <= room {
                self.0.push_str(text);
                return Ok(());
            }
            self.0.push_str(&text[..text.floor_char_boundary(room)]);
            // Ends formatting.
            Err(fmt::Error)
        }
    }
    let mut cut = Cut(String::new());
    if write!(cut, "{value}").is_err() {
        cut.0.push('…');
    }
    cut.0
}

struct Comparison<'a> {
    reading: Reading,
    old_types: &'a Types,
    new_types: &'a Types,
    compared: HashSet<(&'a str, &'a str)>,
    differences: Vec<Difference>,
    depth: usize,
    /// Whether the compared shapes are keys of maps.
    is_key: bool,
    effort: &'a mut Effort,
}

/// A shape without the names of types and newtypes around it, which are not written.
#[derive(Clone, Copy, Debug)]
enum View<'a> {
    Leaf(&'a Shape),
    Optional(&'a Shape),
    Sequence(&'a Shape),
    Map(&'a Shape, &'a Shape),
    Tuple(&'a [Shape]),
    Struct(&'a [Field], Others),
    Enum(&'a [Variant], Tags<'a>),
}

/// The fields that name the variant of an enum, and hold its content, if there are any.
type Tags<'a> = Option<(&'a str, Option<&'a str>)>;

/// The treatment of fields that a struct does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Ignored,
    Refused,
    /// They are read by a flattened field.
    Read,
}

fn view<'a>(types: &'a Types, mut shape: &'a Shape) -> View<'a> {
    for _ in 0..MAX_DEPTH {
        let Shape::Named(name) = shape else {
            break;
        };
        shape = match types.get(name) {
            Some(Definition::Alias(inner) | Definition::Newtype(inner)) => inner,
            Some(definition) => return view_of(definition),
            None => break,
        };
    }
    match shape {
        Shape::Optional(inner) => View::Optional(inner),
        Shape::Sequence(item) => View::Sequence(item),
        Shape::Map(key, value) => View::Map(key, value),
        Shape::Tuple(items) => View::Tuple(items),
        leaf => View::Leaf(leaf),
    }
}

fn view_of(definition: &Definition) -> View<'_> {
    match definition {
        Definition::Unit => View::Leaf(&Shape::Unit),
        Definition::Alias(shape) | Definition::Newtype(shape) => View::Leaf(shape),
        Definition::Tuple(items) => View::Tuple(items),
        Definition::Struct(fields) => View::Struct(fields, Others::Ignored),
        Definition::StrictStruct(fields) => View::Struct(fields, Others::Refused),
        Definition::OpenStruct(fields) => View::Struct(fields, Others::Read),
        Definition::Enum(variants) => View::Enum(variants, None),
        Definition::Tagged { tag, variants } => View::Enum(variants, Some((tag, None))),
        Definition::Adjacent {
            tag,
            content,
            variants,
        } => View::Enum(variants, Some((tag, Some(content)))),
    }
}

/// The definition of a named type, since the names of both may be the same.
fn printed(shape: &Shape, types: &Types) -> String {
    match shape {
        Shape::Named(name) => types.get(name).map_or_else(|| short(shape), short),
        shape => short(shape),
    }
}

impl<'a> Comparison<'a> {
    fn note(&mut self, path: &str, change: Change, breaks: Breaks) {
        if self.differences.len() < MAX_DIFFERENCES {
            self.differences.push(Difference {
                path: path.to_owned(),
                change,
                breaks,
            });
        }
    }

    fn note_type(
        &mut self,
        path: &str,
        old: &impl fmt::Display,
        new: &impl fmt::Display,
        breaks: Breaks,
    ) {
        let (old, new) = (short(old), short(new));
        self.note(path, Change::Type { old, new }, breaks);
    }

    fn shapes(&mut self, path: &str, old: &'a Shape, new: &'a Shape) {
        if let (Shape::Named(old), Shape::Named(new)) = (old, new)
            && !self.compared.insert((old, new))
        {
            return;
        }
        if self.depth >= MAX_DEPTH || !self.effort.spend() {
            self.note(path, Change::NotCompared, Breaks::BOTH);
            return;
        }
        self.depth += 1;
        self.views(path, old, new);
        self.depth -= 1;
    }

    fn views(&mut self, path: &str, old: &'a Shape, new: &'a Shape) {
        match (view(self.old_types, old), view(self.new_types, new)) {
            (View::Optional(old), View::Optional(new)) => {
                self.shapes(&format!("{path}?"), old, new);
            }
            (View::Sequence(old), View::Sequence(new)) => {
                self.shapes(&format!("{path}[]"), old, new);
            }
            (View::Map(old_key, old), View::Map(new_key, new)) => {
                let was_key = std::mem::replace(&mut self.is_key, true);
                self.shapes(&format!("{path}{{key}}"), old_key, new_key);
                self.is_key = was_key;
                self.shapes(&format!("{path}{{value}}"), old, new);
            }
            (View::Tuple(old), View::Tuple(new)) if old.len() == new.len() => {
                self.elements(path, old, new);
            }
            (View::Struct(old, old_others), View::Struct(new, new_others))
                if (old_others == Others::Read) == (new_others == Others::Read) =>
            {
                self.structs(path, (old, old_others), (new, new_others));
            }
            (View::Enum(old, old_tags), View::Enum(new, new_tags)) if old_tags == new_tags => {
                self.enums(path, old, new);
            }
            (View::Leaf(Shape::Named(old)), View::Leaf(Shape::Named(new)))
                if self.old_types.contains_key(old) || self.new_types.contains_key(new) =>
            {
                // Newtypes of newtypes, beyond the maximum depth.
                self.note(path, Change::NotCompared, Breaks::BOTH);
            }
            (View::Leaf(old_leaf), View::Leaf(new_leaf)) => {
                if old_leaf != new_leaf {
                    let breaks = self.reading.breaks(old_leaf, new_leaf, self.is_key);
                    self.note_type(path, old_leaf, new_leaf, breaks);
                }
            }
            (View::Optional(inner), _) if self.is_part(inner, new, true) => {
                let breaks = self.reading.choose(Breaks::BOTH, Breaks::new(false, true));
                self.note_type(path, old, new, breaks);
                self.shapes(&format!("{path}?"), inner, new);
            }
            (_, View::Optional(inner)) if self.is_part(old, inner, false) => {
                let breaks = self.reading.choose(Breaks::BOTH, Breaks::new(true, false));
                self.note_type(path, old, new, breaks);
                self.shapes(path, old, inner);
            }
            (View::Tuple(items), View::Sequence(item)) if self.reading.is_by_name() => {
                self.note_type(path, old, new, Breaks::new(true, false));
                for old in items {
                    self.shapes(&format!("{path}[]"), old, item);
                }
            }
            (View::Sequence(item), View::Tuple(items)) if self.reading.is_by_name() => {
                self.note_type(path, old, new, Breaks::new(false, true));
                for new in items {
                    self.shapes(&format!("{path}[]"), item, new);
                }
            }
            _ => {
                let old = printed(old, self.old_types);
                let new = printed(new, self.new_types);
                self.note_type(path, &old, &new, Breaks::BOTH);
            }
        }
    }

    /// Returns whether an optional value differs from a plain one in being optional only, as far as can be seen without
    /// comparing parts. A value that is written as `null` is not.
    fn is_part(&self, old: &Shape, new: &Shape, is_new: bool) -> bool {
        let views = (view(self.old_types, old), view(self.new_types, new));
        let plain = if is_new { views.1 } else { views.0 };
        if matches!(plain, View::Leaf(Shape::Unit | Shape::Any)) || self.is_key {
            return false;
        }
        match views {
            (View::Leaf(old), View::Leaf(new)) => {
                self.reading.breaks(old, new, false) != Breaks::BOTH
            }
            (View::Sequence(_), View::Sequence(_))
            | (View::Map(..), View::Map(..))
            | (View::Struct(..), View::Struct(..))
            | (View::Enum(..), View::Enum(..)) => true,
            (View::Tuple(old), View::Tuple(new)) => old.len() == new.len(),
            _ => false,
        }
    }

    fn elements(&mut self, path: &str, old: &'a [Shape], new: &'a [Shape]) {
        for (at, (old, new)) in old.iter().zip(new).enumerate() {
            self.shapes(&format!("{path}.{at}"), old, new);
        }
    }

    fn structs(
        &mut self,
        path: &str,
        (old, old_others): (&'a [Field], Others),
        (new, new_others): (&'a [Field], Others),
    ) {
        match (old_others, new_others) {
            (Others::Ignored, Others::Refused) => {
                self.note(path, Change::UnknownFieldsRefused, Breaks::NONE);
            }
            (Others::Refused, Others::Ignored) => {
                self.note(path, Change::UnknownFieldsIgnored, Breaks::NONE);
            }
            _ => {}
        }
        let pairs = pairs(old, new);
        let moved = moved(&pairs);
        for pair in pairs {
            match pair {
                Pair::Both(at, other) => {
                    let (field, other) = (&old[at], &new[other]);
                    let path = format!("{path}.{}", field.name);
                    self.names(&path, field, other);
                    if moved.contains(&at) {
                        let breaks = self.reading.choose(Breaks::BOTH, Breaks::NONE);
                        self.note(&path, Change::Moved, breaks);
                    }
                    match (field.required, other.required) {
                        (false, true) => {
                            let by_name = Breaks::new(false, true);
                            let breaks = self.reading.choose(Breaks::NONE, by_name);
                            self.note(&path, Change::FieldRequired, breaks);
                        }
                        (true, false) => self.note(&path, Change::FieldOptional, Breaks::NONE),
                        _ => {}
                    }
                    self.shapes(&path, &field.shape, &other.shape);
                }
                Pair::Removed(at) => {
                    let required = old[at].required;
                    let by_name = Breaks::new(required, new_others == Others::Refused);
                    let breaks = self.reading.choose(Breaks::BOTH, by_name);
                    let path = format!("{path}.{}", old[at].name);
                    self.note(&path, Change::FieldRemoved { required }, breaks);
                }
                Pair::Added(at) => {
                    let required = new[at].required;
                    let by_name = Breaks::new(old_others == Others::Refused, required);
                    let breaks = self.reading.choose(Breaks::BOTH, by_name);
                    let path = format!("{path}.{}", new[at].name);
                    self.note(&path, Change::FieldAdded { required }, breaks);
                }
            }
        }
    }

    fn enums(&mut self, path: &str, old: &'a [Variant], new: &'a [Variant]) {
        let pairs = pairs(old, new);
        let moved = moved(&pairs);
        let common = |pair: &Pair| match pair {
            Pair::Both(old, new) => Some((*old, *new)),
            _ => None,
        };
        let last_old = pairs.iter().filter_map(common).map(|(old, _)| old).max();
        let last_new = pairs.iter().filter_map(common).map(|(_, new)| new).max();
        for pair in pairs {
            match pair {
                Pair::Both(at, other) => {
                    let (variant, other) = (&old[at], &new[other]);
                    let path = format!("{path}.{}", variant.name);
                    self.names(&path, variant, other);
                    if moved.contains(&at) {
                        let breaks = self.reading.choose(Breaks::BOTH, Breaks::NONE);
                        self.note(&path, Change::Moved, breaks);
                    }
                    self.contents(&path, &variant.definition, &other.definition);
                }
                // The variants behind one that is removed or inserted have other numbers.
                Pair::Removed(at) => {
                    let by_position = Breaks::new(last_old.is_some_and(|last| last > at), true);
                    let breaks = self.reading.choose(by_position, Breaks::new(false, true));
                    let path = format!("{path}.{}", old[at].name);
                    self.note(&path, Change::VariantRemoved, breaks);
                }
                Pair::Added(at) => {
                    let by_position = Breaks::new(true, last_new.is_some_and(|last| last > at));
                    let breaks = self.reading.choose(by_position, Breaks::new(true, false));
                    let path = format!("{path}.{}", new[at].name);
                    self.note(&path, Change::VariantAdded, breaks);
                }
            }
        }
    }

    /// Notes changed names. A side that does not know the name that the other writes cannot read the value.
    fn names<M: Member>(&mut self, path: &str, old: &M, new: &M) {
        let by_name = self.reading.is_by_name();
        if old.name() != new.name() {
            let breaks = Breaks::new(!old.reads(new.name()), !new.reads(old.name()));
            let breaks = self.reading.choose(Breaks::NONE, breaks);
            let name = new.name().to_owned();
            self.note(path, Change::Renamed { new: name }, breaks);
        }
        for alias in old.aliases().iter().filter(|alias| !new.reads(alias)) {
            let alias = alias.clone();
            let breaks = Breaks::new(false, by_name);
            self.note(path, Change::AliasRemoved { alias }, breaks);
        }
        for alias in new.aliases().iter().filter(|alias| !old.reads(alias)) {
            let alias = alias.clone();
            self.note(path, Change::AliasAdded { alias }, Breaks::NONE);
        }
    }

    /// Compares the contents of two variants.
    fn contents(&mut self, path: &str, old: &'a Definition, new: &'a Definition) {
        match (old, new) {
            (Definition::Unit, Definition::Unit) => {}
            (
                Definition::Alias(old) | Definition::Newtype(old),
                Definition::Alias(new) | Definition::Newtype(new),
            ) => self.shapes(path, old, new),
            (Definition::Tuple(old), Definition::Tuple(new)) if old.len() == new.len() => {
                self.elements(path, old, new);
            }
            (old, new) => match (view_of(old), view_of(new)) {
                (View::Struct(old, old_others), View::Struct(new, new_others))
                    if (old_others == Others::Read) == (new_others == Others::Read) =>
                {
                    self.structs(path, (old, old_others), (new, new_others));
                }
                _ => self.note_type(path, old, new, Breaks::BOTH),
            },
        }
    }
}
