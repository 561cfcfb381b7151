use bytes::Bytes;

use super::stream::{ITEM_COST, StreamHalf};
use super::{NotSent, StreamEvent, StreamKey, StreamSpec};
use crate::packet::{EndReason, ErrorData, ItemRun, Payload, StreamCredit, StreamItems};
use crate::session::{Fatal, Refused, Session};

/// The streams whose items this side sends.
impl Session {
    /// Sends an item. It waits in its stream until a batch is taken.
    ///
    /// # Errors
    ///
    /// [`NotSent`]; `item` is as it was then.
    pub fn send_item(&mut self, stream: StreamKey, item: &mut Payload) -> Result<(), NotSent> {
        self.send_item_with(stream, item, &[]).map(drop)
    }

    /// Sends an item that carries streams, in the order in which it names them. They are opened when it leaves.
    ///
    /// # Errors
    ///
    /// As [`send_item`](Self::send_item). Streams that are bound to a call count as free ones here.
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
        let sending = streams.sending(stream).ok_or(NotSent::Closed)?;
        if sending.end.is_some() || sending.gone {
            return Err(NotSent::Closed);
        }
        if !sending.may_send() {
            sending.wants = true;
            return Err(NotSent::Full);
        }
        let free = opens.iter().map(|spec| spec.freed()).collect::<Vec<_>>();
        let keys = streams.make(&free);
        let Some(sending) = streams.sending(stream) else {
            return Err(NotSent::Closed);
        };
        streams.queued += sending.push(std::mem::take(item), keys.clone());
        streams.take_turn(stream);
        Ok(keys)
    }

    /// How long the payload of a packet of items may be that this side sends, if it holds more than one.
    pub fn chunk_limit(&self) -> usize {
        let (limit, _) = self.send_limit();
        StreamItems::CHUNK.min(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// How much a stream may be sent now, in what items cost: an item may be sent while some of it is left, and will
    /// be taken as long as nothing else is sent. With nothing, [`StreamEvent::Ready`] says when there is something.
    ///
    /// # Errors
    ///
    /// [`NotSent::Closed`].
    pub fn stream_credit(&mut self, stream: StreamKey) -> Result<u64, NotSent> {
        let Some((streams, _)) = self.streams_mut() else {
            return Err(NotSent::Closed);
        };
        let sending = streams.sending(stream).ok_or(NotSent::Closed)?;
        if sending.end.is_some() || sending.gone {
            return Err(NotSent::Closed);
        }
        if !sending.may_send() {
            sending.wants = true;
            return Ok(0);
        }
        Ok(sending.room())
    }

    /// Sends items that are ready, all but the last of which are within the stream's credit.
    ///
    /// # Errors
    ///
    /// [`NotSent`]; `items` are as they were then.
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
        let sending = streams.sending(stream).ok_or(NotSent::Closed)?;
        if items.items() > 0 {
            streams.queued += sending.push_run(items);
            streams.take_turn(stream);
        }
        Ok(())
    }

    /// Says that a stream has begun, where it has no item yet: the method that returned it has returned.
    pub fn begin_stream(&mut self, stream: StreamKey) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let Some(found) = streams.table.get(stream) else {
            return;
        };
        if let StreamHalf::Sending(sending) = &found.half
            && found.announced
            && sending.sent == 0
            && sending.queue.is_empty()
            && !sending.gone
        {
            out.items(found.id(), &mut []);
        }
    }

    /// That was the last item: what was sent leaves, and then the end.
    pub fn finish_stream(&mut self, stream: StreamKey) {
        self.end_behind(stream, EndReason::Finished, ErrorData::default());
    }

    /// The stream breaks off, and this is why: what was sent leaves, and then the failure.
    pub fn fail_stream(&mut self, stream: StreamKey, error: ErrorData) {
        self.end_behind(stream, EndReason::Failed, error);
    }

    /// The source of a stream is gone, and no event speaks of it any more. What was sent leaves, and then the end:
    /// *cancelled*, unless the stream has been finished or failed.
    pub fn drop_sender(&mut self, stream: StreamKey) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let Some(sending) = streams.sending(stream) else {
            return;
        };
        if !std::mem::replace(&mut sending.gone, true) && sending.end.is_none() {
            sending.end = Some((EndReason::Cancelled, ErrorData::default()));
            streams.end_sent(stream, &mut out);
        }
        self.release_answers();
    }

    fn end_behind(&mut self, stream: StreamKey, reason: EndReason, error: ErrorData) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        if let Some(sending) = streams.sending(stream)
            && sending.end.is_none()
            && !sending.gone
        {
            sending.end = Some((reason, error));
            streams.end_sent(stream, &mut out);
        }
        self.release_answers();
    }

    /// The other side has room for more.
    pub(super) fn handle_credit(&mut self, payload: Bytes) -> Result<(), Fatal> {
        let credit = StreamCredit::decode(payload)?;
        let Some((streams, out)) = self.streams_mut() else {
            return Ok(());
        };
        let mut known = false;
        for (id, bytes) in credit.entries() {
            if let Some(key) = streams.table.find(id)
                && let Some(sending) = streams.sending(key)
            {
                known = true;
                sending.grant(bytes);
                if sending.is_ready() {
                    streams.events.push_back(StreamEvent::Ready(key));
                }
            }
        }
        out.counters.packets_dropped += u64::from(!known);
        Ok(())
    }
}
