//! The codecs, each against the crate whose format it has.
//!
//! The first byte chooses the codec and the second the type; the others are an encoded value. Both sides accept it, as the
//! same value, or both refuse it, apart from the differences that `Rule` lists. A value that was read is written to bytes
//! that the crate reads as the same value.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use chirp::codec::{Bincode, Codec, CodecId, Json, MessagePack, Postcard};
use chirp_runtime::__private::Wire;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A difference between a codec and the crate whose format it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// JSON and `MessagePack`: an integer may be written as a float, if it is whole.
    IntegersAsFloats,
    /// JSON and `MessagePack`: a number that is too large for an `f32` is refused, instead of read as infinity.
    FloatsInRange,
    /// `MessagePack`: bytes are no list of wider numbers.
    BytesAreBytes,
    /// `MessagePack`: names of fields are UTF-8, also those of unknown fields.
    Utf8,
    /// `MessagePack`: fields and variants are named, never numbered.
    Names,
    /// Postcard: a character is exactly one character, not the first one of a text.
    OneCharacter,
    /// All: values are nested at most 128 deep.
    Depth,
}

/// Compares a codec of a name with its crate, since no bound says that a codec supports a type.
macro_rules! of_codec {
    ($codec:ty, $kind:expr, $bytes:expr) => {
        match $kind % 24 {
            0 => compare::<$codec, bool>($bytes),
            1 => compare::<$codec, u8>($bytes),
            2 => compare::<$codec, u16>($bytes),
            3 => compare::<$codec, u32>($bytes),
            4 => compare::<$codec, u64>($bytes),
            5 => compare::<$codec, i8>($bytes),
            6 => compare::<$codec, i16>($bytes),
            7 => compare::<$codec, i32>($bytes),
            8 => compare::<$codec, i64>($bytes),
            9 => compare::<$codec, f32>($bytes),
            10 => compare::<$codec, f64>($bytes),
            11 => compare::<$codec, char>($bytes),
            12 => compare::<$codec, String>($bytes),
            13 => compare::<$codec, Vec<u32>>($bytes),
            14 => compare::<$codec, Option<String>>($bytes),
            15 => compare::<$codec, (u8, String, bool)>($bytes),
            16 => compare::<$codec, BTreeMap<String, u16>>($bytes),
            17 => compare::<$codec, Record>($bytes),
            18 => compare::<$codec, Figure>($bytes),
            19 => compare::<$codec, Wrapped>($bytes),
            20 => compare::<$codec, Marker>($bytes),
            21 => compare::<$codec, [i16; 3]>($bytes),
            22 => compare::<$codec, Vec<Option<Figure>>>($bytes),
            _ => compare::<$codec, BTreeMap<u8, Vec<f32>>>($bytes),
        }
    };
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let [codec, kind, bytes @ ..] = data else {
        return;
    };
    match codec % 4 {
        0 => of_codec!(Bincode, *kind, bytes),
        1 => of_codec!(Postcard, *kind, bytes),
        2 => of_codec!(MessagePack, *kind, bytes),
        _ => of_codec!(Json, *kind, bytes),
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    id: u32,
    name: String,
    tags: Vec<String>,
    parent: Option<Box<Record>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Figure {
    Unit,
    Newtype(i64),
    Tuple(u8, f64),
    Struct { width: u16, inner: Vec<Figure> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped(Option<u16>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Marker;

/// A codec, and the crate whose format it has.
trait Reference: Codec {
    /// Decodes a value from all bytes, as the crate does.
    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T>;
}

impl Reference for Bincode {
    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
        // Without a limit, the crate allocates what a length claims.
        let config = bincode::config::standard().with_limit::<65_536>();
        let (value, length) = bincode::serde::decode_from_slice(bytes, config).ok()?;
        (length == bytes.len()).then_some(value)
    }
}

impl Reference for Postcard {
    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
        let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
        rest.is_empty().then_some(value)
    }
}

impl Reference for MessagePack {
    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
        let mut reader = rmp_serde::Deserializer::new(bytes);
        let value = T::deserialize(&mut reader).ok()?;
        reader.into_inner().is_empty().then_some(value)
    }
}

impl Reference for Json {
    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
        serde_json::from_slice(bytes).ok()
    }
}

fn compare<C: Reference, T>(bytes: &[u8])
where
    T: Wire<C> + DeserializeOwned + Debug + Clone + 'static,
{
    let ours = T::from_response(Bytes::copy_from_slice(bytes), false);
    let theirs = C::read::<T>(bytes);
    // Compared as text: NaN is not equal to itself.
    match (&ours, &theirs) {
        (Ok(ours), Some(theirs)) => assert_eq!(
            format!("{ours:?}"),
            format!("{theirs:?}"),
            "of {}",
            bytes.escape_ascii()
        ),
        (Err(_), None) => {}
        (Ok(_), None) => {
            let rule = accepts_more(C::ID, bytes);
            assert!(
                rule.is_some(),
                "{ours:?} is read from {}, which the crate refuses",
                bytes.escape_ascii()
            );
        }
        (Err(error), Some(value)) => {
            let rule = refuses_more(C::ID, &error.to_string());
            assert!(
                rule.is_some(),
                "{value:?} is refused: {error}: {}",
                bytes.escape_ascii()
            );
        }
    }
    if let Ok(value) = ours {
        let text = format!("{value:?}");
        // Infinities have no JSON.
        #[expect(clippy::default_trait_access, reason = "the type is not public")]
        let Ok(payload) = value.payload(Default::default()) else {
            assert_eq!(C::ID, CodecId::Json, "{text} is written");
            return;
        };
        let written = payload.into_bytes();
        let again = C::read::<T>(&written).map(|again| format!("{again:?}"));
        assert_eq!(again, Some(text), "of {}", written.escape_ascii());
    }
}

/// Why a codec may accept bytes that the crate refuses.
fn accepts_more(codec: CodecId, bytes: &[u8]) -> Option<Rule> {
    match codec {
        // To serde_json, -0 is a float.
        CodecId::Json
            if bytes
                .iter()
                .any(|byte| matches!(byte, b'.' | b'e' | b'E' | b'-')) =>
        {
            Some(Rule::IntegersAsFloats)
        }
        CodecId::MessagePack if bytes.iter().any(|byte| matches!(byte, 0xca | 0xcb)) => {
            Some(Rule::IntegersAsFloats)
        }
        _ => None,
    }
}

/// Why a codec may refuse bytes that the crate accepts.
fn refuses_more(codec: CodecId, error: &str) -> Option<Rule> {
    if error.contains("nested more than") {
        Some(Rule::Depth)
    } else if error.contains("out of range") || error.contains("too large for f32") {
        Some(Rule::FloatsInRange)
    } else if codec == CodecId::MessagePack && error.contains("not UTF-8") {
        Some(Rule::Utf8)
    } else if codec == CodecId::MessagePack
        && ["expected enum", "expected a field name", "expected a name"]
            .iter()
            .any(|expected| error.contains(expected))
    {
        Some(Rule::Names)
    } else if codec == CodecId::MessagePack
        && error.contains("can be decoded only as 8-bit numbers")
    {
        Some(Rule::BytesAreBytes)
    } else if codec == CodecId::Postcard && error.contains("not exactly one") {
        Some(Rule::OneCharacter)
    } else {
        None
    }
}
