use bytes::{Buf, Bytes};

use super::StreamId;
use crate::packet::{ErrorData, Header, PacketError, PacketType};

/// Ends a stream, or asks the sending side to end it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEnd {
    /// The stream.
    pub id: StreamId,
    /// The reason for the end.
    pub reason: EndReason,
    /// The number of items that the sender of this packet has sent or received on the stream.
    pub items: u64,
    /// The error of a failed stream. Empty for other reasons.
    pub error: ErrorData,
}

/// The reason for the end of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EndReason {
    /// All items were sent.
    Finished = 0,
    /// The sending side failed. The packet's error describes the failure.
    Failed = 1,
    /// The sender or the receiver was dropped.
    Cancelled = 2,
    /// The receiving side never used the stream.
    Refused = 3,
}

impl EndReason {
    /// Returns the reason for a byte. Unknown reasons count as failures.
    fn from_u8(reason: u8) -> Self {
        match reason {
            0 => Self::Finished,
            2 => Self::Cancelled,
            3 => Self::Refused,
            _ => Self::Failed,
        }
    }
}

impl StreamEnd {
    const HEAD_LEN: usize = 13;

    /// Returns the payload length of a packet with error data of this length, in bytes.
    pub fn payload_len(error_len: usize) -> usize {
        Self::HEAD_LEN + error_len
    }

    /// Appends the packet to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let error = self.error.encode();
        let length = u32::try_from(Self::payload_len(error.len())).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::STREAM_END, length).encode());
        out.extend_from_slice(&self.id.to_be_bytes());
        out.push(self.reason as u8);
        out.extend_from_slice(&self.items.to_be_bytes());
        out.extend_from_slice(&error);
    }

    /// Decodes the payload of a `StreamEnd` packet. Replaces invalid UTF-8 in the error's message with U+FFFD.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Stream`] if the payload ends inside a field, and [`PacketError::ErrorData`] if
    /// a field of the error data is truncated, whatever the reason.
    pub fn decode(mut payload: Bytes) -> Result<Self, PacketError> {
        let Some(head) = payload.first_chunk::<{ Self::HEAD_LEN }>() else {
            return Err(PacketError::Stream {
                kind: PacketType::STREAM_END,
                what: "truncated",
            });
        };
        let [i0, i1, i2, i3, reason, items @ ..] = *head;
        payload.advance(Self::HEAD_LEN);
        Ok(Self {
            id: StreamId::from_be_bytes([i0, i1, i2, i3]),
            reason: EndReason::from_u8(reason),
            items: u64::from_be_bytes(items),
            error: ErrorData::decode_lossy(payload)?,
        })
    }
}
