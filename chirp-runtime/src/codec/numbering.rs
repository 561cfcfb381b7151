//! Detection of enums and tuple structs that would be decoded differently from how they were encoded.
//!
//! serde's derive numbers the variants of an enum in order of declaration for `Serialize`, but without the
//! skipped ones for `Deserialize`. A codec without names would decode a variant after a skipped one as
//! another variant. The number of fields of tuple structs and tuple variants has the same problem, because
//! the serializer is not told of skipped ones. Since neither derive knows of the other, the first value of
//! each shape is decoded again after it was encoded.

use std::cell::{Cell, RefCell};

use super::reader::{Layout, LayoutReader};
use super::{EncodeError, Form};

/// A variant or tuple struct that was encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// The variant's name. Empty for a tuple struct.
    pub(super) variant: &'static str,
    pub(super) index: u32,
    /// The number of fields, where decoding could expect a different number.
    pub(super) fields: Option<usize>,
}

impl Shape {
    /// Returns a key that identifies the shape. Strings are compared by address, which is fast and nearly
    /// always equivalent to comparing the text.
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

/// The number of shapes that each thread remembers. A forgotten shape is verified again.
const KNOWN_SHAPES: usize = 256;

#[inline]
fn place((name, variant, index, fields): Key) -> usize {
    (name ^ variant.rotate_left(3) ^ (index as usize) ^ fields) % KNOWN_SHAPES
}

thread_local! {
    /// The shapes that have been verified.
    static KNOWN: [Cell<Key>; KNOWN_SHAPES] = const { [const { Cell::new((0, 0, 0, 0)) }; KNOWN_SHAPES] };
}

/// The shapes in a value that have not been verified.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// Boxed, so that the usual empty case takes one word.
    doubts: Option<Box<Expected>>,
}

/// The expected shapes of a value that is decoded for verification.
#[derive(Debug, Default)]
pub(super) struct Expected {
    shapes: Vec<Shape>,
    /// The variant whose fields are decoded next.
    variant: Cell<Option<Shape>>,
    /// The number of fields decoded for each expected variant and tuple struct.
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
        // Further shapes are verified with the next value.
        if shapes.len() < KNOWN_SHAPES && !shapes.iter().any(is_there) {
            shapes.push(shape);
        }
    }

    #[inline]
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubts.is_some()
    }

    /// Decodes the value to verify its shapes.
    ///
    /// # Errors
    ///
    /// Returns [`EncodeError`] if the value would be decoded as a different one.
    #[cold]
    pub(super) fn verify<L: Layout, F: Form>(self, bytes: &[u8]) -> Result<(), EncodeError> {
        let expected = self.doubts.unwrap_or_default();
        let mut reader = LayoutReader::<L>::expecting(bytes, &expected);
        // Other decoding errors are left to the receiver: a stream half, for example, cannot be decoded here.
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
    /// Notes that variant `index` of an enum is decoded. `variants` are the names and aliases of its
    /// variants, in order.
    pub(super) fn variant<L: Layout>(&self, name: &str, variants: &[&str], index: u32) {
        let same = |shape: &&Shape| shape.name == name && shape.index == index;
        let mut shapes = self.shapes.iter().filter(same).peekable();
        self.variant.set(shapes.peek().map(|shape| **shape));
        // Aliases can only increase the position of the names after them.
        let fits = |shape: &Shape| {
            let at = variants.iter().position(|other| *other == shape.variant);
            at.is_some_and(|at| u32::try_from(at).is_ok_and(|at| at >= index))
        };
        let Some(first) = shapes.peek().copied() else {
            return;
        };
        if !shapes.any(fits) {
            self.refuse(format_args!(
                "variant `{}` of `{name}` would be decoded as another variant or not at all: {} identifies variants by index, and \
                 serde does not count skipped variants when decoding: move them to the end, or choose another codec",
                first.variant,
                L::NAME
            ));
        }
    }

    /// Notes the number of fields decoded for the variant.
    pub(super) fn fields(&self, count: usize) {
        if let Some(shape) = self.variant.take() {
            self.read.borrow_mut().push((shape, count));
        }
    }

    /// Notes that a tuple struct is decoded.
    pub(super) fn tuple_struct(&self, name: &str, count: usize) {
        let same = |shape: &&Shape| shape.name == name && shape.variant.is_empty();
        if let Some(shape) = self.shapes.iter().find(same) {
            self.read.borrow_mut().push((*shape, count));
        }
    }

    /// Compares the number of encoded fields with the number of decoded fields.
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
                    "only {written} of the {count} fields of `{name}{colons}{variant}` are encoded, but {} identifies fields by \
                     position: always encode all fields, or choose another codec",
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
