use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

#[cfg(feature = "lz4")]
use bytes::Bytes;

#[cfg(feature = "lz4")]
use crate::packet::Compressed;
use crate::packet::{Cancel, Header, IncomingPacket, PacketType, RequestPacket, ResponsePacket};
use crate::peer::guard;
use crate::session::Batch;

/// The direction of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the peer.
    Received,
    /// To the peer.
    Sent,
}

/// A packet as shown to an observer. `Display` shows it in one readable line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObservedPacket<'a> {
    /// The direction of the packet.
    pub direction: Direction,
    /// The packet's header. For a compressed packet, the header of the packet inside.
    pub header: Header,
    /// The length of the payload in transit, in bytes, if the packet is compressed.
    pub compressed: Option<u32>,
    /// The payload. It is empty for a packet that is discarded or too large, whose payload is not kept.
    pub payload: Cow<'a, [u8]>,
}

/// A packet observer.
pub(in crate::peer) type Observer = Arc<dyn Fn(&ObservedPacket<'_>) + Send + Sync>;

/// Shows a received packet, before it is handled.
pub(in crate::peer) fn show_received(
    observer: &Observer,
    incoming: &IncomingPacket,
    compressed: Option<u32>,
) {
    let (header, payload) = match incoming {
        IncomingPacket::Packet { kind, payload } => {
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            (Header::new(*kind, length), Cow::from(&payload[..]))
        }
        IncomingPacket::Oversized { header, .. } | IncomingPacket::Discarded(header) => {
            (*header, Cow::default())
        }
    };
    show(
        observer,
        &ObservedPacket {
            direction: Direction::Received,
            header,
            compressed,
            payload,
        },
    );
}

/// Calls the observer. A panic affects neither this packet nor later ones.
fn show(observer: &Observer, packet: &ObservedPacket<'_>) {
    let _ = guard::call("an observer of packets", || observer(packet));
}

/// Shows the packets of a batch that is about to be written.
pub(in crate::peer) fn show_sent(observer: &Observer, batch: &Batch) {
    for (header, payload) in batch.packets() {
        let (header, payload, compressed) = unpacked(header, payload);
        show(
            observer,
            &ObservedPacket {
                direction: Direction::Sent,
                header,
                compressed,
                payload,
            },
        );
    }
}

/// Returns the packet inside of one that this side has compressed, and the length of the compressed payload.
#[cfg(feature = "lz4")]
fn unpacked(header: Header, payload: Cow<'_, [u8]>) -> (Header, Cow<'_, [u8]>, Option<u32>) {
    if header.kind == PacketType::COMPRESSED
        && let Ok(inside) = Compressed::decode(Bytes::copy_from_slice(&payload), usize::MAX)
        && let Ok(payload) = inside.unpack()
    {
        let Compressed { kind, length, .. } = inside;
        let payload = Vec::from(payload).into();
        return (Header::new(kind, length), payload, Some(header.length));
    }
    (header, payload, None)
}

#[cfg(not(feature = "lz4"))]
fn unpacked(header: Header, payload: Cow<'_, [u8]>) -> (Header, Cow<'_, [u8]>, Option<u32>) {
    (header, payload, None)
}

impl fmt::Display for ObservedPacket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.direction {
            Direction::Received => "< ",
            Direction::Sent => "> ",
        })?;
        let payload = || self.payload.to_vec().into();
        match self.header.kind {
            PacketType::REQUEST => show_packet(f, RequestPacket::decode(payload()), self.header),
            PacketType::RESPONSE => show_packet(f, ResponsePacket::decode(payload()), self.header),
            PacketType::CANCEL => show_packet(f, Cancel::decode(&self.payload), self.header),
            _ => write!(f, "{}", self.header),
        }?;
        match self.compressed {
            Some(length) => write!(f, ", compressed to {length} bytes"),
            None => Ok(()),
        }
    }
}

/// Shows the packet, or its header if the payload is missing or malformed.
fn show_packet<T: fmt::Display, E>(
    f: &mut fmt::Formatter<'_>,
    packet: Result<T, E>,
    header: Header,
) -> fmt::Result {
    match packet {
        Ok(packet) => packet.fmt(f),
        Err(_) => write!(f, "{header}"),
    }
}
