//! Values that would be decoded as other values are rejected, by their sender if possible.

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};
use serde::{Deserialize, Serialize, Serializer};

use super::Through;
use crate::codec::{Bincode, Codec, CodecId, DecodeError, Serde};

fn encode<C: Serde, T: Through<C>>(value: &T) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    Through::<C>::encode(value, &mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Returns whether the codec identifies fields by position.
fn is_positional<C: Codec>() -> bool {
    matches!(C::ID, CodecId::Bincode | CodecId::Postcard)
}

fn name<C: Codec>() -> &'static str {
    match C::ID {
        CodecId::Postcard => "postcard",
        _ => "bincode",
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Report {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second: Option<[bool; 1]>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Outcome {
    Done {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<u8>,
        count: u8,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Two(#[serde(skip_serializing_if = "is_zero")] u8, u8);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Tuple {
    Two(#[serde(skip_serializing_if = "is_zero")] u8, u8),
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

#[test]
fn a_skipped_field_is_rejected_by_codecs_without_names() {
    fn skipped<C: Serde, T>(value: &T, owner: &str, field: &str)
    where
        T: Through<C> + Clone + Debug + PartialEq,
        Vec<T>: Through<C>,
    {
        let nested = encode::<C, _>(&vec![value.clone()]);
        match encode::<C, _>(value) {
            Ok(bytes) => {
                assert!(!is_positional::<C>());
                assert_eq!(T::decode(&bytes).as_ref(), Ok(value));
                assert!(nested.is_ok());
            }
            Err(error) => {
                assert!(is_positional::<C>());
                let name = name::<C>();
                assert_eq!(
                    error,
                    format!(
                        "field `{field}` of `{owner}` is skipped (`skip_serializing_if`), but {name} identifies \
                         fields by position: always encode the field, or choose another codec"
                    )
                );
                assert_eq!(nested, Err(error));
            }
        }
    }
    fn check<C: Serde>() {
        let report = Report {
            first: None,
            second: Some([false]),
        };
        skipped::<C, _>(&report, "Report", "first");
        let (notes, count) = (vec![], 1);
        skipped::<C, _>(&Outcome::Done { notes, count }, "Done", "notes");
        // No field is skipped.
        let report = Report {
            first: Some(1),
            second: Some([false]),
        };
        let bytes = encode::<C, _>(&report).unwrap();
        assert_eq!(<Report as Through<C>>::decode(&bytes), Ok(report));
        let (notes, count) = (vec![3], 1);
        let done = Outcome::Done { notes, count };
        let bytes = encode::<C, _>(&done).unwrap();
        assert_eq!(<Outcome as Through<C>>::decode(&bytes), Ok(done));
    }
    every_codec!(check());
}

/// The serializer is not told of skipped fields without names.
#[test]
fn a_skipped_field_of_a_tuple_is_rejected() {
    fn check<C: Serde>() {
        // The check applies again after a valid value, and after an invalid one.
        for _ in 0..2 {
            for (full, less) in [
                (vec![Two(1, 2)], vec![Two(0, 2)]),
                (vec![], vec![Two(1, 2), Two(0, 2), Two(3, 4)]),
                (vec![Two(5, 2)], vec![Two(0, 0), Two(0, 2)]),
            ] {
                let bytes = encode::<C, _>(&full).unwrap();
                assert_eq!(<Vec<Two> as Through<C>>::decode(&bytes), Ok(full));
                assert_refused::<C, _>(&less);
            }
            let bytes = encode::<C, _>(&Tuple::Two(1, 2)).unwrap();
            assert_eq!(<Tuple as Through<C>>::decode(&bytes), Ok(Tuple::Two(1, 2)));
            assert_refused::<C, _>(&Tuple::Two(0, 2));
        }
    }
    /// Asserts that the sender or at least the receiver rejects the value.
    fn assert_refused<C: Serde, T: Through<C> + Debug>(value: &T) {
        match encode::<C, _>(value) {
            Ok(bytes) => {
                assert!(!is_positional::<C>());
                assert!(T::decode(&bytes).is_err());
            }
            Err(error) => assert!(error.contains("1 of the 2 fields of `T"), "{error}"),
        }
    }
    every_codec!(check());
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Skips {
    A,
    #[serde(skip)]
    #[allow(dead_code, reason = "the variant is never sent")]
    B,
    C,
    D(u8),
    E {
        field: u8,
    },
    F(u8, u8),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum OneWay {
    #[serde(skip_deserializing)]
    A,
    B,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Aliased {
    #[serde(alias = "a", alias = "Z")]
    A,
    #[serde(alias = "b")]
    B(u8),
    C,
    #[serde(skip)]
    #[allow(dead_code, reason = "the variant is never sent")]
    D,
}

#[test]
fn a_variant_after_a_skipped_one_is_rejected_by_codecs_without_names() {
    fn refused<C: Serde, T>(value: &T)
    where
        T: Through<C> + Clone + Debug + PartialEq,
        Vec<Option<(u8, T)>>: Through<C>,
    {
        for _ in 0..2 {
            match encode::<C, _>(value) {
                Ok(bytes) if is_positional::<C>() => panic!("{value:?} is {bytes:?}"),
                Ok(bytes) => assert!(T::decode(&bytes).is_ok_and(|read| read == *value)),
                Err(error) => assert!(error.contains("would be decoded as another"), "{error}"),
            }
            // At any depth.
            let deeper = vec![None, Some((1, value.clone()))];
            assert_eq!(encode::<C, _>(&deeper).is_err(), is_positional::<C>());
        }
    }
    fn round_trips<C: Serde, T: Through<C> + Debug + PartialEq>(value: &T) {
        for _ in 0..2 {
            let bytes = encode::<C, _>(value).unwrap();
            assert_eq!(T::decode(&bytes).as_ref(), Ok(value));
        }
    }
    fn check<C: Serde>() {
        round_trips::<C, _>(&Skips::A);
        refused::<C, _>(&Skips::C);
        refused::<C, _>(&Skips::D(7));
        refused::<C, _>(&Skips::E { field: 7 });
        refused::<C, _>(&Skips::F(7, 8));
        round_trips::<C, _>(&Aliased::A);
        round_trips::<C, _>(&Aliased::B(1));
        round_trips::<C, _>(&vec![Aliased::C, Aliased::B(1), Aliased::A]);
        round_trips::<C, _>(&vec![Ok::<u8, u16>(1), Err(2)]);
        round_trips::<C, _>(&std::net::IpAddr::from([0u16; 8]));
        if is_positional::<C>() {
            let error = encode::<C, _>(&OneWay::A).unwrap_err();
            assert!(error.contains("variant `A` of `OneWay`"), "{error}");
            assert!(encode::<C, _>(&OneWay::B).is_err());
        }
    }
    every_codec!(check());
}

/// Types whose `Serialize` declares one number of elements and encodes another.
struct Miscounted(u8);

impl Serialize for Miscounted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            0 => {
                let mut seq = serializer.serialize_seq(Some(2))?;
                seq.serialize_element(&1)?;
                seq.end()
            }
            1 => {
                let mut seq = serializer.serialize_seq(Some(0))?;
                seq.serialize_element(&1)?;
                seq.end()
            }
            2 => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("a", &1)?;
                map.end()
            }
            3 => {
                let mut tuple = serializer.serialize_tuple(1)?;
                tuple.serialize_element(&1)?;
                tuple.serialize_element(&1)?;
                tuple.end()
            }
            _ => {
                let mut fields = serializer.serialize_struct("Miscounted", 2)?;
                fields.serialize_field("a", &1)?;
                fields.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Miscounted {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("never decoded"))
    }
}

#[test]
fn a_wrong_number_of_elements_is_rejected() {
    fn check<C: Serde>() {
        for which in 0..5 {
            let refused = encode::<C, _>(&Miscounted(which)).is_err();
            assert_eq!(refused, C::ID != CodecId::Json, "{which}");
        }
    }
    every_codec!(check());
}

/// A varint may be longer than necessary, but not wider than its type.
#[test]
fn a_bincode_number_is_no_wider_than_its_type() {
    fn read<T: Through<Bincode> + Debug>(bytes: &[u8]) -> Result<T, DecodeError> {
        T::decode(bytes)
    }
    assert_eq!(read::<u16>(b"\xfb\x05\0"), Ok(5));
    assert_eq!(read::<u32>(b"\xfb\x05\0"), Ok(5));
    assert_eq!(read::<u32>(b"\xfc\x05\0\0\0"), Ok(5));
    assert_eq!(read::<u64>(b"\xfd\x05\0\0\0\0\0\0\0"), Ok(5));
    assert_eq!(read::<String>(b"\xfd\x01\0\0\0\0\0\0\0x"), Ok("x".into()));
    let wide: [&[u8]; 3] = [
        b"\xfc\x05\0\0\0",
        b"\xfd\x05\0\0\0\0\0\0\0",
        b"\xfe\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ];
    for bytes in wide {
        for error in [
            read::<u16>(bytes).unwrap_err(),
            read::<i16>(bytes).unwrap_err(),
        ] {
            assert_eq!(error.to_string(), "a number is longer than 2 bytes");
        }
    }
    for bytes in &wide[1..] {
        assert!(read::<u32>(bytes).is_err() && read::<i32>(bytes).is_err());
        // The index of a variant has 32 bits.
        assert!(read::<Result<u8, u8>>(&[bytes, &[1][..]].concat()).is_err());
    }
    assert!(read::<u64>(wide[2]).is_err() && read::<i64>(wide[2]).is_err());
    assert_eq!(read::<u128>(wide[2]), Ok(5));
    assert!(read::<Vec<u8>>(wide[2]).is_err());
}

#[cfg(feature = "json")]
#[test]
fn a_number_that_json_does_not_support_is_rejected() {
    use crate::codec::Json;

    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = encode::<Json, _>(&number).unwrap_err();
        assert!(error.contains("is not supported by this codec"), "{error}");
        assert!(encode::<Json, _>(&vec![Some(number)]).is_err());
        #[expect(
            clippy::cast_possible_truncation,
            reason = "infinities and NaN convert exactly"
        )]
        let narrow = number as f32;
        assert!(encode::<Json, _>(&narrow).is_err());
    }
    assert!(<f32 as Through<Json>>::decode(b"1e300").is_err());
    assert!(<Vec<Option<f32>> as Through<Json>>::decode(b"[-3.5e38]").is_err());
    assert_eq!(<f32 as Through<Json>>::decode(b"3.4e38"), Ok(3.4e38));
    assert_eq!(<f32 as Through<Json>>::decode(b"0.1"), Ok(0.1));
    assert_eq!(<f64 as Through<Json>>::decode(b"1e300"), Ok(1e300));
}

#[cfg(feature = "messagepack")]
mod messagepack {
    use super::*;
    use crate::codec::MessagePack;

    fn read<T: Through<MessagePack> + Debug>(bytes: &[u8]) -> Result<T, DecodeError> {
        T::decode(bytes)
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Byte(u8);

    #[test]
    fn bytes_decode_only_as_8_bit_numbers() {
        let mut floats = vec![0xc4, 16];
        floats.extend(1f64.to_ne_bytes());
        floats.extend(2.5f64.to_ne_bytes());
        let bytes = b"\xc4\x02\x01\xff";
        for bytes in [&floats[..], bytes] {
            assert!(read::<Vec<f64>>(bytes).is_err());
            assert!(read::<Vec<f32>>(bytes).is_err());
            assert!(read::<Vec<u16>>(bytes).is_err());
            assert!(read::<Vec<i64>>(bytes).is_err());
            assert!(read::<Vec<u128>>(bytes).is_err());
            assert!(read::<Vec<Option<u8>>>(bytes).is_err());
            assert!(read::<Vec<serde_json::Value>>(bytes).is_err());
        }
        assert!(read::<(u8, u16)>(bytes).is_err());
        assert_eq!(read::<Vec<u8>>(bytes), Ok(vec![1, 255]));
        assert_eq!(read::<Vec<i8>>(bytes), Ok(vec![1, -1]));
        assert_eq!(read::<(u8, i8)>(bytes), Ok((1, -1)));
        assert_eq!(read::<Vec<Byte>>(bytes), Ok(vec![Byte(1), Byte(255)]));
        assert_eq!(read::<[u8; 2]>(bytes), Ok([1, 255]));
        // An empty byte string is an empty sequence of any type.
        assert_eq!(read::<Vec<f64>>(b"\xc4\0"), Ok(vec![]));
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Fields {
        a: u8,
        b: u8,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Variants {
        A,
        B(u8),
        C { a: u8, b: u8 },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        A,
        B(u8),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        a: u8,
        #[serde(flatten)]
        rest: BTreeMap<u8, u8>,
    }

    #[test]
    fn an_integer_is_not_a_name() {
        assert_eq!(
            read::<Fields>(b"\x82\xa1a\x01\xa1b\x02"),
            Ok(Fields { a: 1, b: 2 })
        );
        assert!(read::<Fields>(b"\x82\x00\x01\x01\x02").is_err());
        assert!(read::<Fields>(b"\x83\xa1a\x01\xa1b\x02\x05\x02").is_err());
        assert!(read::<Variants>(b"\x00").is_err());
        assert!(read::<Variants>(b"\x81\x01\x07").is_err());
        assert!(read::<Variants>(b"\x81\xa1C\x82\x00\x01\x01\x02").is_err());
        assert_eq!(read::<Variants>(b"\xa1A"), Ok(Variants::A));
        assert_eq!(read::<Variants>(b"\x81\xa1B\x07"), Ok(Variants::B(7)));
        let c = Variants::C { a: 1, b: 2 };
        assert_eq!(read::<Variants>(b"\x81\xa1C\x82\xa1a\x01\xa1b\x02"), Ok(c));
        assert_eq!(
            read::<Adjacent>(b"\x82\xa1t\xa1B\xa1c\x07"),
            Ok(Adjacent::B(7))
        );
        assert!(read::<Adjacent>(b"\x82\xa1t\x01\xa1c\x07").is_err());
        assert!(read::<Adjacent>(b"\x82\x00\xa1B\x01\x07").is_err());
        // Keys of a map may be integers, even if the map is flattened into a struct.
        let flat = Flat {
            a: 1,
            rest: [(2, 3), (4, 5)].into(),
        };
        let bytes = encode::<MessagePack, _>(&flat).unwrap();
        assert_eq!(read::<Flat>(&bytes), Ok(flat));
        assert_eq!(
            read::<BTreeMap<u8, u8>>(b"\x81\x00\x01"),
            Ok([(0, 1)].into())
        );
    }

    #[test]
    fn a_number_too_large_for_an_f32_is_rejected() {
        let bytes = |number: f64| [&[0xcb], &number.to_be_bytes()[..]].concat();
        let error = read::<f32>(&bytes(1e300)).unwrap_err();
        assert_eq!(error.to_string(), "1e300 is too large for f32");
        assert!(read::<(f32,)>(&[&[0x91], &bytes(-3.5e38)[..]].concat()).is_err());
        assert_eq!(read::<f32>(&bytes(1.5)), Ok(1.5));
        assert_eq!(read::<f32>(&bytes(f64::INFINITY)), Ok(f32::INFINITY));
        assert!(read::<f32>(&bytes(f64::NAN)).unwrap().is_nan());
        assert_eq!(read::<f64>(&bytes(1e300)), Ok(1e300));
    }
}

/// Numbers of one type that are decoded as another: the same number or an error.
fn numbers<C: Serde>(number: i64) {
    macro_rules! read {
        ($bytes:expr => $($type:ty)*) => {$(
            // A codec without types cannot distinguish widths, or zigzag encoding from none.
            if let Ok(read) = <$type as Through<C>>::decode($bytes)
                && !is_positional::<C>()
            {
                assert_eq!(i128::from(read), i128::from(number));
            }
        )*};
    }
    let bytes = encode::<C, _>(&number).unwrap();
    assert_eq!(<i64 as Through<C>>::decode(&bytes), Ok(number));
    read!(&bytes => u8 i8 u16 i16 u32 i32 u64);
    if !is_positional::<C>() {
        if let Ok(read) = <f32 as Through<C>>::decode(&bytes) {
            assert!(read.is_finite());
        }
        assert!(<bool as Through<C>>::decode(&bytes).is_err());
        assert!(<char as Through<C>>::decode(&bytes).is_err());
        assert!(<String as Through<C>>::decode(&bytes).is_err());
        assert!(<Vec<u8> as Through<C>>::decode(&bytes).is_err());
        assert!(<Skips as Through<C>>::decode(&bytes).is_err());
        assert!(<Report as Through<C>>::decode(&bytes).is_err());
    }
}

/// A float that is decoded as another type: nearly the same number or an error.
fn floats<C: Serde>(number: f64) {
    let Ok(bytes) = encode::<C, _>(&number) else {
        assert!(C::ID == CodecId::Json && !number.is_finite());
        return;
    };
    let read = <f64 as Through<C>>::decode(&bytes).unwrap();
    assert!(read.to_bits() == number.to_bits() || read.is_nan());
    if !is_positional::<C>()
        && let Ok(read) = <f32 as Through<C>>::decode(&bytes)
    {
        assert_eq!(read.is_finite(), number.is_finite());
    }
}

proptest! {
    #[test]
    fn integers_keep_their_value(number: i64, shift in 0u32..64) {
        every_codec!(numbers(number >> shift));
    }

    #[test]
    fn floats_keep_their_value(number: f64, bits: u64) {
        every_codec!(floats(number));
        every_codec!(floats(f64::from_bits(bits)));
    }
}
