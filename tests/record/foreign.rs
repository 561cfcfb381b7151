//! Captures of live connections, as tcpdump and Wireshark write them.

use std::net::Ipv6Addr;

use chirp::packet::PacketType;
use chirp::record::{CaptureEvent, CaptureReader, CapturedPacket};

use crate::support::{packet, request, response};
use crate::traffic::packets;

const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const ACK: u8 = 16;

/// A TCP segment from one port to another.
pub(crate) fn tcp(
    ports: (u16, u16),
    sequence: u32,
    acknowledgment: u32,
    flags: u8,
    data: &[u8],
) -> Vec<u8> {
    let mut out = ports.0.to_be_bytes().to_vec();
    out.extend(ports.1.to_be_bytes());
    out.extend(sequence.to_be_bytes());
    out.extend(acknowledgment.to_be_bytes());
    // Twelve bytes of options, as Linux sends.
    out.extend([8 << 4, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    out.extend([1; 12]);
    out.extend(data);
    out
}

pub(crate) fn ipv4(payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x45, 0];
    out.extend(
        u16::try_from(20 + payload.len())
            .expect("short")
            .to_be_bytes(),
    );
    out.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
    out.extend(payload);
    out
}

fn ipv6(payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    // With destination options in front.
    out.extend(
        u16::try_from(8 + payload.len())
            .expect("short")
            .to_be_bytes(),
    );
    out.extend([60, 64]);
    out.extend(Ipv6Addr::LOCALHOST.octets());
    out.extend(Ipv6Addr::LOCALHOST.octets());
    out.extend([6, 0, 1, 4, 0, 0, 0, 0]);
    out.extend(payload);
    out
}

fn ethernet(kind: u16, payload: &[u8], vlan: bool) -> Vec<u8> {
    let mut out = vec![0; 12];
    if vlan {
        out.extend([0x81, 0, 0, 7]);
    }
    out.extend(kind.to_be_bytes());
    out.extend(payload);
    // Short frames are padded.
    out.resize(out.len().max(60), 0);
    out
}

#[derive(Clone, Copy)]
pub(crate) enum Order {
    Big,
    Little,
}

impl Order {
    fn word(self, number: u32) -> [u8; 4] {
        match self {
            Self::Big => number.to_be_bytes(),
            Self::Little => number.to_le_bytes(),
        }
    }
}

/// A file of tcpdump's.
pub(crate) fn pcap(order: Order, link: u32, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut out = order.word(0xA1B2_C3D4).to_vec();
    // Version 2.4.
    out.extend(match order {
        Order::Big => [0, 2, 0, 4],
        Order::Little => [2, 0, 4, 0],
    });
    out.extend([0; 8]);
    out.extend(order.word(262_144));
    out.extend(order.word(link));
    for (at, frame) in (0_u32..).zip(frames) {
        out.extend(order.word(1_700_000_000));
        out.extend(order.word(at));
        let length = u32::try_from(frame.len()).expect("short");
        out.extend(order.word(length));
        out.extend(order.word(length));
        out.extend(frame);
    }
    out
}

/// A file of Wireshark's, with times in microseconds and a block that no reader knows.
fn pcapng(order: Order, link: u16, frames: &[Vec<u8>]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        let length = order.word(u32::try_from(padded + 12).expect("short"));
        let mut out = order.word(kind).to_vec();
        out.extend(length);
        out.extend(body);
        out.resize(8 + padded, 0);
        out.extend(length);
        out
    };
    let mut header = order.word(0x1A2B_3C4D).to_vec();
    header.extend([0; 12]);
    let mut out = block(0x0A0D_0D0A, &header);
    let mut interface = match order {
        Order::Big => link.to_be_bytes().to_vec(),
        Order::Little => link.to_le_bytes().to_vec(),
    };
    interface.extend([0; 6]);
    out.extend(block(1, &interface));
    out.extend(block(0x0BAD, b"something else"));
    for (at, frame) in (0_u32..).zip(frames) {
        let mut body = vec![0; 4];
        body.extend(order.word(0x0006_0000));
        body.extend(order.word(at));
        let length = order.word(u32::try_from(frame.len()).expect("short"));
        body.extend(length);
        body.extend(length);
        body.extend(frame);
        out.extend(block(6, &body));
    }
    out
}

fn read(file: &[u8]) -> Vec<CaptureEvent> {
    let events = CaptureReader::new(file).collect::<Result<_, _>>();
    events.expect("a capture")
}

fn kinds(found: &[CapturedPacket]) -> Vec<(PacketType, usize, u64)> {
    let parts = found
        .iter()
        .map(|it| (it.header.kind, it.payload.len(), it.missing));
    parts.collect()
}

pub(crate) const OUT: (u16, u16) = (40_000, 9_000);
pub(crate) const BACK: (u16, u16) = (9_000, 40_000);

/// A call, with its connection's beginning and end.
fn call() -> Vec<Vec<u8>> {
    let (ask, answer) = (request(1, "a.b", b"xyz"), response(1, 0, b"!"));
    let next = |from: u32, bytes: &[u8]| from + u32::try_from(bytes.len()).expect("short");
    let (after, behind) = (next(1001, &ask), next(5001, &answer));
    vec![
        tcp(OUT, 1000, 0, SYN, b""),
        tcp(BACK, 5000, 1001, SYN | ACK, b""),
        tcp(OUT, 1001, 5001, ACK, b""),
        tcp(OUT, 1001, 5001, ACK, &ask),
        tcp(BACK, 5001, after, ACK, &answer),
        tcp(OUT, after, behind, FIN | ACK, b""),
        tcp(BACK, behind, after + 1, FIN | ACK, b""),
        tcp(OUT, after + 1, behind + 1, ACK, b""),
    ]
}

type Frame = fn(&[u8]) -> Vec<u8>;

#[test]
fn every_format_and_link_layer_is_read() {
    let segments = call();
    let links: [(u16, Frame); 8] = [
        (1, |segment| ethernet(0x0800, &ipv4(segment), false)),
        (1, |segment| ethernet(0x86DD, &ipv6(segment), true)),
        (101, ipv4),
        (101, ipv6),
        (228, ipv4),
        (0, |segment| [vec![2, 0, 0, 0], ipv4(segment)].concat()),
        (113, |segment| [vec![0; 16], ipv4(segment)].concat()),
        (276, |segment| [vec![0; 20], ipv6(segment)].concat()),
    ];
    for (link, frame) in links {
        let frames: Vec<_> = segments.iter().map(|segment| frame(segment)).collect();
        for order in [Order::Big, Order::Little] {
            let files = [
                pcap(order, link.into(), &frames),
                pcapng(order, link, &frames),
            ];
            for file in files {
                let events = read(&file);
                assert!(
                    matches!(
                        &events[..],
                        [
                            CaptureEvent::Opened { client, server, .. },
                            CaptureEvent::Packet { .. },
                            CaptureEvent::Packet { .. },
                            CaptureEvent::Ended { is_reset: false, .. },
                            CaptureEvent::Ended { is_reset: false, .. },
                        ] if client.port() == 40_000 && server.port() == 9_000
                    ),
                    "link type {link}: {events:#?}"
                );
                let expected = [(PacketType::REQUEST, 11, 0), (PacketType::RESPONSE, 6, 0)];
                assert_eq!(kinds(&packets(&events)), expected);
            }
        }
    }
}

/// Segments of one direction, each a packet of type 200 with this many bytes; captured in another order.
fn numbered(order: &[usize], sizes: &[usize]) -> Vec<CaptureEvent> {
    let mut sequence = 1001;
    let mut segments = Vec::new();
    for size in sizes {
        let data = packet(PacketType(200), &vec![0; *size]);
        segments.push(tcp(OUT, sequence, 1, ACK, &data));
        sequence += u32::try_from(data.len()).expect("short");
    }
    let mut frames = vec![ipv4(&tcp(OUT, 1000, 0, SYN, b""))];
    frames.extend(order.iter().map(|at| ipv4(&segments[*at])));
    frames.push(ipv4(&tcp(BACK, 1, sequence, ACK, b"")));
    read(&pcap(Order::Little, 228, &frames))
}

#[test]
fn segments_are_put_into_order() {
    let sizes = [1, 2, 3, 4, 5];
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 0, 3, 4, 2]] {
        let found = packets(&numbered(&order, &sizes));
        let lengths: Vec<_> = found.iter().map(|packet| packet.payload.len()).collect();
        assert_eq!(lengths, sizes, "{order:?}");
    }
}

#[test]
fn repeated_segments_count_once() {
    let events = numbered(&[0, 0, 1, 0, 2, 2, 1, 3, 4, 0], &[1, 2, 3, 4, 5]);
    let lengths: Vec<_> = packets(&events)
        .iter()
        .map(|packet| packet.payload.len())
        .collect();
    assert_eq!(lengths, [1, 2, 3, 4, 5]);
}

#[test]
fn a_missing_segment_is_a_gap() {
    let events = numbered(&[0, 2, 3], &[1, 2, 3, 4]);
    let lengths: Vec<_> = packets(&events)
        .iter()
        .map(|packet| packet.payload.len())
        .collect();
    assert_eq!(lengths, [1, 3, 4]);
    let gap = events.iter().find_map(|event| match event {
        CaptureEvent::Gap { bytes, .. } => Some(*bytes),
        _ => None,
    });
    assert_eq!(gap, Some(10));
}

/// A capture that misses a part of a large packet knows where the next packet begins, since the header says it.
#[test]
fn a_gap_inside_of_a_packet_does_not_lose_the_next() {
    let large = packet(PacketType(200), &[0; 3000]);
    let after = request(1, "a", b"");
    let whole = [large, after].concat();
    let frames = [
        ipv4(&tcp(OUT, 1000, 0, SYN, b"")),
        ipv4(&tcp(OUT, 1001, 1, ACK, &whole[..1000])),
        ipv4(&tcp(OUT, 3001, 1, ACK, &whole[2000..])),
        ipv4(&tcp(BACK, 1, 1001 + 3020, ACK, b"")),
    ];
    let events = read(&pcap(Order::Big, 228, &frames));
    assert_eq!(
        kinds(&packets(&events)),
        [(PacketType(200), 992, 2008), (PacketType::REQUEST, 6, 0)]
    );
}

/// Packets that share segments, and packets over many segments.
#[test]
fn packets_need_not_begin_segments() {
    let bytes: Vec<u8> = (0..50)
        .flat_map(|id| request(id, "name", &[0; 20]))
        .collect();
    for size in [1, 5, 36, 37, 38, 1000] {
        let mut sequence = 7_u32.wrapping_sub(500);
        let mut frames = vec![ipv4(&tcp(OUT, sequence.wrapping_sub(1), 0, SYN, b""))];
        for chunk in bytes.chunks(size) {
            frames.push(ipv4(&tcp(OUT, sequence, 1, ACK, chunk)));
            // The numbers wrap around.
            sequence = sequence.wrapping_add(u32::try_from(chunk.len()).expect("short"));
        }
        let found = packets(&read(&pcap(Order::Big, 228, &frames)));
        assert_eq!(found.len(), 50, "segments of {size}");
    }
}

/// A capture that begins in the middle of a connection begins with the first segment that begins like a packet.
#[test]
fn the_middle_of_a_connection_is_found() {
    let frames = [
        ipv4(&tcp(OUT, 9, 1, ACK, b"the end of a packet")),
        ipv4(&tcp(OUT, 28, 1, ACK, &request(5, "found", b""))),
        ipv4(&tcp(BACK, 1, 46, ACK, &response(5, 0, b""))),
    ];
    let found = packets(&read(&pcap(Order::Big, 228, &frames)));
    assert_eq!(
        kinds(&found),
        [(PacketType::REQUEST, 10, 0), (PacketType::RESPONSE, 5, 0)]
    );
}

#[test]
fn other_protocols_are_ignored() {
    let frames = [
        ipv4(&tcp(OUT, 1000, 0, SYN, b"")),
        ipv4(&tcp(OUT, 1001, 1, ACK, b"GET / HTTP/1.1\r\n\r\n")),
        ipv4(&tcp(BACK, 1, 1019, ACK, b"HTTP/1.1 200 OK\r\n\r\n")),
        vec![
            0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 0, 1, 0, 2, 0, 8, 0,
            0,
        ],
        Vec::new(),
    ];
    let file = pcap(Order::Big, 228, &frames);
    let mut reader = CaptureReader::new(&file[..]);
    assert_eq!(reader.by_ref().count(), 0);
    let summary = reader.summary();
    assert_eq!(
        (summary.connections, summary.frames, summary.other_frames),
        (0, 5, 2)
    );
    assert_eq!(summary.other_connections, 1);
}

/// The same addresses, used by one connection after another.
#[test]
fn addresses_are_used_again() {
    let mut frames: Vec<_> = call().iter().map(|segment| ipv4(segment)).collect();
    frames.push(ipv4(&tcp(OUT, 77_000, 0, SYN, b"")));
    frames.push(ipv4(&tcp(OUT, 77_001, 1, ACK, &request(1, "again", b""))));
    let events = read(&pcap(Order::Big, 228, &frames));
    let opened = events
        .iter()
        .filter(|event| matches!(event, CaptureEvent::Opened { .. }));
    assert_eq!(opened.count(), 2);
    assert_eq!(packets(&events).len(), 3);
}
