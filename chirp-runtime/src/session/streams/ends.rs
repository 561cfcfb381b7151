use bytes::Bytes;

use super::send::StreamOutput;
use super::store::{StreamHalf, StreamState};
use super::{Ending, SessionStreams, StreamCarrier, StreamEvent, StreamKey};
use crate::packet::{
    EndReason, ErrorData, FrameworkError, Payload, ResultCode, StreamEnd, StreamId,
};
use crate::session::{Fatal, InboundCallId, OutboundCallId, Session};

/// A response that waits until the items that its call sent before it have left.
#[derive(Debug)]
pub(super) struct HeldResponse {
    id: u32,
    code: ResultCode,
    pub(super) data: Payload,
}

impl Session {
    /// Ends the streams that are bound to a cancelled call. The other side ends them when it handles the
    /// Cancel packet.
    pub(in crate::session) fn call_cancelled(&mut self, call: OutboundCallId) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        for key in streams.by_call.get(call).cloned().unwrap_or_default() {
            if streams.is_bound(key) {
                streams.push_ended(key, Ending::Cancelled);
                streams.drop_queue(key, &mut out);
                streams.close_silently(key);
            }
        }
    }

    /// Ends the streams that are bound to a call whose response has come.
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

    /// Ends the streams that are bound to a call which its handler has answered. Returns whether the response
    /// is held until queued items have left.
    pub(in crate::session) fn hold_response(
        &mut self,
        call: InboundCallId,
        id: u32,
        code: ResultCode,
        data: &mut Payload,
    ) -> bool {
        let Some((streams, mut out)) = self.streams_mut() else {
            return false;
        };
        streams.refuse_unclaimed(StreamCarrier::Run(call), &mut out);
        let mut is_held = false;
        for key in streams
            .by_inbound_call
            .get(&call)
            .cloned()
            .unwrap_or_default()
        {
            let Some(send) = streams.send_half(key) else {
                continue;
            };
            if send.pending_end.is_none() {
                streams.push_ended(key, Ending::Answered);
            }
            let Some(send) = streams.send_half(key) else {
                continue;
            };
            send.dropped = true;
            if code != ResultCode::Success {
                send.pending_end = None;
            } else if send.pending_end.is_none() {
                send.pending_end = Some((EndReason::Cancelled, ErrorData::default()));
            }
            if send.queue.is_empty() {
                streams.send_pending_end(key, &mut out);
            } else {
                is_held = true;
            }
        }
        if is_held {
            let data = std::mem::take(data);
            streams.held_response_bytes += data.len();
            streams
                .held_responses
                .insert(call, HeldResponse { id, code, data });
        } else {
            streams.end_streams_of_call(call, &Ending::Answered, &mut out);
        }
        is_held
    }

    /// Sends the held responses that no longer wait for items.
    pub(super) fn release_held_responses(&mut self) {
        while let Some((streams, mut out)) = self.streams_mut()
            && let Some(call) = streams.releasable.pop()
        {
            let Some(mut answer) = streams.held_responses.remove(&call) else {
                continue;
            };
            streams.held_response_bytes -= answer.data.len();
            streams.end_streams_of_call(call, &Ending::Answered, &mut out);
            self.send_or_queue_response(answer.id, answer.code, &mut answer.data);
            self.transmit.defer_drop(answer.data.into_remains());
        }
    }

    /// Ends the streams of a call that was answered by the session or whose handler's future has been
    /// dropped.
    pub(in crate::session) fn inbound_call_ended(&mut self, call: InboundCallId) {
        if let Some((streams, mut out)) = self.streams_mut()
            && !streams.held_responses.contains_key(&call)
        {
            streams.end_streams_of_call(call, &Ending::Cancelled, &mut out);
            streams.refuse_unclaimed(StreamCarrier::Run(call), &mut out);
        }
    }

    /// Handles Stream-End: the end of a stream to this side, or a request to end a stream of this side.
    pub(super) fn handle_end(&mut self, payload: Bytes) -> Result<(), Fatal> {
        let end = StreamEnd::decode(payload)?;
        let Some((streams, mut out)) = self.streams_mut() else {
            return Ok(());
        };
        let Some(key) = streams.store.find(end.id) else {
            out.counters.packets_dropped += 1;
            return Ok(());
        };
        if let Some(recv) = streams.recv_half(key) {
            let came = recv.received;
            let ending = match end.reason {
                EndReason::Finished if end.items == came => Ending::Finished,
                EndReason::Finished => Ending::Incomplete {
                    received: came,
                    sent: end.items,
                },
                reason => ending(reason, end.error),
            };
            streams.end_recv(key, ending, &mut out);
        } else {
            let reason = match end.reason {
                EndReason::Finished => EndReason::Cancelled,
                reason => reason,
            };
            streams.push_ended(key, ending(reason, end.error));
            streams.abort_send(key, EndReason::Cancelled, &mut out);
            streams.send_pending_end(key, &mut out);
        }
        self.release_held_responses();
        Ok(())
    }

    /// Fails a stream whose item exceeded the payload limit and was skipped.
    pub(in crate::session) fn handle_large_item(&mut self, id: u32) {
        let limit = self.config.limits.max_payload as u64;
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let key = streams.store.find(StreamId::from_bits(id));
        if let Some(key) = key
            && streams.recv_half(key).is_some()
        {
            streams.fail(key, FrameworkError::TooLarge { limit }.into(), &mut out);
        } else {
            out.counters.packets_dropped += 1;
        }
    }
}

/// The ending that corresponds to a reason given by the other side.
fn ending(reason: EndReason, error: ErrorData) -> Ending {
    match reason {
        EndReason::Cancelled => Ending::Cancelled,
        EndReason::Refused => Ending::Refused(error),
        EndReason::Failed | EndReason::Finished => Ending::Failed(error),
    }
}

impl SessionStreams {
    /// Tells the owner of this side's half that the stream has ended, unless the half has been dropped.
    pub(super) fn push_ended(&mut self, key: StreamKey, ending: Ending) {
        let is_open = |stream: &StreamState| stream.is_open();
        if self.store.get(key).is_some_and(is_open) {
            self.events.push_back(StreamEvent::Ended(key, ending));
        }
    }

    /// Fails a stream to this side, because of a violation by the other side or a limit of this side.
    pub(super) fn fail(&mut self, key: StreamKey, error: ErrorData, out: &mut StreamOutput<'_>) {
        let is_open = self.recv_half(key).is_some_and(|it| !it.closed);
        if is_open {
            self.push_ended(key, Ending::Failed(error.clone()));
            self.close(key, EndReason::Failed, error, out);
        }
    }

    /// Closes the receive half, and asks the other side to end the stream.
    pub(super) fn close(
        &mut self,
        key: StreamKey,
        reason: EndReason,
        error: ErrorData,
        out: &mut StreamOutput<'_>,
    ) {
        let Some(stream) = self.store.get_mut(key) else {
            return;
        };
        let id = stream.id();
        let says = stream.announced && !stream.ended;
        let StreamHalf::Recv(recv) = &mut stream.half else {
            return;
        };
        if !std::mem::replace(&mut recv.closed, true) {
            self.windows.close(recv);
            if says {
                out.end(id, reason, recv.received, error);
            }
        }
    }

    /// Ends a stream to this side. Received items stay until they are consumed.
    pub(super) fn end_recv(&mut self, key: StreamKey, ending: Ending, out: &mut StreamOutput<'_>) {
        self.push_ended(key, ending);
        self.store.end(key);
        let Some(recv) = self.recv_half(key) else {
            return;
        };
        if recv.held == 0 {
            self.remove(key, out);
        } else {
            // Sends nothing, since the stream has ended.
            self.close(key, EndReason::Cancelled, ErrorData::default(), out);
        }
    }

    /// Drops the items that the consumer has not taken, since the consumer is gone.
    pub(super) fn drop_unconsumed(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(recv) = self.recv_half(key) else {
            return;
        };
        let held = std::mem::take(&mut recv.held);
        let has_unclaimed = recv.unclaimed_items > 0;
        self.held -= held;
        if has_unclaimed {
            self.refuse_items_of(key, out);
        }
        if self.store.get(key).is_some_and(|stream| stream.ended) {
            self.remove(key, out);
        }
    }

    /// Drops the queued items of a stream, so that only its end is still sent.
    pub(super) fn abort_send(
        &mut self,
        key: StreamKey,
        reason: EndReason,
        out: &mut StreamOutput<'_>,
    ) {
        let Some(send) = self.send_half(key) else {
            return;
        };
        send.pending_end = Some((reason, ErrorData::default()));
        self.drop_queue(key, out);
    }

    /// Drops the queued items of a stream, whose owner is told nothing more.
    pub(super) fn drop_queue(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(send) = self.send_half(key) else {
            return;
        };
        send.dropped = true;
        let queue = std::mem::take(&mut send.queue);
        let queued = std::mem::take(&mut send.queued);
        self.queued -= queued;
        for queued in queue {
            out.transmit.defer_drop(queued.item.into_remains());
            self.never_opened(queued.opens, out);
        }
    }

    /// Sends the pending end of a stream if its queue is empty and the other side knows the stream.
    pub(super) fn send_pending_end(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(stream) = self.store.get_mut(key) else {
            return;
        };
        let (id, announced, call) = (stream.id(), stream.announced, stream.call);
        let StreamHalf::Send(send) = &mut stream.half else {
            return;
        };
        if !announced || !send.queue.is_empty() {
            return;
        }
        if let Some((reason, error)) = send.pending_end.take() {
            out.end(id, reason, send.sent, error);
            self.remove(key, out);
        }
        if let Some(call) = call {
            self.check_held_response(call);
        }
    }

    /// Closes the receive half of a stream that is bound to a cancelled call. Sends nothing.
    fn close_silently(&mut self, key: StreamKey) {
        let Self { store, windows, .. } = self;
        if let Some(stream) = store.get_mut(key)
            && let StreamHalf::Recv(recv) = &mut stream.half
            && !std::mem::replace(&mut recv.closed, true)
        {
            windows.close(recv);
        }
    }

    /// Ends a stream whose call has ended.
    fn end_with_call(&mut self, key: StreamKey, ending: Ending, out: &mut StreamOutput<'_>) {
        if self.recv_half(key).is_some() {
            self.end_recv(key, ending, out);
        } else {
            self.push_ended(key, ending);
            self.remove(key, out);
        }
    }

    fn end_streams_of_call(
        &mut self,
        call: InboundCallId,
        ending: &Ending,
        out: &mut StreamOutput<'_>,
    ) {
        for key in self.by_inbound_call.remove(&call).unwrap_or_default() {
            self.end_with_call(key, ending.clone(), out);
        }
    }

    /// Releases the held response of a call if no stream of the call has queued items.
    pub(super) fn check_held_response(&mut self, call: InboundCallId) {
        if !self.held_responses.contains_key(&call) {
            return;
        }
        let keys = self.by_inbound_call.get(&call).cloned().unwrap_or_default();
        let mut streams = keys.iter().filter_map(|key| self.store.get(*key));
        let is_held = streams
            .any(|stream| matches!(&stream.half, StreamHalf::Send(send) if !send.queue.is_empty()));
        if !is_held {
            self.releasable.push(call);
        }
    }
}
