use std::fmt;

use serde::{Deserialize, Serialize};

/// A difference between two shapes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Difference {
    /// Where the shapes differ, such as `Order.lines[].count`.
    pub path: String,
    /// How they differ.
    pub change: Change,
    /// Which side cannot read values of the other, in the codec of the comparison.
    pub breaks: Breaks,
}

/// The sides that fail to read, or misread, values of the other side.
///
/// Writers are assumed to write every field, since `skip_serializing_if` cannot be seen. A changed type counts as broken
/// although some values of both may look the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Breaks {
    /// Whether the old side cannot read some values of the new side.
    pub old_reader: bool,
    /// Whether the new side cannot read some values of the old side.
    pub new_reader: bool,
}

/// How two shapes differ. An optional field is one that may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// The value has another shape, or its definition is of another kind.
    Type {
        /// The old shape.
        old: String,
        /// The new shape.
        new: String,
    },
    /// A field or variant has another name. The old one may be an alias of the new one, or the reverse.
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
    /// An optional field has become required.
    FieldRequired,
    /// A required field has become optional.
    FieldOptional,
    /// A variant was added.
    VariantAdded,
    /// A variant was removed.
    VariantRemoved,
    /// A field or variant has got another name by which it is read.
    AliasAdded {
        /// The other name.
        alias: String,
    },
    /// A field or variant has lost another name by which it was read.
    AliasRemoved {
        /// The other name.
        alias: String,
    },
    /// Unknown fields were ignored and are refused: `deny_unknown_fields`.
    UnknownFieldsRefused,
    /// Unknown fields were refused and are ignored.
    UnknownFieldsIgnored,
    /// The shapes are nested too deep, or have too many parts. The rest was not compared.
    NotCompared,
}

impl Breaks {
    pub(super) const NONE: Self = Self::new(false, false);
    pub(super) const BOTH: Self = Self::new(true, true);

    pub(super) const fn new(old_reader: bool, new_reader: bool) -> Self {
        Self {
            old_reader,
            new_reader,
        }
    }

    /// Returns whether values cannot be read in one direction or both.
    pub fn any(self) -> bool {
        self.old_reader || self.new_reader
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.change)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type { old, new } => return write!(f, "type changed from {old} to {new}"),
            Self::Renamed { new } => return write!(f, "renamed to {new}"),
            Self::AliasAdded { alias } => return write!(f, "alias {alias} added"),
            Self::AliasRemoved { alias } => return write!(f, "alias {alias} removed"),
            Self::Moved => "moved",
            Self::FieldAdded { required: true } => "required field added",
            Self::FieldAdded { .. } => "optional field added",
            Self::FieldRemoved { required: true } => "required field removed",
            Self::FieldRemoved { .. } => "optional field removed",
            Self::FieldRequired => "optional field became required",
            Self::FieldOptional => "required field became optional",
            Self::VariantAdded => "variant added",
            Self::VariantRemoved => "variant removed",
            Self::UnknownFieldsRefused => "unknown fields are refused now",
            Self::UnknownFieldsIgnored => "unknown fields are ignored now",
            Self::NotCompared => "too deep or too large to compare",
        })
    }
}
