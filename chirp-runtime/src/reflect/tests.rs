//! Compares the differences that are found between pairs of types with what the codecs do.

#![allow(clippy::unwrap_used, reason = "a test may")]

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Notation, Shapes, compare};
use crate::codec::form::Owned;
use crate::codec::{Bincode, Codec, CodecId, Encodes, Json, MessagePack, Postcard, Returned};

/// Values of one version as JSON, each with the value that the other version should read, if there is such a value.
type Samples = &'static [(&'static str, Option<&'static str>)];

/// Returns whether a value that `Writer` writes is not read as the expected one.
fn is_broken<C: Encodes<Owned<Writer>> + Encodes<Owned<Reader>>, Writer, Reader>(
    (written, expected): (&str, Option<&str>),
) -> bool
where
    Writer: Serialize + DeserializeOwned + Send + 'static,
    Reader: Serialize + DeserializeOwned + Send + 'static,
{
    let written: Writer = serde_json::from_str(written).unwrap();
    let mut bytes = Vec::new();
    <C as Encodes<Owned<Writer>>>::encode(&written, &mut bytes).unwrap();
    let read = <Owned<Reader> as Returned<C>>::decode(&bytes);
    let (Ok(read), Some(expected)) = (read, expected) else {
        return true;
    };
    let expected: Value = serde_json::from_str(expected).unwrap();
    serde_json::to_value(read).unwrap() != expected
}

#[derive(Debug, Serialize, Deserialize)]
struct Id(u64);

#[derive(Debug, Serialize, Deserialize)]
struct OptionalId(Option<u8>);

/// Returns whether a codec can read a type that it writes. The compact ones cannot read tagged enums.
fn is_supported<C: Encodes<Owned<T>>, T>(samples: Samples) -> bool
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    samples.iter().all(|(written, _)| {
        let value: T = serde_json::from_str(written).unwrap();
        let mut bytes = Vec::new();
        <C as Encodes<Owned<T>>>::encode(&value, &mut bytes).unwrap();
        <Owned<T> as Returned<C>>::decode(&bytes).is_ok()
    })
}

/// How exact the comparison is expected to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exactness {
    /// It says "breaks" if and only if a sample breaks.
    Exact,
    /// It may say "breaks" where no sample does.
    Cautious,
}

struct Row {
    name: &'static str,
    exactness: Exactness,
    forward: Samples,
    backward: Samples,
}

impl Row {
    fn check<Old, New>(&self) -> Vec<String>
    where
        Old: Serialize + DeserializeOwned + Send + 'static,
        New: Serialize + DeserializeOwned + Send + 'static,
    {
        let mut wrong = self.check_in::<Bincode, Old, New>();
        wrong.extend(self.check_in::<Postcard, Old, New>());
        wrong.extend(self.check_in::<MessagePack, Old, New>());
        wrong.extend(self.check_in::<Json, Old, New>());
        wrong
    }

    fn check_in<C, Old, New>(&self) -> Vec<String>
    where
        C: Codec + Encodes<Owned<Old>> + Encodes<Owned<New>>,
        Old: Serialize + DeserializeOwned + Send + 'static,
        New: Serialize + DeserializeOwned + Send + 'static,
    {
        if !is_supported::<C, Old>(self.forward) || !is_supported::<C, New>(self.backward) {
            return Vec::new();
        }
        let notation = Notation::of(C::ID);
        let (mut old, mut new) = (Shapes::new(notation), Shapes::new(notation));
        let (old_shape, new_shape) = (old.add::<Old>(), new.add::<New>());
        let found = compare(C::ID, (&old, &old_shape), (&new, &new_shape));
        let said = (
            found.iter().any(|difference| difference.breaks.new_reader),
            found.iter().any(|difference| difference.breaks.old_reader),
        );
        let mut forward = self.forward.iter().copied();
        let mut backward = self.backward.iter().copied();
        let seen = (
            forward.any(is_broken::<C, Old, New>),
            backward.any(is_broken::<C, New, Old>),
        );
        let directions = [
            ("new reader", said.0, seen.0),
            ("old reader", said.1, seen.1),
        ];
        let wrong = directions.into_iter().filter(|&(_, said, seen)| {
            seen && !said || self.exactness == Exactness::Exact && said != seen
        });
        wrong
            .map(|(reader, said, _)| {
                let codec: CodecId = C::ID;
                let name = self.name;
                format!("{name}, {codec:?}, {reader}: said to break: {said}, found {found:?}")
            })
            .collect()
    }
}

/// Two versions of a type `V`, and sample values in each direction: `"written" => "read"`, or `"written" => -` if nothing
/// in the other version means the same.
macro_rules! versions {
    (@read -) => { None };
    (@read $read:literal) => { Some($read) };
    (@types $($(#[$attribute:meta])* $kind:ident $name:ident $body:tt $(;)?)*) => {
        use serde::{Deserialize, Serialize};

        $(#[derive(Debug, Serialize, Deserialize)] $(#[$attribute])* pub(super) $kind $name $body)*
    };
    ($($exactness:ident $name:ident { $($old:tt)* } { $($new:tt)* }
        [$($forward:literal => $read:tt),* $(,)?] [$($backward:literal => $reread:tt),* $(,)?])*) => {
        #[test]
        fn differences_break_what_the_codecs_cannot_read() {
            let mut wrong = Vec::new();
            $({
                mod old { versions! { @types $($old)* } }
                mod new { versions! { @types $($new)* } }
                let row = Row {
                    name: stringify!($name),
                    exactness: Exactness::$exactness,
                    forward: &[$(($forward, versions!(@read $read))),*],
                    backward: &[$(($backward, versions!(@read $reread))),*],
                };
                wrong.extend(row.check::<old::V, new::V>());
            })*
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    };
}

versions! {
    Exact nothing { struct V { a: u8 } } { struct V { a: u8 } }
        [r#"{"a":1}"# => r#"{"a":1}"#] [r#"{"a":1}"# => r#"{"a":1}"#]
    Exact type_renamed { struct V { a: Old } struct Old { b: u8 } } { struct V { a: New } struct New { b: u8 } }
        [r#"{"a":{"b":1}}"# => r#"{"a":{"b":1}}"#] [r#"{"a":{"b":1}}"# => r#"{"a":{"b":1}}"#]
    Exact field_added { struct V { a: u8 } } { struct V { a: u8, b: u8 } }
        [r#"{"a":1}"# => -] [r#"{"a":1,"b":2}"# => r#"{"a":1}"#]
    Exact field_added_in_front { struct V { a: u8 } } { struct V { b: u8, a: u8 } }
        [r#"{"a":1}"# => -] [r#"{"a":1,"b":2}"# => r#"{"a":1}"#]
    Exact default_field_added { struct V { a: u8 } } { struct V { a: u8, #[serde(default)] b: u8 } }
        [r#"{"a":1}"# => r#"{"a":1,"b":0}"#] [r#"{"a":1,"b":2}"# => r#"{"a":1}"#]
    Exact optional_field_added { struct V { a: u8 } } { struct V { a: u8, b: Option<u8> } }
        [r#"{"a":1}"# => r#"{"a":1,"b":null}"#] [r#"{"a":1,"b":2}"# => r#"{"a":1}"#, r#"{"a":1,"b":null}"# => r#"{"a":1}"#]
    Exact field_removed { struct V { a: u8, b: String } } { struct V { a: u8 } }
        [r#"{"a":1,"b":"x"}"# => r#"{"a":1}"#] [r#"{"a":1}"# => -]
    Exact default_field_removed { struct V { a: u8, #[serde(default)] b: String } } { struct V { a: u8 } }
        [r#"{"a":1,"b":"x"}"# => r#"{"a":1}"#] [r#"{"a":1}"# => r#"{"a":1,"b":""}"#]
    Exact field_added_to_strict { #[serde(deny_unknown_fields)] struct V { a: u8 } } { struct V { a: u8, #[serde(default)] b: u8 } }
        [r#"{"a":1}"# => r#"{"a":1,"b":0}"#] [r#"{"a":1,"b":2}"# => r#"{"a":1}"#]
    Exact field_removed_for_strict { struct V { a: u8, #[serde(default)] b: u8 } } { #[serde(deny_unknown_fields)] struct V { a: u8 } }
        [r#"{"a":1,"b":2}"# => r#"{"a":1}"#] [r#"{"a":1}"# => r#"{"a":1,"b":0}"#]
    Exact became_strict { struct V { a: u8 } } { #[serde(deny_unknown_fields)] struct V { a: u8 } }
        [r#"{"a":1}"# => r#"{"a":1}"#] [r#"{"a":1}"# => r#"{"a":1}"#]
    Exact field_renamed { struct V { a: u8 } } { struct V { b: u8 } }
        [r#"{"a":1}"# => r#"{"b":1}"#] [r#"{"b":1}"# => r#"{"a":1}"#]
    Exact field_renamed_by_serde { struct V { a: u8 } } { struct V { #[serde(rename = "b")] a: u8 } }
        [r#"{"a":1}"# => r#"{"b":1}"#] [r#"{"b":1}"# => r#"{"a":1}"#]
    Exact field_renamed_with_alias { struct V { a: u8 } } { struct V { #[serde(alias = "a")] b: u8 } }
        [r#"{"a":1}"# => r#"{"b":1}"#] [r#"{"b":1}"# => r#"{"a":1}"#]
    Exact field_renamed_from_alias { struct V { #[serde(alias = "b")] a: u8 } } { struct V { b: u8 } }
        [r#"{"a":1}"# => r#"{"b":1}"#] [r#"{"b":1}"# => r#"{"a":1}"#]
    Exact default_field_renamed { struct V { #[serde(default)] a: u8 } } { struct V { #[serde(default)] b: u8 } }
        [r#"{"a":1}"# => r#"{"b":1}"#] [r#"{"b":1}"# => r#"{"a":1}"#]
    Exact default_field_renamed_with_alias { struct V { #[serde(default)] a: u8 } } { struct V { #[serde(default, alias = "a")] b: u8 } }
        [r#"{"a":1}"# => r#"{"b":1}"#] [r#"{"b":1}"# => r#"{"a":1}"#]
    Exact alias_added { struct V { b: u8 } } { struct V { #[serde(alias = "a")] b: u8 } }
        [r#"{"b":1}"# => r#"{"b":1}"#] [r#"{"b":1}"# => r#"{"b":1}"#]
    Exact alias_added_to_default { struct V { #[serde(default)] b: u8 } } { struct V { #[serde(default, alias = "a")] b: u8 } }
        [r#"{"b":1}"# => r#"{"b":1}"#] [r#"{"b":1}"# => r#"{"b":1}"#]
    Exact fields_swapped { struct V { a: u8, b: u8 } } { struct V { b: u8, a: u8 } }
        [r#"{"a":1,"b":2}"# => r#"{"a":1,"b":2}"#] [r#"{"a":1,"b":2}"# => r#"{"a":1,"b":2}"#]
    Exact fields_of_one_type_renamed_crosswise { struct V { a: u8, b: u8 } } { struct V { b: u8, c: u8 } }
        [r#"{"a":1,"b":2}"# => -] [r#"{"b":1,"c":2}"# => -]
    Cautious field_required { struct V { #[serde(default)] a: u8 } } { struct V { a: u8 } }
        [r#"{"a":1}"# => r#"{"a":1}"#] [r#"{"a":1}"# => r#"{"a":1}"#]
    Exact field_defaulted { struct V { a: u8 } } { struct V { #[serde(default)] a: u8 } }
        [r#"{"a":1}"# => r#"{"a":1}"#] [r#"{"a":1}"# => r#"{"a":1}"#]
    Exact u8_to_u16 { struct V { a: u8 } } { struct V { a: u16 } }
        [r#"{"a":1}"# => r#"{"a":1}"#, r#"{"a":251}"# => r#"{"a":251}"#] [r#"{"a":1}"# => r#"{"a":1}"#, r#"{"a":251}"# => r#"{"a":251}"#, r#"{"a":300}"# => -]
    Exact u32_to_u64 { struct V { a: u32 } } { struct V { a: u64 } }
        [r#"{"a":1}"# => r#"{"a":1}"#, r#"{"a":4000000000}"# => r#"{"a":4000000000}"#] [r#"{"a":4000000000000}"# => -]
    Exact i16_to_i64 { struct V { a: i16 } } { struct V { a: i64 } }
        [r#"{"a":-1}"# => r#"{"a":-1}"#, r#"{"a":30000}"# => r#"{"a":30000}"#] [r#"{"a":-4000000000000}"# => -]
    Exact u32_to_i64 { struct V { a: u32 } } { struct V { a: i64 } }
        [r#"{"a":1}"# => r#"{"a":1}"#, r#"{"a":4000000000}"# => r#"{"a":4000000000}"#] [r#"{"a":-1}"# => -]
    Exact i8_to_u8 { struct V { a: i8 } } { struct V { a: u8 } }
        [r#"{"a":-1}"# => -] [r#"{"a":200}"# => -]
    Cautious u64_to_u128 { struct V { a: Vec<u64> } } { struct V { a: Vec<u128> } }
        [r#"{"a":[18446744073709551615]}"# => r#"{"a":[18446744073709551615]}"#] [r#"{"a":[340282366920938463463374607431768211455]}"# => -]
    Exact u16_to_f64 { struct V { a: u16 } } { struct V { a: f64 } }
        [r#"{"a":65535}"# => r#"{"a":65535.0}"#] [r#"{"a":0.5}"# => -]
    Exact f32_to_f64 { struct V { a: f32 } } { struct V { a: f64 } }
        [r#"{"a":0.5}"# => r#"{"a":0.5}"#] [r#"{"a":1e300}"# => -]
    Exact integer_to_text { struct V { a: u8 } } { struct V { a: String } }
        [r#"{"a":3}"# => -] [r#"{"a":"3"}"# => -]
    Cautious char_to_text { struct V { a: char } } { struct V { a: String } }
        [r#"{"a":"ä"}"# => r#"{"a":"ä"}"#] [r#"{"a":"äh"}"# => -]
    Exact bool_to_integer { struct V { a: bool } } { struct V { a: u8 } }
        [r#"{"a":true}"# => -] [r#"{"a":7}"# => -]
    Exact value_to_option { struct V { a: u8 } } { struct V { a: Option<u8> } }
        [r#"{"a":1}"# => r#"{"a":1}"#] [r#"{"a":1}"# => r#"{"a":1}"#, r#"{"a":null}"# => -]
    Exact struct_to_option { struct V { a: In, b: u8 } struct In { x: u8 } } { struct V { a: Option<In>, b: u8 } struct In { x: u8 } }
        [r#"{"a":{"x":1},"b":2}"# => r#"{"a":{"x":1},"b":2}"#] [r#"{"a":null,"b":2}"# => -]
    Exact wider_option { struct V { a: u16 } } { struct V { a: Option<u64> } }
        [r#"{"a":1}"# => r#"{"a":1}"#] [r#"{"a":null}"# => -]
    Exact value_to_list { struct V { a: u8 } } { struct V { a: Vec<u8> } }
        [r#"{"a":1}"# => -] [r#"{"a":[1]}"# => -]
    Exact array_to_list { struct V { a: [u8; 2] } } { struct V { a: Vec<u8> } }
        [r#"{"a":[1,2]}"# => r#"{"a":[1,2]}"#] [r#"{"a":[1,2]}"# => r#"{"a":[1,2]}"#, r#"{"a":[]}"# => -]
    Exact array_length { struct V { a: [u8; 2] } } { struct V { a: [u8; 3] } }
        [r#"{"a":[1,2]}"# => -] [r#"{"a":[1,2,3]}"# => -]
    Exact tuple_elements_swapped { struct V { a: (u8, String) } } { struct V { a: (String, u8) } }
        [r#"{"a":[1,"x"]}"# => -] [r#"{"a":["x",1]}"# => -]
    Exact newtype_removed { struct V { a: super::Id } } { struct V { a: u64 } }
        [r#"{"a":1}"# => r#"{"a":1}"#] [r#"{"a":1}"# => r#"{"a":1}"#]
    Exact newtype_around_option { struct V { a: super::OptionalId } } { struct V { a: Option<u8> } }
        [r#"{"a":null}"# => r#"{"a":null}"#] [r#"{"a":1}"# => r#"{"a":1}"#]
    Exact map_value { struct V { a: std::collections::BTreeMap<String, u16> } } { struct V { a: std::collections::BTreeMap<String, u32> } }
        [r#"{"a":{"k":1}}"# => r#"{"a":{"k":1}}"#] [r#"{"a":{"k":70000}}"# => -]
    Exact map_key { struct V { a: std::collections::BTreeMap<u16, u8> } } { struct V { a: std::collections::BTreeMap<u32, u8> } }
        [r#"{"a":{"1":1}}"# => r#"{"a":{"1":1}}"#] [r#"{"a":{"70000":1}}"# => -]
    Cautious map_to_struct { struct V { a: std::collections::BTreeMap<String, u8> } } { struct V { a: In } struct In { x: u8 } }
        [r#"{"a":{}}"# => -] [r#"{"a":{"x":1}}"# => r#"{"a":{"x":1}}"#]
    Exact variant_added_last { enum V { A, B(u8) } } { enum V { A, B(u8), C } }
        [r#""A""# => r#""A""#, r#"{"B":1}"# => r#"{"B":1}"#] [r#""A""# => r#""A""#, r#""C""# => -]
    Exact variant_added_first { enum V { A, B(u8) } } { enum V { C, A, B(u8) } }
        [r#""A""# => r#""A""#, r#"{"B":1}"# => r#"{"B":1}"#] [r#""A""# => r#""A""#, r#""C""# => -]
    Exact variant_removed_last { enum V { A, B(u8) } } { enum V { A } }
        [r#""A""# => r#""A""#, r#"{"B":1}"# => -] [r#""A""# => r#""A""#]
    Exact variant_removed_first { enum V { A, B, C } } { enum V { B, C } }
        [r#""A""# => -, r#""B""# => r#""B""#] [r#""B""# => r#""B""#, r#""C""# => r#""C""#]
    Exact variants_moved { enum V { A, B } } { enum V { B, A } }
        [r#""A""# => r#""A""#] [r#""A""# => r#""A""#]
    Exact variant_renamed { enum V { A, B(u16) } } { enum V { A, C(u16) } }
        [r#"{"B":1}"# => r#"{"C":1}"#] [r#"{"C":1}"# => r#"{"B":1}"#]
    Exact variant_renamed_with_alias { enum V { A, Z(u16) } } { enum V { A, #[serde(alias = "Z")] C(u16) } }
        [r#"{"Z":1}"# => r#"{"C":1}"#] [r#"{"C":1}"# => r#"{"Z":1}"#]
    Exact unit_variant_with_value { enum V { A, B } } { enum V { A, B(u8) } }
        [r#""B""# => -] [r#"{"B":1}"# => -]
    Exact variant_field_added { enum V { A { x: u8 } } } { enum V { A { x: u8, #[serde(default)] y: u8 } } }
        [r#"{"A":{"x":1}}"# => r#"{"A":{"x":1,"y":0}}"#] [r#"{"A":{"x":1,"y":2}}"# => r#"{"A":{"x":1}}"#]
    Exact variant_field_required { enum V { A { x: u8 } } } { enum V { A { x: u8, y: u8 } } }
        [r#"{"A":{"x":1}}"# => -] [r#"{"A":{"x":1,"y":2}}"# => r#"{"A":{"x":1}}"#]
    Exact variant_type { enum V { A(u8) } } { enum V { A(String) } }
        [r#"{"A":3}"# => -] [r#"{"A":"abc"}"# => -]
    Exact struct_to_enum { struct V { a: u8 } } { enum V { B(u8) } }
        [r#"{"a":0}"# => -] [r#"{"B":0}"# => -]
    Exact address_to_text { struct V { a: std::net::IpAddr } } { struct V { a: String } }
        [r#"{"a":"127.0.0.1"}"# => r#"{"a":"127.0.0.1"}"#] [r#"{"a":"127.0.0.1"}"# => r#"{"a":"127.0.0.1"}"#]
    Exact inside_of_a_list { struct V { a: Vec<In> } struct In { x: u8, y: u8 } } { struct V { a: Vec<In> } struct In { y: u8, x: u8 } }
        [r#"{"a":[{"x":1,"y":2}]}"# => r#"{"a":[{"x":1,"y":2}]}"#] [r#"{"a":[{"x":1,"y":2}]}"# => r#"{"a":[{"x":1,"y":2}]}"#]
    Exact tagged_variant_added { #[serde(tag = "t")] enum V { A { x: u8 } } } { #[serde(tag = "t")] enum V { A { x: u8 }, B } }
        [r#"{"t":"A","x":1}"# => r#"{"t":"A","x":1}"#] [r#"{"t":"B"}"# => -]
    Exact tagged_variant_renamed { #[serde(tag = "t")] enum V { A { x: u8 } } } { #[serde(tag = "t")] enum V { B { x: u8 } } }
        [r#"{"t":"A","x":1}"# => -] [r#"{"t":"B","x":1}"# => -]
    Exact tagged_field_added { #[serde(tag = "t")] enum V { A { x: u8 } } } { #[serde(tag = "t")] enum V { A { x: u8, y: String } } }
        [r#"{"t":"A","x":1}"# => -] [r#"{"t":"A","x":1,"y":"z"}"# => r#"{"t":"A","x":1}"#]
    Exact tagged_field_type { #[serde(tag = "t")] enum V { A { x: u8 } } } { #[serde(tag = "t")] enum V { A { x: u16 } } }
        [r#"{"t":"A","x":1}"# => r#"{"t":"A","x":1}"#] [r#"{"t":"A","x":300}"# => -]
    Cautious tagged_optional_field_added { #[serde(tag = "t")] enum V { A { x: u8 } } } { #[serde(tag = "t")] enum V { A { x: u8, y: Option<u8> } } }
        [r#"{"t":"A","x":1}"# => r#"{"t":"A","x":1,"y":null}"#] [r#"{"t":"A","x":1,"y":2}"# => r#"{"t":"A","x":1}"#]
    Exact tag_renamed { #[serde(tag = "t")] enum V { A { x: u8 } } } { #[serde(tag = "kind")] enum V { A { x: u8 } } }
        [r#"{"t":"A","x":1}"# => -] [r#"{"kind":"A","x":1}"# => -]
    Exact tag_moved_out { enum V { A { x: u8 } } } { #[serde(tag = "kind")] enum V { A { x: u8 } } }
        [r#"{"A":{"x":1}}"# => -] [r#"{"kind":"A","x":1}"# => -]
    Exact adjacent_content_type { #[serde(tag = "t", content = "c")] enum V { A(u8) } } { #[serde(tag = "t", content = "c")] enum V { A(String) } }
        [r#"{"t":"A","c":1}"# => -] [r#"{"t":"A","c":"x"}"# => -]
    Exact adjacent_field_added { #[serde(tag = "t", content = "c")] enum V { A { x: u8 } } } { #[serde(tag = "t", content = "c")] enum V { A { x: u8, y: bool } } }
        [r#"{"t":"A","c":{"x":1}}"# => -] [r#"{"t":"A","c":{"x":1,"y":true}}"# => r#"{"t":"A","c":{"x":1}}"#]
    Exact adjacent_variant_added { #[serde(tag = "t", content = "c")] enum V { A(u8) } } { #[serde(tag = "t", content = "c")] enum V { A(u8), B } }
        [r#"{"t":"A","c":1}"# => r#"{"t":"A","c":1}"#] [r#"{"t":"B"}"# => -]
}
