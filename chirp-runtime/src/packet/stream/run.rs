use super::{Items, StreamItems};
use crate::packet::Payload;

/// Items ready to be sent, laid out as in a packet. Collecting many small items here saves a buffer for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRun {
    /// The items, each after its length.
    framed: Vec<u8>,
    items: u16,
    /// The length of the last item, in bytes.
    last: usize,
    /// The maximum payload length of the packet, in bytes.
    limit: usize,
}

/// An item that is being encoded. Dropping it removes the item, since the items before it are still to be sent.
struct Begun<'a> {
    framed: &'a mut Vec<u8>,
    at: usize,
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.framed.truncate(self.at);
    }
}

/// The room that a packet must have left to accept another item, in bytes.
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
    /// Sets the maximum payload length of a packet, if lower than [`StreamItems::CHUNK`].
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(StreamItems::CHUNK);
    }

    /// Reserves memory for a whole packet.
    pub fn reserve(&mut self) {
        // The last item may exceed the limit.
        let len = self.limit + Payload::COPIED;
        self.framed
            .reserve_exact(len.saturating_sub(self.framed.len()));
    }

    /// Appends an item that `encode` writes to the given buffer. Returns the item's length in bytes.
    ///
    /// # Errors
    ///
    /// Returns the error of `encode`. The item is not appended in that case, nor if `encode` panics.
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
        // A length that does not fit is over every payload limit, and the item is refused for that reason.
        let head = u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes();
        self.framed[at..start].copy_from_slice(&head);
        self.items += 1;
        self.last = len;
        Ok(len)
    }

    /// Removes the last item and returns it without its length field. Must not be called twice without a
    /// [`push`](Self::push) in between.
    pub fn pop(&mut self) -> Vec<u8> {
        let at = self.framed.len() - self.last;
        let item = self.framed.split_off(at);
        self.framed.truncate(StreamItems::before_item(at));
        self.items -= 1;
        self.last = 0;
        item
    }

    /// Returns the number of items.
    pub fn items(&self) -> u16 {
        self.items
    }

    /// Returns whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items == 0
    }

    /// Returns whether the packet is too full for another small item.
    pub fn is_full(&self) -> bool {
        self.items == u16::MAX || self.packet_len() + SMALL > self.limit
    }

    /// Returns whether the items exceed the payload limit.
    pub fn is_too_long(&self) -> bool {
        self.packet_len() > self.limit
    }

    /// Returns the payload length of a packet with these items, in bytes.
    pub fn packet_len(&self) -> usize {
        StreamItems::payload_len(0, self.framed.len())
    }

    /// Returns the total length of the items without their length fields, in bytes.
    pub fn bytes(&self) -> usize {
        self.framed.len() - StreamItems::lengths(self.items)
    }

    /// Returns the total length of all items but the last without their length fields, in bytes.
    pub fn bytes_before_last(&self) -> usize {
        self.bytes() - self.last
    }

    /// Takes all items, as if decoded from a packet.
    pub fn take_items(&mut self) -> Items {
        let items = self.items;
        Items::of_run(self.take(), items)
    }

    /// Takes the bytes of all items, each after its length.
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
    fn items_are_laid_out_as_in_a_packet() {
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
        let decoded =
            StreamItems::decode(Bytes::from(packet).slice(8..)).expect("the items are complete");
        let items: Vec<_> = decoded.items.collect();
        assert_eq!(items, [&b"one"[..], b"", b"three"]);
    }

    #[test]
    fn popped_and_failed_items_leave_no_bytes() {
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
