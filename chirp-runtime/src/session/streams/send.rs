use bytes::Bytes;

use super::store::{ITEM_COST, QueuedItem, StreamHalf};
use super::{NotSent, SessionStreams, StreamEvent, StreamKey, StreamSpec};
use crate::packet::{
    EndReason, ErrorData, ItemRun, Payload, StreamCredit, StreamEnd, StreamEntry, StreamId,
    StreamItems, StreamOpen,
};
use crate::session::transmit::{COPIED, Transmit};
use crate::session::{Counters, Fatal, Refused, Session};

/// The most bytes of items in the transmit buffer, which may be exceeded by one packet. Later requests and
/// responses wait for them.
const MAX_UNSENT_ITEMS: usize = 64 << 10;

/// The streams that this side sends.
impl Session {
    /// Queues an item, which is sent when a batch is taken.
    ///
    /// # Errors
    ///
    /// [`NotSent`]. `item` is unchanged then.
    pub fn send_item(&mut self, stream: StreamKey, item: &mut Payload) -> Result<(), NotSent> {
        self.send_item_with(stream, item, &[]).map(drop)
    }

    /// Like [`send_item`](Self::send_item), with streams that the item carries, in the order in which it
    /// names them. The streams are opened when the item leaves. They are free, whatever their kind.
    ///
    /// # Errors
    ///
    /// The same as those of [`send_item`](Self::send_item), and [`NotSent::TooManyStreams`] or
    /// [`NotSent::TooManyInPacket`].
    pub fn send_item_with(
        &mut self,
        stream: StreamKey,
        item: &mut Payload,
        opens: &[StreamSpec],
    ) -> Result<Vec<StreamKey>, NotSent> {
        let (limit, whose) = self.send_limit();
        if StreamItems::payload_len(1, item.len()) as u64 > limit {
            let limit = limit.saturating_sub(StreamItems::payload_len(1, 0) as u64);
            return Err(NotSent::TooLarge { limit, whose });
        }
        if !opens.is_empty() {
            self.check_opens(opens).map_err(|refused| match refused {
                Refused::TooManyStreams { limit } => NotSent::TooManyStreams { limit },
                Refused::TooManyInPacket { limit } => NotSent::TooManyInPacket { limit },
                _ => NotSent::TooLarge { limit, whose },
            })?;
        }
        let Some((streams, _)) = self.streams_mut() else {
            return Err(NotSent::Closed);
        };
        let send = streams.send_half(stream).ok_or(NotSent::Closed)?;
        if send.pending_end.is_some() || send.dropped {
            return Err(NotSent::Closed);
        }
        if !send.may_send() {
            send.wants_ready = true;
            return Err(NotSent::Full);
        }
        let free = opens.iter().map(|spec| spec.freed()).collect::<Vec<_>>();
        let keys = streams.make(&free);
        let Some(send) = streams.send_half(stream) else {
            return Err(NotSent::Closed);
        };
        streams.queued += send.push(std::mem::take(item), keys.clone());
        streams.schedule(stream);
        Ok(keys)
    }

    /// The largest payload of a packet with more than one item, in bytes.
    pub fn chunk_limit(&self) -> usize {
        let (limit, _) = self.send_limit();
        StreamItems::CHUNK.min(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// The cost of the items that may be sent now. An item may be sent while there is any credit left, even
    /// if the item costs more. [`StreamEvent::Ready`] follows when the credit was 0 and no longer is.
    ///
    /// # Errors
    ///
    /// [`NotSent::Closed`] if the stream has ended.
    pub fn stream_credit(&mut self, stream: StreamKey) -> Result<u64, NotSent> {
        let Some((streams, _)) = self.streams_mut() else {
            return Err(NotSent::Closed);
        };
        let send = streams.send_half(stream).ok_or(NotSent::Closed)?;
        if send.pending_end.is_some() || send.dropped {
            return Err(NotSent::Closed);
        }
        if !send.may_send() {
            send.wants_ready = true;
            return Ok(0);
        }
        Ok(send.room())
    }

    /// Queues a batch of items. All but the last must be within the stream's credit.
    ///
    /// # Errors
    ///
    /// [`NotSent`]. `items` are unchanged then.
    pub fn send_items(&mut self, stream: StreamKey, items: &mut ItemRun) -> Result<(), NotSent> {
        if items.packet_len() > self.chunk_limit() {
            let (limit, whose) = self.send_limit();
            let limit = limit.saturating_sub(StreamItems::payload_len(1, 0) as u64);
            return Err(NotSent::TooLarge { limit, whose });
        }
        let credit = self.stream_credit(stream)?;
        let before_last =
            items.bytes_before_last() + ITEM_COST * usize::from(items.items().saturating_sub(1));
        if credit == 0 || before_last as u64 >= credit {
            return Err(NotSent::Full);
        }
        let Some((streams, _)) = self.streams_mut() else {
            return Err(NotSent::Closed);
        };
        let send = streams.send_half(stream).ok_or(NotSent::Closed)?;
        if items.items() > 0 {
            streams.queued += send.push_batch(items);
            streams.schedule(stream);
        }
        Ok(())
    }

    /// Tells the other side that a stream without items has started, since the method that returns it has
    /// returned.
    pub fn begin_stream(&mut self, stream: StreamKey) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let Some(found) = streams.store.get(stream) else {
            return;
        };
        if let StreamHalf::Send(send) = &found.half
            && found.announced
            && send.sent == 0
            && send.queue.is_empty()
            && !send.dropped
        {
            out.items(found.id(), &mut []);
        }
    }

    /// Ends a stream after its queued items.
    pub fn finish_stream(&mut self, stream: StreamKey) {
        self.end_after_queue(stream, EndReason::Finished, ErrorData::default());
    }

    /// Ends a stream with an error, after its queued items.
    pub fn fail_stream(&mut self, stream: StreamKey, error: ErrorData) {
        self.end_after_queue(stream, EndReason::Failed, error);
    }

    /// Drops the send half. The stream ends after its queued items: as *cancelled*, unless it was finished or
    /// failed. No event follows.
    pub fn drop_sender(&mut self, stream: StreamKey) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let Some(send) = streams.send_half(stream) else {
            return;
        };
        if !std::mem::replace(&mut send.dropped, true) && send.pending_end.is_none() {
            send.pending_end = Some((EndReason::Cancelled, ErrorData::default()));
            streams.send_pending_end(stream, &mut out);
        }
        self.release_held_responses();
    }

    fn end_after_queue(&mut self, stream: StreamKey, reason: EndReason, error: ErrorData) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        if let Some(send) = streams.send_half(stream)
            && send.pending_end.is_none()
            && !send.dropped
        {
            send.pending_end = Some((reason, error));
            streams.send_pending_end(stream, &mut out);
        }
        self.release_held_responses();
    }

    /// Handles Stream-Credit.
    pub(super) fn handle_credit(&mut self, payload: Bytes) -> Result<(), Fatal> {
        let credit = StreamCredit::decode(payload)?;
        let Some((streams, out)) = self.streams_mut() else {
            return Ok(());
        };
        let mut known = false;
        for (id, bytes) in credit.entries() {
            if let Some(key) = streams.store.find(id)
                && let Some(send) = streams.send_half(key)
            {
                known = true;
                send.grant(bytes);
                if send.is_ready() {
                    streams.events.push_back(StreamEvent::Ready(key));
                }
            }
        }
        out.counters.packets_dropped += u64::from(!known);
        Ok(())
    }

    /// Moves items into the transmit buffer for the next batch, after the packets that are there: one chunk
    /// of each stream in turn.
    pub(in crate::session) fn admit_items(&mut self) {
        let under_way = self.transmit.unsent() > self.transmit.len();
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        if under_way {
            return;
        }
        streams.send_grants(&mut out);
        while streams.unsent < MAX_UNSENT_ITEMS
            && let Some(key) = streams.send_queue.pop_front()
        {
            streams.send_chunk(key, &mut out);
        }
        self.release_held_responses();
    }

    /// Notes that the batch has been taken.
    pub(in crate::session) fn stream_batch_taken(&mut self) {
        if let Some(streams) = self.streams.as_deref_mut() {
            streams.in_flight = std::mem::take(&mut streams.unsent);
        }
    }
}

impl SessionStreams {
    fn send_grants(&mut self, out: &mut StreamOutput<'_>) {
        if self.pending_grants.is_empty() {
            return;
        }
        let mut entries = Vec::with_capacity(self.pending_grants.len());
        let mut more = Vec::new();
        for key in std::mem::take(&mut self.pending_grants) {
            let Some(stream) = self.store.get_mut(key).filter(|stream| !stream.ended) else {
                continue;
            };
            let id = stream.id();
            let StreamHalf::Recv(recv) = &mut stream.half else {
                continue;
            };
            let bytes = u32::try_from(recv.to_grant).unwrap_or(u32::MAX);
            recv.to_grant -= u64::from(bytes);
            if recv.to_grant > 0 {
                more.push(key);
            }
            if bytes > 0 {
                entries.push((id, bytes));
            }
        }
        self.pending_grants = more;
        out.credit(&entries);
    }

    /// Sends one packet of a stream's items, and the stream's end after the last item.
    fn send_chunk(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(stream) = self.store.get_mut(key) else {
            return;
        };
        let id = stream.id();
        let StreamHalf::Send(send) = &mut stream.half else {
            return;
        };
        send.scheduled = false;
        let count_fitting = out.count_fitting(send.queue.iter());
        if count_fitting == 0 {
            // The queue has been dropped.
            return;
        }
        let mut items: Vec<_> = send.queue.drain(..count_fitting).collect();
        let cost = items.iter().map(|queued| queued.cost).sum::<usize>();
        send.queued -= cost;
        send.sent += items
            .iter()
            .map(|queued| u64::from(queued.items()))
            .sum::<u64>();
        self.queued -= cost;
        let before = out.transmit.unsent();
        let opens = std::mem::take(&mut items[0].opens);
        if !opens.is_empty() {
            self.announce(&opens, out);
        }
        out.items(id, &mut items);
        self.announced(&opens, out);
        self.unsent += out.transmit.unsent() - before;
        let Some(send) = self.send_half(key) else {
            return;
        };
        if send.is_ready() {
            self.events.push_back(StreamEvent::Ready(key));
        } else if send.queue.is_empty() {
            self.send_pending_end(key, out);
            return;
        }
        self.schedule(key);
    }

    /// Schedules a stream that has queued items.
    pub(super) fn schedule(&mut self, key: StreamKey) {
        if let Some(send) = self.send_half(key)
            && !send.queue.is_empty()
            && !std::mem::replace(&mut send.scheduled, true)
        {
            self.send_queue.push_back(key);
        }
    }
}

/// The output for packets of the streams extension.
pub(super) struct StreamOutput<'a> {
    pub(super) transmit: &'a mut Transmit,
    pub(super) counters: &'a mut Counters,
    /// The largest payload that may be sent, in bytes.
    pub(super) limit: usize,
}

impl StreamOutput<'_> {
    fn note_packet(&mut self) {
        self.counters.packets_sent += 1;
        // Stream packets count as non-responses: a side with any queued must not pause reading, or both sides
        // could block.
        self.transmit.note_non_response();
    }

    /// Ends a stream. Drops the error's text, or the whole error, if it exceeds the payload limit.
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
        self.note_packet();
    }

    /// Grants credit.
    pub(super) fn credit(&mut self, entries: &[(StreamId, u32)]) {
        let most = self.limit.min(StreamItems::CHUNK) / StreamCredit::payload_len(1);
        for entries in entries.chunks(most.max(1)) {
            StreamCredit::encode(self.transmit.tail(), entries);
            self.note_packet();
        }
    }

    /// Opens streams for the packet that is appended next, and that this packet is counted with.
    pub(super) fn open(&mut self, entries: &[StreamEntry]) {
        self.counters.streams += entries.len() as u64;
        StreamOpen::encode(self.transmit.tail(), entries);
    }

    /// The number of queue entries, from the front, that go into one packet: as many as fit, and at least
    /// one. An entry that the transmit buffer does not copy is the last in its packet; one that carries
    /// streams is alone.
    pub(super) fn count_fitting<'q>(&self, queue: impl Iterator<Item = &'q QueuedItem>) -> usize {
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

    /// Sends queue entries, as many as [`count_fitting`](Self::count_fitting) has returned.
    pub(super) fn items(&mut self, id: StreamId, items: &mut [QueuedItem]) {
        let bytes = items.iter().map(QueuedItem::bytes).sum();
        // The entries fit into one packet, where each item has at least four bytes.
        let count = items.iter().map(QueuedItem::items).sum();
        self.counters.items_out += u64::from(count);
        StreamItems::encode_head(self.transmit.tail(), id, count, bytes);
        for queued in items {
            if queued.batch.is_none() {
                StreamItems::encode_item_head(self.transmit.tail(), queued.item.len());
            }
            self.transmit.push(&mut queued.item);
            let rest = std::mem::take(&mut queued.item);
            if !rest.is_empty() {
                // The item was copied.
                self.transmit.defer_drop(rest.into_remains());
            }
        }
        self.note_packet();
    }
}
