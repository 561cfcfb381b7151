use super::{Items, StreamItems};
use crate::packet::Payload;

/// Items that are ready, one after another as they stand in a packet: what many small ones are collected in, so
/// that none needs a buffer of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRun {
    /// Each with its length before it.
    framed: Vec<u8>,
    items: u16,
    /// How long the last is.
    last: usize,
    /// How long the payload may be of the packet that holds them.
    limit: usize,
}

/// An item that is being encoded. It is taken off again when it is dropped: what stands before it is still to be sent.
struct Begun<'a> {
    framed: &'a mut Vec<u8>,
    at: usize,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.framed.truncate(self.at);
    }
}

/// One more item of this length can be put while the packet is not full.
const SMALL: usize = 64;

impl Default for ItemRun {
    fn default() -> Self {
        Self {
            framed: Vec::new(),
            items: 0,
            last: 0,
            limit: StreamItems::CHUNK,
        }
    }
}

impl ItemRun {
    /// Says how long the payload of a packet may be, where that is less than a chunk.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(StreamItems::CHUNK);
    }

    /// Takes memory for a whole packet.
    pub fn reserve(&mut self) {
        // The last item may be one too many.
        let len = self.limit + Payload::COPIED;
        self.framed
            .reserve_exact(len.saturating_sub(self.framed.len()));
    }

    /// Appends an item, which `encode` appends to what it is given. Gives how long the item is.
    ///
    /// # Errors
    ///
    /// That of `encode`; the item is not there then, nor if `encode` panics.
    #[inline]
    pub fn push<E>(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let at = self.framed.len();
        StreamItems::encode_item_head(&mut self.framed, 0);
        let start = self.framed.len();
        let begun = Begun {
            framed: &mut self.framed,
            at,
        };
        encode(begun.framed)?;
        std::mem::forget(begun);
        let len = self.framed.len() - start;
        // One that does not fit is over every payload limit, and is refused for that.
        let head = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        self.framed[at..start].copy_from_slice(&head);
        self.items += 1;
        self.last = len;
        Ok(len)
    }

    /// Takes the last item off again, without its length. Only one can be taken off between two that are put.
    pub fn pop(&mut self) -> Vec<u8> {
        let at = self.framed.len() - self.last;
        let item = self.framed.split_off(at);
        self.framed.truncate(StreamItems::before_item(at));
        self.items -= 1;
        self.last = 0;
        item
    }

    /// How many items there are.
    pub fn items(&self) -> u16 {
        self.items
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Whether the packet would hold little more.
    pub fn is_full(&self) -> bool {
        self.items == u16::MAX || self.packet_len() + SMALL > self.limit
    }

    /// Whether the packet would hold too much.
    pub fn is_too_long(&self) -> bool {
        self.packet_len() > self.limit
    }

    /// How long the payload of a packet is that holds them and nothing else.
    pub fn packet_len(&self) -> usize {
        StreamItems::payload_len(0, self.framed.len())
    }

    /// How many bytes the items have, without their lengths.
    pub fn bytes(&self) -> usize {
        self.framed.len() - StreamItems::lengths(self.items)
    }

    /// The same, of all but the last.
    pub fn bytes_before_last(&self) -> usize {
        self.bytes() - self.last
    }

    /// Takes all of them, as they come out of a packet.
    pub fn take_items(&mut self) -> Items {
        let items = self.items;
        Items::of_run(self.take(), items)
    }

    /// Takes all of them, with their lengths.
    pub fn take(&mut self) -> Vec<u8> {
        self.items = 0;
        self.last = 0;
        std::mem::take(&mut self.framed)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use bytes::Bytes;

    use super::*;
    use crate::packet::StreamId;

    fn push(run: &mut ItemRun, item: &[u8]) {
        let put = run.push(|out| {
            out.extend_from_slice(item);
            Ok::<_, ()>(())
        });
        assert_eq!(put, Ok(item.len()));
    }

    #[test]
    fn items_stand_as_in_a_packet() {
        let mut run = ItemRun::default();
        for item in [&b"one"[..], b"", b"three"] {
            push(&mut run, item);
        }
        assert_eq!(
            (run.items(), run.bytes(), run.bytes_before_last()),
            (3, 8, 3)
        );
        assert_eq!(run.packet_len(), StreamItems::payload_len(3, 8));
        let mut packet = Vec::new();
        StreamItems::encode_head(&mut packet, StreamId::of_sender(1), 3, 8);
        packet.extend(run.take());
        assert!(run.is_empty());
        let decoded = StreamItems::decode(Bytes::from(packet).slice(8..)).expect("they are whole");
        let items: Vec<_> = decoded.items.collect();
        assert_eq!(items, [&b"one"[..], b"", b"three"]);
    }

    #[test]
    fn what_is_taken_off_or_fails_leaves_nothing() {
        let mut run = ItemRun::default();
        push(&mut run, b"first");
        let before = run.clone();
        push(&mut run, b"second");
        assert_eq!(run.pop(), b"second");
        assert_eq!(run.items(), 1);
        let failed = run.push(|out| {
            out.extend_from_slice(b"half of it");
            Err("no")
        });
        assert_eq!(failed, Err("no"));
        assert_eq!(run.framed, before.framed);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _ = run.push::<()>(|out| {
                out.extend_from_slice(b"half of it");
                panic!("in an item");
            });
        }));
        assert!(panicked.is_err());
        assert_eq!((run.items(), run.framed), (1, before.framed));
    }
}
