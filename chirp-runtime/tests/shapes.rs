//! Shapes of types that are found without a derive.
#![cfg(feature = "reflect")]
#![allow(dead_code, reason = "the types are only traced")]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroI128, NonZeroU8};
use std::ops::{Bound, Range, RangeInclusive};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chirp_runtime::reflect::{Notation, Shapes};
use serde::{Deserialize, Deserializer};

/// The shape of a type and the definitions of the named types in it, as text.
fn shape_in<'de, T: Deserialize<'de>>(notation: Notation) -> String {
    let mut shapes = Shapes::new(notation);
    let mut text = shapes.add::<T>().to_string();
    for (name, definition) in shapes.iter() {
        write!(text, "; {name} = {definition}").expect("a string");
    }
    text
}

fn shape<'de, T: Deserialize<'de>>() -> String {
    shape_in::<T>(Notation::Readable)
}

#[test]
fn types_of_the_standard_library() {
    for (found, expected) in [
        (shape::<bool>(), "bool"),
        (shape::<i128>(), "i128"),
        (shape::<u64>(), "u64"),
        (shape::<usize>(), "u64"),
        (shape::<f32>(), "f32"),
        (shape::<char>(), "char"),
        (shape::<()>(), "()"),
        (shape::<&str>(), "string"),
        (shape::<&[u8]>(), "bytes"),
        (shape::<String>(), "string"),
        (shape::<Box<str>>(), "string"),
        (shape::<Cow<'_, str>>(), "string"),
        (shape::<PathBuf>(), "string"),
        (shape::<NonZeroU8>(), "u8"),
        (shape::<NonZeroI128>(), "i128"),
        (shape::<IpAddr>(), "string"),
        (shape::<SocketAddr>(), "string"),
        (shape::<Vec<u8>>(), "[u8]"),
        (shape::<VecDeque<bool>>(), "[bool]"),
        (shape::<HashSet<u8>>(), "[u8]"),
        (shape::<BTreeSet<Option<u8>>>(), "[u8?]"),
        (shape::<Option<Option<u8>>>(), "u8??"),
        (shape::<Box<u8>>(), "u8"),
        (shape::<[u8; 3]>(), "(u8, u8, u8)"),
        (shape::<[u8; 0]>(), "()"),
        (shape::<(u8,)>(), "(u8)"),
        (shape::<(IpAddr, NonZeroU8, u8)>(), "(string, u8, u8)"),
        (shape::<HashMap<String, Vec<f64>>>(), "{string: [f64]}"),
        (shape::<BTreeMap<(u8, IpAddr), i8>>(), "{(u8, string): i8}"),
        (
            shape::<Duration>(),
            "Duration; Duration = { secs: u64, nanos: u32 ! }",
        ),
        (
            shape::<SystemTime>(),
            "SystemTime; SystemTime = { secs_since_epoch: u64, nanos_since_epoch: u32 ! }",
        ),
        (
            shape::<Range<u8>>(),
            "Range; Range = { start: u8, end: u8 ! }",
        ),
        (
            shape::<RangeInclusive<char>>(),
            "RangeInclusive; RangeInclusive = { start: char, end: char ! }",
        ),
        (
            shape::<Bound<u8>>(),
            "Bound; Bound = Unbounded | Included(u8) | Excluded(u8)",
        ),
        (
            shape::<Result<u8, String>>(),
            "Result; Result = Ok(u8) | Err(string)",
        ),
        (shape::<std::cell::RefCell<u8>>(), "u8"),
        (shape::<std::sync::Mutex<u8>>(), "u8"),
        (shape::<std::num::Wrapping<u8>>(), "u8"),
        (shape::<std::cmp::Reverse<u8>>(), "u8"),
        (shape::<std::sync::atomic::AtomicU32>(), "u32"),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn long_tuples() {
    type Sixteen = (
        u8,
        u16,
        u32,
        u64,
        i8,
        i16,
        i32,
        i64,
        f32,
        f64,
        bool,
        char,
        String,
        IpAddr,
        Duration,
        Option<u8>,
    );
    assert_eq!(
        shape::<Sixteen>(),
        "(u8, u16, u32, u64, i8, i16, i32, i64, f32, f64, bool, char, string, string, Duration, u8?); \
         Duration = { secs: u64, nanos: u32 ! }"
    );
}

#[test]
fn compact_notation_differs() {
    let compact = Notation::Compact;
    assert_eq!(shape_in::<Ipv4Addr>(compact), "(u8, u8, u8, u8)");
    let address = shape_in::<SocketAddr>(compact);
    let start = "SocketAddr; SocketAddr = V4(((u8, u8, u8, u8), u16)) | V6(((u8, ";
    assert!(address.starts_with(start), "{address}");
    assert_eq!(shape_in::<Parsed>(compact), "string");
}

macro_rules! types {
    ($($(#[$attribute:meta])* $kind:ident $name:ident $body:tt $(;)?)*) => {
        $(#[derive(Debug, Deserialize)] $(#[$attribute])* $kind $name $body)*
    };
}

types! {
    struct Order { id: u64, price: Option<f64>, lines: Vec<Line> }
    struct Line { name: String, count: u32 }
    #[serde(rename_all = "camelCase")]
    struct Renamed { first_field: u8, #[serde(rename = "2nd")] second: u8 }
    struct Aliased { #[serde(alias = "a_old", alias = "z_old")] field: u8, #[serde(alias = "a_default", default)] other: u8 }
    struct Defaults { #[serde(default)] a: u8, b: u8, c: Option<u8> }
    #[derive(Default)]
    #[serde(default)]
    struct AllDefaults { a: u8, b: String }
    struct Skipped { a: u8, #[serde(skip)] b: u8, #[serde(skip_deserializing)] c: u8 }
    struct With { #[serde(deserialize_with = "as_text")] a: u8, b: bool }
    #[serde(try_from = "String")]
    struct Parsed { text: String }
    #[serde(transparent)]
    struct Transparent { inner: Vec<u8> }
    #[serde(deny_unknown_fields)]
    struct Strict { a: u8 }
    struct Flattened { id: u64, #[serde(flatten)] line: Line, note: Option<String> }
    struct FlattenedMap { id: u64, #[serde(flatten)] rest: HashMap<String, u8> }
    enum Kind { Unit, Newtype(u8), Tuple(u8, String), Struct { a: u8, #[serde(default)] b: String } }
    #[serde(rename_all = "snake_case")]
    enum RenamedKind { FirstOne, #[serde(rename = "2nd", alias = "second")] SecondOne, #[serde(skip)] ThirdOne, #[serde(other)] Rest }
    #[serde(tag = "type")]
    enum Internal { A { a: u8, b: String }, B, C { x: bool, y: Option<u8> }, D(Line), #[serde(alias = "F")] E(HashMap<String, u8>) }
    #[serde(tag = "t", content = "c")]
    enum Adjacent { A(u8), B, C { x: bool, line: Line }, D(Line), E(u8, String), F { y: Option<u8> } }
    #[serde(untagged)]
    enum Untagged { A(u8), B(String) }
    struct Both { a: Generic<u8>, b: Generic<String> }
    struct Tree { value: u8, children: Vec<Tree> }
    struct Ping { pong: Option<Box<Pong>>, last: u8 }
    struct Pong { ping: Box<Ping>, last: u16 }
    enum List { Cons(u8, Box<List>), Nil }
    #[serde(transparent)]
    struct Nest { inner: Vec<Nest> }
    struct Endless { inner: Box<Endless>, last: u8 }
    struct HasBad { before: u8, bad: Panics, refused: Refuses, after: u16 }
}

#[derive(Debug, Deserialize)]
struct Generic<T> {
    value: T,
}

#[derive(Debug, Deserialize)]
struct Newtype(u8);

#[derive(Debug, Deserialize)]
struct Unit;

#[derive(Debug, Deserialize)]
struct Tuple(IpAddr, NonZeroU8, Parsed, List, Order, Kind);

impl TryFrom<String> for Parsed {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "1.0.0" => Ok(Self { text }),
            _ => Err("not a version"),
        }
    }
}

fn as_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// A type whose `Deserialize` panics.
#[derive(Debug)]
struct Panics;

impl<'de> Deserialize<'de> for Panics {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("a type that cannot be deserialized")
    }
}

/// A type that refuses everything without asking for a value.
#[derive(Debug)]
struct Refuses;

impl<'de> Deserialize<'de> for Refuses {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("nothing is accepted"))
    }
}

/// Two types of one name.
mod other {
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    pub(super) struct Line {
        length: f32,
    }
}

#[derive(Debug, Deserialize)]
struct TwoLines {
    a: Line,
    b: other::Line,
}

/// The attributes, the type in this file that has them, and its shape. The guide has the same table.
fn attributes() -> Vec<(&'static str, String, &'static str)> {
    vec![
        (
            "none",
            shape::<Order>(),
            "Order; Line = { name: string, count: u32 }; Order = { id: u64, price: f64? = default, lines: [Line] }",
        ),
        (
            "`rename`, `rename_all`",
            shape::<Renamed>(),
            "Renamed; Renamed = { firstField: u8, 2nd: u8 }",
        ),
        (
            "`alias`",
            shape::<Aliased>(),
            "Aliased; Aliased = { field|a_old|z_old: u8, other|a_default: u8 = default }",
        ),
        (
            "`default` on a field",
            shape::<Defaults>(),
            "Defaults; Defaults = { a: u8 = default, b: u8, c: u8? = default }",
        ),
        (
            "`default` on a struct",
            shape::<AllDefaults>(),
            "AllDefaults; AllDefaults = { a: u8 = default, b: string = default }",
        ),
        (
            "`skip`, `skip_deserializing`",
            shape::<Skipped>(),
            "Skipped; Skipped = { a: u8 }",
        ),
        (
            "`with`, `deserialize_with`",
            shape::<With>(),
            "With; With = { a: string, b: bool }",
        ),
        ("`from`, `try_from`", shape::<Parsed>(), "string"),
        ("`transparent`", shape::<Transparent>(), "[u8]"),
        (
            "`deny_unknown_fields`",
            shape::<Strict>(),
            "Strict; Strict = { a: u8 ! }",
        ),
        (
            "`flatten` of a struct",
            shape::<Flattened>(),
            "Flattened; Flattened = { id: u64, name: any .. }",
        ),
        (
            "`flatten` of a map",
            shape::<FlattenedMap>(),
            "FlattenedMap; FlattenedMap = { id: u64 .. }",
        ),
        (
            "none, on an enum",
            shape::<Kind>(),
            "Kind; Kind = Unit | Newtype(u8) | Tuple(u8, string) | Struct { a: u8, b: string = default }",
        ),
        (
            "`rename`, `alias`, `skip`, `other` on variants",
            shape::<RenamedKind>(),
            "RenamedKind; RenamedKind = first_one | 2nd|second | rest",
        ),
        (
            "`tag`",
            shape::<Internal>(),
            "Internal; Internal = tag type: A { a: u8, b: string } | B | C { x: bool .. } | D { name: string, count: u32 } | E|F { .. }",
        ),
        (
            "`tag` and `content`",
            shape::<Adjacent>(),
            "Adjacent; Adjacent = tag t, content c: A(u8) | B | C { x: bool, line: Line } | D(Line) | E(u8, string) | F { .. }; Line = { name: string, count: u32 }",
        ),
        ("`untagged`", shape::<Untagged>(), "any"),
    ]
}

#[test]
fn attributes_of_serde() {
    let guide = include_str!("../../src/guide/shapes.md");
    let mut missing = Vec::new();
    for (attribute, found, expected) in attributes() {
        assert_eq!(found, expected);
        let (_, definitions) = found.split_once("; ").unwrap_or(("", &found));
        let row = format!("| {attribute} | `{}` |", definitions.replace('|', "\\|"));
        if !guide.lines().any(|line| line == row) {
            missing.push(row);
        }
    }
    assert!(
        missing.is_empty(),
        "missing in the guide:\n{}",
        missing.join("\n")
    );
}

#[test]
fn kinds_of_types() {
    for (found, expected) in [
        (shape::<Newtype>(), "Newtype; Newtype = (u8)"),
        (shape::<Unit>(), "Unit; Unit = ()"),
        (shape::<serde_json::Value>(), "any"),
        (shape::<bytes::Bytes>(), "bytes"),
        (
            shape::<Both>(),
            "Both; Both = { a: Generic<u8>, b: Generic<String> }; Generic<String> = { value: string }; \
             Generic<u8> = { value: u8 }",
        ),
        (
            shape::<TwoLines>(),
            "TwoLines; Line = { name: string, count: u32 }; Line#2 = { length: f32 }; TwoLines = { a: Line, b: Line#2 }",
        ),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn types_that_contain_themselves() {
    for (found, expected) in [
        (
            shape::<Tree>(),
            "Tree; Tree = { value: u8, children: [Tree] }",
        ),
        (
            shape::<Ping>(),
            "Ping; Ping = { pong: Pong? = default, last: u8 }; Pong = { ping: Ping, last: u16 }",
        ),
        (shape::<List>(), "List; List = Cons(u8, List) | Nil"),
        (shape::<Nest>(), "Sequence; Sequence = [Sequence]"),
        (
            shape::<Endless>(),
            "Endless; Endless = { inner: Endless, last: u8 }",
        ),
    ] {
        assert_eq!(found, expected);
    }
}

/// The elements before the last must be made up, so that the last is asked for.
#[test]
fn elements_behind_types_with_rules() {
    let found = shape::<Tuple>();
    assert!(
        found.ends_with("Tuple = (string, u8, string, List, Order, Kind)"),
        "{found}"
    );
    assert_eq!(shape::<(Refuses, u8)>(), "(any, any)");
}

#[test]
fn a_type_that_cannot_be_traced_costs_only_its_own_shape() {
    assert_eq!(
        shape::<HasBad>(),
        "HasBad; HasBad = { before: u8, bad: any, refused: any, after: u16 }"
    );
    assert_eq!(shape::<Panics>(), "any");
    assert_eq!(shape::<Refuses>(), "any");
}

#[test]
fn types_are_added_to_what_is_known() {
    let mut shapes = Shapes::new(Notation::Compact);
    assert_eq!(shapes.add::<Line>().to_string(), "Line");
    assert_eq!(shapes.add::<other::Line>().to_string(), "Line#2");
    assert_eq!(shapes.add::<Vec<Line>>().to_string(), "[Line]");
    assert_eq!(shapes.iter().count(), 2);
    let definition = shapes.get("Line#2").expect("a definition");
    assert_eq!(definition.to_string(), "{ length: f32 }");
}

#[test]
fn large_types_take_few_attempts() {
    type Row = [[u8; 32]; 32];
    let found = shape::<(Row, u8)>();
    assert!(found.ends_with(", u8)"));
    assert_eq!(found.matches("u8").count(), 32 * 32 + 1);
}
