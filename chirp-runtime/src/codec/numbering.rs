//! Whether the reader counts an enum's variants as the writer does.
//!
//! serde's derive numbers the variants of an enum in `Serialize` as they are declared, and in `Deserialize` without
//! those that are skipped. A codec without names would carry a variant behind a skipped one as another variant. The
//! same holds for the number of fields in tuple structs and tuple variants, of which a skipped one is not said. Neither
//! half of a derive knows of the other, so the first value of each shape is read back.

use std::cell::{Cell, RefCell};

use super::reader::{Layout, LayoutReader};
use super::{EncodeError, Form};

/// A variant, or a tuple struct, that was written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// Empty for a tuple struct.
    pub(super) variant: &'static str,
    pub(super) index: u32,
    /// The number of fields, where a reader may count others.
    pub(super) fields: Option<usize>,
}

impl Shape {
    /// What tells it from others, by address: nearly always as good as by text, and quick.
    #[inline]
    fn key(&self) -> Key {
        let fields = self.fields.map_or(0, |fields| fields.wrapping_add(1));
        (
            self.name.as_ptr().addr(),
            self.variant.as_ptr().addr(),
            self.index,
            fields,
        )
    }

    #[inline]
    fn is_known(&self) -> bool {
        let key = self.key();
        KNOWN.with(|known| known[place(key)].get() == key)
    }

    fn know(&self) {
        let key = self.key();
        KNOWN.with(|known| known[place(key)].set(key));
    }
}

type Key = (usize, usize, u32, usize);

/// How many shapes each thread remembers. One that has been forgotten is read back once more.
const KNOWN_SHAPES: usize = 256;

#[inline]
fn place((name, variant, index, fields): Key) -> usize {
    (name ^ variant.rotate_left(3) ^ (index as usize) ^ fields) % KNOWN_SHAPES
}

thread_local! {
    /// Shapes that have been read back.
    static KNOWN: [Cell<Key>; KNOWN_SHAPES] = const { [const { Cell::new((0, 0, 0, 0)) }; KNOWN_SHAPES] };
}

/// The shapes of a value that have not been read back before.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// There are none nearly always, and then this is one word.
    doubts: Option<Box<Expected>>,
}

/// The shapes that a value which is read back should have.
#[derive(Debug, Default)]
pub(super) struct Expected {
    shapes: Vec<Shape>,
    /// The variant whose fields follow.
    variant: Cell<Option<Shape>>,
    /// How many fields were read, of variants and tuple structs that are expected.
    read: RefCell<Vec<(Shape, usize)>>,
    found: RefCell<Option<EncodeError>>,
}

impl Numbering {
    #[inline]
    pub(super) fn note(&mut self, shape: Shape) {
        if !shape.is_known() {
            self.doubt(shape);
        }
    }

    #[cold]
    fn doubt(&mut self, shape: Shape) {
        let shapes = &mut self.doubts.get_or_insert_default().shapes;
        let is_there = |other: &Shape| other.key() == shape.key();
        // The rest have their turn with the next value.
        if shapes.len() < KNOWN_SHAPES && !shapes.iter().any(is_there) {
            shapes.push(shape);
        }
    }

    #[inline]
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubts.is_some()
    }

    /// Reads the value back.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when it would arrive as another.
    #[cold]
    pub(super) fn verify<L: Layout, F: Form>(self, bytes: &[u8]) -> Result<(), EncodeError> {
        let expected = self.doubts.unwrap_or_default();
        let mut reader = LayoutReader::<L>::expecting(bytes, &expected);
        // What cannot be read here (a half of a stream, say) is left to the other side.
        drop(F::deserialize(&mut reader));
        expected.compare::<L>();
        if let Some(error) = expected.found.take() {
            return Err(error);
        }
        for shape in &expected.shapes {
            shape.know();
        }
        Ok(())
    }
}

impl Expected {
    /// An enum is read, whose variants have these names and aliases, in order. The next is the variant `index`.
    pub(super) fn variant<L: Layout>(&self, name: &str, variants: &[&str], index: u32) {
        let same = |shape: &&Shape| shape.name == name && shape.index == index;
        let mut shapes = self.shapes.iter().filter(same).peekable();
        self.variant.set(shapes.peek().map(|shape| **shape));
        // An alias can only move the names behind it up.
        let fits = |shape: &Shape| {
            let at = variants.iter().position(|other| *other == shape.variant);
            at.is_some_and(|at| u32::try_from(at).is_ok_and(|at| at >= index))
        };
        let Some(first) = shapes.peek().copied() else {
            return;
        };
        if !shapes.any(fits) {
            self.refuse(format_args!(
                "the variant `{}` of `{name}` would arrive as another, or as none: {} identifies variants by number, and \
                 serde does not count those that are skipped when it reads: move them to the end, or choose another codec",
                first.variant,
                L::NAME
            ));
        }
    }

    /// So many fields of the variant are read.
    pub(super) fn fields(&self, count: usize) {
        if let Some(shape) = self.variant.take() {
            self.read.borrow_mut().push((shape, count));
        }
    }

    /// A tuple struct is read.
    pub(super) fn tuple_struct(&self, name: &str, count: usize) {
        let same = |shape: &&Shape| shape.name == name && shape.variant.is_empty();
        if let Some(shape) = self.shapes.iter().find(same) {
            self.read.borrow_mut().push((*shape, count));
        }
    }

    /// Compares the numbers of fields that were written with those that were read.
    fn compare<L: Layout>(&self) {
        let read = self.read.borrow();
        for shape in &self.shapes {
            let Some(written) = shape.fields else {
                continue;
            };
            let is_same = |other: &Shape| {
                (other.name, other.variant, other.index) == (shape.name, shape.variant, shape.index)
            };
            let counts = || read.iter().filter(|(other, _)| is_same(other));
            let Some((_, count)) = counts().next() else {
                continue;
            };
            if counts().all(|(_, count)| *count != written) {
                let Shape { name, variant, .. } = shape;
                let colons = if variant.is_empty() { "" } else { "::" };
                self.refuse(format_args!(
                    "{written} of the {count} fields of `{name}{colons}{variant}` are written, but {} identifies fields \
                     by position: send them always, or choose another codec",
                    L::NAME
                ));
            }
        }
    }

    fn refuse(&self, reason: std::fmt::Arguments<'_>) {
        self.found
            .borrow_mut()
            .get_or_insert_with(|| EncodeError::new(reason));
    }
}
