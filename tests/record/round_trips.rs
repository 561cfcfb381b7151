//! Records of peers, written and read again.

use std::time::{Duration, SystemTime};

use chirp::packet::PacketType;
use chirp::record::{
    CaptureEvent, CaptureReader, CaptureWriter, CapturedPacket, Origin, PacketSplitter, Recorder,
    Segment, SegmentFlags,
};

use crate::support::{LINKS, packet, request, response};
use crate::traffic::{Memory, packets, record_traffic};

#[tokio::test]
async fn a_record_has_every_packet_in_order() {
    for link in LINKS {
        let output = Memory::default();
        let recorder = Recorder::new(output.clone()).expect("a thread");
        record_traffic(&recorder, link).await;
        let events = output.events();
        let found = packets(&events);
        let count = |kind| {
            let is_kind = |packet: &&CapturedPacket| packet.header.kind == kind;
            found.iter().filter(is_kind).count()
        };
        let kinds: Vec<_> = found.iter().map(|it| (it.origin, it.header.kind)).collect();
        let hellos = found.iter().filter(|packet| {
            let mut words = packet.payload.windows(11);
            packet.header.kind == PacketType::REQUEST && words.any(|word| word == b"chirp.hello")
        });
        // Seven calls, one call back, and a one-way call, which is an ordinary one until extensions are known.
        let calls = count(PacketType::REQUEST) - hellos.count() + count(PacketType::ONE_WAY);
        assert_eq!(calls, 9, "{link:?} {kinds:?}");
        assert_eq!(count(PacketType::RESPONSE), count(PacketType::REQUEST));
        assert_eq!(count(PacketType::CANCEL), 1);
        assert!(count(PacketType::STREAM_ITEMS) >= 2);
        assert!(found.iter().all(|packet| packet.missing == 0));
        assert!(found.is_sorted_by_key(|packet| packet.time));
        // A response is never before its request.
        let place = |kind, origin| {
            let mut places = found.iter().enumerate();
            let is = |(_, packet): &(usize, &CapturedPacket)| {
                packet.header.kind == kind && packet.origin == origin
            };
            places.find(is).expect("a packet").0
        };
        assert!(
            place(PacketType::REQUEST, Origin::Client)
                < place(PacketType::RESPONSE, Origin::Server)
        );
        assert!(
            place(PacketType::REQUEST, Origin::Server)
                < place(PacketType::RESPONSE, Origin::Client)
        );
        let large = found.iter().map(|packet| packet.payload.len()).max();
        assert!(large > Some(300 << 10));
        let ends = events
            .iter()
            .filter(|event| matches!(event, CaptureEvent::Ended { .. }));
        assert_eq!(ends.count(), 2, "{link:?}");
        assert_eq!(recorder.stats().lost_packets, 0);
        assert_eq!(recorder.stats().packets, found.len() as u64);
    }
}

#[tokio::test]
async fn times_are_those_of_the_clock_in_nanoseconds() {
    let now = || {
        SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .expect("after 1970")
    };
    let output = Memory::default();
    let recorder = Recorder::new(output.clone()).expect("a thread");
    let before = now();
    record_traffic(&recorder, crate::support::Link::Memory).await;
    let after = now();
    let found = packets(&output.events());
    assert!(found[0].time >= before.saturating_sub(Duration::from_secs(1)));
    assert!(found[found.len() - 1].time <= after + Duration::from_secs(1));
    assert!(
        found
            .iter()
            .any(|packet| packet.time.subsec_nanos() % 1000 != 0)
    );
}

/// Each connection has a name of its own, and several are told apart.
#[tokio::test]
async fn connections_are_told_apart() {
    let output = Memory::default();
    let recorder = Recorder::new(output.clone()).expect("a thread");
    for _ in 0..3 {
        record_traffic(&recorder, crate::support::Link::Tcp).await;
    }
    let events = output.events();
    let opened: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            CaptureEvent::Opened {
                connection,
                client,
                comment,
                ..
            } => {
                assert!(comment.contains("tcp://127.0.0.1:"), "{comment}");
                Some((*connection, *client))
            }
            _ => None,
        })
        .collect();
    assert_eq!(opened.len(), 3);
    assert_eq!([opened[0].0, opened[1].0, opened[2].0], [1, 2, 3]);
    assert!(opened[0].1 != opened[1].1 && opened[1].1 != opened[2].1);
}

/// However bytes are cut, packets come out whole, each at the start of a piece.
#[test]
fn pieces_begin_with_packets() {
    let mut bytes = request(1, "a", b"x");
    bytes.extend(packet(PacketType(200), &vec![3; 150_000]));
    bytes.extend(response(1, 0, b""));
    for size in [1, 7, 8, 9, 4096, 60_000, 60_001, usize::MAX] {
        let mut splitter = PacketSplitter::default();
        let mut pieces = Vec::new();
        for chunk in bytes.chunks(size.min(bytes.len())) {
            splitter.push(chunk, |piece| pieces.push(piece));
        }
        splitter.finish(|piece| pieces.push(piece));
        let lengths: Vec<_> = pieces.iter().map(|piece| piece.data.len()).collect();
        assert_eq!(
            lengths,
            [15, 60_000, 60_000, 30_008, 13],
            "chunks of {size}"
        );
        let firsts: Vec<_> = pieces.iter().map(|piece| piece.is_first).collect();
        assert_eq!(firsts, [true, true, false, false, true]);
        let lasts: Vec<_> = pieces.iter().map(|piece| piece.is_last).collect();
        assert_eq!(lasts, [true, false, false, true, true]);
        let joined: Vec<u8> = pieces
            .iter()
            .flat_map(|piece| piece.data.to_vec())
            .collect();
        assert_eq!(joined, bytes);
    }
}

/// Bytes that are no packets are recorded, too, and harm nothing.
#[test]
fn other_protocols_are_recorded_as_they_are() {
    let mut splitter = PacketSplitter::default();
    let mut joined = Vec::new();
    let text = b"GET / HTTP/1.1\r\n\r\n".repeat(10_000);
    splitter.push(&text, |piece| joined.extend_from_slice(&piece.data));
    splitter.finish(|piece| joined.extend_from_slice(&piece.data));
    assert_eq!(joined, text);
}

/// The fields of a segment are written in their places, with correct checksums.
#[test]
fn a_segment_is_written_as_ip_and_tcp() {
    let mut file = Vec::new();
    let mut writer = CaptureWriter::new(&mut file, "test").expect("memory");
    let segment = Segment {
        time: Duration::new(1_700_000_000, 123_456_789),
        source: "192.0.2.1:50000".parse().expect("an address"),
        destination: "192.0.2.2:51143".parse().expect("an address"),
        sequence: 0x0102_0304,
        acknowledgment: 5,
        flags: SegmentFlags::PSH.and(SegmentFlags::ACK),
        data: vec![1, 2, 3].into(),
        lost: 0,
        comment: String::new(),
    };
    writer.write(&segment).expect("memory");
    let frame = &file[file.len() - 48..file.len() - 4];
    let expected = [
        0x45, 0, 0, 43, 0, 1, 0x40, 0, 64, 6, 0xb6, 0xbb, 192, 0, 2, 1, 192, 0, 2, 2, // IP
        0xc3, 0x50, 0xc7, 0xc7, 1, 2, 3, 4, 0, 0, 0, 5, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0, 1, 2,
        3, 0,
    ];
    let without_sum = |frame: &[u8]| {
        let mut frame = frame.to_vec();
        frame[10..12].fill(0);
        frame[36..38].fill(0);
        frame
    };
    assert_eq!(without_sum(frame), without_sum(&expected));
    // A checksum over everything, itself included, is zero.
    let sum = |words: &[u8]| {
        let mut sum: u32 = words
            .chunks(2)
            .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]))
            .sum();
        while sum > 0xFFFF {
            sum = (sum >> 16) + (sum & 0xFFFF);
        }
        sum
    };
    assert_eq!(sum(&frame[..20]), 0xFFFF);
    let mut pseudo = frame[12..20].to_vec();
    pseudo.extend([0, 6, 0, 23]);
    pseudo.extend(&frame[20..44]);
    assert_eq!(sum(&pseudo), 0xFFFF);
    let events: Vec<_> = CaptureReader::new(&file[..]).collect();
    assert!(events.is_empty(), "no packets: {events:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_user_can_read_a_record() {
    use std::os::unix::fs::PermissionsExt;

    let path = crate::support::socket_path().with_extension("pcapng");
    std::fs::write(&path, "old").expect("a file");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("a file");
    let recorder = Recorder::create(&path).expect("a record");
    record_traffic(&recorder, crate::support::Link::Memory).await;
    let mode = std::fs::metadata(&path)
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let file = std::fs::File::open(&path).expect("a file");
    let events: Result<Vec<_>, _> = CaptureReader::new(file).collect();
    assert!(packets(&events.expect("a capture")).len() > 20);
    std::fs::remove_file(&path).expect("a file");
}
