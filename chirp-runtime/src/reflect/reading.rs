use super::{Breaks, Shape};
use crate::codec::CodecId;

/// How a codec identifies parts of values, which decides what a reader of another version understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Fields and variants are identified by position: `Bincode` and `Postcard`.
    Position,
    /// Fields and variants are identified by name, and values describe themselves: `Json` and `MessagePack`.
    Name,
}

/// The range of a number type: its bits, and whether it has a sign.
fn integer(shape: &Shape) -> Option<(u32, bool)> {
    Some(match shape {
        Shape::U8 => (8, false),
        Shape::U16 => (16, false),
        Shape::U32 => (32, false),
        Shape::U64 => (64, false),
        Shape::U128 => (128, false),
        Shape::I8 => (8, true),
        Shape::I16 => (16, true),
        Shape::I32 => (32, true),
        Shape::I64 => (64, true),
        Shape::I128 => (128, true),
        _ => return None,
    })
}

impl Reading {
    pub(super) fn of(codec: CodecId) -> Self {
        match codec {
            CodecId::MessagePack | CodecId::Json => Self::Name,
            CodecId::Bincode | CodecId::Postcard | CodecId::Raw => Self::Position,
        }
    }

    /// Returns how a described codec reads. An unknown codec is taken for one that reads by position.
    pub(super) fn of_name(codec: &str) -> Self {
        match codec {
            "MessagePack" | "Json" => Self::Name,
            _ => Self::Position,
        }
    }

    pub(super) fn is_by_name(self) -> bool {
        self == Self::Name
    }

    /// Returns `by_position` or `by_name`, as this codec reads.
    pub(super) fn choose(self, by_position: Breaks, by_name: Breaks) -> Breaks {
        match self {
            Self::Position => by_position,
            Self::Name => by_name,
        }
    }

    /// Which side cannot read values of another shape without parts.
    pub(super) fn breaks(self, old: &Shape, new: &Shape, is_key: bool) -> Breaks {
        Breaks::new(!self.reads(new, old, is_key), !self.reads(old, new, is_key))
    }

    /// Returns whether all values of a shape without parts are read alike by a reader of another.
    fn reads(self, written: &Shape, read: &Shape, is_key: bool) -> bool {
        if written == read {
            return true;
        }
        match (integer(written), integer(read)) {
            (Some((bits, is_signed)), Some((wider, may_be_signed))) => match self {
                // Integers of more than 8 bits are written with a variable length, and signed ones in another way.
                Self::Position => bits > 8 && bits < wider && is_signed == may_be_signed,
                // Integers of 128 bits are not numbers in every place.
                Self::Name if wider > 64 => false,
                Self::Name if is_signed => may_be_signed && bits < wider,
                Self::Name => bits < wider || bits == wider && !may_be_signed,
            },
            (Some((bits, _)), None) if self.is_by_name() && !is_key => match read {
                Shape::F32 => bits <= 16,
                Shape::F64 => bits <= 32,
                _ => false,
            },
            _ => match (written, read) {
                (Shape::Char, Shape::Text) => self.is_by_name(),
                (Shape::F32, Shape::F64) => self.is_by_name() && !is_key,
                _ => false,
            },
        }
    }
}
