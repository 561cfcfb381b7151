use bytes::{Buf, Bytes};

use super::StreamId;
use crate::packet::{Header, PacketError, PacketType};

/// Items of one stream, as many as were ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamItems {
    /// Their stream.
    pub id: StreamId,
    /// The items. There may be none, which says that the stream has begun.
    pub items: Items,
}

impl StreamItems {
    /// A larger payload holds one item exactly.
    pub const CHUNK: usize = 16 << 10;

    const HEAD_LEN: usize = 6;
    const ITEM_HEAD_LEN: usize = 4;

    /// How long the payload of a packet becomes whose items, of the given number, have so many bytes.
    pub fn payload_len(items: usize, bytes: usize) -> usize {
        Self::HEAD_LEN + items * Self::ITEM_HEAD_LEN + bytes
    }

    /// How many bytes stand before so many items altogether.
    pub(crate) fn lengths(items: u16) -> usize {
        usize::from(items) * Self::ITEM_HEAD_LEN
    }

    /// Where what stands before an item begins, which itself begins here.
    pub(super) fn before_item(at: usize) -> usize {
        at - Self::ITEM_HEAD_LEN
    }

    /// Appends the packet up to its items, each of which the caller appends or sends next, after
    /// [`encode_item_head`](Self::encode_item_head).
    pub fn encode_head(out: &mut Vec<u8>, id: StreamId, items: u16, bytes: usize) {
        let length = Self::payload_len(items.into(), bytes);
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::STREAM_ITEMS, length).encode());
        out.extend_from_slice(&id.to_be_bytes());
        out.extend_from_slice(&items.to_be_bytes());
    }

    /// Appends what stands before an item of this length.
    pub fn encode_item_head(out: &mut Vec<u8>, len: usize) {
        // What is sent is within a payload limit, which fits.
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        out.extend_from_slice(&len.to_be_bytes());
    }

    /// Reads the payload of the packet. The items are slices of it.
    ///
    /// # Errors
    ///
    /// [`PacketError::Stream`] when it ends inside an item, or after them, or is larger than
    /// [`CHUNK`](Self::CHUNK) and does not hold one item.
    pub fn decode(mut payload: Bytes) -> Result<Self, PacketError> {
        let invalid = |what| PacketError::Stream {
            kind: PacketType::STREAM_ITEMS,
            what,
        };
        let Some(&[i0, i1, i2, i3, c0, c1]) = payload.first_chunk::<{ Self::HEAD_LEN }>() else {
            return Err(invalid("it is truncated"));
        };
        let count = u16::from_be_bytes([c0, c1]);
        if payload.len() > Self::CHUNK && count != 1 {
            return Err(invalid("over 16 KiB it holds one item"));
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
            return Err(invalid("something follows the items"));
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

/// The items of one packet, in order: slices of its payload, so that nothing is copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// The lengths have been checked.
    rest: Bytes,
    left: u16,
}

impl Items {
    /// Items that stand one after another, each with its length before it.
    pub(super) fn of_run(framed: Vec<u8>, items: u16) -> Self {
        Self {
            rest: framed.into(),
            left: items,
        }
    }

    /// Takes the next by its bytes, and gives what `take` makes of them.
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

    /// How long each of them is, without taking any.
    pub fn lens(&self) -> impl Iterator<Item = usize> {
        let mut rest = &self.rest[..];
        (0..self.left).map_while(move |_| {
            let (len, after) = rest.split_first_chunk()?;
            let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
            rest = after.get(len..)?;
            Some(len)
        })
    }

    /// The first so many of them.
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
