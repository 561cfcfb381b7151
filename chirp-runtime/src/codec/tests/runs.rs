use std::fmt::Debug;

use bytes::Bytes;

use crate::codec::form::blob::BlobType;
use crate::codec::form::{Blob, Slice8};
use crate::codec::{
    Argument, Bincode, Decoder, EncodeError, Encoder, Encodes, Raw, Returned, ValueEncoding,
};
use crate::packet::Payload;

const SMALL: usize = Payload::COPIED;

/// Lengths at which the encoding of a value or of its length changes.
const LENGTHS: [usize; 10] = [
    0,
    127,
    128,
    251,
    256,
    SMALL,
    SMALL + 1,
    0xffff,
    0x1_0000,
    (1 << 21) + 1,
];

/// Returns the bytes of a payload, and checks that all accessors agree.
fn bytes(payload: Result<Payload, EncodeError>) -> Vec<u8> {
    let mut payload = payload.expect("the value can be encoded");
    let bytes = payload.clone().into_bytes().to_vec();
    assert_eq!(payload.len(), bytes.len());
    assert_eq!(payload.as_slice(), bytes);
    let large = payload.take_large();
    assert_eq!([payload.as_slice(), &large].concat(), bytes);
    bytes
}

/// A value that is passed by ownership is encoded like a copied one, as a result and as an argument.
fn check<C, T>(value: &T)
where
    C: Encodes<Blob<T>>,
    T: BlobType + Clone + PartialEq + Debug,
{
    let mut copied = Vec::new();
    <C as Encodes<Blob<T>>>::encode(value, &mut copied).expect("the value can be encoded");
    let given = bytes(<Blob<T> as Returned<C>>::payload(
        value.clone(),
        ValueEncoding::Native,
    ));
    assert_eq!(given, copied);
    let packet = [b"head", &copied[..]].concat();
    let answer = Bytes::from(packet).slice(4..);
    let decoded = <Blob<T> as Returned<C>>::from_packet(answer);
    assert_eq!(decoded.as_ref(), Ok(value));

    let mut copied = Encoder::<C>::new();
    <Blob<T> as Argument<C>>::put(value, &mut copied);
    let copied = copied.finish().expect("the value can be encoded");
    let given = || {
        let mut given = Encoder::<C>::new();
        <Blob<T> as Argument<C>>::give(value.clone(), &mut given);
        given
    };
    assert_eq!(bytes(given().payload()), copied);
    assert_eq!(given().finish().expect("the value can be encoded"), copied);
    let mut arguments = Decoder::<C>::new(&copied);
    assert_eq!(
        <Blob<T> as Argument<C>>::take(&mut arguments).as_ref(),
        Some(value)
    );
    assert_eq!(arguments.end(), Some(()));
}

fn check_all<C>()
where
    C: Encodes<Blob<Vec<u8>>> + Encodes<Blob<Bytes>> + Encodes<Blob<[u8; SMALL + 1]>>,
{
    for length in LENGTHS {
        let value: Vec<u8> = (0..length).map(|at| at.to_le_bytes()[0]).collect();
        check::<C, _>(&value);
        check::<C, _>(&Bytes::from(value));
    }
    check::<C, _>(&[7; SMALL + 1]);
}

/// Arguments after many bytes keep their order.
fn check_order<C: Encodes<Blob<Vec<u8>>> + Encodes<Slice8>>() {
    let [first, last] = [vec![1; SMALL + 1], vec![3; SMALL + 2]];
    let between = &[2; 5][..];
    for named in [false, true] {
        let new = || {
            if named {
                Encoder::<C>::named(&["first", "between", "last"])
            } else {
                Encoder::<C>::new()
            }
        };
        let (mut copied, mut given) = (new(), new());
        <Blob<Vec<u8>> as Argument<C>>::put(&first, &mut copied);
        <Blob<Vec<u8>> as Argument<C>>::give(first.clone(), &mut given);
        <Slice8 as Argument<C>>::put(&between, &mut copied);
        <Slice8 as Argument<C>>::put(&between, &mut given);
        <Blob<Vec<u8>> as Argument<C>>::put(&last, &mut copied);
        <Blob<Vec<u8>> as Argument<C>>::give(last.clone(), &mut given);
        let copied = copied.finish().expect("the values can be encoded");
        assert_eq!(bytes(given.payload()), copied);
    }
}

#[test]
fn many_bytes_are_encoded_like_few() {
    check_all::<Raw>();
    check_all::<Bincode>();
    check_order::<Bincode>();
    #[cfg(feature = "postcard")]
    {
        check_all::<crate::codec::Postcard>();
        check_order::<crate::codec::Postcard>();
    }
    #[cfg(feature = "messagepack")]
    {
        check_all::<crate::codec::MessagePack>();
        check_order::<crate::codec::MessagePack>();
    }
    #[cfg(feature = "json")]
    {
        check_all::<crate::codec::Json>();
        check_order::<crate::codec::Json>();
    }
}

/// Neither side copies many bytes.
#[test]
fn many_bytes_are_not_copied() {
    let value = vec![7; SMALL + 1];
    let at = value.as_ptr();
    let payload = <Blob<Vec<u8>> as Returned<Bincode>>::payload(value, ValueEncoding::Native);
    let large = payload.expect("the value can be encoded").take_large();
    assert_eq!(large.as_ptr(), at);

    let mut encoded = Vec::new();
    let value = Bytes::from(vec![7; SMALL + 1]);
    <Bincode as Encodes<Blob<Bytes>>>::encode(&value, &mut encoded)
        .expect("the value can be encoded");
    let (start, len) = (encoded.as_ptr(), encoded.len());
    let packet = Bytes::from(encoded);
    let decoded = <Blob<Bytes> as Returned<Bincode>>::from_packet(packet.clone());
    let prefix = len - value.len();
    assert_eq!(
        decoded.expect("the value is bytes").as_ptr(),
        &raw const packet[prefix]
    );
    // A vector takes over the packet's memory if it is not shared.
    let decoded = <Blob<Vec<u8>> as Returned<Bincode>>::from_packet(packet);
    let decoded = decoded.expect("the value is bytes");
    assert_eq!(decoded, value);
    assert_eq!(decoded.as_ptr(), start);
}

/// A mostly empty vector is copied, so that its spare capacity is not kept until the bytes are sent.
#[test]
fn a_vector_with_spare_capacity_is_copied() {
    let mut value = Vec::with_capacity(10 * SMALL);
    value.resize(SMALL + 1, 7);
    let at = value.as_ptr();
    let payload = <Blob<Vec<u8>> as Returned<Bincode>>::payload(value, ValueEncoding::Native);
    let large = payload.expect("the value can be encoded").take_large();
    assert!(large.as_ptr() != at && large.len() > SMALL);
}

#[test]
fn values_other_than_bytes_are_rejected() {
    fn refused<C: Encodes<Blob<Vec<u8>>>>(bytes: &[u8]) {
        let packet = Bytes::copy_from_slice(bytes);
        assert!(<Blob<Vec<u8>> as Returned<C>>::from_packet(packet).is_err());
    }
    // A length with too few bytes after it, one with too many, and a missing length.
    let mut some = vec![251, 0, 0x80];
    some.resize(SMALL * 4, 1);
    refused::<Bincode>(&some);
    some[1..3].copy_from_slice(&[0, 0x20]);
    refused::<Bincode>(&some);
    some[0] = 255;
    refused::<Bincode>(&some);
    #[cfg(feature = "messagepack")]
    {
        use crate::codec::MessagePack;
        refused::<MessagePack>(&some);
        some[..3].copy_from_slice(&[0xc5, 0x80, 0]);
        refused::<MessagePack>(&some);
        some[..3].copy_from_slice(&[0xdc, 0x7f, 0xfd]);
        refused::<MessagePack>(&some);
    }
    #[cfg(feature = "postcard")]
    {
        some[..3].copy_from_slice(&[0xff, 0xff, 0x7f]);
        refused::<crate::codec::Postcard>(&some);
    }
    let wrong = <Blob<[u8; SMALL + 2]> as Returned<Raw>>::from_packet(some.into());
    let error = wrong.expect_err("it has another length").to_string();
    assert_eq!(
        error,
        format!("expected {} bytes, got {}", SMALL + 2, SMALL * 4)
    );
}
