//! Round trips through every codec, and decoding of bytes that no codec encoded.

#![allow(clippy::unwrap_used, reason = "a test may")]

/// Runs the same code for every codec that is based on serde.
macro_rules! every_codec {
    ($check:ident $([$($type:ty),*])? ($($argument:expr),*)) => {
        $check::<crate::codec::Bincode $($(, $type)*)?> ($($argument),*);
        #[cfg(feature = "postcard")]
        $check::<crate::codec::Postcard $($(, $type)*)?> ($($argument),*);
        #[cfg(feature = "messagepack")]
        $check::<crate::codec::MessagePack $($(, $type)*)?> ($($argument),*);
        #[cfg(feature = "json")]
        $check::<crate::codec::Json $($(, $type)*)?> ($($argument),*);
    };
}

mod depth;
mod hostile;
#[cfg(all(feature = "json", feature = "messagepack"))]
mod integers;
#[cfg(feature = "messagepack")]
mod messagepack;
mod misread;
mod runs;

use std::borrow::Cow;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::form::{Blob, Opt, Owned, Slice8, Str};
use super::{
    Argument, Bincode, Codec, CodecId, DecodeError, Decoder, EncodeError, Encoder, Encodes, Raw,
    Returned, Serde, Wire,
};

/// Encodes and decodes a single value with a codec.
trait Through<C: Codec>: Wire<C> {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;
}

impl<C: Encodes<Owned<T>>, T: Serialize + DeserializeOwned + Send + 'static> Through<C> for T {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        C::encode(self, out)
    }

    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        <Owned<T> as Returned<C>>::decode(bytes)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(String),
    Tuple(u64, i32),
    Struct {
        list: Vec<Shape>,
        map: Vec<(String, f64)>,
        it: Option<char>,
    },
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Unit),
        any::<String>().prop_map(Shape::Newtype),
        any::<(u64, i32)>().prop_map(|(a, b)| Shape::Tuple(a, b)),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let map = prop::collection::vec((any::<String>(), -1e9..1e9), 0..3);
        (
            prop::collection::vec(inner, 0..4),
            map,
            any::<Option<char>>(),
        )
            .prop_map(|(list, map, it)| Shape::Struct { list, map, it })
    })
}

/// Encodes arguments of every kind, and compares them after decoding.
fn round_trip<C>(text: &str, bytes: &[u8], shape: &Shape) -> Result<(), TestCaseError>
where
    C: Codec,
    Str: Argument<C>,
    Slice8: Argument<C>,
    Blob<Vec<u8>>: Argument<C> + Returned<C, Value = Vec<u8>>,
    Opt<Str>: Argument<C>,
    Shape: Through<C>,
{
    let mut out = Encoder::<C>::new();
    Str::put(&text, &mut out);
    Slice8::put(&bytes, &mut out);
    Blob::put(&bytes.to_vec(), &mut out);
    Opt::<Str>::put(&Some(text), &mut out);
    Opt::<Str>::put(&None, &mut out);
    shape.put(&mut out);
    let encoded = out.finish().expect("all arguments can be encoded");
    let mut arguments = Decoder::<C>::new(&encoded);
    prop_assert!(Str::take(&mut arguments).as_deref() == Some(text));
    prop_assert!(Slice8::take(&mut arguments).as_deref() == Some(bytes));
    prop_assert!(Blob::<Vec<u8>>::take(&mut arguments).as_deref() == Some(bytes));
    prop_assert_eq!(
        Opt::<Str>::take(&mut arguments),
        Some(Some(Cow::from(text)))
    );
    prop_assert_eq!(Opt::<Str>::take(&mut arguments), Some(None));
    prop_assert!(Shape::take(&mut arguments).as_ref() == Some(shape));
    prop_assert_eq!(arguments.end(), Some(()));

    let mut out = Vec::new();
    Through::<C>::encode(shape, &mut out).expect("the value can be encoded");
    let decoded = <Shape as Through<C>>::decode(&out);
    prop_assert_eq!(decoded.as_ref(), Ok(shape));
    out.push(b'1');
    prop_assert!(<Shape as Through<C>>::decode(&out).is_err());
    Ok(())
}

type Numbers = (
    (u8, u16, u32, u64, u128),
    (i8, i16, i32, i64, i128),
    (f32, f64, char, bool),
);

proptest! {
    #[test]
    fn bincode_round_trips(text in ".*", bytes: Vec<u8>, shape in shapes()) {
        round_trip::<Bincode>(&text, &bytes, &shape)?;
    }

    #[cfg(feature = "postcard")]
    #[test]
    fn postcard_round_trips(text in ".*", bytes: Vec<u8>, shape in shapes()) {
        round_trip::<super::Postcard>(&text, &bytes, &shape)?;
    }

    #[cfg(feature = "messagepack")]
    #[test]
    fn messagepack_round_trips(text in ".*", bytes: Vec<u8>, shape in shapes()) {
        round_trip::<super::MessagePack>(&text, &bytes, &shape)?;
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_round_trips(text in ".*", bytes: Vec<u8>, shape in shapes()) {
        round_trip::<super::Json>(&text, &bytes, &shape)?;
    }

    #[test]
    fn values_are_decoded_as_by_the_bincode_crate(bytes: Vec<u8>) {
        let theirs = bincode::serde::decode_from_slice::<Shape, _>(&bytes, bincode::config::standard());
        if let Ok((theirs, len)) = theirs && len == bytes.len() {
            prop_assert_eq!(<Shape as Through<Bincode>>::decode(&bytes), Ok(theirs));
        }
    }

    #[test]
    fn numbers_are_encoded_as_by_the_bincode_crate(numbers: Numbers) {
        let theirs = bincode::serde::encode_to_vec(numbers, bincode::config::standard()).unwrap();
        let ours = <Numbers as Through<Bincode>>::decode(&theirs).unwrap();
        // NaN is not equal to itself, so the bytes are compared.
        let mut again = Vec::new();
        Through::<Bincode>::encode(&ours, &mut again).unwrap();
        prop_assert_eq!(again, theirs);
    }

    #[test]
    fn bytes_are_encoded_as_by_the_bincode_crate(text: String, bytes: Vec<u8>, shape in shapes()) {
        let mut out = Encoder::<Bincode>::new();
        Str::put(&&*text, &mut out);
        Slice8::put(&&*bytes, &mut out);
        shape.put(&mut out);
        let ours = out.finish().expect("all arguments can be encoded");
        let theirs = bincode::serde::encode_to_vec((text, bytes, shape), bincode::config::standard());
        prop_assert_eq!(ours, theirs.expect("all arguments can be encoded"));
    }

    #[cfg(feature = "postcard")]
    #[test]
    fn numbers_are_encoded_as_by_the_postcard_crate(numbers: Numbers) {
        let theirs = postcard::serialize_with_flavor(&numbers, postcard::ser_flavors::Size::default())
            .map(|len| vec![0; len])
            .and_then(|mut room| Ok(postcard::to_slice(&numbers, &mut room)?.to_vec()))
            .unwrap();
        let ours = <Numbers as Through<super::Postcard>>::decode(&theirs).unwrap();
        let mut again = Vec::new();
        Through::<super::Postcard>::encode(&ours, &mut again).unwrap();
        prop_assert_eq!(again, theirs);
    }

    /// The postcard crate decodes the first of several characters as a `char`; all else that it decodes is
    /// decoded here too.
    #[cfg(feature = "postcard")]
    #[test]
    fn values_are_decoded_as_by_the_postcard_crate(bytes: Vec<u8>, numbers: Vec<u8>) {
        if let Ok((theirs, [])) = postcard::take_from_bytes::<Vec<(u16, i64)>>(&numbers) {
            prop_assert_eq!(<Vec<(u16, i64)> as Through<super::Postcard>>::decode(&numbers), Ok(theirs));
        }
        if let Ok((theirs, [])) = postcard::take_from_bytes::<(u8, u16, i32, u64)>(&bytes) {
            prop_assert_eq!(<(u8, u16, i32, u64) as Through<super::Postcard>>::decode(&bytes), Ok(theirs));
        }
        if <u32 as Through<super::Postcard>>::decode(&bytes).is_ok() {
            prop_assert!(postcard::from_bytes::<u32>(&bytes).is_ok());
        }
    }
}

/// Compares encoded arguments with the bytes in `PROTOCOL.md`.
fn check<C: Codec>(put: impl FnOnce(&mut Encoder<C>), expected: &[u8]) {
    let mut out = Encoder::<C>::new();
    put(&mut out);
    assert_eq!(
        out.finish().expect("all arguments can be encoded"),
        expected
    );
}

#[test]
fn no_arguments_are_no_bytes() {
    check::<Bincode>(|_| {}, b"");
    check::<Raw>(|_| {}, b"");
    check::<Bincode>(
        |out| {
            250u64.put(out);
            (-1i64).put(out);
            251u64.put(out);
            Str::put(&"hi", out);
        },
        &[250, 1, 251, 251, 0, 2, b'h', b'i'],
    );
}

#[cfg(feature = "postcard")]
#[test]
fn postcard_numbers_have_seven_bits_in_each_byte() {
    use super::Postcard;

    check::<Postcard>(|_| {}, b"");
    check::<Postcard>(
        |out| {
            250u64.put(out);
            (-1i64).put(out);
            u16::MAX.put(out);
            127u64.put(out);
            128u64.put(out);
            65536u64.put(out);
            250i64.put(out);
            200u8.put(out);
            Str::put(&"a\u{e9}", out);
            '\u{e9}'.put(out);
            1.5f32.put(out);
            Some(5u8).put(out);
            Slice8::put(&&[0, 255][..], out);
        },
        b"\xfa\x01\x01\xff\xff\x03\x7f\x80\x01\x80\x80\x04\xf4\x03\xc8\x03a\xc3\xa9\x02\xc3\xa9\0\0\xc0\x3f\x01\x05\x02\0\xff",
    );
    // Longer than necessary, but not wider than the type.
    assert_eq!(<u16 as Through<Postcard>>::decode(&[0x85, 0x80, 0]), Ok(5));
    for bytes in [&[0x85, 0x80, 0x80, 0][..], &[0xff, 0xff, 4], &[0x80]] {
        assert!(<u16 as Through<Postcard>>::decode(bytes).is_err());
    }
    let mut most = [0xff; 19];
    most[18] = 3;
    assert_eq!(<u128 as Through<Postcard>>::decode(&most), Ok(u128::MAX));
    most[18] = 4;
    assert!(<u128 as Through<Postcard>>::decode(&most).is_err());
    assert!(<char as Through<Postcard>>::decode(&[2, b'a', b'b']).is_err());
}

#[cfg(feature = "json")]
#[test]
fn arguments_are_an_array_in_json() {
    use super::Json;

    check::<Json>(|_| {}, b"[]");
    check::<Json>(
        |out| {
            Str::put(&"say \"hi\"\n", out);
            Slice8::put(&&[0, 255, 62][..], out);
            Opt::<Slice8>::put(&None, out);
            1u8.put(out);
        },
        br#"["say \"hi\"\n","AP8+",null,1]"#,
    );
    for (bytes, reason) in [
        (&b""[..], "expected `[` after 0 arguments, found the end"),
        (b"{}", "expected `[` after 0 arguments, found `{`"),
        (b"[]", "argument 1 (u8): expected value"),
        (b"[1", "expected `,` after 1 arguments, found the end"),
        (b"[1,\"x\"", "expected `]` after 2 arguments, found the end"),
        (b"[1,\"x\",3]", "expected `]` after 2 arguments, found `,`"),
        (b"[1,\"x\"] x", "1 byte is left over"),
        (b" [ 1 , \"x\" ] \n", ""),
    ] {
        let mut arguments = Decoder::<Json>::new(bytes);
        let all = (
            u8::take(&mut arguments),
            Str::take(&mut arguments),
            arguments.end(),
        );
        if let (Some(1), Some(text), Some(())) = all {
            assert_eq!((&*text, reason), ("x", ""));
        } else {
            let error = arguments.error().to_string();
            assert!(
                !reason.is_empty() && error.starts_with(reason),
                "{error} is not {reason}"
            );
        }
    }
}

#[test]
fn arguments_are_borrowed_where_the_codec_can() {
    fn borrowed<C: Serde>(bytes: &[u8]) {
        let mut arguments = Decoder::<C>::new(bytes);
        let text = Str::take(&mut arguments);
        assert!(matches!(text, Some(Cow::Borrowed("hi"))));
        let bytes = Opt::<Slice8>::take(&mut arguments);
        assert!(matches!(bytes, Some(Some(Cow::Borrowed([7])))));
        assert_eq!(arguments.end(), Some(()));
    }
    borrowed::<Bincode>(&[2, b'h', b'i', 1, 1, 7]);
    #[cfg(feature = "postcard")]
    borrowed::<super::Postcard>(&[2, b'h', b'i', 1, 1, 7]);
    #[cfg(feature = "messagepack")]
    borrowed::<super::MessagePack>(&[0x92, 0xa2, b'h', b'i', 0xc4, 1, 7]);
    let mut arguments = Decoder::<Raw>::new(b"hi");
    assert!(matches!(
        Str::take(&mut arguments),
        Some(Cow::Borrowed("hi"))
    ));
    #[cfg(feature = "json")]
    {
        let mut arguments = Decoder::<super::Json>::new(br#"["plain","quo\"te"]"#);
        assert!(matches!(
            Str::take(&mut arguments),
            Some(Cow::Borrowed("plain"))
        ));
        assert!(matches!(Str::take(&mut arguments), Some(Cow::Owned(text)) if text == "quo\"te"));
    }
}

#[test]
fn a_wrong_number_of_bytes_is_not_an_array() {
    let error = <Blob<[u8; 3]> as Returned<Bincode>>::decode(&[2, 1, 2]).unwrap_err();
    assert_eq!(error.to_string(), "expected 3 bytes, got 2");
    assert_eq!(
        <Blob<[u8; 3]> as Returned<Raw>>::decode(b"abc"),
        Ok(*b"abc")
    );
    assert!(<Owned<()> as Returned<Raw>>::decode(b"x").is_err());
}

#[test]
fn codecs_have_the_numbers_of_the_specification() {
    let codecs = [
        CodecId::Bincode,
        CodecId::Postcard,
        CodecId::MessagePack,
        CodecId::Json,
        CodecId::Raw,
    ];
    assert_eq!(codecs.map(|codec| codec as u8), [0, 1, 2, 3, 4]);
}
