//! The bytes of `MessagePack` encodings.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Numbers, Shape, Through, check, shapes};
use crate::codec::form::{Blob, Opt, Owned, Slice8, Str};
use crate::codec::{Argument, Decoder, Encoder, MessagePack, Returned, Wire};

proptest! {
    #[test]
    fn numbers_are_encoded_as_by_rmp_serde(numbers: Numbers) {
        let theirs = rmp_serde::to_vec(&numbers).unwrap();
        let ours = <Numbers as Through<MessagePack>>::decode(&theirs).unwrap();
        let mut again = Vec::new();
        Through::<MessagePack>::encode(&ours, &mut again).unwrap();
        prop_assert_eq!(again, theirs);
    }

    #[test]
    fn values_are_decoded_as_by_rmp_serde(bytes: Vec<u8>, numbers: Vec<u8>, shape in shapes(), named: bool) {
        if let Ok(theirs) = rmp_serde::from_slice::<Shape>(&bytes) && rmp_serde::to_vec_named(&theirs).unwrap() == bytes {
            prop_assert_eq!(<Shape as Through<MessagePack>>::decode(&bytes), Ok(theirs));
        }
        if let Ok(theirs) = rmp_serde::from_slice::<(u16, i8)>(&numbers) && rmp_serde::to_vec(&theirs).unwrap() == numbers {
            prop_assert_eq!(<(u16, i8) as Through<MessagePack>>::decode(&numbers), Ok(theirs));
        }
        // Structs are never encoded as arrays, but are decoded from them.
        let theirs = if named { rmp_serde::to_vec_named(&shape) } else { rmp_serde::to_vec(&shape) };
        prop_assert_eq!(<Shape as Through<MessagePack>>::decode(&theirs.unwrap()), Ok(shape));
    }

    #[test]
    fn bytes_are_encoded_as_by_rmp_serde(text: String, shape in shapes()) {
        let mut out = Encoder::<MessagePack>::new();
        Str::put(&&*text, &mut out);
        shape.put(&mut out);
        let ours = out.finish().expect("all arguments can be encoded");
        prop_assert_eq!(ours, rmp_serde::to_vec_named(&(text, shape)).unwrap());
    }
}

/// An old version of a struct, and a new one.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Old {
    name: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct New {
    name: String,
    #[serde(default)]
    tags: Vec<String>,
}

/// A struct with fields that may be absent, one of them read through serde's own buffer.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Patch {
    any: Option<NumberOrText>,
    limit: Option<u32>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(Option<u8>),
    Text(String),
}

#[test]
fn extension_types_are_named_where_they_are_refused() {
    let error = |bytes| {
        let decoded = <Option<u8> as Through<MessagePack>>::decode(bytes);
        decoded.expect_err("it is no number").to_string()
    };
    for (bytes, expected) in [
        (
            &b"\xd4\x72\x40\x91\xa1a\x01"[..],
            "invalid type: a value of extension type 114 (a record of msgpackr: write maps, with `useRecords: false`), expected u8",
        ),
        (
            b"\xd6\xff\0\0\0\0",
            "invalid type: a value of extension type -1 (a timestamp), expected u8",
        ),
        (
            b"\xd4\0\x01",
            "invalid type: a value of extension type 0, expected u8",
        ),
    ] {
        assert_eq!(error(bytes), expected);
    }
}

#[test]
fn arguments_are_an_array() {
    check::<MessagePack>(|_| {}, b"\x90");
    check::<MessagePack>(
        |out| {
            Str::put(&"a\u{e9}", out);
            Slice8::put(&&[0, 255][..], out);
            Opt::<Slice8>::put(&None, out);
            250u64.put(out);
            (-1i64).put(out);
            Some(5u8).put(out);
            Old { name: "x".into() }.put(out);
            Shape::Tuple(1, 2).put(out);
        },
        b"\x98\xa3a\xc3\xa9\xc4\x02\0\xff\xc0\xcc\xfa\xff\x05\x81\xa4name\xa1x\x81\xa5Tuple\x92\x01\x02",
    );
}

#[derive(Serialize, Deserialize)]
struct SumDiff {
    sum: i64,
    diff: i64,
}

/// The examples in `PROTOCOL.md`.
#[test]
fn values_are_as_specified() {
    fn written(value: &impl Through<MessagePack>, expected: &[u8]) {
        let mut bytes = Vec::new();
        value.encode(&mut bytes).unwrap();
        assert_eq!(bytes, expected);
    }
    written(&-6i64, b"\xfa");
    written(&250i64, b"\xcc\xfa");
    written(&1.5f32, b"\xca\x3f\xc0\0\0");
    written(&vec!["a".to_owned(), "b".to_owned()], b"\x92\xa1a\xa1b");
    let (sum, diff) = (350, -150);
    written(
        &SumDiff { sum, diff },
        b"\x82\xa3sum\xcd\x01\x5e\xa4diff\xd1\xff\x6a",
    );
    written(&Shape::Tuple(1, 2), b"\x81\xa5Tuple\x92\x01\x02");
    written(&Unit, b"\x90");
    written(&(), b"\xc0");
    written(&'h', b"\xa1h");
    written(&1u128, b"\xc4\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01");
    written(&Ok::<u8, ()>(1), b"\x81\xa2Ok\x01");
    check::<MessagePack>(
        |out| {
            1u8.put(out);
            Str::put(&"x", out);
        },
        b"\x92\x01\xa1x",
    );
}

#[test]
fn arguments_are_counted() {
    for count in [0u8, 1, 15, 16, 17, 255] {
        let mut out = Encoder::<MessagePack>::new();
        for number in 0..count {
            number.put(&mut out);
        }
        let bytes = out.finish().unwrap();
        let numbers: Vec<u8> = (0..count).collect();
        assert_eq!(
            <Vec<u8> as Through<MessagePack>>::decode(&bytes),
            Ok(numbers)
        );
        let mut arguments = Decoder::<MessagePack>::new(&bytes);
        for number in 0..count {
            assert_eq!(u8::take(&mut arguments), Some(number));
        }
        assert_eq!(arguments.end(), Some(()));
    }
    let mut out = Encoder::<MessagePack>::new();
    for _ in 0..=u16::MAX {
        ().put(&mut out);
    }
    let error = out.finish().unwrap_err();
    assert_eq!(error.to_string(), "too many arguments: the limit is 65535");
    for (bytes, reason) in [
        (&b""[..], "the bytes end before the value does"),
        (b"\x01", "expected an array of arguments, found integer `1`"),
        (b"\x90", "too few arguments: got 0"),
        (b"\x91\x01", "too few arguments: got 1"),
        (b"\x92\x01", "the bytes end before the value does"),
        (b"\x93\x01\x02\x03", "expected 2 arguments, got 3"),
        (b"\x92\x01\x02\x03", "1 byte is left over"),
        (
            b"\x92\x01\xa1x",
            "argument 2 (u8): invalid type: string \"x\", expected u8",
        ),
    ] {
        let mut arguments = Decoder::<MessagePack>::new(bytes);
        let _ = (
            u8::take(&mut arguments),
            u8::take(&mut arguments),
            arguments.end(),
        );
        assert_eq!(arguments.error().to_string(), reason);
    }
}

#[test]
fn a_field_may_be_added() {
    let mut old = Vec::new();
    Through::<MessagePack>::encode(&Old { name: "x".into() }, &mut old).unwrap();
    let new = New {
        name: "x".into(),
        tags: vec![],
    };
    assert_eq!(<New as Through<MessagePack>>::decode(&old), Ok(new));
    let new = New {
        name: "x".into(),
        tags: vec!["y".into()],
    };
    let mut bytes = Vec::new();
    Through::<MessagePack>::encode(&new, &mut bytes).unwrap();
    let old = Old { name: "x".into() };
    assert_eq!(<Old as Through<MessagePack>>::decode(&bytes), Ok(old));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(u64),
    Named { it: bool },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    a: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

/// Types that inspect the data while decoding.
#[test]
fn values_are_self_describing() {
    fn round_trips<T: Through<MessagePack> + PartialEq + std::fmt::Debug>(value: T) {
        let mut bytes = Vec::new();
        value.encode(&mut bytes).unwrap();
        assert_eq!(T::decode(&bytes), Ok(value));
    }
    round_trips(Either::Number(7));
    round_trips(Either::Named { it: true });
    round_trips(Flat {
        a: 1,
        rest: [("b".to_owned(), 2)].into(),
    });
    round_trips(Unit);
    round_trips(vec![Ok(1u8), Err("x".to_owned())]);
    round_trips(BTreeMap::from([(-1i32, 1u8), (300, 2)]));
    round_trips(Ipv4Addr::LOCALHOST);
}

#[test]
fn encodings_of_other_languages_are_decoded() {
    fn reads<T: Through<MessagePack> + PartialEq + std::fmt::Debug>(bytes: &[u8], value: T) {
        assert_eq!(T::decode(bytes), Ok(value), "{bytes:02x?}");
    }
    // Wider than necessary.
    reads(b"\xcf\0\0\0\0\0\0\0\x05", 5u8);
    reads(b"\xd3\0\0\0\0\0\0\0\x05", 5u8);
    reads(b"\xd9\x01x", "x".to_owned());
    reads(b"\xdd\0\0\0\x01\x05", vec![5u8]);
    reads(
        b"\xdf\0\0\0\x01\xa5Tuple\xdc\0\x02\x01\x02",
        Shape::Tuple(1, 2),
    );
    // Bytes for 8-bit numbers, whole numbers for floats, `nil` for a unit struct.
    reads(b"\xc4\x02\x01\x02", vec![1u8, 2]);
    reads(b"\xc4\x02\x01\x02", (1u8, 2u8));
    reads(b"\x05", 5.0f64);
    reads(b"\xc0", Unit);
    // Unknown fields, among them an extension.
    reads(
        b"\x82\xa1?\xd6\xff\0\0\0\0\xa4name\xa1x",
        Old { name: "x".into() },
    );
    reads(
        b"\x82\xa1?\xc7\x01\x05\0\xa4name\xa1x",
        Old { name: "x".into() },
    );
    assert!(<u8 as Through<MessagePack>>::decode(b"\xd4\0\0").is_err());
    // `undefined`, and maps with a wide head, as msgpackr and notepack.io write them.
    reads(b"\xd4\0\0", None::<u8>);
    reads(b"\xd4\0\0", ());
    reads(b"\x92\xd4\0\0\x05", vec![None, Some(5u8)]);
    reads(
        b"\xde\0\x02\xa3any\xd4\0\0\xa5limit\x05",
        Patch {
            any: None,
            limit: Some(5),
        },
    );
    assert_eq!(
        <Opt<Owned<u8>> as Returned<MessagePack>>::decode(b"\xd4\0\0"),
        Ok(None)
    );
    assert!(<u8 as Through<MessagePack>>::decode(b"\xc1").is_err());
    assert!(<String as Through<MessagePack>>::decode(b"\xa1\xff").is_err());
    assert!(<(u8, u8) as Through<MessagePack>>::decode(b"\x93\x01\x02\x03").is_err());
    assert!(<(u8, u8) as Through<MessagePack>>::decode(b"\xc4\x03\x01\x02\x03").is_err());
    // Bytes are neither text nor wider numbers.
    for bytes in [&b"\x92\x01\x02"[..], b"\xa2hi"] {
        assert!(<Blob<Vec<u8>> as Returned<MessagePack>>::decode(bytes).is_err());
    }
}
