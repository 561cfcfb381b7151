use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

/// The flags of a TCP segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentFlags(u8);

impl SegmentFlags {
    /// The last segment of its sender.
    pub const FIN: Self = Self(0x01);
    /// The first segment of its sender.
    pub const SYN: Self = Self(0x02);
    /// The connection is broken.
    pub const RST: Self = Self(0x04);
    /// The data are complete for now.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgment number is valid.
    pub const ACK: Self = Self(0x10);

    /// Returns the flags of both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether all flags of `other` are set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    pub(super) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
}

/// A TCP segment of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The time since the start of 1970 (UTC).
    pub time: Duration,
    /// The address of the sender.
    pub source: SocketAddr,
    /// The address of the receiver.
    pub destination: SocketAddr,
    /// The sequence number of the first byte of `data`.
    pub sequence: u32,
    /// The sequence number of the next byte that the sender expects.
    pub acknowledgment: u32,
    /// The flags.
    pub flags: SegmentFlags,
    /// The data: at most [`MAX_DATA`](Self::MAX_DATA) bytes where a segment is written.
    pub data: Bytes,
    /// The number of packets that were lost between the previous segment and this one, if the capture says so.
    pub lost: u64,
    /// A comment for readers of the capture. Empty for none.
    pub comment: String,
}

impl Segment {
    /// The maximum length of the data of a segment that is written, in bytes.
    pub const MAX_DATA: usize = 60_000;
}
