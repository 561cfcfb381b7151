use chirp_runtime::packet::{Header, IncomingPacket, PacketType};

use crate::feed::{feed, packet};
use crate::oracle;

const ID: &[u8] = b"\0\0\0\x07";

/// A packet with a payload of `length` bytes that begins with an id, followed by a small packet.
fn stream(kind: PacketType, length: usize) -> Vec<u8> {
    let mut payload = ID.to_vec();
    payload.resize(length, b'.');
    let mut bytes = packet(kind, &payload);
    bytes.extend_from_slice(&packet(PacketType::REQUEST, b"\0\0\0\x08\x01m"));
    bytes
}

/// Checks whether a packet of this length is `stored`, `oversized` or `discarded`. The next packet is
/// complete in any case.
fn check(kind: PacketType, length: usize, limit: usize, expected: &str) {
    let bytes = stream(kind, length);
    for piece in [1, 5, 4096, usize::MAX] {
        let (packets, end) = feed(&bytes, limit, &[piece]);
        assert_eq!(end, Ok(()));
        let [packet, IncomingPacket::Packet { payload, .. }] = &packets[..] else {
            panic!("{packets:?} is not two packets");
        };
        let became = match packet {
            IncomingPacket::Packet { payload, .. } if payload.len() == length => "stored",
            IncomingPacket::Oversized { id: 7, .. } => "oversized",
            IncomingPacket::Discarded(_) => "discarded",
            other => panic!("{other:?}"),
        };
        assert_eq!(became, expected, "{kind} of {length} bytes, limit {limit}");
        assert_eq!(payload.len(), 6);
    }
}

#[test]
fn at_the_limit_and_one_byte_over() {
    let custom = PacketType(40_000);
    // Limits around the sizes that are copied or read separately.
    for limit in [64, 4095, 4096, 4097, 65_536, 70_000] {
        for kind in [PacketType::REQUEST, PacketType::RESPONSE] {
            check(kind, limit - 1, limit, "stored");
            check(kind, limit, limit, "stored");
            check(kind, limit + 1, limit, "oversized");
        }
        check(custom, limit, limit, "discarded");
        check(custom, limit + 1, limit, "discarded");
    }
}

/// No packet is too long to be discarded.
#[test]
fn discarded_packets_may_have_any_length() {
    let mut bytes = Header::new(PacketType(100), 3 << 20).encode().to_vec();
    bytes.resize(bytes.len() + (3 << 20), 0xC7);
    bytes.extend_from_slice(&packet(PacketType::CANCEL, ID));
    let expected = oracle::decode(&bytes, 64);
    assert_eq!(expected.0.len(), 2);
    assert_eq!(feed(&bytes, 64, &[50_000, 1]), expected);
}

/// A limit below the length of a Cancel packet does not apply to it.
#[test]
fn a_cancel_is_never_oversized() {
    for limit in 0..8 {
        let bytes = packet(PacketType::CANCEL, ID);
        let (packets, end) = feed(&bytes, limit, &[1]);
        assert_eq!(end, Ok(()));
        assert!(
            matches!(&packets[..], [IncomingPacket::Packet { payload, .. }] if payload == ID),
            "limit {limit}: {packets:?}"
        );
    }
}
