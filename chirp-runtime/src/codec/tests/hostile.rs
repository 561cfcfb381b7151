//! Decoding of bytes that no codec encoded.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use proptest::prelude::*;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Shape, Through, shapes};
use crate::codec::form::{Blob, Str};
use crate::codec::{Argument, Bincode, Decoder, Returned, Serde, Wire};

/// Malicious encodings in the format of a codec.
trait Liar: Serde {
    /// Returns starts of values that announce `len` bytes or elements.
    fn claims(len: u64) -> Vec<Vec<u8>>;

    /// Returns an encoded [`Tree`] of this depth.
    fn tree(depth: usize) -> Vec<u8>;
}

impl Liar for Bincode {
    fn claims(len: u64) -> Vec<Vec<u8>> {
        vec![[&[253], &len.to_le_bytes()[..]].concat()]
    }

    fn tree(depth: usize) -> Vec<u8> {
        [vec![1; depth], vec![0]].concat()
    }
}

#[cfg(feature = "postcard")]
impl Liar for crate::codec::Postcard {
    fn claims(len: u64) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut out = len;
        while out > 0x7f {
            bytes.push(out.to_le_bytes()[0] | 0x80);
            out >>= 7;
        }
        bytes.push(out.to_le_bytes()[0]);
        vec![bytes]
    }

    fn tree(depth: usize) -> Vec<u8> {
        Bincode::tree(depth)
    }
}

#[cfg(feature = "messagepack")]
impl Liar for crate::codec::MessagePack {
    fn claims(len: u64) -> Vec<Vec<u8>> {
        let len = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        // Text, bytes, an array, a map and an extension.
        [0xdb, 0xc6, 0xdd, 0xdf, 0xc9]
            .map(|first| [&[first], &len[..]].concat())
            .into()
    }

    fn tree(depth: usize) -> Vec<u8> {
        [b"\x81\xa4Node".repeat(depth), b"\xa4Leaf".to_vec()].concat()
    }
}

/// Runs the same code for every codec with a reader of our own.
macro_rules! every {
    ($check:ident $arguments:tt) => {
        $check::<Bincode> $arguments;
        #[cfg(feature = "postcard")]
        $check::<crate::codec::Postcard> $arguments;
        #[cfg(feature = "messagepack")]
        $check::<crate::codec::MessagePack> $arguments;
    };
}

/// A few bytes announce an enormous value.
#[test]
fn false_lengths_are_rejected() {
    fn refused<C: Liar, T: Through<C>>() {
        for len in [u64::from(u32::MAX), 1 << 40, 1 << 60, u64::MAX] {
            for mut bytes in C::claims(len) {
                bytes.extend_from_slice(&[1; 8]);
                assert!(<T as Through<C>>::decode(&bytes).is_err());
            }
        }
    }
    fn all<C: Liar>() {
        refused::<C, String>();
        refused::<C, Vec<u64>>();
        refused::<C, Vec<Vec<String>>>();
        refused::<C, HashMap<u64, u64>>();
        refused::<C, Vec<()>>();
        for bytes in C::claims(1 << 40) {
            assert!(<Blob<Vec<u8>> as Returned<C>>::decode(&bytes).is_err());
        }
    }
    every!(all());
}

#[derive(Debug, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Tree>),
}

/// A type that takes no bytes in `MessagePack`, however deeply nested.
#[derive(Debug, Serialize, Deserialize)]
struct Next(Option<Box<Next>>);

/// Otherwise a value as deep as a packet is long would overflow the stack and abort the process.
#[test]
fn depth_is_limited() {
    fn limited<C: Liar>() {
        let error = <Tree as Through<C>>::decode(&C::tree(1_000_000)).unwrap_err();
        assert_eq!(error.to_string(), "a value is nested more than 128 deep");
        assert!(<Tree as Through<C>>::decode(&C::tree(100)).is_ok());
        let error = <Next as Through<C>>::decode(&[1; 1000]).unwrap_err();
        assert_eq!(error.to_string(), "a value is nested more than 128 deep");
    }
    every!(limited());
    #[cfg(feature = "json")]
    {
        let deep = "[".repeat(1_000_000);
        assert!(
            <serde_json::Value as Through<crate::codec::Json>>::decode(deep.as_bytes()).is_err()
        );
    }
}

thread_local! {
    /// The number of elements for which the values being decoded may have reserved memory.
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

/// A recursive sequence or map that reserves memory for as many elements as its size hint announces.
#[derive(Debug, Serialize)]
struct Greedy<const MAP: bool>;

impl<'de, const MAP: bool> Deserialize<'de> for Greedy<MAP> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let elements = Elements::<Self>(PhantomData);
        if MAP {
            deserializer.deserialize_map(elements)?;
        } else {
            deserializer.deserialize_seq(elements)?;
        }
        Ok(Self)
    }
}

struct Elements<T>(PhantomData<T>);

impl<T> Elements<T> {
    fn hold<R>(hint: Option<usize>, read: impl FnOnce() -> R) -> R {
        let hint = hint.unwrap_or_default();
        HELD.set(HELD.get() + hint);
        MOST.set(MOST.get().max(HELD.get()));
        let result = read();
        HELD.set(HELD.get() - hint);
        result
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        Self::hold(elements.size_hint(), || {
            while elements.next_element::<T>()?.is_some() {}
            Ok(())
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        Self::hold(elements.size_hint(), || {
            while elements.next_entry::<u8, T>()?.is_some() {}
            Ok(())
        })
    }
}

/// Nested announcements share the same bytes, and must not each reserve memory for them.
fn paid_for<C: Serde>(bytes: &[u8]) {
    fn decode<C: Serde, const MAP: bool>(bytes: &[u8]) {
        let len = bytes.len();
        MOST.set(0);
        let _ = <Greedy<MAP> as Through<C>>::decode(bytes);
        let most = MOST.get();
        assert!(most <= len, "memory for {most} elements, of {len} bytes");
    }
    decode::<C, false>(bytes);
    decode::<C, true>(bytes);
}

#[test]
fn nested_lengths_reserve_memory_once() {
    fn all<C: Liar>() {
        for len in [0, 1, 100, 300] {
            for claim in C::claims(len) {
                paid_for::<C>(&claim.repeat(100));
                paid_for::<C>(&[&claim[..], &[1]].concat().repeat(100));
            }
        }
    }
    every!(all());
}

/// Arbitrary bytes decode to a value or to an error.
fn anything<C: Serde>(bytes: &[u8]) {
    let _ = <Shape as Through<C>>::decode(bytes);
    let _ = <(u128, i128, char, f32, bool) as Through<C>>::decode(bytes);
    let mut arguments = Decoder::<C>::new(bytes);
    let _ = (
        Str::take(&mut arguments),
        Blob::<Bytes>::take(&mut arguments),
        Shape::take(&mut arguments),
        arguments.end(),
    );
    let _ = arguments.error();
    paid_for::<C>(bytes);
}

/// So do encoded values with one changed byte.
fn nearly<C: Serde>(shape: &Shape, at: prop::sample::Index, with: u8) {
    let mut bytes = Vec::new();
    Through::<C>::encode(shape, &mut bytes).expect("the value can be encoded");
    *at.get_mut(&mut bytes) = with;
    anything::<C>(&bytes);
}

proptest! {
    #[test]
    fn arbitrary_bytes(bytes: Vec<u8>) {
        every!(anything(&bytes));
    }

    #[test]
    fn nearly_valid_bytes(shape in shapes(), at: prop::sample::Index, with: u8) {
        every!(nearly(&shape, at, with));
        #[cfg(feature = "json")]
        nearly::<crate::codec::Json>(&shape, at, with);
    }

    #[cfg(feature = "json")]
    #[test]
    fn arbitrary_json(text in r#"[\[\]{},:"a-z0-9 \\]*"#) {
        anything::<crate::codec::Json>(text.as_bytes());
    }
}
