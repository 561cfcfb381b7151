//! IP and TCP headers, and the headers of link layers around them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use super::segment::{Segment, SegmentFlags};

const TCP: u8 = 6;
const IPV4_LEN: usize = 20;
const TCP_LEN: usize = 20;

/// The options of the first segment of a side: a maximum segment size, and a window scale of 14, so that no segment
/// exceeds the window.
const SYN_OPTIONS: [u8; 8] = [2, 4, 0xFF, 0xD7, 3, 3, 14, 0];

/// Appends a segment with its headers.
pub(super) fn encode(
    out: &mut Vec<u8>,
    segment: &Segment,
    (source, destination): (Ipv4Addr, Ipv4Addr),
    identification: u16,
) {
    let data = &segment.data[..segment.data.len().min(Segment::MAX_DATA)];
    let options: &[u8] = if segment.flags.has(SegmentFlags::SYN) {
        &SYN_OPTIONS
    } else {
        &[]
    };
    let tcp_len = TCP_LEN + options.len() + data.len();
    // Within 16 bits, since the data are.
    let tcp_len16 = u16::try_from(tcp_len).unwrap_or(u16::MAX);
    let total = u16::try_from(IPV4_LEN + tcp_len).unwrap_or(u16::MAX);
    let begin = out.len();
    out.extend_from_slice(&[0x45, 0]);
    out.extend_from_slice(&total.to_be_bytes());
    out.extend_from_slice(&identification.to_be_bytes());
    // Never fragmented; 64 hops.
    out.extend_from_slice(&[0x40, 0, 64, TCP, 0, 0]);
    out.extend_from_slice(&source.octets());
    out.extend_from_slice(&destination.octets());
    let sum = checksum(0, &out[begin..]);
    out[begin + 10..begin + 12].copy_from_slice(&sum.to_be_bytes());

    let tcp = out.len();
    out.extend_from_slice(&segment.source.port().to_be_bytes());
    out.extend_from_slice(&segment.destination.port().to_be_bytes());
    out.extend_from_slice(&segment.sequence.to_be_bytes());
    out.extend_from_slice(&segment.acknowledgment.to_be_bytes());
    let words = u8::try_from((TCP_LEN + options.len()) / 4).unwrap_or(u8::MAX);
    out.extend_from_slice(&[words << 4, segment.flags.bits()]);
    // The window, the checksum and the urgent pointer.
    out.extend_from_slice(&[0xFF, 0xFF, 0, 0, 0, 0]);
    out.extend_from_slice(options);
    out.extend_from_slice(data);
    let pseudo = [source.octets(), destination.octets()]
        .iter()
        .flat_map(|address| [[address[0], address[1]], [address[2], address[3]]])
        .map(|word| u64::from(u16::from_be_bytes(word)))
        .sum::<u64>()
        + u64::from(TCP)
        + u64::from(tcp_len16);
    let sum = checksum(pseudo, &out[tcp..]);
    out[tcp + 16..tcp + 18].copy_from_slice(&sum.to_be_bytes());
}

/// The checksum of the internet protocols, begun with `sum`.
fn checksum(mut sum: u64, bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<2>();
    for word in words {
        sum += u64::from(u16::from_be_bytes(*word));
    }
    if let [last] = rest {
        sum += u64::from(*last) << 8;
    }
    while sum > 0xFFFF {
        sum = (sum >> 16) + (sum & 0xFFFF);
    }
    !u16::try_from(sum).unwrap_or(0)
}

/// Returns the TCP segment in a frame of this link type. `None` for everything else: other protocols, fragments, and
/// frames that are too short.
pub(super) fn decode(link: u16, frame: &Bytes, time: Duration) -> Option<Segment> {
    let at = match link {
        // BSD loopback: a protocol family in the byte order of the host, whose version is in the IP header anyway.
        0 | 108 => 4,
        1 => ethernet(frame)?,
        12 | 14 | 101 | 228 | 229 => 0,
        // Linux "cooked".
        113 => 16,
        276 => 20,
        _ => return None,
    };
    let packet = frame.get(at..)?;
    match packet.first()? >> 4 {
        4 => ipv4(frame, at, time),
        6 => ipv6(frame, at, time),
        _ => None,
    }
}

/// The length of an Ethernet header, with VLAN tags.
fn ethernet(frame: &[u8]) -> Option<usize> {
    let mut at = 12;
    for _ in 0..3 {
        match frame.get(at..at + 2)? {
            [0x81, 0x00] | [0x88, 0xA8] => at += 4,
            [0x08, 0x00] | [0x86, 0xDD] => return Some(at + 2),
            _ => return None,
        }
    }
    None
}

fn ipv4(frame: &Bytes, at: usize, time: Duration) -> Option<Segment> {
    let packet = &frame[at..];
    let header: &[u8; IPV4_LEN] = packet.first_chunk()?;
    let header_len = usize::from(header[0] & 0xF) * 4;
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3FFF;
    if header_len < IPV4_LEN || fragment != 0 || header[9] != TCP {
        return None;
    }
    // A card that segments by itself leaves the length out.
    let total = match u16::from_be_bytes([header[2], header[3]]) {
        0 => packet.len(),
        total => usize::from(total).min(packet.len()),
    };
    let address =
        |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    let addresses = (address(12).into(), address(16).into());
    tcp(frame, at + header_len..at + total, addresses, time)
}

fn ipv6(frame: &Bytes, at: usize, time: Duration) -> Option<Segment> {
    const HEADER: usize = 40;
    let packet = &frame[at..];
    let header: &[u8; HEADER] = packet.first_chunk()?;
    let total = match u16::from_be_bytes([header[4], header[5]]) {
        0 => packet.len(),
        length => (HEADER + usize::from(length)).min(packet.len()),
    };
    let mut next = header[6];
    let mut inner = HEADER;
    // Hop-by-hop options, routing and destination options may come before; everything else is no TCP.
    for _ in 0..8 {
        match next {
            TCP => break,
            0 | 43 | 60 => {
                let [following, length] = *packet.get(inner..)?.first_chunk()?;
                next = following;
                inner += (usize::from(length) + 1) * 8;
            }
            _ => return None,
        }
    }
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&header[at..at + 16]);
        Ipv6Addr::from(octets)
    };
    let addresses = (address(8).into(), address(24).into());
    tcp(frame, at + inner..at + total, addresses, time)
}

fn tcp(
    frame: &Bytes,
    range: std::ops::Range<usize>,
    (source, destination): (std::net::IpAddr, std::net::IpAddr),
    time: Duration,
) -> Option<Segment> {
    let tcp = frame.get(range.clone())?;
    let header: &[u8; TCP_LEN] = tcp.first_chunk()?;
    let header_len = usize::from(header[12] >> 4) * 4;
    if header_len < TCP_LEN || header_len > tcp.len() {
        return None;
    }
    let half = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let word = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    Some(Segment {
        time,
        source: SocketAddr::new(source, half(0)),
        destination: SocketAddr::new(destination, half(2)),
        sequence: word(4),
        acknowledgment: word(8),
        flags: SegmentFlags::from_bits(header[13]),
        data: frame.slice(range.start + header_len..range.end),
        lost: 0,
        comment: String::new(),
    })
}
