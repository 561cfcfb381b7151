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

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It came from the other side.
    Received,
    /// It goes to the other side.
    Sent,
}

/// A packet that an observer is shown. `Display` shows it in one readable line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObservedPacket<'a> {
    /// Which way it goes.
    pub direction: Direction,
    /// Its header; of one that travels compressed, the header of the packet inside.
    pub header: Header,
    /// How many bytes of payload travel, if the packet is compressed.
    pub compressed: Option<u32>,
    /// Its payload; empty for a packet that is discarded or too large, whose payload is not kept.
    pub payload: Cow<'a, [u8]>,
}

/// What is shown every packet of a connection.
pub(in crate::peer) type Observer = Arc<dyn Fn(&ObservedPacket<'_>) + Send + Sync>;

/// Shows an observer what came, before anything follows from it.
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

/// An observer that panics has been shown this packet, and is shown the next.
fn show(observer: &Observer, packet: &ObservedPacket<'_>) {
    let _ = guard::call("an observer of packets", || observer(packet));
}

/// Shows an observer what is about to be written.
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

/// The packet inside one that this side has compressed, and how long the payload of that one is.
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

/// The packet, or its header when its payload is not here or not right.
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
