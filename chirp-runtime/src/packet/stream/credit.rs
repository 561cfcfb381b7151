use bytes::Bytes;

use super::StreamId;
use crate::packet::{Header, PacketError, PacketType};

/// How much more the sending sides of some streams may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCredit {
    payload: Bytes,
}

impl StreamCredit {
    const ENTRY_LEN: usize = 8;

    /// How long the payload of a packet becomes that speaks of so many streams.
    pub fn payload_len(entries: usize) -> usize {
        entries * Self::ENTRY_LEN
    }

    /// Appends the packet: streams, and the bytes to add to the credit of each.
    pub fn encode(out: &mut Vec<u8>, entries: &[(StreamId, u32)]) {
        let length = u32::try_from(Self::payload_len(entries.len())).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::STREAM_CREDIT, length).encode());
        for (id, bytes) in entries {
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(&bytes.to_be_bytes());
        }
    }

    /// Reads the payload of the packet.
    ///
    /// # Errors
    ///
    /// [`PacketError::Stream`] when there are no entries, or part of one.
    pub fn decode(payload: Bytes) -> Result<Self, PacketError> {
        if payload.is_empty() || !payload.len().is_multiple_of(Self::ENTRY_LEN) {
            return Err(PacketError::Stream {
                kind: PacketType::STREAM_CREDIT,
                what: "an entry is truncated",
            });
        }
        Ok(Self { payload })
    }

    /// The streams, and the bytes to add to the credit of each.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (StreamId, u32)> {
        let (entries, _) = self.payload.as_chunks::<{ Self::ENTRY_LEN }>();
        entries.iter().map(|[i0, i1, i2, i3, b0, b1, b2, b3]| {
            let id = StreamId::from_be_bytes([*i0, *i1, *i2, *i3]);
            (id, u32::from_be_bytes([*b0, *b1, *b2, *b3]))
        })
    }
}
