//! A service of types with every attribute of serde: its JSON calls and its description agree with the JSON of `serde_json`.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU8, Wrapping};
use std::ops::{Bound, Range};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use chirp::PeerBuilder;
use chirp::reflect::{Definition, Field, JsonCaller, Shape, Variant};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::call;
use crate::support::pair;

#[derive(Serialize, Deserialize)]
struct Plain {
    id: u64,
    name: String,
    price: f64,
}

#[derive(Serialize, Deserialize)]
struct Renamed {
    #[serde(rename = "type")]
    kind: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cased {
    first_name: String,
    last_name: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct RenamedWays {
    #[serde(rename(serialize = "written", deserialize = "read"))]
    field: u8,
}

#[derive(Serialize, Deserialize)]
struct Aliased {
    #[serde(alias = "colour", alias = "hue")]
    color: String,
}

#[derive(Serialize, Deserialize)]
struct Defaults {
    #[serde(default)]
    count: u32,
    #[serde(default = "five")]
    limit: u8,
    name: String,
}

fn five() -> u8 {
    5
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct AllDefaults {
    count: u32,
    name: String,
}

#[derive(Serialize, Deserialize)]
struct Skips {
    kept: u8,
    #[serde(skip)]
    _hidden: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    list: Vec<u8>,
    #[serde(skip_deserializing)]
    written_only: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    a: u8,
    b: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Transparent {
    inner: Vec<u16>,
}

#[derive(Serialize, Deserialize)]
struct Newtype(u32);

#[derive(Serialize, Deserialize)]
struct TupleStruct(u8, String, bool);

#[derive(Serialize, Deserialize)]
struct UnitStruct;

/// Texts of hexadecimal digits.
mod hex {
    use super::{Deserialize, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(super) fn serialize<S: Serializer>(value: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{value:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
struct With {
    #[serde(with = "hex")]
    color: u32,
    after: u8,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
struct Converted(String);

impl From<String> for Converted {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<Converted> for String {
    fn from(value: Converted) -> Self {
        value.0
    }
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
struct Even(u8);

impl TryFrom<u8> for Even {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number % 2 {
            0 => Ok(Self(number)),
            _ => Err(format!("{number} is odd")),
        }
    }
}

impl From<Even> for u8 {
    fn from(even: Even) -> Self {
        even.0
    }
}

#[derive(Serialize, Deserialize)]
struct Page {
    page: u32,
    size: u32,
}

#[derive(Serialize, Deserialize)]
struct Flattened {
    word: String,
    #[serde(flatten)]
    page: Page,
}

#[derive(Serialize, Deserialize)]
struct FlattenedMap {
    known: u8,
    #[serde(flatten)]
    others: BTreeMap<String, u8>,
}

#[derive(Serialize, Deserialize)]
enum External {
    Unit,
    Newtype(u8),
    Tuple(u8, String),
    Struct { a: u8, b: Option<bool> },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum CasedVariants {
    FirstCase,
    SecondCase { some_field: u8 },
}

#[derive(Serialize, Deserialize)]
enum AliasedVariant {
    #[serde(alias = "Colour")]
    Color,
    #[serde(rename = "size")]
    Size(u8),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Open,
    Paid { at: u64 },
    Sent(Page),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Nothing,
    One(u8),
    Two(u8, String),
    Fields { a: bool },
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
    Text(String),
    Page(Page),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Other {
    Known {
        value: u8,
    },
    #[serde(other)]
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct Tree {
    value: u32,
    children: Vec<Tree>,
}

#[derive(Serialize, Deserialize)]
struct Chain {
    next: Option<Box<Chain>>,
}

#[derive(Serialize, Deserialize)]
struct Left {
    right: Option<Box<Right>>,
}

#[derive(Serialize, Deserialize)]
struct Right {
    left: Vec<Left>,
}

#[derive(Serialize, Deserialize)]
struct Generic<T> {
    value: T,
}

#[derive(Serialize, Deserialize)]
#[serde(bound = "T: Serialize + serde::de::DeserializeOwned")]
struct Bounded<T> {
    values: Vec<T>,
    #[serde(skip)]
    _kind: PhantomData<T>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "Other.Name")]
struct RenamedType {
    a: u8,
}

/// Defines a service with a method for each type that returns its argument, and a list of the methods, a value for each, and
/// that value as `serde_json` reads and writes it.
macro_rules! echoes {
    ($($method:ident: $ty:ty = $value:literal;)*) => {
        #[chirp::service]
        trait Echoes {
            $(async fn $method(&self, value: $ty) -> $ty;)*
        }

        struct Echo;

        impl Echoes for Echo {
            $(async fn $method(&self, value: $ty) -> $ty {
                value
            })*
        }

        fn cases() -> Vec<(&'static str, &'static str, String)> {
            vec![$((stringify!($method), $value, {
                let value: $ty = serde_json::from_str($value).unwrap();
                serde_json::to_string(&value).unwrap()
            })),*]
        }
    };
}

echoes! {
    plain: Plain = r#"{"id":18446744073709551615,"name":"a","price":1.5}"#;
    renamed: Renamed = r#"{"type":3}"#;
    cased: Cased = r#"{"firstName":"a","lastName":null}"#;
    renamed_ways: RenamedWays = r#"{"read":1}"#;
    aliased: Aliased = r#"{"colour":"red"}"#;
    defaults: Defaults = r#"{"name":"a"}"#;
    all_defaults: AllDefaults = r#"{"count":2}"#;
    skips: Skips = r#"{"kept":1}"#;
    strict: Strict = r#"{"a":1,"b":true}"#;
    transparent: Transparent = "[1,2]";
    newtype: Newtype = "7";
    tuple_struct: TupleStruct = r#"[1,"a",false]"#;
    unit_struct: UnitStruct = "null";
    with: With = r#"{"color":"ff","after":2}"#;
    converted: Converted = r#""text""#;
    even: Even = "4";
    flattened: Flattened = r#"{"word":"a","page":1,"size":2}"#;
    flattened_map: FlattenedMap = r#"{"known":1,"x":2}"#;
    external_unit: External = r#""Unit""#;
    external_newtype: External = r#"{"Newtype":1}"#;
    external_tuple: External = r#"{"Tuple":[1,"a"]}"#;
    external_struct: External = r#"{"Struct":{"a":1,"b":null}}"#;
    cased_variants: CasedVariants = r#"{"second-case":{"someField":1}}"#;
    aliased_variant: AliasedVariant = r#""Colour""#;
    renamed_variant: AliasedVariant = r#"{"size":1}"#;
    tagged_unit: Tagged = r#"{"kind":"Open"}"#;
    tagged_struct: Tagged = r#"{"kind":"Paid","at":5}"#;
    tagged_newtype: Tagged = r#"{"kind":"Sent","page":1,"size":2}"#;
    adjacent_unit: Adjacent = r#"{"t":"Nothing"}"#;
    adjacent_newtype: Adjacent = r#"{"t":"One","c":1}"#;
    adjacent_tuple: Adjacent = r#"{"t":"Two","c":[1,"a"]}"#;
    adjacent_struct: Adjacent = r#"{"t":"Fields","c":{"a":true}}"#;
    untagged_number: Untagged = "5";
    untagged_struct: Untagged = r#"{"page":1,"size":2}"#;
    other_known: Other = r#"{"kind":"Known","value":1}"#;
    tree: Tree = r#"{"value":1,"children":[{"value":2,"children":[]}]}"#;
    chain: Chain = r#"{"next":{"next":null}}"#;
    mutual: Left = r#"{"right":{"left":[{"right":null}]}}"#;
    generic: Generic<u8> = r#"{"value":1}"#;
    generic_text: Generic<String> = r#"{"value":"a"}"#;
    bounded: Bounded<u16> = r#"{"values":[1]}"#;
    renamed_type: RenamedType = r#"{"a":1}"#;
    duration: Duration = r#"{"secs":1,"nanos":2}"#;
    time: SystemTime = r#"{"secs_since_epoch":1,"nanos_since_epoch":2}"#;
    address: IpAddr = r#""::1""#;
    socket: SocketAddr = r#""127.0.0.1:80""#;
    nonzero: NonZeroU8 = "1";
    wrapping: Wrapping<i8> = "-1";
    reverse: Reverse<u8> = "1";
    range: Range<u8> = r#"{"start":1,"end":2}"#;
    bound: Bound<u8> = r#"{"Included":1}"#;
    results: Vec<Result<u8, String>> = r#"[{"Err":"a"}]"#;
    nested_option: Vec<Option<u8>> = "[null,1]";
    map: BTreeMap<String, Vec<u8>> = r#"{"a":[1]}"#;
    numbered: HashMap<u32, bool> = r#"{"5":true}"#;
    by_letter: BTreeMap<char, u8> = r#"{"a":1}"#;
    set: BTreeSet<i64> = "[-5,3]";
    deque: VecDeque<f32> = "[1.5]";
    array: [u16; 3] = "[1,2,3]";
    tuple: (u8, (String, Option<bool>)) = r#"[1,["a",null]]"#;
    path: PathBuf = r#""a/b""#;
    boxed: Box<str> = r#""a""#;
    cow: Vec<Cow<'static, str>> = r#"["a"]"#;
    letter: char = r#""é""#;
    wide: u128 = "340282366920938463463374607431768211455";
    wide_signed: i128 = "-170141183460469231731687303715884105728";
    unit: () = "null";
    phantom: PhantomData<u8> = "null";
    anything: Value = r#"{"a":[1,"b",null]}"#;
}

/// Types of which a description says nothing about some part.
const WITH_ANY: [&str; 5] = [
    "flattened",
    "untagged_number",
    "untagged_struct",
    "other_known",
    "anything",
];

#[tokio::test]
async fn calls_and_descriptions_agree_with_serde_json() {
    let serving = PeerBuilder::new()
        .service(EchoesServer::new(Echo))
        .reflect();
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving);
    let description = JsonCaller::new(&peer).describe().await.unwrap();
    let types = &description.types.readable;
    let cases = cases();
    assert!(cases.len() >= 50);
    let mut unseen = Vec::new();
    for (name, written, expected) in cases {
        let method = format!("Echoes.{name}");
        let answer = call(&peer, &method, &format!(r#"{{"value":{written}}}"#)).await;
        assert_eq!(answer.unwrap(), expected, "{method}");

        let shape = &description.method(&method).unwrap().arguments[0]
            .value
            .readable;
        // 128-bit integers are read as floats here.
        let value: Value = serde_json::from_str(written).unwrap();
        assert!(fits(shape, &value, types), "{method}: {shape} {types:?}");
        if has_any(shape, types, &mut Vec::new()) {
            unseen.push(name);
        } else if !matches!(shape, Shape::Optional(_) | Shape::Unit) {
            let wrong = Value::Array(vec![Value::Bool(true); 9]);
            assert!(!fits(shape, &wrong, types), "{method}: {shape}");
        }
    }
    assert_eq!(unseen, WITH_ANY);
}

type Types = BTreeMap<String, Definition>;

/// Whether a value has a shape.
fn fits(shape: &Shape, value: &Value, types: &Types) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Unit => value.is_null(),
        Shape::Bool => value.is_boolean(),
        Shape::F32 | Shape::F64 | Shape::I128 | Shape::U128 => value.is_number(),
        Shape::I8 | Shape::I16 | Shape::I32 | Shape::I64 => value.is_i64(),
        Shape::U8 | Shape::U16 | Shape::U32 | Shape::U64 => value.is_u64(),
        Shape::Char => value.as_str().is_some_and(|text| text.chars().count() == 1),
        Shape::Text => value.is_string(),
        Shape::Optional(inner) => value.is_null() || fits(inner, value, types),
        Shape::Sequence(item) => {
            let items = value.as_array();
            items.is_some_and(|items| items.iter().all(|value| fits(item, value, types)))
        }
        Shape::Tuple(shapes) => are_elements(shapes, value, types),
        Shape::Map(key, item) => value.as_object().is_some_and(|entries| {
            let is_key = |text: &str| match **key {
                Shape::Text => true,
                Shape::Char => text.chars().count() == 1,
                _ => text.parse::<i128>().is_ok(),
            };
            let mut entries = entries.iter();
            entries.all(|(key, value)| is_key(key) && fits(item, value, types))
        }),
        Shape::Named(name) => is_defined_as(&types[name], value, types),
        shape => panic!("{shape} is no value of this test"),
    }
}

fn are_elements(shapes: &[Shape], value: &Value, types: &Types) -> bool {
    value.as_array().is_some_and(|items| {
        let mut pairs = shapes.iter().zip(items);
        items.len() == shapes.len() && pairs.all(|(shape, value)| fits(shape, value, types))
    })
}

fn is_defined_as(definition: &Definition, value: &Value, types: &Types) -> bool {
    match definition {
        Definition::Alias(shape) | Definition::Newtype(shape) => fits(shape, value, types),
        Definition::Unit => value.is_null(),
        Definition::Tuple(shapes) => are_elements(shapes, value, types),
        Definition::Struct(fields) | Definition::OpenStruct(fields) => {
            are_fields(fields, value, types)
        }
        Definition::StrictStruct(fields) => {
            let is_known = |name: &String| fields.iter().any(|field| field.name == *name);
            let entries = value.as_object();
            entries.is_some_and(|entries| entries.keys().all(is_known))
                && are_fields(fields, value, types)
        }
        Definition::Enum(variants) => match value {
            Value::String(name) => {
                variant(variants, name).is_some_and(|found| found.definition == Definition::Unit)
            }
            Value::Object(entries) if entries.len() == 1 => entries.iter().all(|(name, value)| {
                let found = variant(variants, name);
                found.is_some_and(|found| is_defined_as(&found.definition, value, types))
            }),
            _ => false,
        },
        Definition::Tagged { tag, variants } => {
            let found = value[tag].as_str().and_then(|name| variant(variants, name));
            found.is_some_and(|found| {
                found.definition == Definition::Unit
                    || is_defined_as(&found.definition, value, types)
            })
        }
        Definition::Adjacent {
            tag,
            content,
            variants,
        } => {
            let found = value[tag].as_str().and_then(|name| variant(variants, name));
            found.is_some_and(|found| is_defined_as(&found.definition, &value[content], types))
        }
        definition => panic!("{definition} is no type of this test"),
    }
}

fn are_fields(fields: &[Field], value: &Value, types: &Types) -> bool {
    value.as_object().is_some_and(|entries| {
        fields.iter().all(|field| {
            let mut names = std::iter::once(&field.name).chain(&field.aliases);
            match names.find_map(|name| entries.get(name)) {
                Some(value) => fits(&field.shape, value, types),
                None => !field.required,
            }
        })
    })
}

fn variant<'a>(variants: &'a [Variant], name: &str) -> Option<&'a Variant> {
    let mut variants = variants.iter();
    variants
        .find(|variant| variant.name == name || variant.aliases.iter().any(|alias| alias == name))
}

/// Whether a part of a shape is `any`.
fn has_any<'a>(shape: &'a Shape, types: &'a Types, seen: &mut Vec<&'a str>) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Optional(inner) | Shape::Sequence(inner) => has_any(inner, types, seen),
        Shape::Map(key, value) => has_any(key, types, seen) || has_any(value, types, seen),
        Shape::Tuple(shapes) => shapes.iter().any(|shape| has_any(shape, types, seen)),
        Shape::Named(name) if seen.contains(&name.as_str()) => false,
        Shape::Named(name) => {
            seen.push(name);
            has_any_part(&types[name], types, seen)
        }
        _ => false,
    }
}

fn has_any_part<'a>(definition: &'a Definition, types: &'a Types, seen: &mut Vec<&'a str>) -> bool {
    match definition {
        Definition::Alias(shape) | Definition::Newtype(shape) => has_any(shape, types, seen),
        Definition::Tuple(shapes) => shapes.iter().any(|shape| has_any(shape, types, seen)),
        Definition::Struct(fields)
        | Definition::StrictStruct(fields)
        | Definition::OpenStruct(fields) => fields
            .iter()
            .any(|field| has_any(&field.shape, types, seen)),
        Definition::Enum(variants)
        | Definition::Tagged { variants, .. }
        | Definition::Adjacent { variants, .. } => variants
            .iter()
            .any(|variant| has_any_part(&variant.definition, types, seen)),
        _ => false,
    }
}
