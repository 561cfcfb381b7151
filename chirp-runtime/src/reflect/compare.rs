use std::collections::HashSet;
use std::fmt;

use super::{Definition, Field, Shape, Shapes, Variant};

/// A difference between two shapes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Where the shapes differ, such as `Order.lines[].count`.
    pub path: String,
    /// How they differ.
    pub change: Change,
}

/// How two shapes differ. An optional field is one that may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The value has another shape, or its definition is of another kind.
    Type {
        /// The old shape.
        old: String,
        /// The new shape.
        new: String,
    },
    /// A field or variant of the same shape, at the same position, has another name.
    Renamed {
        /// The new name.
        new: String,
    },
    /// A field or variant has another position among those that both have.
    Moved,
    /// A field was added.
    FieldAdded {
        /// Whether the new side refuses values without the field.
        required: bool,
    },
    /// A field was removed.
    FieldRemoved {
        /// Whether the old side refuses values without the field.
        required: bool,
    },
    /// A variant was added.
    VariantAdded,
    /// A variant was removed.
    VariantRemoved,
}

impl Difference {
    /// Whether one side can fail to read, or misread, values of the other in codecs that write fields and variants by
    /// position: `Bincode` and `Postcard`.
    pub fn breaks_by_position(&self) -> bool {
        !matches!(self.change, Change::Renamed { .. })
    }

    /// Whether one side can fail to read, or misread, values of the other in codecs that write fields and variants by
    /// name: `Json` and `MessagePack`. A changed type counts, although some values of both may look the same.
    pub fn breaks_by_name(&self) -> bool {
        match self.change {
            Change::Moved => false,
            Change::FieldAdded { required } | Change::FieldRemoved { required } => required,
            _ => true,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path)?;
        match &self.change {
            Change::Type { old, new } => write!(f, "type changed from {old} to {new}"),
            Change::Renamed { new } => write!(f, "renamed to {new}"),
            Change::Moved => f.write_str("moved"),
            Change::FieldAdded { required: true } => f.write_str("required field added"),
            Change::FieldAdded { .. } => f.write_str("optional field added"),
            Change::FieldRemoved { required: true } => f.write_str("required field removed"),
            Change::FieldRemoved { .. } => f.write_str("optional field removed"),
            Change::VariantAdded => f.write_str("variant added"),
            Change::VariantRemoved => f.write_str("variant removed"),
        }
    }
}

/// Compares two shapes, each with its table, and returns the differences by path. The paths begin with the old
/// shape. Names of types are not compared, and each pair of named types is compared once, where it occurs first.
///
/// Differences inside of [`Shape::Any`] are not seen. Nor is `deny_unknown_fields`, with which an old side refuses values
/// that have an added field.
pub fn compare(old: (&Shapes, &Shape), new: (&Shapes, &Shape)) -> Vec<Difference> {
    let mut comparison = Comparison {
        old: old.0,
        new: new.0,
        compared: HashSet::new(),
        differences: Vec::new(),
    };
    comparison.shapes(&old.1.to_string(), old.1, new.1);
    comparison.differences
}

struct Comparison<'a> {
    old: &'a Shapes,
    new: &'a Shapes,
    compared: HashSet<(String, String)>,
    differences: Vec<Difference>,
}

/// The common properties of fields and variants.
trait Member {
    fn name(&self) -> &str;
    fn has_same_content(&self, other: &Self) -> bool;
    fn added(&self) -> Change;
    fn removed(&self) -> Change;
}

impl Member for Field {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_same_content(&self, other: &Self) -> bool {
        self.shape == other.shape
    }

    fn added(&self) -> Change {
        let required = self.required;
        Change::FieldAdded { required }
    }

    fn removed(&self) -> Change {
        let required = self.required;
        Change::FieldRemoved { required }
    }
}

impl Member for Variant {
    fn name(&self) -> &str {
        &self.name
    }

    fn has_same_content(&self, other: &Self) -> bool {
        self.definition == other.definition
    }

    fn added(&self) -> Change {
        Change::VariantAdded
    }

    fn removed(&self) -> Change {
        Change::VariantRemoved
    }
}

impl Comparison<'_> {
    fn note(&mut self, path: String, change: Change) {
        self.differences.push(Difference { path, change });
    }

    fn note_type(&mut self, path: &str, old: &impl fmt::Display, new: &impl fmt::Display) {
        let (old, new) = (old.to_string(), new.to_string());
        self.note(path.to_owned(), Change::Type { old, new });
    }

    fn shapes(&mut self, path: &str, old: &Shape, new: &Shape) {
        match (old, new) {
            (Shape::Optional(old), Shape::Optional(new)) => {
                self.shapes(&format!("{path}?"), old, new);
            }
            (Shape::Sequence(old), Shape::Sequence(new)) => {
                self.shapes(&format!("{path}[]"), old, new);
            }
            (Shape::Map(old_key, old), Shape::Map(new_key, new)) => {
                self.shapes(&format!("{path}{{key}}"), old_key, new_key);
                self.shapes(&format!("{path}{{value}}"), old, new);
            }
            (Shape::Tuple(old), Shape::Tuple(new)) if old.len() == new.len() => {
                self.elements(path, old, new);
            }
            (Shape::Named(old), Shape::Named(new)) => self.named(path, old, new),
            (old, new) if old == new => {}
            (old, new) => self.note_type(path, old, new),
        }
    }

    fn elements(&mut self, path: &str, old: &[Shape], new: &[Shape]) {
        for (at, (old, new)) in old.iter().zip(new).enumerate() {
            self.shapes(&format!("{path}.{at}"), old, new);
        }
    }

    fn named(&mut self, path: &str, old: &str, new: &str) {
        if !self.compared.insert((old.to_owned(), new.to_owned())) {
            return;
        }
        if let (Some(old), Some(new)) = (self.old.get(old), self.new.get(new)) {
            self.definitions(path, old, new);
        }
    }

    fn definitions(&mut self, path: &str, old: &Definition, new: &Definition) {
        match (old, new) {
            (Definition::Unit, Definition::Unit) => {}
            (Definition::Alias(old), Definition::Alias(new))
            | (Definition::Newtype(old), Definition::Newtype(new)) => self.shapes(path, old, new),
            (Definition::Tuple(old), Definition::Tuple(new)) if old.len() == new.len() => {
                self.elements(path, old, new);
            }
            (Definition::Struct(old), Definition::Struct(new))
            | (Definition::OpenStruct(old), Definition::OpenStruct(new)) => {
                for (path, old, new) in self.members(path, old, new) {
                    self.shapes(&path, &old.shape, &new.shape);
                }
            }
            (Definition::Enum(old), Definition::Enum(new)) => {
                for (path, old, new) in self.members(path, old, new) {
                    self.definitions(&path, &old.definition, &new.definition);
                }
            }
            (old, new) => self.note_type(path, old, new),
        }
    }

    /// Notes which members were renamed, moved, added and removed, and returns the pairs of those that both have.
    fn members<'m, M: Member>(
        &mut self,
        path: &str,
        old: &'m [M],
        new: &'m [M],
    ) -> Vec<(String, &'m M, &'m M)> {
        let find = |members: &'m [M], name: &str| members.iter().find(|other| other.name() == name);
        let order = |members: &'m [M], others: &'m [M]| -> Vec<&'m str> {
            let names = members.iter().map(Member::name);
            names.filter(|name| find(others, name).is_some()).collect()
        };
        let (old_order, new_order) = (order(old, new), order(new, old));
        let mut renamed = HashSet::new();
        let mut pairs = Vec::new();
        for (at, member) in old.iter().enumerate() {
            let path = format!("{path}.{}", member.name());
            if let Some(same) = find(new, member.name()) {
                let position =
                    |order: &[&str]| order.iter().position(|name| *name == member.name());
                if position(&old_order) != position(&new_order) {
                    self.note(path.clone(), Change::Moved);
                }
                pairs.push((path, member, same));
                continue;
            }
            let other = new.get(at).filter(|other| {
                find(old, other.name()).is_none() && member.has_same_content(other)
            });
            if let Some(other) = other {
                renamed.insert(other.name());
                let new = other.name().to_owned();
                self.note(path, Change::Renamed { new });
            } else {
                self.note(path, member.removed());
            }
        }
        for member in new {
            if find(old, member.name()).is_none() && !renamed.contains(member.name()) {
                self.note(format!("{path}.{}", member.name()), member.added());
            }
        }
        pairs
    }
}
