//! Values that are read by their shapes have the JSON that `serde_json` writes.
#![cfg(feature = "reflect")]

use std::collections::BTreeMap;
use std::time::Duration;

use chirp_runtime::reflect::{
    Definition, Notation, Shape, Shapes, TypeDefinitions, ValueError, ValueReader,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    id: u64,
    price: Option<f64>,
    lines: Vec<Line>,
    notes: BTreeMap<String, i128>,
    by_number: BTreeMap<u16, bool>,
    state: Progress,
    pair: (i8, u8, char),
    unit: (),
    wrapped: Meters,
    time: Duration,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Meters(i32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Line {
    #[serde(rename = "text")]
    name: String,
    next: Option<Box<Line>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Progress {
    New,
    Sent(u32),
    Moved(i16, i64),
    Done { at: u128, by: String },
}

fn shapes<T: for<'de> Deserialize<'de>>() -> (Shape, TypeDefinitions) {
    let mut shapes = Shapes::new(Notation::Compact);
    let shape = shapes.add::<T>();
    let mut types = TypeDefinitions::default();
    for (name, definition) in shapes.iter() {
        types.compact.insert(name.to_owned(), definition.clone());
    }
    (shape, types)
}

fn orders() -> impl Strategy<Value = Order> {
    let line = (".{0,5}", any::<bool>()).prop_map(|(name, has_next)| Line {
        name: name.clone(),
        next: has_next.then(|| Box::new(Line { name, next: None })),
    });
    let state = prop_oneof![
        Just(Progress::New),
        any::<u32>().prop_map(Progress::Sent),
        any::<(i16, i64)>().prop_map(|(a, b)| Progress::Moved(a, b)),
        (any::<u128>(), ".{0,5}").prop_map(|(at, by)| Progress::Done { at, by }),
    ];
    (
        any::<u64>(),
        any::<Option<f64>>(),
        prop::collection::vec(line, 0..4),
        prop::collection::btree_map(".{0,3}", any::<i128>(), 0..3),
        prop::collection::btree_map(any::<u16>(), any::<bool>(), 0..3),
        state,
        any::<(i8, u8, char)>(),
        any::<i32>(),
        any::<(u64, u32)>(),
    )
        .prop_map(
            |(id, price, lines, notes, by_number, state, pair, meters, (seconds, nanos))| Order {
                id,
                price: price.filter(|price| price.is_finite()),
                lines,
                notes,
                by_number,
                state,
                pair,
                unit: (),
                wrapped: Meters(meters),
                time: Duration::new(seconds, nanos % 1_000_000_000),
            },
        )
}

proptest! {
    #[test]
    fn values_are_read_as_serde_json_writes_them(order in orders()) {
        let (shape, types) = shapes::<Order>();
        let expected = serde_json::to_string(&order).expect("JSON");
        let same = |read: &str| serde_json::from_str::<Order>(read).expect("an order") == order;

        let bytes = bincode::serde::encode_to_vec(&order, bincode::config::standard()).expect("bytes");
        let read = ValueReader::new("Bincode", &types).expect("a codec").read(&shape, &bytes).expect("a value");
        prop_assert!(same(&read), "{read} {expected}");

        let mut buffer = [0; 4096];
        let bytes = postcard::to_slice(&order, &mut buffer).expect("bytes");
        let read = ValueReader::new("Postcard", &types).expect("a codec").read(&shape, bytes).expect("a value");
        prop_assert!(same(&read), "{read} {expected}");
    }

    #[test]
    fn any_bytes_are_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (shape, types) = shapes::<Vec<Order>>();
        for codec in ["Bincode", "Postcard"] {
            let reader = ValueReader::new(codec, &types).expect("a codec");
            if let Ok(read) = reader.read(&shape, &bytes) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&read).is_ok(), "{read}");
            }
        }
    }
}

fn read(shape: &Shape, bytes: &[u8]) -> Result<String, ValueError> {
    let types = TypeDefinitions::default();
    ValueReader::new("Bincode", &types)?.read(shape, bytes)
}

#[test]
fn bytes_that_do_not_fit_are_refused() {
    let sequence = |item| Shape::Sequence(Box::new(item));
    let cases = [
        (Shape::Bool, &[2][..], "the bytes are no bool"),
        (Shape::U16, &[252, 0, 0, 1, 0], "the bytes are no u16"),
        (Shape::Text, &[5, b'a'], "the bytes are no string"),
        (Shape::Text, &[1, 0xFF], "the bytes are no string"),
        (Shape::Char, &[0xC3], "the bytes are no char"),
        (
            sequence(Shape::U8),
            &[253, 0, 0, 0, 0, 0, 0, 0, 1],
            "the bytes are no [u8]",
        ),
        (Shape::Unit, &[0], "1 bytes are left over behind the value"),
        (
            Shape::Any,
            &[0],
            "the description does not show the shape of a value",
        ),
        (
            Shape::Named("Gone".to_owned()),
            &[0],
            "the description does not show the shape of Gone",
        ),
    ];
    for (shape, bytes, expected) in cases {
        let error = read(&shape, bytes).expect_err("no value");
        assert_eq!(error.to_string(), expected, "{shape}");
    }
    assert_eq!(
        read(&Shape::F64, &f64::NAN.to_le_bytes()).expect("a value"),
        "null"
    );
    assert_eq!(
        read(
            &Shape::Map(Box::new(sequence(Shape::U8)), Box::new(Shape::Bool)),
            &[1, 2, 8, 9, 1]
        )
        .expect("a value"),
        "[[[8,9],true]]"
    );
}

/// Few bytes, and types that contain each other many times: the value has an end.
#[test]
fn hostile_descriptions_end() {
    let mut types = TypeDefinitions::default();
    let again = Shape::Named("Again".to_owned());
    types
        .compact
        .insert("Again".to_owned(), Definition::Alias(again.clone()));
    for level in 0..100 {
        let inner = Shape::Named(format!("Level{}", level + 1));
        types
            .compact
            .insert(format!("Level{level}"), Definition::Tuple(vec![inner; 100]));
    }
    types
        .compact
        .insert("Level100".to_owned(), Definition::Unit);
    let reader = ValueReader::new("Bincode", &types).expect("a codec");
    for shape in [again, Shape::Named("Level0".to_owned())] {
        assert_eq!(
            reader.read(&shape, &[]).expect_err("too large"),
            ValueError::TooLarge
        );
    }
}
