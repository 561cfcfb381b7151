use bytes::Bytes;
use chirp_runtime::packet::{
    Cancel, ErrorData, Header, IncomingPacket, PacketError, PacketType, RequestPacket,
    ResponsePacket,
};

use crate::feed::{feed, header, packet};

/// Checks the error message for the bytes of a channel that then ended. It is empty for valid packets.
fn check(name: &str, bytes: &[u8], expected: &str) {
    for piece in [1, 7, usize::MAX] {
        let (packets, end) = feed(bytes, 1 << 20, &[piece]);
        let valid = packets.into_iter().try_for_each(validate).and(end);
        let said = valid.err().map(|error| error.to_string());
        let said = said.unwrap_or_default();
        assert!(said.contains(expected), "{name}: {said:?}");
        assert_eq!(said.is_empty(), expected.is_empty(), "{name}: {said:?}");
    }
}

fn validate(incoming: IncomingPacket) -> Result<(), PacketError> {
    match incoming {
        IncomingPacket::Packet { kind, payload } => match kind {
            PacketType::REQUEST => RequestPacket::decode(payload).map(drop),
            PacketType::RESPONSE => ResponsePacket::decode(payload).map(drop),
            _ => Cancel::decode(&payload).map(drop),
        },
        IncomingPacket::Oversized { .. } | IncomingPacket::Discarded(_) => Ok(()),
    }
}

#[test]
fn bytes_that_are_not_chirp() {
    let table: &[(&str, &[u8], &str)] = &[
        ("nothing at all", b"", ""),
        (
            "CH-T13",
            b"*?\0\x02\0\0\0\0",
            "invalid protocol magic: expected c7, got 2a",
        ),
        (
            "CH-T14",
            b"\xc7\0\0\x02\0\0",
            "short packet header: the channel ended after 6 of 8 bytes",
        ),
        (
            "CH-T15",
            b"\xc7\0\0\x02\0\0\0\x0aabcd",
            "short payload: the channel ended 6 bytes before",
        ),
        (
            "CH-T53",
            b"\xc7\0\0\x02\0\0\0\x0a",
            "short payload: the channel ended 10 bytes before",
        ),
        (
            "the first of two packets is whole",
            b"\xc7\0\0\x03\0\0\0\x04abcd\xc7",
            "short packet header",
        ),
        (
            "a packet to be discarded is short too",
            b"\xc7\0\0\x64\0\0\0\x02a",
            "short payload: the channel ended 1 bytes before",
        ),
        (
            "a wrong magic after a packet",
            b"\xc7\0\0\x03\0\0\0\x04abcd\0\0\0\x03\0\0\0\x04abcd",
            "got 00",
        ),
        // CH-T20: packets of other protocols are ignored.
        ("CH-T20", b"\xc7\x63\0\x02\0\0\0\x07garbage", ""),
        ("CH-T19", b"\xc7\0\0\x64\0\0\0\x08reserved", ""),
        ("an empty packet of type 0", b"\xc7\0\0\0\0\0\0\0", ""),
    ];
    for (name, bytes, expected) in table {
        check(name, bytes, expected);
    }
}

/// CH-T20, byte for byte.
#[test]
fn a_header_of_another_protocol() {
    let header = Header {
        protocol: 99,
        kind: PacketType::REQUEST,
        length: 1,
    };
    assert_eq!(header.encode(), *b"\xc7\x63\0\x02\0\0\0\x01");
}

#[test]
fn invalid_payloads() {
    let table: &[(&str, PacketType, &[u8], &str)] = &[
        (
            "CH-T16",
            PacketType::REQUEST,
            b"X",
            "request id is truncated (needs 4 bytes, has 1)",
        ),
        (
            "no name length",
            PacketType::REQUEST,
            b"\0\0\0\x01",
            "method name length is truncated",
        ),
        (
            "a short name",
            PacketType::REQUEST,
            b"\0\0\0\x01\x05abcd",
            "method name is truncated (needs 5 bytes, has 4)",
        ),
        ("an empty name", PacketType::REQUEST, b"\0\0\0\x01\0", ""),
        (
            "CH-T17",
            PacketType::RESPONSE,
            b"\0\0\0\x01\x64",
            "result code 100",
        ),
        (
            "result code 5",
            PacketType::RESPONSE,
            b"\0\0\0\x01\x05",
            "result code 5",
        ),
        (
            "no result code",
            PacketType::RESPONSE,
            b"\0\0\0\x01",
            "result code is truncated",
        ),
        (
            "the empty error",
            PacketType::RESPONSE,
            b"\0\0\0\x01\x04",
            "",
        ),
        (
            "a short error",
            PacketType::RESPONSE,
            b"\0\0\0\x01\x04\0\x01\0",
            "invalid error data",
        ),
        (
            "data that only looks like a short error",
            PacketType::RESPONSE,
            b"\0\0\0\x01\0\0\x01\0",
            "",
        ),
        (
            "an empty cancel",
            PacketType::CANCEL,
            b"",
            "its payload is 0 bytes, not 4",
        ),
        (
            "a short cancel",
            PacketType::CANCEL,
            b"\0\0\x01",
            "its payload is 3 bytes, not 4",
        ),
        (
            "a long cancel",
            PacketType::CANCEL,
            b"12345",
            "its payload is 5 bytes, not 4",
        ),
    ];
    for (name, kind, payload, expected) in table {
        check(name, &packet(*kind, payload), expected);
    }
}

/// The rest of the packet need not have arrived.
#[test]
fn a_long_cancel_is_refused_by_its_header() {
    let (packets, end) = feed(&header(PacketType::CANCEL, u32::MAX), 1 << 20, &[8]);
    assert_eq!(packets, []);
    assert_eq!(end, Err(PacketError::CancelLength(u32::MAX)));
}

/// CH-T26.
#[test]
fn invalid_error_data() {
    let table: &[(&[u8], &str)] = &[
        (b"\0", "truncated"),
        (b"\0\x01", "truncated"),
        (b"\0\x01\0", "truncated"),
        (b"\0\x01\0\x04abc", "message is truncated"),
        (b"\x01\x02\0\x04abc\xc0----", "not UTF-8"),
        // The message's length cuts a character.
        (b"\0\x01\0\x01\xc3\xa9", "not UTF-8"),
    ];
    for (bytes, expected) in table {
        let error = ErrorData::decode(Bytes::from_static(bytes)).expect_err("it is malformed");
        assert!(
            error.to_string().contains(expected),
            "{bytes:02x?}: {error}"
        );
    }
}
