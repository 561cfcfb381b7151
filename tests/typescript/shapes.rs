//! A service with a method for each form of a type, which returns its argument.

#![allow(
    clippy::option_option,
    reason = "a type that JSON cannot hold is a case"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    small: (i8, u8, i16, u16, i32, u32),
    signed: i64,
    unsigned: u64,
    wide: u128,
    wide_signed: i128,
    single: f32,
    double: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fields {
    user_id: UserId,
    note: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(rename = "class")]
    kind: char,
    #[serde(rename = "content-type")]
    content_type: (),
    #[serde(rename = "__proto__")]
    parent: bool,
    data: Vec<u8>,
    packed: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct UserId(u64);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Name(String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair(u8, Option<i64>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Nothing;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Color {
    DarkRed,
    Blue,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum External {
    Unit,
    Newtype(u64),
    Tuple(u8, String),
    Struct { a: i64, b: Option<bool> },
    Nested(Box<External>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub(crate) enum Internal {
    Open,
    Paid {
        at: u32,
    },
    #[serde(rename = "sent-to")]
    Sent(Place),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
pub(crate) enum Adjacent {
    Nothing,
    One(u64),
    Two(u8, String),
    Fields { a: bool },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Untagged {
    Number(u64),
    Text(String),
    Place(Place),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    x: f64,
    y: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flattened {
    known: u8,
    #[serde(flatten)]
    others: BTreeMap<String, u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Strict {
    only: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree {
    value: u64,
    children: Vec<Tree>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Directory(BTreeMap<String, Directory>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Left {
    right: Option<Box<Right>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Right {
    left: Vec<Left>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Generic<T> {
    value: T,
}

/// A type with the name of another.
pub(crate) mod inner {
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct Place {
        pub(crate) street: String,
    }
}

/// Types whose names mean something else in TypeScript.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "Map")]
pub(crate) struct Chart {
    scale: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "string")]
pub(crate) struct Rope {
    length: u16,
}

/// Defines the service, its implementation, and a test of the other side that calls each method with a value.
macro_rules! shapes {
    ($($(#[$attribute:meta])* $method:ident: $ty:ty = $value:literal;)*) => {
        /// Returns values as they came.
        #[chirp::service]
        pub(crate) trait Shapes {
            $($(#[$attribute])* async fn $method(&self, value: $ty) -> $ty;)*
        }

        #[derive(Clone, Copy, Debug)]
        pub(crate) struct Echo;

        impl Shapes for Echo {
            $(async fn $method(&self, value: $ty) -> $ty {
                value
            })*
        }

        /// Calls every method of the other side in JSON. Returns the methods that did not return their argument.
        pub(crate) async fn call_all(client: &ShapesClient) -> Vec<String> {
            let mut wrong = Vec::new();
            $({
                let value: $ty = serde_json::from_str($value).expect(stringify!($method));
                let expected = serde_json::to_string(&value).expect("a value");
                match client.$method(value).await {
                    Ok(value) if serde_json::to_string(&value).expect("a value") == expected => {}
                    other => wrong.push(format!("{}: {other:?}", stringify!($method))),
                }
            })*
            wrong
        }
    };
}

shapes! {
    /// Numbers of all sizes.
    numbers: Numbers = r#"{"small":[-128,255,-32768,65535,-2147483648,4294967295],"signed":-9223372036854775808,
        "unsigned":18446744073709551615,"wide":340282366920938463463374607431768211455,
        "wide_signed":-170141183460469231731687303715884105728,"single":1.5,"double":5e-324}"#;
    fields: Fields = r#"{"userId":9007199254740993,"note":null,"tags":["a"],"class":"é","content-type":null,
        "__proto__":true,"data":[1,2],"packed":[3,255]}"#;
    flag: bool = "true";
    letter: char = "\"😀\"";
    text: String = r#""a\"\\\u0000\u2028é""#;
    unit: () = "null";
    signed: i64 = "-9223372036854775808";
    unsigned: u64 = "18446744073709551615";
    wide: u128 = "340282366920938463463374607431768211455";
    double: f64 = "1.7976931348623157e308";
    bytes: Bytes = "[0,1,255]";
    optional_bytes: Option<Vec<u8>> = "[0,255]";
    array: [u8; 4] = "[1,2,3,4]";
    optional: Option<u64> = "18446744073709551615";
    twice_optional: Option<Option<u8>> = "1";
    list: Vec<i64> = "[-9007199254740993,0]";
    lists: Vec<Vec<Option<u64>>> = "[[null,9007199254740993],[]]";
    tuple: (u8, (String, Option<bool>), [u16; 2]) = r#"[1,["a",null],[2,3]]"#;
    set: BTreeSet<Color> = r#"["dark-red","blue"]"#;
    by_text: BTreeMap<String, u64> = r#"{"__proto__":1,"a":18446744073709551615}"#;
    by_name: BTreeMap<Name, u8> = r#"{"a":1}"#;
    by_number: BTreeMap<i32, String> = r#"{"-5":"a","7":"b"}"#;
    by_id: BTreeMap<UserId, bool> = r#"{"18446744073709551615":true}"#;
    by_flag: BTreeMap<bool, u8> = r#"{"false":0,"true":1}"#;
    by_letter: BTreeMap<char, u8> = r#"{"é":1}"#;
    by_color: BTreeMap<Color, Vec<u64>> = r#"{"dark-red":[1],"blue":[]}"#;
    newtype: UserId = "18446744073709551615";
    tuple_struct: Pair = "[1,-9223372036854775808]";
    unit_struct: Nothing = "null";
    color: Color = r#""dark-red""#;
    external: Vec<External> = r#"["Unit",{"Newtype":18446744073709551615},{"Tuple":[1,"a"]},
        {"Struct":{"a":-1,"b":null}},{"Nested":{"Nested":"Unit"}}]"#;
    internal: Vec<Internal> = r#"[{"type":"Open"},{"type":"Paid","at":4294967295},{"type":"sent-to","x":1.5,"y":-0.0}]"#;
    adjacent: Vec<Adjacent> = r#"[{"t":"Nothing"},{"t":"One","c":18446744073709551615},{"t":"Two","c":[1,"a"]},
        {"t":"Fields","c":{"a":true}}]"#;
    untagged: Vec<Untagged> = r#"[18446744073709551615,"a",{"x":1.0,"y":2.0}]"#;
    flattened: Flattened = r#"{"known":1,"x":2}"#;
    strict: Strict = r#"{"only":true}"#;
    tree: Tree = r#"{"value":1,"children":[{"value":18446744073709551615,"children":[]}]}"#;
    directory: Directory = r#"{"a":{"b":{}}}"#;
    mutual: Left = r#"{"right":{"left":[{"right":null}]}}"#;
    generic: Generic<u8> = r#"{"value":1}"#;
    generic_text: Generic<String> = r#"{"value":"a"}"#;
    generic_list: Generic<Vec<u64>> = r#"{"value":[18446744073709551615]}"#;
    place: Place = r#"{"x":0.1,"y":-1e300}"#;
    other_place: inner::Place = r#"{"street":"a"}"#;
    chart: Chart = r#"{"scale":0.25}"#;
    rope: Rope = r#"{"length":65535}"#;
    duration: Duration = r#"{"secs":18446744073709551615,"nanos":999999999}"#;
    time: SystemTime = r#"{"secs_since_epoch":1,"nanos_since_epoch":2}"#;
    address: IpAddr = r#""::1""#;
    results: Vec<Result<u64, String>> = r#"[{"Ok":18446744073709551615},{"Err":"a"}]"#;
    numbered: HashMap<u32, Place> = r#"{"4294967295":{"x":1.0,"y":2.0}}"#;
    anything: Value = r#"{"a":[1,"b",null,1.5,18446744073709551615]}"#;
}
