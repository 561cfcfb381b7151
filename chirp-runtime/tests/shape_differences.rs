//! Differences between the shapes of two types.
#![cfg(feature = "reflect")]
#![allow(dead_code, reason = "the types are only traced")]

use chirp_runtime::codec::CodecId;
use chirp_runtime::reflect::{Notation, Shapes, compare};
use serde::Deserialize;

/// The differences in one codec, each with the sides that cannot read the other.
fn differences_in<'de, Old: Deserialize<'de>, New: Deserialize<'de>>(
    codec: CodecId,
) -> Vec<(String, String)> {
    let notation = Notation::of(codec);
    let (mut old, mut new) = (Shapes::new(notation), Shapes::new(notation));
    let (old_shape, new_shape) = (old.add::<Old>(), new.add::<New>());
    let found = compare(codec, (&old, &old_shape), (&new, &new_shape));
    let text = found.iter().map(|difference| {
        let sides = match (difference.breaks.old_reader, difference.breaks.new_reader) {
            (false, false) => "none",
            (true, false) => "old",
            (false, true) => "new",
            (true, true) => "both",
        };
        (difference.to_string(), sides.to_owned())
    });
    text.collect()
}

/// The differences, each with the sides that cannot read the other: in codecs that write by position, and by name.
fn differences<'de, Old: Deserialize<'de>, New: Deserialize<'de>>() -> Vec<String> {
    let by_position = differences_in::<Old, New>(CodecId::Bincode);
    let by_name = differences_in::<Old, New>(CodecId::Json);
    let texts = by_position.iter().zip(&by_name);
    let texts = texts.map(|((text, by_position), (other, by_name))| {
        assert_eq!(text, other, "the same differences in both notations");
        format!("{text} [{by_position}, {by_name}]")
    });
    assert_eq!(by_position.len(), by_name.len());
    texts.collect()
}

#[derive(Deserialize)]
struct Order {
    id: u64,
    price: f64,
    lines: Vec<Line>,
}

#[derive(Deserialize)]
struct Line {
    name: String,
    count: u32,
}

#[derive(Deserialize)]
enum Event {
    Opened,
    Closed(u8),
    Moved { by: u8 },
}

macro_rules! orders {
    ($($name:ident { $($fields:tt)* })*) => {
        $(#[derive(Deserialize)] struct $name { $($fields)* })*
    };
}

orders! {
    RenamedField { id: u64, cost: f64, lines: Vec<Line> }
    MovedField { price: f64, id: u64, lines: Vec<Line> }
    AddedField { id: u64, price: f64, lines: Vec<Line>, note: String }
    OptionalField { id: u64, price: f64, lines: Vec<Line>, note: Option<String> }
    RemovedField { id: u64, lines: Vec<Line> }
    ChangedType { id: u32, price: f64, lines: Vec<Line> }
    ChangedInside { id: u64, price: f64, lines: Vec<WideLine> }
    WideLine { name: String, count: u64 }
}

#[derive(Deserialize)]
enum MovedVariant {
    Closed(u8),
    Opened,
    Moved { by: u8 },
}

#[derive(Deserialize)]
enum AddedVariant {
    Opened,
    Closed(u8),
    Moved { by: u8 },
    Paused,
}

#[derive(Deserialize)]
enum RenamedVariant {
    Opened,
    Ended(u8),
    Moved { by: u8 },
}

#[derive(Deserialize)]
enum ChangedVariant {
    Opened,
    Closed(u8),
    Moved { by: i8 },
}

#[derive(Deserialize)]
struct Tree {
    value: u8,
    children: Vec<Tree>,
}

#[derive(Deserialize)]
struct OtherTree {
    value: u16,
    children: Vec<OtherTree>,
}

#[test]
fn each_kind_of_difference() {
    let none: &[&str] = &[];
    for (found, expected) in [
        (differences::<Order, Order>(), none),
        (
            differences::<Order, RenamedField>(),
            &["Order.price: renamed to cost [none, both]"],
        ),
        (
            differences::<Order, MovedField>(),
            &[
                "Order.id: moved [both, none]",
                "Order.price: moved [both, none]",
            ],
        ),
        (
            differences::<Order, AddedField>(),
            &["Order.note: required field added [both, new]"],
        ),
        (
            differences::<AddedField, Order>(),
            &["AddedField.note: required field removed [both, old]"],
        ),
        (
            differences::<Order, OptionalField>(),
            &["Order.note: optional field added [both, none]"],
        ),
        (
            differences::<OptionalField, Order>(),
            &["OptionalField.note: optional field removed [both, none]"],
        ),
        (
            differences::<Order, RemovedField>(),
            &["Order.price: required field removed [both, old]"],
        ),
        (
            differences::<Order, ChangedType>(),
            &["Order.id: type changed from u64 to u32 [new, new]"],
        ),
        (
            differences::<Order, ChangedInside>(),
            &["Order.lines[].count: type changed from u32 to u64 [old, old]"],
        ),
        (
            differences::<Event, MovedVariant>(),
            &[
                "Event.Opened: moved [both, none]",
                "Event.Closed: moved [both, none]",
            ],
        ),
        (
            differences::<Event, AddedVariant>(),
            &["Event.Paused: variant added [old, old]"],
        ),
        (
            differences::<AddedVariant, Event>(),
            &["AddedVariant.Paused: variant removed [new, new]"],
        ),
        (
            differences::<Event, RenamedVariant>(),
            &["Event.Closed: renamed to Ended [none, both]"],
        ),
        (
            differences::<Event, ChangedVariant>(),
            &["Event.Moved.by: type changed from u8 to i8 [both, both]"],
        ),
        (
            differences::<Tree, OtherTree>(),
            &["Tree.value: type changed from u8 to u16 [both, old]"],
        ),
        (
            differences::<(u8, u8), (u8, u8, u8)>(),
            &["(u8, u8): type changed from (u8, u8) to (u8, u8, u8) [both, both]"],
        ),
        (
            differences::<Order, Event>(),
            &[
                "Order: type changed from { id: u64, price: f64, lines: [Line] } to Opened | Closed(u8) | Moved { by: u8 } [both, both]",
            ],
        ),
    ] {
        assert_eq!(found, expected);
    }
}
