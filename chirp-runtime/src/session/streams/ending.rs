use bytes::Bytes;

use super::stream::StreamHalf;
use super::{Ending, SessionStreams, StreamEvent, StreamKey, StreamOutput};
use crate::packet::{EndReason, ErrorData, FrameworkError, StreamEnd, StreamId};
use crate::session::{Fatal, Session};

impl Session {
    /// A stream has ended, or its receiving side asks for its end.
    pub(super) fn handle_end(&mut self, payload: Bytes) -> Result<(), Fatal> {
        let end = StreamEnd::decode(payload)?;
        let Some((streams, mut out)) = self.streams_mut() else {
            return Ok(());
        };
        let Some(key) = streams.table.find(end.id) else {
            out.counters.packets_dropped += 1;
            return Ok(());
        };
        if let Some(receiving) = streams.receiving(key) {
            let came = receiving.received;
            let ending = match end.reason {
                EndReason::Finished if end.items == came => Ending::Finished,
                EndReason::Finished => Ending::Incomplete {
                    received: came,
                    sent: end.items,
                },
                reason => ending(reason, end.error),
            };
            streams.over(key, ending, &mut out);
        } else {
            let reason = match end.reason {
                EndReason::Finished => EndReason::Cancelled,
                reason => reason,
            };
            streams.tell_end(key, ending(reason, end.error));
            streams.break_off(key, EndReason::Cancelled, &mut out);
            streams.end_sent(key, &mut out);
        }
        self.release_answers();
        Ok(())
    }

    /// An item came that is over the payload limit, and has been skipped.
    pub(in crate::session) fn handle_large_item(&mut self, id: u32) {
        let limit = self.limits.max_payload as u64;
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let key = streams.table.find(StreamId::from_bits(id));
        if let Some(key) = key
            && streams.receiving(key).is_some()
        {
            streams.fail(key, FrameworkError::TooLarge { limit }.into(), &mut out);
        } else {
            out.counters.packets_dropped += 1;
        }
    }
}

/// The ending that the other side's reason stands for.
fn ending(reason: EndReason, error: ErrorData) -> Ending {
    match reason {
        EndReason::Cancelled => Ending::Cancelled,
        EndReason::Refused => Ending::Refused(error),
        EndReason::Failed | EndReason::Finished => Ending::Failed(error),
    }
}

impl SessionStreams {
    /// The program is told that a stream has ended, unless it has let go of it.
    pub(super) fn tell_end(&mut self, key: StreamKey, ending: Ending) {
        let is_open = |stream: &super::stream::StreamState| stream.is_open();
        if self.table.get(key).is_some_and(is_open) {
            self.events.push_back(StreamEvent::Ended(key, ending));
        }
    }

    /// The other side does what a stream must not do, or this side cannot take what it sends.
    pub(super) fn fail(&mut self, key: StreamKey, error: ErrorData, out: &mut StreamOutput<'_>) {
        let is_open = self.receiving(key).is_some_and(|it| !it.closed);
        if is_open {
            self.tell_end(key, Ending::Failed(error.clone()));
            self.close(key, EndReason::Failed, error, out);
        }
    }

    /// The receiving side of a stream takes nothing more, and asks for its end.
    pub(super) fn close(
        &mut self,
        key: StreamKey,
        reason: EndReason,
        error: ErrorData,
        out: &mut StreamOutput<'_>,
    ) {
        let Some(stream) = self.table.get_mut(key) else {
            return;
        };
        let id = stream.id();
        let says = stream.announced && !stream.over;
        let StreamHalf::Receiving(receiving) = &mut stream.half else {
            return;
        };
        if !std::mem::replace(&mut receiving.closed, true) {
            self.windows.close(receiving);
            if says {
                out.end(id, reason, receiving.received, error);
            }
        }
    }

    /// A stream is over for its receiving side: nothing comes any more. What came stays until it is taken.
    pub(super) fn over(&mut self, key: StreamKey, ending: Ending, out: &mut StreamOutput<'_>) {
        self.tell_end(key, ending);
        self.table.over(key);
        let Some(receiving) = self.receiving(key) else {
            return;
        };
        if receiving.held == 0 {
            self.remove(key, out);
        } else {
            // It says nothing, since the stream is over.
            self.close(key, EndReason::Cancelled, ErrorData::default(), out);
        }
    }

    /// The consumer is gone, and with it what it had not taken.
    pub(super) fn forget_held(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(receiving) = self.receiving(key) else {
            return;
        };
        let held = std::mem::take(&mut receiving.held);
        let carries = receiving.carries > 0;
        self.held -= held;
        if carries {
            self.refuse_items_of(key, out);
        }
        if self.table.get(key).is_some_and(|stream| stream.over) {
            self.remove(key, out);
        }
    }

    /// The sending side of a stream sends nothing more than its end. What waits is dropped.
    pub(super) fn break_off(
        &mut self,
        key: StreamKey,
        reason: EndReason,
        out: &mut StreamOutput<'_>,
    ) {
        let Some(sending) = self.sending(key) else {
            return;
        };
        sending.end = Some((reason, ErrorData::default()));
        self.drop_queue(key, out);
    }

    /// What waits is dropped, and the program hears nothing more of it.
    pub(super) fn drop_queue(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(sending) = self.sending(key) else {
            return;
        };
        sending.gone = true;
        let queue = std::mem::take(&mut sending.queue);
        let queued = std::mem::take(&mut sending.queued);
        self.queued -= queued;
        for queued in queue {
            out.transmit.leave(queued.item.into_remains());
            self.never_opened(queued.opens, out);
        }
    }

    /// Nothing waits in a stream before its end, which is said now. So it is over, if the other side knows of it.
    pub(super) fn end_sent(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(stream) = self.table.get_mut(key) else {
            return;
        };
        let (id, announced, run) = (stream.id(), stream.announced, stream.run);
        let StreamHalf::Sending(sending) = &mut stream.half else {
            return;
        };
        if !announced || !sending.queue.is_empty() {
            return;
        }
        if let Some((reason, error)) = sending.end.take() {
            out.end(id, reason, sending.sent, error);
            self.remove(key, out);
        }
        if let Some(run) = run {
            self.check_answer(run);
        }
    }
}
