use crate::packet::{
    EndReason, ErrorData, StreamCredit, StreamEnd, StreamEntry, StreamId, StreamItems, StreamOpen,
};
use crate::session::Counters;
use crate::session::transmit::{COPIED, Transmit};

use super::stream::QueuedItem;

/// The way out for the packets of streams.
pub(super) struct StreamOutput<'a> {
    pub(super) transmit: &'a mut Transmit,
    pub(super) counters: &'a mut Counters,
    /// The largest payload that may be sent.
    pub(super) limit: usize,
}

impl StreamOutput<'_> {
    fn note(&mut self) {
        self.counters.packets_sent += 1;
        // Whoever may have to be read to by a side that does not read must not itself stop reading.
        self.transmit.note_question();
    }

    /// Ends a stream. An error that would be too large loses its text.
    pub(super) fn end(&mut self, id: StreamId, reason: EndReason, items: u64, error: ErrorData) {
        let mut end = StreamEnd {
            id,
            reason,
            items,
            error,
        };
        let fits = |error: &ErrorData| StreamEnd::payload_len(error.encode().len()) <= self.limit;
        if !fits(&end.error) {
            end.error = ErrorData::new(end.error.code, "");
            if !fits(&end.error) {
                end.error = ErrorData::default();
            }
        }
        end.encode(self.transmit.tail());
        self.note();
    }

    /// Gives credit.
    pub(super) fn credit(&mut self, entries: &[(StreamId, u32)]) {
        let most = self.limit.min(StreamItems::CHUNK) / StreamCredit::payload_len(1);
        for entries in entries.chunks(most.max(1)) {
            StreamCredit::encode(self.transmit.tail(), entries);
            self.note();
        }
    }

    /// Opens streams for the carrier that is appended next. It counts with its carrier.
    pub(super) fn open(&mut self, entries: &[StreamEntry]) {
        self.counters.streams += entries.len() as u64;
        StreamOpen::encode(self.transmit.tail(), entries);
    }

    /// How many of the first pieces of a queue go into one packet: as many as fit, and at least one. One that
    /// the transmit buffer does not copy ends its packet; one that carries streams goes alone.
    pub(super) fn fitting<'q>(&self, queue: impl Iterator<Item = &'q QueuedItem>) -> usize {
        let chunk = self.limit.min(StreamItems::CHUNK);
        let (mut pieces, mut items, mut bytes) = (0, 0, 0);
        for queued in queue {
            items += usize::from(queued.items());
            bytes += queued.bytes();
            let fits = StreamItems::payload_len(items, bytes) <= chunk;
            let alone = !queued.opens.is_empty();
            if pieces > 0 && (!fits || alone) {
                break;
            }
            pieces += 1;
            if alone || queued.item.len() > COPIED {
                break;
            }
        }
        pieces
    }

    /// Sends items, of which there are as many as [`fitting`](Self::fitting) has said.
    pub(super) fn items(&mut self, id: StreamId, items: &mut [QueuedItem]) {
        let bytes = items.iter().map(QueuedItem::bytes).sum();
        // Not more than fit, of four bytes and more each.
        let count = items.iter().map(QueuedItem::items).sum();
        self.counters.items_out += u64::from(count);
        StreamItems::encode_head(self.transmit.tail(), id, count, bytes);
        for queued in items {
            if queued.run.is_none() {
                StreamItems::encode_item_head(self.transmit.tail(), queued.item.len());
            }
            self.transmit.push(&mut queued.item);
            let rest = std::mem::take(&mut queued.item);
            if !rest.is_empty() {
                // It was copied.
                self.transmit.leave(rest.into_remains());
            }
        }
        self.note();
    }
}
