use bytes::Bytes;

use super::send::StreamOutput;
use super::store::{StreamHalf, StreamState};
use super::{Ending, SessionStreams, StreamCarrier, StreamEvent, StreamKey};
use crate::packet::{
    EndReason, ErrorData, FrameworkError, Payload, ResultCode, StreamEnd, StreamId,
};
use crate::session::{Fatal, InboundCallId, OutboundCallId, Session};

/// An answer that may not overtake items.
#[derive(Debug)]
pub(super) struct HeldAnswer {
    id: u32,
    code: ResultCode,
    pub(super) data: Payload,
}

impl Session {
    /// The caller has gone. What is bound to the call ends with it, at the other side by its cancellation.
    pub(in crate::session) fn call_cancelled(&mut self, call: OutboundCallId) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        for key in streams.by_call.get(call).cloned().unwrap_or_default() {
            if streams.is_bound(key) {
                streams.tell_end(key, Ending::Cancelled);
                streams.drop_queue(key, &mut out);
                streams.take_nothing(key);
            }
        }
    }

    /// The answer came: what is bound to the call is over.
    pub(in crate::session) fn call_answered(&mut self, call: OutboundCallId) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        for key in streams.by_call.remove(call).unwrap_or_default() {
            if streams.is_bound(key) {
                streams.end_with_call(key, Ending::Answered, &mut out);
            }
        }
    }

    /// A handler has said how its call went. Whether the answer waits for items that were sent before it.
    pub(in crate::session) fn hold_answer(
        &mut self,
        run: InboundCallId,
        id: u32,
        code: ResultCode,
        data: &mut Payload,
    ) -> bool {
        let Some((streams, mut out)) = self.streams_mut() else {
            return false;
        };
        streams.refuse_carried(StreamCarrier::Run(run), &mut out);
        let mut waits = false;
        for key in streams.by_run.get(&run).cloned().unwrap_or_default() {
            let Some(sending) = streams.sending(key) else {
                continue;
            };
            if sending.end.is_none() {
                streams.tell_end(key, Ending::Answered);
            }
            let Some(sending) = streams.sending(key) else {
                continue;
            };
            sending.gone = true;
            if code != ResultCode::Success {
                sending.end = None;
            } else if sending.end.is_none() {
                sending.end = Some((EndReason::Cancelled, ErrorData::default()));
            }
            if sending.queue.is_empty() {
                streams.end_sent(key, &mut out);
            } else {
                waits = true;
            }
        }
        if waits {
            let data = std::mem::take(data);
            streams.answer_bytes += data.len();
            streams.answers.insert(run, HeldAnswer { id, code, data });
        } else {
            streams.end_run(run, &Ending::Answered, &mut out);
        }
        waits
    }

    /// Sends the answers that had to wait for items and need not any more.
    pub(super) fn release_answers(&mut self) {
        while let Some((streams, mut out)) = self.streams_mut()
            && let Some(run) = streams.answerable.pop()
        {
            let Some(mut answer) = streams.answers.remove(&run) else {
                continue;
            };
            streams.answer_bytes -= answer.data.len();
            streams.end_run(run, &Ending::Answered, &mut out);
            self.send_answer(answer.id, answer.code, &mut answer.data);
            self.transmit.leave(answer.data.into_remains());
        }
    }

    /// A call that this side runs has been answered for its handler, or its handler has gone.
    pub(in crate::session) fn run_ended(&mut self, run: InboundCallId) {
        if let Some((streams, mut out)) = self.streams_mut()
            && !streams.answers.contains_key(&run)
        {
            streams.end_run(run, &Ending::Cancelled, &mut out);
            streams.refuse_carried(StreamCarrier::Run(run), &mut out);
        }
    }

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
        let is_open = |stream: &StreamState| stream.is_open();
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
        let says = stream.announced && !stream.ended;
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
        self.table.end(key);
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
        if self.table.get(key).is_some_and(|stream| stream.ended) {
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

    fn is_bound(&self, key: StreamKey) -> bool {
        let stream = self.table.get(key);
        stream.is_some_and(StreamState::is_bound)
    }

    /// A stream that is bound to a cancelled call takes nothing more. Nothing is said of it.
    fn take_nothing(&mut self, key: StreamKey) {
        let Self { table, windows, .. } = self;
        if let Some(stream) = table.get_mut(key)
            && let StreamHalf::Receiving(receiving) = &mut stream.half
            && !std::mem::replace(&mut receiving.closed, true)
        {
            windows.close(receiving);
        }
    }

    /// The call that a stream is bound to is over, and the stream with it.
    fn end_with_call(&mut self, key: StreamKey, ending: Ending, out: &mut StreamOutput<'_>) {
        if self.receiving(key).is_some() {
            self.over(key, ending, out);
        } else {
            self.tell_end(key, ending);
            self.remove(key, out);
        }
    }

    fn end_run(&mut self, run: InboundCallId, ending: &Ending, out: &mut StreamOutput<'_>) {
        for key in self.by_run.remove(&run).unwrap_or_default() {
            self.end_with_call(key, ending.clone(), out);
        }
    }

    /// Whether the answer of a call waited for a stream that has nothing more to send.
    pub(super) fn check_answer(&mut self, run: InboundCallId) {
        if !self.answers.contains_key(&run) {
            return;
        }
        let keys = self.by_run.get(&run).cloned().unwrap_or_default();
        let mut streams = keys.iter().filter_map(|key| self.table.get(*key));
        let waits = streams.any(
            |stream| matches!(&stream.half, StreamHalf::Sending(sending) if !sending.queue.is_empty()),
        );
        if !waits {
            self.answerable.push(run);
        }
    }
}
