use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, SeqAccess, Visitor};
use serde::ser::SerializeTuple;
use serde::{Deserializer, Serializer};

use super::{Form, Got, Sent};

/// A list of forms: `()`, or `(F, L)` where `L` is a list.
///
/// It travels as its elements by position: one after another in bincode (none being no bytes), as an
/// array in JSON (none being `[]`).
pub trait List: Form {
    /// How many there are.
    const LEN: usize;

    /// Encodes each.
    ///
    /// # Errors
    ///
    /// The serializer's.
    fn put<S: SerializeTuple>(values: &Self::Sent<'_>, out: &mut S) -> Result<(), S::Error>;

    /// Decodes each; `index` is the first one's, for the error's text.
    ///
    /// # Errors
    ///
    /// The deserializer's, and when there are too few.
    fn take<'de, A: SeqAccess<'de>>(
        elements: &mut A,
        index: usize,
    ) -> Result<Self::Got<'de>, A::Error>;
}

impl List for () {
    const LEN: usize = 0;

    fn put<S: SerializeTuple>((): &(), _: &mut S) -> Result<(), S::Error> {
        Ok(())
    }

    fn take<'de, A: SeqAccess<'de>>(_: &mut A, _: usize) -> Result<(), A::Error> {
        Ok(())
    }
}

impl<F: Form, L: List> List for (F, L) {
    const LEN: usize = 1 + L::LEN;

    #[inline]
    fn put<S: SerializeTuple>((first, rest): &Self::Sent<'_>, out: &mut S) -> Result<(), S::Error> {
        out.serialize_element(&Sent::<F>(first))?;
        L::put(rest, out)
    }

    #[inline]
    fn take<'de, A: SeqAccess<'de>>(
        elements: &mut A,
        index: usize,
    ) -> Result<Self::Got<'de>, A::Error> {
        let Some(Got::<F>(first)) = elements.next_element()? else {
            return Err(A::Error::invalid_length(index, &"more arguments"));
        };
        Ok((first, L::take(elements, index + 1)?))
    }
}

impl Form for () {
    type Sent<'a> = ();
    type Got<'de> = ();

    fn serialize<S: Serializer>((): &(), serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_tuple(0)?.end()
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_tuple(0, Elements::<Self>(PhantomData))
    }
}

impl<F: Form, L: List> Form for (F, L) {
    type Sent<'a> = (F::Sent<'a>, L::Sent<'a>);
    type Got<'de> = (F::Got<'de>, L::Got<'de>);

    fn serialize<S: Serializer>(values: &Self::Sent<'_>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_tuple(Self::LEN)?;
        Self::put(values, &mut out)?;
        out.end()
    }

    fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Self::Got<'de>, D::Error> {
        deserializer.deserialize_tuple(Self::LEN, Elements::<Self>(PhantomData))
    }
}

struct Elements<L>(PhantomData<L>);

impl<'de, L: List> Visitor<'de> for Elements<L> {
    type Value = L::Got<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match L::LEN {
            1 => f.write_str("a list of 1 argument"),
            len => write!(f, "a list of {len} arguments"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        L::take(&mut elements, 0)
    }
}
