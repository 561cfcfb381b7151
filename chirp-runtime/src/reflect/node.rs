use super::Shape;

/// A place where a value is asked for: a slot of a node.
pub(super) type Place = (usize, usize);

/// The slot that stands for the search for required fields.
pub(super) const REQUIRED: usize = usize::MAX;

/// The slot that stands for a field that does not exist.
pub(super) const UNKNOWN: usize = usize::MAX - 1;

/// The slot that stands for the names of the tag and the variants of a tagged enum.
pub(super) const TAG: usize = usize::MAX - 2;

/// The kind of value that a type has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Option,
    Sequence,
    Tuple,
    Map,
    UnitStruct,
    Newtype,
    TupleStruct,
    Struct,
    /// A struct that asks for a map: its fields are not listed.
    OpenStruct,
    Enum,
    /// An enum whose variants are named by a field.
    Tagged,
    /// An enum whose variants are named by a field, and whose contents are another field.
    Adjacent,
}

/// The knowledge about one part of a value.
#[derive(Debug)]
pub(super) enum Known {
    Nothing,
    Leaf(Shape),
    Node(usize),
    /// Another name of an earlier slot.
    AliasOf(usize),
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) known: Known,
    /// Whether there is nothing more to find.
    pub(super) is_done: bool,
    /// The name of a field or variant.
    pub(super) name: &'static str,
    /// Distinguishes the fields or variants that names stand for.
    pub(super) group: Option<u64>,
    pub(super) is_required: bool,
    /// Whether a field is written by this name, among its aliases.
    pub(super) is_main: bool,
}

impl Slot {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            known: Known::Nothing,
            is_done: false,
            name,
            group: None,
            is_required: false,
            is_main: false,
        }
    }
}

/// A type that consists of others, as far as it is known.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each becomes known by itself"
)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The type's name. Empty if it has none.
    pub(super) name: String,
    pub(super) slots: Vec<Slot>,
    /// Whether it is known which fields are required.
    pub(super) knows_required: bool,
    /// Whether required fields could not all be found.
    pub(super) required_is_unsure: bool,
    /// Whether fields that are not listed are refused. `None` if that is not known yet.
    pub(super) is_strict: Option<bool>,
    /// The names of the fields for the variant and its content.
    pub(super) tag: &'static str,
    pub(super) content: &'static str,
    /// Whether the variants of a tagged enum are known.
    pub(super) knows_variants: bool,
    /// Whether the type contains itself.
    pub(super) is_recursive: bool,
}

impl Node {
    pub(super) fn new(kind: Kind, name: String, names: &[&'static str], slots: usize) -> Self {
        let name_of = |at| names.get(at).copied().unwrap_or_default();
        Self {
            kind,
            name,
            slots: (0..slots).map(|at| Slot::new(name_of(at))).collect(),
            knows_required: kind != Kind::Struct,
            required_is_unsure: false,
            is_strict: (kind != Kind::Struct).then_some(false),
            tag: "",
            content: "",
            knows_variants: kind != Kind::Tagged,
            is_recursive: false,
        }
    }

    /// A struct that does not list its fields.
    pub(super) fn unlisted() -> Self {
        Self {
            knows_required: false,
            is_strict: None,
            ..Self::new(Kind::OpenStruct, String::new(), &[], 0)
        }
    }

    /// The slot that is explored next.
    pub(super) fn next(&self) -> Option<usize> {
        if !self.knows_variants {
            return Some(TAG);
        }
        let slot = self.slots.iter().position(|slot| !slot.is_done);
        let required = || (!self.knows_required).then_some(REQUIRED);
        let unknown = || self.is_strict.is_none().then_some(UNKNOWN);
        slot.or_else(required).or_else(unknown)
    }
}
