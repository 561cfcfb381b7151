use bytes::{Buf, Bytes};

use super::StreamId;
use crate::packet::{Header, PacketError, PacketType};

/// A batch of items of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamItems {
    /// The stream.
    pub id: StreamId,
    /// The items. An empty packet announces that the stream has begun.
    pub items: Items,
}

impl StreamItems {
    /// A payload larger than this many bytes holds exactly one item.
    pub const CHUNK: usize = 16 << 10;

    const HEAD_LEN: usize = 6;
    const ITEM_HEAD_LEN: usize = 4;

    /// Returns the payload length of a packet with this number of items and a total of `bytes` bytes in them.
    pub fn payload_len(items: usize, bytes: usize) -> usize {
        Self::HEAD_LEN + items * Self::ITEM_HEAD_LEN + bytes
    }

    /// Returns the total length of the length fields of this number of items, in bytes.
    pub(crate) fn lengths(items: u16) -> usize {
        usize::from(items) * Self::ITEM_HEAD_LEN
    }

    /// Returns the offset of the length field of an item that begins at `at`.
    pub(super) fn before_item(at: usize) -> usize {
        at - Self::ITEM_HEAD_LEN
    }

    /// Appends the packet up to its items. The caller appends or sends each item next, after
    /// [`encode_item_head`](Self::encode_item_head).
    pub fn encode_head(out: &mut Vec<u8>, id: StreamId, items: u16, bytes: usize) {
        let length = Self::payload_len(items.into(), bytes);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::STREAM_ITEMS, length).encode());
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&items.to_be_bytes());
    }

    /// Appends the length field of an item.
    pub fn encode_item_head(out: &mut Vec<u8>, len: usize) {
        // Items are within the payload limit, which fits into 32 bits.
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        out.extend_from_slice(&len.to_be_bytes());
    }

    /// Decodes the payload of a `StreamItems` packet. The items are slices of the payload.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Stream`] if an item is truncated, if bytes follow the last item, or if the
    /// payload is larger than [`CHUNK`](Self::CHUNK) and does not hold exactly one item.
    pub fn decode(mut payload: Bytes) -> Result<Self, PacketError> {
        let invalid = |what| PacketError::Stream {
            kind: PacketType::STREAM_ITEMS,
            what,
        };
        let Some(&[i0, i1, i2, i3, c0, c1]) = payload.first_chunk::<{ Self::HEAD_LEN }>() else {
            return Err(invalid("truncated"));
        };
        let count = u16::from_be_bytes([c0, c1]);
        if payload.len() > Self::CHUNK && count != 1 {
            return Err(invalid("more than 16 KiB with other than one item"));
        }
        payload.advance(Self::HEAD_LEN);
        let mut rest = &payload[..];
        for _ in 0..count {
            let Some((len, after)) = rest.split_first_chunk() else {
                return Err(invalid("an item's length is truncated"));
            };
            let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
            rest = after
                .get(len..)
                .ok_or_else(|| invalid("an item is truncated"))?;
        }
        if !rest.is_empty() {
            return Err(invalid("bytes follow the last item"));
        }
        Ok(Self {
            id: StreamId::from_be_bytes([i0, i1, i2, i3]),
            items: Items {
                rest: payload,
                left: count,
            },
        })
    }
}

/// The items of one packet, in order. Each is a slice of the payload, so that nothing is copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// The remaining items, each after its length. The lengths have been checked.
    rest: Bytes,
    left: u16,
}

impl Items {
    /// Creates items from bytes in which each item follows its length.
    pub(super) fn of_run(framed: Vec<u8>, items: u16) -> Self {
        Self {
            rest: framed.into(),
            left: items,
        }
    }

    /// Passes the bytes of the next item to `take` and returns the result.
    #[inline]
    pub fn next_with<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let left = self.left.checked_sub(1)?;
        let (len, after) = self.rest.split_first_chunk()?;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        let taken = take(after.get(..len)?);
        self.left = left;
        self.rest.advance(StreamItems::ITEM_HEAD_LEN + len);
        Some(taken)
    }

    /// Returns the lengths of the remaining items without consuming them.
    pub fn lens(&self) -> impl Iterator<Item = usize> {
        let mut rest = &self.rest[..];
        (0..self.left).map_while(move |_| {
            let (len, after) = rest.split_first_chunk()?;
            let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
            rest = after.get(len..)?;
            Some(len)
        })
    }

    /// Keeps the first `items` items.
    #[must_use]
    pub fn first(mut self, items: u16) -> Self {
        self.left = self.left.min(items);
        self
    }
}

impl Iterator for Items {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.left = self.left.checked_sub(1)?;
        let len = self.rest.try_get_u32().ok()?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        Some(self.rest.split_to(len.min(self.rest.len())))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left.into(), Some(self.left.into()))
    }
}

impl ExactSizeIterator for Items {}
