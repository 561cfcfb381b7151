use chirp_runtime::packet::{Header, PacketType};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::feed::{feed, packet};
use crate::oracle;

/// The payload limit of most tests.
const LIMIT: usize = 6000;

const KNOWN: [PacketType; 3] = [
    PacketType::REQUEST,
    PacketType::RESPONSE,
    PacketType::CANCEL,
];

fn kind() -> impl Strategy<Value = PacketType> {
    prop_oneof![
        9 => proptest::sample::select(&KNOWN[..]),
        1 => any::<u16>().prop_map(PacketType),
    ]
}

/// A packet of any type, length or protocol.
fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    let length = prop_oneof![
        0..40_usize,
        4090..4100_usize,
        5995..6005_usize,
        0..20_000_usize
    ];
    let protocol = prop_oneof![9 => Just(0), 1 => any::<u8>()];
    (kind(), protocol, length, any::<u8>()).prop_map(|(kind, protocol, length, fill)| {
        let length = if kind == PacketType::CANCEL && protocol == 0 {
            4
        } else {
            length
        };
        let mut bytes = packet(kind, &vec![fill; length]);
        bytes[1] = protocol;
        bytes
    })
}

/// Headers mixed with bytes that need not be packets.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let header = (kind(), 0_u32..200, any::<bool>()).prop_map(|(kind, length, huge)| {
        let length = if huge { u32::MAX - length } else { length };
        Header::new(kind, length).encode().to_vec()
    });
    let piece = prop_oneof![
        2 => header,
        2 => any_packet(),
        1 => vec(any::<u8>(), 0..40),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn pieces() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1..20_usize, 1..10_000_usize], 1..12)
}

proptest! {
    /// The result does not depend on how the bytes are split.
    #[test]
    fn pieces_of_any_size_give_the_same_packets(packets in vec(any_packet(), 0..8), pieces in pieces()) {
        let bytes = packets.concat();
        let expected = oracle::decode(&bytes, LIMIT);
        prop_assert_eq!(expected.0.len(), packets.len());
        prop_assert_eq!(&feed(&bytes, LIMIT, &pieces), &expected);
        prop_assert_eq!(&feed(&bytes, LIMIT, &[usize::MAX]), &expected);
    }

    /// Invalid bytes are refused at the same position for the same reason, however they are split.
    #[test]
    fn garbage_in_pieces(bytes in garbage(), pieces in pieces(), limit in 0_usize..8000) {
        prop_assert_eq!(feed(&bytes, limit, &pieces), oracle::decode(&bytes, limit));
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300), pieces in pieces()) {
        prop_assert_eq!(feed(&bytes, LIMIT, &pieces), oracle::decode(&bytes, LIMIT));
    }
}

/// The end of a channel is clean between packets and nowhere else. Tested at every cut of a stream that has
/// packets of all kinds.
#[test]
fn every_cut_of_a_stream() {
    let stream = [
        packet(PacketType::REQUEST, b"\0\0\0\x01\x04echohi"),
        packet(PacketType(300), b"custom"),
        packet(PacketType::RESPONSE, b"\0\0\0\x01\0hi"),
        packet(PacketType::REQUEST, &[b'!'; 200]),
        packet(PacketType::CANCEL, b"\0\0\0\x01"),
        packet(PacketType::REQUEST, b""),
        packet(PacketType::RESPONSE, &[b'.'; 4500]),
        packet(PacketType::CANCEL, b"\0\0\0\x02"),
    ];
    // The longer payload is too large for the first limit only.
    for limit in [100, 5000] {
        let bytes = stream.concat();
        let mut clean = 0;
        for cut in 0..=bytes.len() {
            let expected = oracle::decode(&bytes[..cut], limit);
            clean += usize::from(expected.1.is_ok());
            for piece in [1000, 9] {
                assert_eq!(
                    feed(&bytes[..cut], limit, &[piece]),
                    expected,
                    "cut at {cut}, in pieces of {piece}"
                );
            }
        }
        assert_eq!(clean, stream.len() + 1);
    }
}
