//! Differences between the shapes of two types.
#![cfg(feature = "reflect")]
#![allow(dead_code, reason = "the types are only traced")]

use std::net::IpAddr;

use chirp_runtime::reflect::{Notation, Shapes, compare};
use serde::Deserialize;

/// The differences, each with the kinds of codecs that it breaks.
fn differences<'de, Old: Deserialize<'de>, New: Deserialize<'de>>() -> Vec<String> {
    let mut old = Shapes::new(Notation::Readable);
    let mut new = Shapes::new(Notation::Readable);
    let (old_shape, new_shape) = (old.add::<Old>(), new.add::<New>());
    let found = compare((&old, &old_shape), (&new, &new_shape));
    let text = found.iter().map(|difference| {
        let by_position = if difference.breaks_by_position() {
            " [position]"
        } else {
            ""
        };
        let by_name = if difference.breaks_by_name() {
            " [name]"
        } else {
            ""
        };
        format!("{difference}{by_position}{by_name}")
    });
    text.collect()
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
        (differences::<IpAddr, String>(), none),
        (
            differences::<Order, RenamedField>(),
            &["Order.price: renamed to cost [name]"],
        ),
        (
            differences::<Order, MovedField>(),
            &[
                "Order.id: moved [position]",
                "Order.price: moved [position]",
            ],
        ),
        (
            differences::<Order, AddedField>(),
            &["Order.note: required field added [position] [name]"],
        ),
        (
            differences::<AddedField, Order>(),
            &["AddedField.note: required field removed [position] [name]"],
        ),
        (
            differences::<Order, OptionalField>(),
            &["Order.note: optional field added [position]"],
        ),
        (
            differences::<OptionalField, Order>(),
            &["OptionalField.note: optional field removed [position]"],
        ),
        (
            differences::<Order, RemovedField>(),
            &["Order.price: required field removed [position] [name]"],
        ),
        (
            differences::<Order, ChangedType>(),
            &["Order.id: type changed from u64 to u32 [position] [name]"],
        ),
        (
            differences::<Order, ChangedInside>(),
            &["Order.lines[].count: type changed from u32 to u64 [position] [name]"],
        ),
        (
            differences::<Event, MovedVariant>(),
            &[
                "Event.Opened: moved [position]",
                "Event.Closed: moved [position]",
            ],
        ),
        (
            differences::<Event, AddedVariant>(),
            &["Event.Paused: variant added [position] [name]"],
        ),
        (
            differences::<AddedVariant, Event>(),
            &["AddedVariant.Paused: variant removed [position] [name]"],
        ),
        (
            differences::<Event, RenamedVariant>(),
            &["Event.Closed: renamed to Ended [name]"],
        ),
        (
            differences::<Event, ChangedVariant>(),
            &["Event.Moved.by: type changed from u8 to i8 [position] [name]"],
        ),
        (
            differences::<Tree, OtherTree>(),
            &["Tree.value: type changed from u8 to u16 [position] [name]"],
        ),
        (
            differences::<(u8, u8), (u8, u8, u8)>(),
            &["(u8, u8): type changed from (u8, u8) to (u8, u8, u8) [position] [name]"],
        ),
        (
            differences::<Order, Event>(),
            &[
                "Order: type changed from { id: u64, price: f64, lines: [Line] } to Opened | Closed(u8) | Moved { by: u8 } [position] [name]",
            ],
        ),
    ] {
        assert_eq!(found, expected);
    }
}
