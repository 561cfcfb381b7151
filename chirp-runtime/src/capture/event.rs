use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::packet::Header;

/// The side of a connection that sent a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The side that connected. In a capture without the beginning of the connection, the side that sent first.
    Client,
    /// The side that accepted the connection.
    Server,
}

impl Origin {
    /// Returns the other side.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A packet of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapturedPacket {
    /// The time of the packet's last byte, since the start of 1970 (UTC).
    pub time: Duration,
    /// The side that sent the packet.
    pub origin: Origin,
    /// The header.
    pub header: Header,
    /// The payload, or its beginning if bytes are missing.
    pub payload: Bytes,
    /// The number of bytes of the payload that are missing from the capture, or that were too many to be kept.
    pub missing: u64,
}

/// An event that [`CaptureReader`](super::CaptureReader) returns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureEvent {
    /// A connection that carries packets.
    Opened {
        /// The number of the connection, from 1.
        connection: u64,
        /// The time of the first segment.
        time: Duration,
        /// The address of the client.
        client: SocketAddr,
        /// The address of the server.
        server: SocketAddr,
        /// The comment at the first segment.
        comment: String,
    },
    /// A packet.
    Packet {
        /// The number of the connection.
        connection: u64,
        /// The packet.
        packet: CapturedPacket,
    },
    /// Bytes are missing between the packets of one side.
    Gap {
        /// The number of the connection.
        connection: u64,
        /// The time at which the gap was found.
        time: Duration,
        /// The side whose bytes are missing.
        origin: Origin,
        /// The number of missing bytes.
        bytes: u64,
    },
    /// A side has ended.
    Ended {
        /// The number of the connection.
        connection: u64,
        /// The time.
        time: Duration,
        /// The side.
        origin: Origin,
        /// Whether the connection was reset.
        is_reset: bool,
    },
}
