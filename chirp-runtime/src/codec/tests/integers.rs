//! Integers that other languages encode as floats, and types that inspect the data while decoding.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Through;
use crate::codec::{Decoder, Json, MessagePack, Wire};

/// A struct with whole numbers in every position in which a value can have them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everywhere {
    plain: u64,
    maybe: Option<i64>,
    list: Vec<u32>,
    pair: (i8, u16),
    map: BTreeMap<String, u128>,
    choice: Choice,
    new: New,
    since: Duration,
    some: NonZeroU64,
    float: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct New(i128);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Choice {
    Of(u64),
    Tuple(u8, i64),
    Struct { number: i32 },
}

/// The same struct with floats.
#[derive(Serialize)]
struct Floats {
    plain: f64,
    maybe: Option<f64>,
    list: Vec<f64>,
    pair: (f64, f32),
    map: BTreeMap<String, f64>,
    choice: FloatChoice,
    new: f64,
    since: FloatDuration,
    some: f64,
    float: f64,
}

#[derive(Serialize)]
struct FloatDuration {
    secs: f64,
    nanos: f64,
}

#[derive(Serialize)]
#[allow(dead_code, reason = "the variants exist for their encoding")]
enum FloatChoice {
    Of(f64),
    Tuple(f64, f64),
    Struct { number: f64 },
}

fn floats(choice: FloatChoice) -> Floats {
    Floats {
        plain: 1_764_363_600_123.0,
        maybe: Some(-4_294_967_296.0),
        list: vec![0.0, 4_294_967_295.0],
        pair: (-128.0, 65_535.0),
        map: [("k".to_owned(), 2_f64.powi(80))].into(),
        choice,
        new: -2_f64.powi(127),
        since: FloatDuration {
            secs: 5.0,
            nanos: 7.0,
        },
        some: 2_f64.powi(63),
        float: 2.5,
    }
}

fn everywhere(choice: Choice) -> Everywhere {
    Everywhere {
        plain: 1_764_363_600_123,
        maybe: Some(-4_294_967_296),
        list: vec![0, u32::MAX],
        pair: (-128, 65_535),
        map: [("k".to_owned(), 1 << 80)].into(),
        choice,
        new: New(i128::MIN),
        since: Duration::new(5, 7),
        some: NonZeroU64::new(1 << 63).unwrap(),
        float: 2.5,
    }
}

#[test]
fn whole_floats_are_integers_in_messagepack() {
    for (written, expected) in [
        (FloatChoice::Of(2_f64.powi(53)), Choice::Of(1 << 53)),
        (FloatChoice::Tuple(255.0, -1.0), Choice::Tuple(255, -1)),
        (
            FloatChoice::Struct { number: -5.0 },
            Choice::Struct { number: -5 },
        ),
    ] {
        let bytes = rmp_serde::to_vec_named(&floats(written)).unwrap();
        assert_eq!(
            <Everywhere as Through<MessagePack>>::decode(&bytes),
            Ok(everywhere(expected))
        );
    }
}

#[test]
fn whole_floats_are_integers_in_json() {
    for (written, expected) in [
        (FloatChoice::Of(2_f64.powi(53)), Choice::Of(1 << 53)),
        (FloatChoice::Tuple(255.0, -1.0), Choice::Tuple(255, -1)),
        (
            FloatChoice::Struct { number: -5.0 },
            Choice::Struct { number: -5 },
        ),
    ] {
        let bytes = serde_json::to_vec(&floats(written)).unwrap();
        // serde_json writes floats with a point or an exponent.
        assert!(bytes.contains(&b'.'));
        // All but the two largest, which are not written in full.
        let text = String::from_utf8(bytes).unwrap();
        let text = text
            .replace(
                "1.7014118346046923e38",
                "170141183460469231731687303715884105728.0",
            )
            .replace(
                "1.7014118346046923e+38",
                "170141183460469231731687303715884105728.0",
            )
            .replace("1.2089258196146292e24", "1208925819614629174706176.0")
            .replace("1.2089258196146292e+24", "1208925819614629174706176.0")
            .replace("9.223372036854776e18", "9223372036854775808.0")
            .replace("9.223372036854776e+18", "9223372036854775808.0");
        assert_eq!(
            <Everywhere as Through<Json>>::decode(text.as_bytes()),
            Ok(everywhere(expected)),
            "{text}"
        );
    }
}

/// Encodes a `MessagePack` float in eight bytes, and also in four if no precision is lost.
fn in_messagepack(float: f64) -> Vec<Vec<u8>> {
    let mut all = vec![[&[0xcb][..], &float.to_be_bytes()].concat()];
    #[expect(clippy::cast_possible_truncation, reason = "checked right after")]
    let single = float as f32;
    if f64::from(single).to_bits() == float.to_bits() {
        all.push([&[0xca][..], &single.to_be_bytes()].concat());
    }
    all
}

#[test]
fn numbers_that_are_not_whole_or_out_of_range_are_rejected_by_their_value() {
    fn refused<T: Through<MessagePack> + Debug>(float: f64, number: &str) {
        for bytes in in_messagepack(float) {
            let error = T::decode(&bytes).unwrap_err().to_string();
            assert!(error.contains(number), "{float}: {error}");
        }
    }
    refused::<u64>(1.5, "`1.5`");
    refused::<u64>(-1.0, "`-1`");
    refused::<u8>(256.0, "`256`");
    refused::<i8>(-129.0, "`-129`");
    refused::<u64>(18_446_744_073_709_551_616.0, "18446744073709551616");
    refused::<i64>(9_223_372_036_854_775_808.0, "9223372036854775808");
    refused::<i128>(2_f64.powi(127), "170141183460469231731687303715884105728");
    refused::<i128>(
        -2_f64.powi(127) * 1.5,
        "255211775190703847597530955573826158592",
    );
    refused::<u64>(1e300, "floating point");
    refused::<u64>(f64::INFINITY, "inf");
    refused::<i32>(f64::NAN, "NaN");
}

#[test]
fn numbers_in_text_are_read_exactly() {
    fn refused<T: Through<Json> + Debug>(text: &str, number: &str) {
        let error = T::decode(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(number), "{text}: {error}");
    }
    fn is<T: Through<Json> + PartialEq + Debug>(text: &str, value: T) {
        assert_eq!(T::decode(text.as_bytes()), Ok(value), "{text}");
    }
    is("1e3", 1000u64);
    is("5.0", 5u8);
    is("-5.0", -5i64);
    is("-0", 0u8);
    is("-0.0", 0u8);
    is("12.5e1", 125u8);
    is("1E+18", 1_000_000_000_000_000_000u64);
    is("9007199254740993.0", 9_007_199_254_740_993u64);
    is("18446744073709551615.0", u64::MAX);
    is("-9223372036854775808.0", i64::MIN);
    is("1e3", 1000u128);
    is("5.0", 5i128);
    is(" [ 1e0 , 2.0 ] ", vec![1u8, 2]);

    refused::<u64>("1.5", "1.5");
    refused::<u64>("4.99999999999999999999", "4.9");
    refused::<u64>("-9223372036854775809", "-9223372036854775809");
    // Converted to a float, this would become the smallest of all integers.
    refused::<i64>("-9223372036854775809", "-9223372036854775809");
    refused::<i64>("-9223372036854775809.0", "-9223372036854775809");
    refused::<u64>("18446744073709551616.0", "18446744073709551616");
    refused::<u8>("2.56e2", "256");
    refused::<u8>("1e400", "1e400");
    refused::<u128>("1.5", "1.5");
    // The actual error comes after a number that is merely written as a float.
    refused::<Vec<u8>>("[1e1, 2.5, 3]", "2.5");
    refused::<(u8, u8)>("[1.0, \"two\"]", "line 1 column");
    refused::<(u8, u8)>("[1.0, tru]", "column 10");
    refused::<(u8, bool)>("[1.0, \"true\"]", "string \"true\"");
}

#[test]
fn floats_stay_floats() {
    fn round_trips<T: Through<Json> + Through<MessagePack> + PartialEq + Debug>(value: &T) {
        let mut bytes = Vec::new();
        Through::<Json>::encode(value, &mut bytes).unwrap();
        assert_eq!(<T as Through<Json>>::decode(&bytes).as_ref(), Ok(value));
        let mut bytes = Vec::new();
        Through::<MessagePack>::encode(value, &mut bytes).unwrap();
        assert_eq!(
            <T as Through<MessagePack>>::decode(&bytes).as_ref(),
            Ok(value)
        );
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Integer(i64),
        Float(f64),
    }
    round_trips(&vec![
        Either::Integer(5),
        Either::Float(5.0),
        Either::Float(-0.0),
    ]);
    // Next to an integer that is written as a float.
    let mixed = <(u8, Either) as Through<Json>>::decode(b"[1e0, 5.0]");
    assert_eq!(mixed, Ok((1, Either::Float(5.0))));
}

/// JSON has four whitespace characters, and a form feed is not one of them.
#[test]
fn a_form_feed_is_not_whitespace() {
    for text in [
        "\u{c}[5]",
        "[\u{c}5]",
        "[5\u{c}]",
        "[5]\u{c}",
        "[5]\u{b}",
        "[5]\u{a0}",
    ] {
        let mut arguments = Decoder::<Json>::new(text.as_bytes());
        let taken = (u8::take(&mut arguments), arguments.end());
        assert_ne!(taken, (Some(5), Some(())), "{text:?}");
        assert_ne!(
            <Vec<u8> as Through<Json>>::decode(text.as_bytes()),
            Ok(vec![5])
        );
    }
    let text = b" \t\r\n[ \t\r\n5 \t\r\n] \t\r\n";
    let mut arguments = Decoder::<Json>::new(text);
    assert_eq!(
        (u8::take(&mut arguments), arguments.end()),
        (Some(5), Some(()))
    );
}

/// A type like those of other crates: 16 bytes in binary formats, and text in human-readable ones.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Id([u8; 16]);

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let text = self
                .0
                .iter()
                .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            return serializer.serialize_str(&text);
        }
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if !deserializer.is_human_readable() {
            let bytes = <&[u8]>::deserialize(deserializer)?;
            return bytes.try_into().map(Self).map_err(D::Error::custom);
        }
        let text = String::deserialize(deserializer)?;
        let mut id = [0; 16];
        for (at, byte) in id.iter_mut().enumerate() {
            let digits = text
                .get(at * 2..at * 2 + 2)
                .ok_or_else(|| D::Error::custom("short"))?;
            *byte = u8::from_str_radix(digits, 16).map_err(D::Error::custom)?;
        }
        Ok(Self(id))
    }
}

/// Types that ask for the human-readable representation, in every position where serde buffers a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Asks {
    v4: Ipv4Addr,
    any: IpAddr,
    socket: SocketAddr,
    id: Id,
    time: Duration,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Internally {
    Asks(Asks),
    Struct { id: Id, any: Vec<IpAddr> },
    Unit,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Asks(Asks),
    Any(IpAddr),
    Id(Option<Id>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of")]
enum Adjacently {
    Asks(Asks),
    Any(IpAddr),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flattened {
    own: Id,
    #[serde(flatten)]
    asks: Asks,
    #[serde(flatten)]
    rest: BTreeMap<String, IpAddr>,
}

#[test]
fn human_readable_types_work_inside_types_that_inspect_the_data() {
    fn round_trips<T: Through<Json> + Through<MessagePack> + PartialEq + Debug>(value: &T) {
        let mut bytes = Vec::new();
        Through::<MessagePack>::encode(value, &mut bytes).unwrap();
        assert_eq!(
            <T as Through<MessagePack>>::decode(&bytes).as_ref(),
            Ok(value)
        );
        let mut bytes = Vec::new();
        Through::<Json>::encode(value, &mut bytes).unwrap();
        assert_eq!(<T as Through<Json>>::decode(&bytes).as_ref(), Ok(value));
    }
    let (v4, v6) = (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST);
    let id = Id(*b"0123456789abcdef");
    let asks = Asks {
        v4,
        any: v6.into(),
        socket: (v6, 80).into(),
        id,
        time: Duration::new(1, 2),
    };
    round_trips(&asks);
    round_trips(&Internally::Asks(asks.clone()));
    round_trips(&Internally::Struct {
        id,
        any: vec![v4.into(), v6.into()],
    });
    round_trips(&Internally::Unit);
    round_trips(&Untagged::Asks(asks.clone()));
    round_trips(&Untagged::Any(v6.into()));
    round_trips(&Untagged::Id(Some(id)));
    round_trips(&Adjacently::Asks(asks.clone()));
    round_trips(&Adjacently::Any(v4.into()));
    round_trips(&Flattened {
        own: id,
        asks,
        rest: [("more".to_owned(), v4.into())].into(),
    });
    let mut bytes = Vec::new();
    Through::<MessagePack>::encode(&v4, &mut bytes).unwrap();
    assert_eq!(bytes, b"\xa9127.0.0.1");
}
