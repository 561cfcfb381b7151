use bytes::{Buf, Bytes};

use super::StreamId;
use crate::packet::{ErrorData, Header, PacketError, PacketType};

/// The end of a stream, or the wish for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEnd {
    /// Which stream.
    pub id: StreamId,
    /// Why it ends.
    pub reason: EndReason,
    /// How many items the side that says so has sent, or received.
    pub items: u64,
    /// What is to be said of a failure.
    pub error: ErrorData,
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EndReason {
    /// That was all.
    Finished = 0,
    /// It broke off; the error says why.
    Failed = 1,
    /// Its source, or its consumer, was dropped.
    Cancelled = 2,
    /// It was never taken up.
    Refused = 3,
}

impl EndReason {
    /// The reason that a byte stands for. Those that are not known are failures.
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

    /// How long the packet's payload becomes with error data of this length.
    pub fn payload_len(error_len: usize) -> usize {
        Self::HEAD_LEN + error_len
    }

    /// Appends the packet.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let error = self.error.encode();
        let length = u32::try_from(Self::payload_len(error.len())).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::STREAM_END, length).encode());
        out.extend_from_slice(&self.id.to_be_bytes());
        out.push(self.reason as u8);
        out.extend_from_slice(&self.items.to_be_bytes());
        out.extend_from_slice(&error);
    }

    /// Reads the payload of the packet.
    ///
    /// # Errors
    ///
    /// [`PacketError::Stream`] when it ends inside a field, [`PacketError::ErrorData`] when its error data
    /// ends inside a field, whatever the reason. What is not UTF-8 in its text becomes U+FFFD.
    pub fn decode(mut payload: Bytes) -> Result<Self, PacketError> {
        let Some(head) = payload.first_chunk::<{ Self::HEAD_LEN }>() else {
            return Err(PacketError::Stream {
                kind: PacketType::STREAM_END,
                what: "it is truncated",
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
