use bytes::Bytes;

use super::StreamId;
use crate::packet::{Header, PacketError, PacketType};

/// Grants the sending sides of streams additional credit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCredit {
    payload: Bytes,
}

impl StreamCredit {
    const ENTRY_LEN: usize = 8;

    /// Returns the payload length of a packet with this number of entries, in bytes.
    pub fn payload_len(entries: usize) -> usize {
        entries * Self::ENTRY_LEN
    }

    /// Appends a packet of streams, each with the number of bytes to add to its credit.
    pub fn encode(out: &mut Vec<u8>, entries: &[(StreamId, u32)]) {
        let length = u32::try_from(Self::payload_len(entries.len())).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::STREAM_CREDIT, length).encode());
        for (id, bytes) in entries {
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(&bytes.to_be_bytes());
        }
    }

    /// Decodes the payload of a `StreamCredit` packet.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Stream`] if there are no entries or the last one is truncated.
    pub fn decode(payload: Bytes) -> Result<Self, PacketError> {
        if payload.is_empty() || !payload.len().is_multiple_of(Self::ENTRY_LEN) {
            return Err(PacketError::Stream {
                kind: PacketType::STREAM_CREDIT,
                what: "no entry, or a truncated entry",
            });
        }
        Ok(Self { payload })
    }

    /// Returns the streams, each with the number of bytes to add to its credit.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (StreamId, u32)> {
        let (entries, _) = self.payload.as_chunks::<{ Self::ENTRY_LEN }>();
        entries.iter().map(|[i0, i1, i2, i3, b0, b1, b2, b3]| {
            let id = StreamId::from_be_bytes([*i0, *i1, *i2, *i3]);
            (id, u32::from_be_bytes([*b0, *b1, *b2, *b3]))
        })
    }
}
