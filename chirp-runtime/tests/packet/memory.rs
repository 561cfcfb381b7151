use bytes::BufMut;
use chirp_runtime::packet::{Header, IncomingPacket, PacketDecoder, PacketError, PacketType};

use crate::feed::{feed, header, packet, read};

/// The size of the buffer that is read into next.
fn held(decoder: &mut PacketDecoder) -> usize {
    decoder.buffer().get_ref().capacity()
}

/// CH-T55, invariant 8: an announced length does not allocate memory.
#[test]
fn a_header_that_claims_two_gibibytes() {
    let claims = 2 << 30;
    // Lengths within the limit, over it, and of discarded packets.
    let table = [
        (PacketType::REQUEST, usize::MAX),
        (PacketType::RESPONSE, usize::MAX),
        (PacketType::REQUEST, 16 << 20),
        (PacketType::RESPONSE, 16 << 20),
        (PacketType(9), 16 << 20),
    ];
    for (kind, limit) in table {
        let mut decoder = PacketDecoder::new(limit);
        decoder.buffer().put_slice(&header(kind, claims));
        let _ = decoder.decode();
        assert!(held(&mut decoder) <= 64 << 10, "{kind}, limit {limit}");
        let missing = u64::from(claims);
        assert_eq!(decoder.finish(), Err(PacketError::ShortPayload { missing }));
    }
}

/// Memory is at most twice what has arrived, plus the rest of the read buffer.
#[test]
fn a_payload_that_partly_arrives() {
    let mut bytes = header(PacketType::REQUEST, 2 << 30);
    bytes.resize(3 << 20, b'.');
    let (packets, end) = feed(&bytes, usize::MAX, &[10_000]);
    assert_eq!(packets, []);
    let missing = (2 << 30) + 8 - (3 << 20);
    assert_eq!(end, Err(PacketError::ShortPayload { missing }));
}

/// After a payload of the same size, memory for up to 2 MiB is allocated at once, so that payloads of equal
/// size are not moved while they arrive.
#[test]
fn a_payload_like_the_last_one() {
    const MIB: usize = 1 << 20;
    let mut decoder = PacketDecoder::new(usize::MAX);
    let mut pass = |length: usize| {
        let bytes = packet(PacketType::REQUEST, &vec![b'.'; length]);
        let mut left = &bytes[..];
        read(&mut decoder, &mut left, Header::LEN);
        assert_eq!(decoder.decode(), Ok(None));
        let first = held(&mut decoder);
        while decoder.decode().expect("it is a packet").is_none() {
            read(&mut decoder, &mut left, usize::MAX);
        }
        first
    };
    assert_eq!(pass(MIB), 64 << 10);
    assert_eq!(pass(MIB), MIB);
    assert_eq!(pass(MIB + 100), MIB + 100);
    assert_eq!(pass(4 * MIB), MIB + 100);
    assert_eq!(pass(4 * MIB), 2 * MIB);
    assert_eq!(pass(5000), 5000);
    assert_eq!(pass(MIB), 64 << 10);
}

/// Successive payloads of equal size are each read with their header into memory of their own, and are not
/// moved.
#[test]
fn a_payload_like_the_last_one_is_not_copied() {
    let mut decoder = PacketDecoder::new(1 << 20);
    let large = packet(PacketType::REQUEST, &vec![b'.'; 16 << 10]);
    let mut left = &large[..];
    while decoder.decode().expect("it is a packet").is_none() {
        read(&mut decoder, &mut left, usize::MAX);
    }
    let small = packet(PacketType::REQUEST, b"\0\0\0\x01");
    for pieces in [&[usize::MAX][..], &[10_000, 3]] {
        let place = decoder.buffer().get_ref().as_ptr();
        assert_eq!(held(&mut decoder), large.len());
        let mut left = &large[..];
        let mut pieces = pieces.iter().cycle();
        let payload = loop {
            read(
                &mut decoder,
                &mut left,
                *pieces.next().expect("there are pieces"),
            );
            match decoder.decode().expect("it is a packet") {
                Some(IncomingPacket::Packet { payload, .. }) => break payload,
                other => assert_eq!(other, None),
            }
        };
        assert!(left.is_empty());
        assert_eq!(payload, large[Header::LEN..]);
        assert_eq!(payload.as_ptr(), place.wrapping_add(Header::LEN));
        assert!(payload.is_unique(), "it shares its memory");
    }
    // The same with packets of other sizes between them.
    let mixed = [&small[..], &large, &small, &small, &large, &large].concat();
    let mut left = &mixed[..];
    let mut lengths = Vec::new();
    while lengths.len() < 6 {
        match decoder.decode().expect("they are packets") {
            Some(IncomingPacket::Packet { payload, .. }) => lengths.push(payload.len()),
            other => {
                assert_eq!(other, None);
                read(&mut decoder, &mut left, 9000);
            }
        }
    }
    assert_eq!(lengths, [4, 16 << 10, 4, 4, 16 << 10, 16 << 10]);
}

/// Skipping a payload needs no memory, however long it is.
#[test]
fn skipped_payloads_are_not_kept() {
    let mut decoder = PacketDecoder::new(100);
    decoder
        .buffer()
        .put_slice(&header(PacketType::REQUEST, u32::MAX));
    let piece = vec![0; 1 << 20];
    let mut left = &piece[..];
    while !left.is_empty() {
        let _ = decoder.decode();
        let held = read(&mut decoder, &mut left, usize::MAX);
        assert!(held <= 128 << 10, "{held}");
    }
}

/// Between packets, the decoder holds no part of a payload.
#[test]
fn a_large_payload_leaves_with_its_packet() {
    let mut decoder = PacketDecoder::new(16 << 20);
    let bytes = packet(PacketType::REQUEST, &vec![b'.'; 8 << 20]);
    let mut left = &bytes[..];
    while decoder.decode().expect("it is a packet").is_none() {
        read(&mut decoder, &mut left, usize::MAX);
    }
    assert!(held(&mut decoder) <= 128 << 10);
}

/// A connection does not keep the memory of an earlier busy time.
#[test]
fn a_read_buffer_shrinks_when_reads_are_small_again() {
    let mut decoder = PacketDecoder::new(1 << 20);
    let small = packet(PacketType::CANCEL, b"\0\0\0\x01");
    let burst = small.repeat(40_000);
    let mut left = &burst[..];
    while !left.is_empty() {
        read(&mut decoder, &mut left, usize::MAX);
        while decoder.decode().expect("they are packets").is_some() {}
    }
    assert!(held(&mut decoder) >= 64 << 10, "it grew");
    for _ in 0..4 {
        read(&mut decoder, &mut &small[..], usize::MAX);
        assert!(decoder.decode().expect("it is a packet").is_some());
    }
    assert!(held(&mut decoder) <= 8 << 10, "{}", held(&mut decoder));
}

/// A held item keeps its own packet in memory, and not the packets that arrived with it.
#[test]
fn items_share_no_memory_with_other_packets() {
    let mut decoder = PacketDecoder::new(1 << 20);
    let items = packet(PacketType::STREAM_ITEMS, b"\0\0\0\x01\0\x01\0\0\0\x01.");
    let cancel = packet(PacketType::CANCEL, b"\0\0\0\x01");
    let bytes = [&items[..], &cancel, &items, &cancel].concat();
    read(&mut decoder, &mut &bytes[..], usize::MAX);
    let mut next = || decoder.decode_with(PacketType::is_of_streams);
    let kept: Vec<_> = std::iter::from_fn(|| next().expect("they are packets")).collect();
    assert_eq!(kept.len(), 4);
    for incoming in kept {
        if let IncomingPacket::Packet { kind, payload } = incoming
            && kind == PacketType::STREAM_ITEMS
        {
            assert!(payload.is_unique(), "it shares its memory");
        }
    }
}
