//! The nesting limit, which is the same for all codecs, when encoding and when decoding.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::mem;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Through;
use crate::codec::{Bincode, Codec, Serde};

const TOO_DEEP: &str = "a value is nested more than 128 deep";

/// A type whose values can be nested to any depth.
trait Deep: Debug + PartialEq + Serialize + DeserializeOwned + Send + 'static {
    const FIRST: usize;
    const EACH: usize;

    fn new() -> Self;

    #[must_use]
    fn around(self) -> Self;

    fn of(count: usize) -> Self {
        (0..count).fold(Self::new(), |value, _| value.around())
    }
}

macro_rules! deep {
    ($(#[$attribute:meta])* $type:item $name:ident $first:literal $each:literal $new:expr, $inner:ident => $around:expr) => {
        $(#[$attribute])*
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        $type

        impl Deep for $name {
            const FIRST: usize = $first;
            const EACH: usize = $each;

            fn new() -> Self {
                $new
            }

            fn around(self) -> Self {
                let $inner = self;
                $around
            }
        }
    };
}

deep!(
    struct Node { next: Option<Box<Node>>, name: u8 }
    Node 1 2 Self { next: None, name: 1 }, inner => Self { next: Some(Box::new(inner)), name: 2 }
);
deep!(
    struct Next(Option<Box<Next>>);
    Next 1 2 Self(None), inner => Self(Some(Box::new(inner)))
);
deep!(
    enum Chain { End, Link(Box<Chain>) }
    Chain 1 1 Self::End, inner => Self::Link(Box::new(inner))
);
deep!(
    enum List { Nil, Cons(u8, Box<List>) }
    List 1 2 Self::Nil, inner => Self::Cons(7, Box::new(inner))
);
deep!(
    enum Fields { None, Some { next: Box<Fields> } }
    Fields 1 2 Self::None, inner => Self::Some { next: Box::new(inner) }
);
deep!(
    struct Lists(Vec<Lists>);
    Lists 2 2 Self(vec![]), inner => Self(vec![inner])
);
deep!(
    struct Maps { map: BTreeMap<u8, Maps> }
    Maps 2 2 Self { map: BTreeMap::new() }, inner => Self { map: [(1, inner)].into() }
);
deep!(
    struct Pair(Option<Box<(Pair, u8)>>, u8);
    Pair 1 3 Self(None, 1), inner => Self(Some(Box::new((inner, 1))), 2)
);

/// Encodes with the codec's own crate, which has no limit.
fn unlimited<C: Codec, T: Serialize>(value: &T) -> Vec<u8> {
    use crate::codec::CodecId;

    match C::ID {
        #[cfg(feature = "postcard")]
        CodecId::Postcard => {
            let mut bytes = vec![0; 1 << 16];
            postcard::to_slice(value, &mut bytes).unwrap().to_vec()
        }
        #[cfg(feature = "messagepack")]
        CodecId::MessagePack => rmp_serde::to_vec_named(value).unwrap(),
        #[cfg(feature = "json")]
        CodecId::Json => serde_json::to_vec(value).unwrap(),
        _ => bincode::serde::encode_to_vec(value, bincode::config::standard()).unwrap(),
    }
}

/// Runs a generic function for every codec and every shape of value.
macro_rules! every_shape {
    ($check:ident) => {
        every_shape!($check: Node, Next, Chain, List, Fields, Lists, Maps, Pair)
    };
    ($check:ident: $($shape:ty),+) => {
        $(every_codec!($check[$shape]());)+
    };
}

#[test]
fn a_value_can_be_encoded_exactly_if_it_can_be_decoded() {
    fn check<C: Serde, T: Deep>() {
        for count in 0..200 {
            let value = T::of(count);
            let mut bytes = Vec::new();
            let written = Through::<C>::encode(&value, &mut bytes);
            let theirs = unlimited::<C, T>(&value);
            let read = <T as Through<C>>::decode(&theirs);
            if T::FIRST + count * T::EACH <= 128 {
                assert_eq!(written, Ok(()), "{count}");
                assert_eq!(bytes, theirs);
                let mut again = Vec::new();
                Through::<C>::encode(&read.unwrap(), &mut again).unwrap();
                assert_eq!(again, theirs);
            } else {
                assert_eq!(written.unwrap_err().to_string(), TOO_DEEP);
                // Nested options leave no trace in a format with `null`, and are decoded as one.
                if theirs == b"null" || theirs == b"\xc0" {
                    continue;
                }
                let error = read.unwrap_err().to_string();
                assert!(error.starts_with(TOO_DEEP), "{error}");
            }
        }
    }
    every_shape!(check);
}

/// The value may be nested more deeply than the stack of its encoder allows.
#[test]
fn a_deep_value_is_rejected_before_the_stack_overflows() {
    fn check<C: Serde, T: Deep>() {
        let value = T::of(20_000);
        let error = Through::<C>::encode(&value, &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), TOO_DEEP);
        // Dropping the value would recurse as deeply.
        mem::forget(value);
    }
    every_shape!(check);
}

/// A single byte announces an infinitely nested value.
#[test]
fn an_endless_option_of_itself_is_rejected() {
    fn endless<C: Serde>(bytes: &[u8]) {
        assert!(<Next as Through<C>>::decode(bytes).is_err());
    }
    for bytes in [&b"\x01"[..], b"1", b"{}", b"[]"] {
        every_codec!(endless(bytes));
    }
    #[cfg(feature = "json")]
    {
        let error = <Next as Through<crate::codec::Json>>::decode(b"1").unwrap_err();
        assert!(error.to_string().starts_with(TOO_DEEP), "{error}");
    }
}

/// Unknown fields are skipped at any depth.
#[cfg(all(feature = "json", feature = "messagepack"))]
#[test]
fn ignored_values_may_be_deep() {
    use crate::codec::{Json, MessagePack};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Known {
        name: u8,
    }

    let deep = 100_000;
    let json = format!(
        r#"{{"deep":{}{},"name":1}}"#,
        "[".repeat(deep),
        "]".repeat(deep)
    );
    let name = 1;
    assert_eq!(
        <Known as Through<Json>>::decode(json.as_bytes()),
        Ok(Known { name })
    );
    let bytes = [
        &b"\x82\xa4deep"[..],
        &b"\x91".repeat(deep),
        b"\xc0\xa4name\x01",
    ]
    .concat();
    assert_eq!(
        <Known as Through<MessagePack>>::decode(&bytes),
        Ok(Known { name })
    );
}

/// Elements that take no bytes would otherwise be unlimited.
#[test]
fn elements_without_bytes_are_limited_on_both_sides() {
    fn round<C: Serde, T: Deep2>(value: T) -> Result<(), String> {
        let mut bytes = Vec::new();
        Through::<C>::encode(&value, &mut bytes).map_err(|error| error.to_string())?;
        assert_eq!(<T as Through<C>>::decode(&bytes), Ok(value));
        Ok(())
    }
    trait Deep2: Debug + PartialEq + Serialize + DeserializeOwned + Send + 'static {}
    impl<T: Debug + PartialEq + Serialize + DeserializeOwned + Send + 'static> Deep2 for T {}

    fn check<C: Serde>(limited: bool) {
        let limit = |result: Result<(), String>| {
            let reason = "a value has more than 65536 elements without bytes";
            let expected = if limited {
                Err(reason.to_owned())
            } else {
                Ok(())
            };
            assert_eq!(result, expected);
        };
        assert_eq!(round::<C, _>(vec![(); 65_536]), Ok(()));
        limit(round::<C, _>(vec![(); 65_537]));
        // The limit counts all lists of one value.
        assert_eq!(round::<C, _>(vec![vec![(); 32_768]; 2]), Ok(()));
        limit(round::<C, _>(vec![vec![(); 32_769]; 2]));
        limit(round::<C, _>((vec![(); 65_536], vec![(); 1])));
        assert_eq!(round::<C, _>(vec![7u8; 100_000]), Ok(()));
        assert_eq!(
            round::<C, _>(vec![Some(()); 100_000]),
            round::<C, _>(vec![1u8])
        );
    }
    check::<Bincode>(true);
    #[cfg(feature = "postcard")]
    check::<crate::codec::Postcard>(true);

    // An announced length is rejected at once, with an error that names the limit.
    let error = <Vec<()> as Through<Bincode>>::decode(&[252, 1, 0, 1, 0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the bytes end before the value does: 65537 elements announced with 0 bytes left, and at most \
         65536 elements of a value may have no bytes"
    );
    // Nested lists that each announce as many elements as there are bytes cost no more than one list.
    let bytes = [&[251, 0, 0x40][..], &[251, 0, 0x80].repeat(0x4000)].concat();
    let error = <Vec<Vec<()>> as Through<Bincode>>::decode(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a value has more than 65536 elements without bytes"
    );
}
