use std::time::Duration;

use bytes::Bytes;

use super::stream::StreamHalf;
use super::{
    Ending, SessionStreams, StreamCarrier, StreamEvent, StreamKey, StreamOutput, StreamSpec,
};
use crate::packet::{EndReason, ErrorData, Payload, RequestPacket, ResultCode};
use crate::session::send_backlog::QueuedSend;
use crate::session::{HelloState, InboundCallId, OutboundCallId, Refused, SendTicket, Session};

/// An answer that may not overtake items.
#[derive(Debug)]
pub(super) struct HeldAnswer {
    id: u32,
    code: ResultCode,
    pub(super) data: Payload,
}

/// Streams that come and go with calls.
impl Session {
    /// As [`call_within`](Self::call_within), with streams that the call opens, in the order in which its
    /// parameters name them. Gives their keys, in that order.
    ///
    /// While it is not known whether the other side knows streams the call waits, and calls that are made later
    /// may overtake it; [`wants_hello`](Self::wants_hello) says that it is to be asked. If it does not, the call
    /// ends with [`StreamEvent::Unsupported`].
    ///
    /// # Errors
    ///
    /// [`Refused`] when the call may not be made; nothing has changed then.
    pub fn call_with(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
        time: Option<Duration>,
        opens: &[StreamSpec],
    ) -> Result<(OutboundCallId, Vec<StreamKey>), Refused> {
        if opens.is_empty() {
            let call = self.call_within(method, params, time)?;
            return Ok((call, Vec::new()));
        }
        let in_use = self.streams_in_use();
        if in_use == Some(false) {
            return Err(Refused::Unsupported);
        }
        self.check_opens(opens)?;
        let call = self.begin_call(method, params.len())?;
        let streams = self.streams.get_or_insert_default();
        let keys = streams.make(opens);
        streams.by_call.insert(call.id(), keys.clone());
        if in_use.is_some() {
            self.place_call(call, method, params, time);
        } else {
            let waits = QueuedSend::Call(call, method.clone(), std::mem::take(params), time);
            let ticket = self.backlog.hold(waits);
            self.outbound.waits(call, ticket);
        }
        Ok((call, keys))
    }

    /// As [`cast`](Self::call_one_way), with streams that the call opens, in the order in which its parameters name them. Nobody
    /// waits for the call, so they are free, whatever they are said to be. Gives the call's place in the queue, if it has
    /// to wait, and their keys.
    ///
    /// As with [`call_with`](Self::call_with) the call waits while it is not known whether the other side knows streams.
    /// If it does not, the call leaves the queue unsent, and [`take_refused_cast`](Self::take_refused_cast) says so.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the call may not be made; nothing has changed then.
    pub fn cast_with(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
        opens: &[StreamSpec],
    ) -> Result<(Option<SendTicket>, Vec<StreamKey>), Refused> {
        if opens.is_empty() {
            return Ok((self.call_one_way(method, params)?, Vec::new()));
        }
        let in_use = self.streams_in_use();
        if in_use == Some(false) {
            return Err(Refused::Unsupported);
        }
        self.check_opens(opens)?;
        self.check_size(RequestPacket::payload_len(method, params.len()))?;
        self.counters.calls_out += 1;
        let free: Vec<_> = opens.iter().map(|spec| spec.freed()).collect();
        let waits = QueuedSend::OneWayCall(method.clone(), std::mem::take(params));
        let ticket = if in_use.is_some() {
            self.backlog.wait(waits)
        } else {
            self.backlog.hold(waits)
        };
        let streams = self.streams.get_or_insert_default();
        let keys = streams.make(&free);
        streams.by_cast.insert(ticket, keys.clone());
        self.make_room();
        Ok((Some(ticket).filter(|ticket| self.is_waiting(*ticket)), keys))
    }

    /// Whether a one-way call left the queue unsent, because the other side does not know streams. It is said once.
    pub fn take_refused_cast(&mut self, ticket: SendTicket) -> bool {
        let streams = self.streams.as_deref_mut();
        streams.is_some_and(|streams| streams.refused_casts.remove(&ticket))
    }

    /// A one-way call has an id now, and is about to be sent.
    pub(in crate::session) fn cast_leaves(&mut self, ticket: SendTicket, call: OutboundCallId) {
        if let Some(streams) = self.streams.as_deref_mut()
            && let Some(keys) = streams.by_cast.remove(&ticket)
        {
            streams.by_call.insert(call.id(), keys);
        }
    }

    /// A one-way call never left: its streams were never opened.
    pub(in crate::session) fn cast_taken_back(&mut self, ticket: SendTicket) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_cast.remove(&ticket)
        {
            streams.never_opened(keys, &mut out);
        }
    }

    /// Whether a call waits to be told if the other side knows streams, which it has not been asked: by
    /// [`ask_hello`](Self::ask_hello).
    pub fn wants_hello(&self) -> bool {
        self.backlog.holds() && self.greeting.state() == HelloState::Unknown
    }

    /// It is known now whether the other side knows streams: calls that waited for it go on, or fail.
    pub(in crate::session) fn settle_held_calls(&mut self) {
        let Some(in_use) = self.streams_in_use().filter(|_| self.backlog.holds()) else {
            return;
        };
        if in_use {
            self.backlog.release_held();
            self.make_room();
            return;
        }
        for (ticket, waits) in self.backlog.take_held() {
            self.counters.calls_out_failed += 1;
            if let QueuedSend::Call(call, ..) = waits {
                self.outbound.take_back(call);
                self.call_taken_back(call);
                if let Some(streams) = self.streams.as_deref_mut() {
                    streams.events.push_back(StreamEvent::Unsupported(call));
                }
            } else {
                self.cast_taken_back(ticket);
                if let Some(streams) = self.streams.as_deref_mut() {
                    streams.refused_casts.insert(ticket);
                }
                self.backlog.admit(ticket);
            }
            self.leave(waits);
        }
    }

    /// A call never left: its streams were never opened.
    pub(in crate::session) fn call_taken_back(&mut self, call: OutboundCallId) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_call.remove(&call.id())
        {
            streams.never_opened(keys, &mut out);
        }
    }

    /// The caller has gone. What is bound to the call ends with it, at the other side by its cancellation.
    pub(in crate::session) fn call_cancelled(&mut self, call: OutboundCallId) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        for key in streams.by_call.get(&call.id()).cloned().unwrap_or_default() {
            if streams.is_bound(key) {
                streams.tell_end(key, Ending::Cancelled);
                streams.drop_queue(key, &mut out);
                streams.take_nothing(key);
            }
        }
    }

    /// The answer came: what is bound to the call is over.
    pub(in crate::session) fn call_answered(&mut self, id: u32) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        for key in streams.by_call.remove(&id).unwrap_or_default() {
            if streams.is_bound(key) {
                streams.end_with_call(key, Ending::Answered, &mut out);
            }
        }
    }

    /// As [`respond`](Self::respond), with streams that the answer opens, in the order in which its value names
    /// them. They are refused at once if the answer cannot be sent, or is not a result.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the streams may not be opened; the call has not been answered then.
    pub fn respond_with(
        &mut self,
        run: InboundCallId,
        code: ResultCode,
        data: &mut Payload,
        opens: &[StreamSpec],
    ) -> Result<Vec<StreamKey>, Refused> {
        if opens.is_empty() {
            self.respond(run, code, data);
            return Ok(Vec::new());
        }
        if self.streams_in_use() != Some(true) {
            return Err(Refused::Unsupported);
        }
        self.check_opens(opens)?;
        let free: Vec<_> = opens.iter().map(|spec| spec.freed()).collect();
        let keys = self.streams.get_or_insert_default().make(&free);
        let id = self.inbound.id(run);
        if let Some(id) = id
            && code == ResultCode::Success
            && let Some(streams) = self.streams.as_deref_mut()
        {
            let replaced = streams.by_answer.insert(id, keys.clone());
            if let Some(keys) = replaced
                && let Some((streams, mut out)) = self.streams_mut()
            {
                // The other side used an id again before its answer.
                streams.never_opened(keys, &mut out);
            }
            self.respond(run, code, data);
        } else {
            self.respond(run, code, data);
            if let Some((streams, mut out)) = self.streams_mut() {
                streams.never_opened(keys.clone(), &mut out);
            }
        }
        Ok(keys)
    }

    /// An answer turned into an error, and opens nothing.
    pub(in crate::session) fn answer_failed(&mut self, id: u32) {
        if let Some((streams, mut out)) = self.streams_mut()
            && let Some(keys) = streams.by_answer.remove(&id)
        {
            streams.never_opened(keys, &mut out);
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
}

impl SessionStreams {
    fn is_bound(&self, key: StreamKey) -> bool {
        let stream = self.table.get(key);
        stream.is_some_and(super::stream::StreamState::is_bound)
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
