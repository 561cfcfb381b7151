use bytes::Bytes;
use chirp_runtime::packet::{
    Compressed, Compressor, Header, IncomingPacket, PacketError, PacketType, RequestPacket,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// The payload limit of most tests.
const LIMIT: usize = 1 << 16;

/// The block in section 10.9 of PROTOCOL.md.
const BLOCK: &[u8] = b"\xaf\0\0\0\x01\x04\x65\x63\x68\x6f\x61\x01\0\x27\x50\x61\x61\x61\x61\x61";

const CARRIERS: [PacketType; 4] = [
    PacketType::REQUEST,
    PacketType::RESPONSE,
    PacketType::STREAM_ITEMS,
    PacketType::ONE_WAY,
];

/// The payload of a compressed packet, with any values.
fn written(kind: PacketType, length: u32, block: &[u8]) -> Bytes {
    [&kind.0.to_be_bytes()[..], &length.to_be_bytes(), block]
        .concat()
        .into()
}

fn unpack(payload: Bytes, limit: usize) -> Result<(PacketType, Bytes), PacketError> {
    let compressed = Compressed::decode(payload, limit)?;
    Ok((compressed.kind, compressed.unpack()?))
}

#[test]
fn the_packet_of_the_specification() {
    let mut inside = Vec::new();
    RequestPacket::encode_head(&mut inside, 1, b"echo", 64);
    inside.extend([b'a'; 64]);
    let inside = &inside[Header::LEN..];
    let payload = written(PacketType::REQUEST, 73, BLOCK);
    assert_eq!(payload.len(), 0x1a);
    let compressed = Compressed::decode(payload.clone(), LIMIT).expect("it is valid");
    assert_eq!(
        (compressed.kind, compressed.length),
        (PacketType::REQUEST, 73)
    );
    assert_eq!(compressed.unpack().expect("it is valid"), inside);
    assert_eq!(
        compressed.to_string(),
        "Compressed Request of 73 bytes in 26"
    );

    // There are several encodings of the same data, and this side's is one byte longer.
    let mut packer = Compressor::default();
    let shorter = packer.pack(PacketType::REQUEST, inside, b"");
    let ours = Bytes::copy_from_slice(shorter.expect("it is shorter"));
    assert_eq!(ours.len(), 0x1b);
    let (head, body) = inside.split_at(20);
    let parted = packer.pack(PacketType::REQUEST, head, body);
    assert_eq!(parted, Some(&ours[..]), "in two pieces");
    let unpacked = unpack(ours, LIMIT).expect("it is valid");
    assert_eq!(unpacked, (PacketType::REQUEST, inside.to_vec().into()));
}

#[test]
fn only_some_packet_types_may_be_compressed() {
    for kind in (0..=300).chain(0xC6FF..=0xC711).map(PacketType) {
        let decoded = Compressed::decode(written(kind, 73, BLOCK), LIMIT);
        let expected = PacketError::Compressed("the inner packet type may not be compressed");
        if CARRIERS.contains(&kind) {
            assert!(decoded.is_ok(), "{kind}");
        } else {
            assert_eq!(decoded, Err(expected), "{kind}");
        }
    }
}

/// CS-W4: no memory is allocated for a claimed length.
#[test]
fn invalid_compressed_packets() {
    let request = PacketType::REQUEST;
    let table: &[(&str, Bytes, &str)] = &[
        ("nothing", Bytes::new(), "truncated"),
        (
            "half a head",
            written(request, 73, b"").slice(..5),
            "truncated",
        ),
        ("no block", written(request, 0, b""), "corrupt"),
        (
            "no block, of something",
            written(request, 1, b""),
            "what the block can expand to",
        ),
        (
            "more than is taken",
            written(request, 65_537, &[0; 1000]),
            "payload limit",
        ),
        (
            "four gigabytes",
            written(request, u32::MAX, BLOCK),
            "payload limit",
        ),
        (
            "more than there can be",
            written(request, 20 * 255 + 1, BLOCK),
            "what the block can expand to",
        ),
        (
            "as much as there could be",
            written(request, 20 * 255, BLOCK),
            "does not have the declared length",
        ),
        ("one byte too few", written(request, 72, BLOCK), "corrupt"),
        (
            "one byte too many",
            written(request, 74, BLOCK),
            "does not have the declared length",
        ),
        (
            "bytes left over",
            written(request, 73, &[BLOCK, b"\x10a"].concat()),
            "corrupt",
        ),
        (
            "a block that is cut off",
            written(request, 73, &BLOCK[..15]),
            "corrupt",
        ),
        (
            "a match with nothing",
            written(request, 73, b"\x1fa\0\0\x27\x50aaaaa"),
            "corrupt",
        ),
        (
            "a match with what was before",
            written(request, 73, b"\x1fa\x02\0\x27\x50aaaaa"),
            "corrupt",
        ),
        (
            "a length without an end",
            written(request, 255, b"\xff\xff\xff\xff"),
            "corrupt",
        ),
    ];
    for (what, payload, expected) in table {
        let error = unpack(payload.clone(), LIMIT).expect_err(what);
        // The claim is checked before memory is allocated.
        let judged_by_head = !["corrupt", "does not have the declared length"].contains(expected);
        let decoded = Compressed::decode(payload.clone(), LIMIT);
        assert_eq!(decoded.is_err(), judged_by_head, "{what}");
        assert!(
            matches!(error, PacketError::Compressed(_)),
            "{what}: {error}"
        );
        assert!(error.to_string().contains(expected), "{what}: {error}");
    }
}

/// CS-T10, CS-W4: a packet's type alone decides its format.
#[test]
fn nothing_is_guessed_from_a_payload() {
    for begins in [
        &b"lz4!"[..],
        b"\x04\x22\x4d\x18",
        &written(PacketType::REQUEST, 73, BLOCK),
    ] {
        let payload = Bytes::from([begins, &[7; 100]].concat());
        let came = IncomingPacket::Packet {
            kind: PacketType::REQUEST,
            payload,
        };
        assert_eq!(came.clone().unpack(LIMIT, |_| true), Ok(came));
    }
}

/// The rules of the inner type apply.
#[test]
fn a_packet_inside_is_discarded_like_any_other() {
    for kind in CARRIERS {
        let came = IncomingPacket::Packet {
            kind: PacketType::COMPRESSED,
            payload: written(kind, 73, BLOCK),
        };
        let discarded = IncomingPacket::Discarded(Header::new(kind, 73));
        let is_v0 = matches!(kind, PacketType::REQUEST | PacketType::RESPONSE);
        assert_eq!(
            came.clone().unpack(LIMIT, |_| false) == Ok(discarded),
            !is_v0
        );
        let taken = came.unpack(LIMIT, |_| true).expect("it is valid");
        assert!(matches!(taken, IncomingPacket::Packet { kind: inside, .. } if inside == kind));
    }
}

/// Bytes that compress well, badly or not at all.
fn data() -> impl Strategy<Value = Vec<u8>> {
    let run = (any::<u8>(), 1_usize..2000).prop_map(|(byte, times)| vec![byte; times]);
    let word = (vec(any::<u8>(), 1..20), 1_usize..200).prop_map(|(word, times)| word.repeat(times));
    let piece = prop_oneof![run, word, vec(any::<u8>(), 0..2000)];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn compression_round_trips(pieces in vec((data(), data()), 1..4), kind in 0_usize..4) {
        let mut packer = Compressor::default();
        for (head, body) in pieces {
            let whole = [&head[..], &body].concat();
            let Some(shorter) = packer.pack(CARRIERS[kind], &head, &body) else {
                continue;
            };
            prop_assert!(shorter.len() < whole.len());
            let unpacked = unpack(Bytes::copy_from_slice(shorter), whole.len());
            prop_assert_eq!(unpacked, Ok((CARRIERS[kind], whole.into())));
        }
    }

    /// A block from a peer is either refused or has exactly the claimed length.
    #[test]
    fn a_modified_block(
        whole in data(),
        claims in prop_oneof![Just(0_i64), -40_i64..40],
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop_oneof![Just(0_usize), 0_usize..20],
    ) {
        let mut packer = Compressor::default();
        let Some(shorter) = packer.pack(PacketType::RESPONSE, &whole, b"") else {
            return Ok(());
        };
        let mut block = shorter[6..].to_vec();
        for (at, byte) in changes {
            let at = at.index(block.len());
            block[at] = byte;
        }
        block.truncate(block.len() - cut.min(block.len()));
        let length = i64::try_from(whole.len()).expect("it is short") + claims;
        let length = u32::try_from(length.max(0)).expect("it is short");
        if let Ok((_, unpacked)) = unpack(written(PacketType::RESPONSE, length, &block), LIMIT) {
            prop_assert_eq!(unpacked.len(), length as usize);
        }
    }

    #[test]
    fn a_block_of_any_bytes(block in vec(any::<u8>(), 0..300), length in 0_u32..5000, kind in 0_usize..4) {
        if let Ok((_, unpacked)) = unpack(written(CARRIERS[kind], length, &block), LIMIT) {
            prop_assert_eq!(unpacked.len(), length as usize);
        }
    }
}

#[test]
fn only_payloads_that_get_shorter_are_compressed() {
    let mut packer = Compressor::default();
    let mut pack = |payload: &[u8]| {
        packer
            .pack(PacketType::REQUEST, payload, b"")
            .map(<[u8]>::len)
    };
    assert_eq!(pack(b""), None);
    assert_eq!(pack(b"as short as this"), None);
    assert_eq!(
        pack(&(0..=255).collect::<Vec<u8>>()),
        None,
        "nothing is twice in it"
    );
    let large = pack(&vec![7; 70_000]).expect("it repeats itself");
    assert!(large < 70_000 / 200, "{large}");
    assert_eq!(
        pack(&(0..=255).collect::<Vec<u8>>()),
        None,
        "and so after another"
    );
}
