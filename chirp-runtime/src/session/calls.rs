use std::time::Duration;

use bytes::Bytes;

use super::outbound::AnsweredCall;
use super::send_backlog::QueuedSend;
use super::{
    CallOutcome, Event, Fatal, HelloState, LimitOwner, OutboundCallId, Refused, SendTicket, Session,
};
use crate::packet::{Cancel, Payload, RequestPacket, ResultCode};

/// The calls that this side makes.
impl Session {
    /// Calls a method of the other side. Small parameters are copied and stay with the caller, so that
    /// their buffer can be used again; large ones are taken.
    ///
    /// Where there is no room in the transmit buffer the call waits here, and leaves in its turn.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the call may not be made; nothing has changed then.
    pub fn call(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
    ) -> Result<OutboundCallId, Refused> {
        self.call_within(method, params, None)
    }

    /// As [`call`](Self::call), with the time that the call has. It is said to a side that has declared
    /// that it wants to know.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn call_within(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
        time: Option<Duration>,
    ) -> Result<OutboundCallId, Refused> {
        let key = self.begin_call(method, params.len())?;
        self.place_call(key, method, params, time);
        Ok(key)
    }

    /// As [`call_within`](Self::call_within), of parameters that are copied.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn call_copied(
        &mut self,
        method: &[u8],
        params: &[u8],
        time: Option<Duration>,
    ) -> Result<OutboundCallId, Refused> {
        let key = self.begin_call(method, params.len())?;
        if self.has_room_for_call() && self.backlog.has_no_queued_sends() {
            self.send_request(key, method, Params::Copied(params), time);
        } else {
            let (method, params) = (Bytes::copy_from_slice(method), params.to_vec().into());
            self.wait_for_room(key, method, params, time);
        }
        Ok(key)
    }

    /// An id for a call that may be made.
    pub(super) fn begin_call(
        &mut self,
        method: &[u8],
        params_len: usize,
    ) -> Result<OutboundCallId, Refused> {
        self.check_size(RequestPacket::payload_len(method, params_len))?;
        let limit = self.limits.max_pending_calls;
        if self.outbound.unanswered() >= limit {
            return Err(Refused::TooManyPending { limit });
        }
        self.begin_any_call()
    }

    /// An id for a call that may be made however many are pending.
    pub(super) fn begin_any_call(&mut self) -> Result<OutboundCallId, Refused> {
        let key = self.outbound.reserve().ok_or(Refused::TooManyPending {
            limit: self.limits.max_pending_calls,
        })?;
        self.counters.calls_out += 1;
        Ok(key)
    }

    /// Sends a call, or puts it where it waits for room.
    pub(super) fn place_call(
        &mut self,
        key: OutboundCallId,
        method: &Bytes,
        params: &mut Payload,
        time: Option<Duration>,
    ) {
        if self.has_room_for_call() && self.backlog.has_no_queued_sends() {
            self.send_request(key, method, Params::Pushed(params), time);
        } else {
            self.wait_for_room(key, method.clone(), std::mem::take(params), time);
        }
    }

    fn wait_for_room(
        &mut self,
        key: OutboundCallId,
        method: Bytes,
        params: Payload,
        time: Option<Duration>,
    ) {
        let ticket = self
            .backlog
            .wait(QueuedSend::Call(key, method, params, time));
        self.outbound.waits(key, ticket);
    }

    /// The caller no longer wants the answer. A request that has not left is removed; otherwise the
    /// other side is told, and the id stays out of use until it answers.
    ///
    /// # Errors
    ///
    /// [`Fatal::Unresponsive`] when too many cancelled calls have gone without an answer.
    pub fn cancel(&mut self, key: OutboundCallId) -> Result<(), Fatal> {
        if let Some(ticket) = self.outbound.ticket(key) {
            self.counters.calls_out_failed += 1;
            self.take_back(ticket);
            self.outbound.take_back(key);
            self.call_taken_back(key);
            return Ok(());
        }
        if let Some(packet) = self.outbound.cancel(key) {
            self.counters.calls_out_failed += 1;
            if self.transmit.remove(packet) {
                self.counters.packets_sent -= 1;
                self.outbound.take_back(key);
                self.call_taken_back(key);
                if self.transmit.is_wasteful(self.outbound.ids()) {
                    self.transmit.close_up(self.outbound.requests());
                }
                self.make_room();
            } else {
                self.call_cancelled(key);
                Cancel { id: key.id() }.encode(self.transmit.tail());
                self.counters.packets_sent += 1;
                self.transmit.note_question();
            }
        }
        self.check_responsive()
    }

    /// The caller has taken the answer of a call, so that its id may be used again. Without effect on a
    /// call that has not been answered.
    pub fn release(&mut self, key: OutboundCallId) {
        self.outbound.release(key);
        self.release_answer(key);
        // Something may have waited for the id.
        if !self.backlog.has_no_queued_sends() {
            self.make_room();
        }
    }

    /// Makes a call whose answer is not wanted. Where there is no room for it, or as many calls are pending as
    /// this side allows, it waits here and leaves in its turn; the [`SendTicket`] says which it is.
    ///
    /// # Errors
    ///
    /// [`Refused::TooLarge`] when it is over a payload limit.
    pub fn call_one_way(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
    ) -> Result<Option<SendTicket>, Refused> {
        self.check_size(RequestPacket::payload_len(method, params.len()))?;
        self.counters.calls_out += 1;
        if self.has_room_for_call()
            && self.backlog.has_no_queued_sends()
            && self.send_cast(method, params, None)
        {
            return Ok(None);
        }
        let waits = QueuedSend::OneWayCall(method.clone(), std::mem::take(params));
        Ok(Some(self.backlog.wait(waits)))
    }

    /// Sends a call whose answer is not wanted, if there is an id for it. `ticket` is its place among those that wait, if
    /// it has one.
    pub(super) fn send_cast(
        &mut self,
        method: &[u8],
        params: &mut Payload,
        ticket: Option<SendTicket>,
    ) -> bool {
        if self.outbound.unanswered() >= self.limits.max_pending_calls {
            return false;
        }
        let Some(key) = self.outbound.reserve() else {
            return false;
        };
        if let Some(ticket) = ticket {
            self.cast_leaves(ticket, key);
        }
        self.send_request(key, method, Params::Pushed(params), None);
        true
    }

    /// Whether a call has left for the transmit buffer.
    pub fn is_queued(&self, key: OutboundCallId) -> bool {
        self.outbound.ticket(key).is_none()
    }

    pub(super) fn handle_answer(
        &mut self,
        id: u32,
        outcome: CallOutcome,
    ) -> Result<Option<Event>, Fatal> {
        let duplicate = matches!(&outcome, CallOutcome::Response(response) if response.code == ResultCode::DuplicateRequest);
        let answered = self.outbound.answer(id, duplicate);
        self.check_responsive()?;
        if !matches!(answered, AnsweredCall::Nobody) {
            self.call_answered(id);
        }
        match answered {
            AnsweredCall::Nobody => {
                self.counters.packets_dropped += 1;
                Ok(None)
            }
            AnsweredCall::Abandoned => Ok(None),
            AnsweredCall::Call(key) if self.greeting.is_pong(key) => {
                self.release(key);
                Ok(None)
            }
            AnsweredCall::Call(key) if self.greeting.is_asked_by(key) => {
                self.release(key);
                let answer = match &outcome {
                    CallOutcome::Response(response) if outcome.is_success() => &response.data[..],
                    _ => &[],
                };
                self.greeting.answered(answer);
                Ok(Some(Event::Hello))
            }
            AnsweredCall::Call(key) => {
                if !outcome.is_success() {
                    self.counters.note_failure_out(&outcome);
                }
                Ok(Some(Event::Answered(key, outcome)))
            }
        }
    }

    /// Calls that this side waits for.
    pub fn pending(&self) -> usize {
        self.outbound.pending()
    }

    /// Cancelled calls whose answer has not come.
    pub fn abandoned(&self) -> usize {
        self.outbound.abandoned()
    }

    /// A part of [`Limits::cancel_timeout`](super::Limits::cancel_timeout) has passed, of which there are [`AGE`](Self::AGE).
    ///
    /// # Errors
    ///
    /// [`Fatal::Unresponsive`] when a call was given up that long ago and has not been answered, although
    /// others have.
    pub fn tick(&mut self) -> Result<(), Fatal> {
        let abandoned = self.outbound.out_of_use();
        if self.outbound.tick(Self::AGE) {
            Err(Fatal::Unresponsive { abandoned })
        } else {
            Ok(())
        }
    }

    /// How many [`tick`](Self::tick)s make up [`Limits::cancel_timeout`](super::Limits::cancel_timeout).
    pub const AGE: u32 = 6;

    pub(super) fn check_responsive(&self) -> Result<(), Fatal> {
        let abandoned = self.outbound.out_of_use();
        if abandoned > self.limits.max_unanswered_cancels {
            Err(Fatal::Unresponsive { abandoned })
        } else {
            Ok(())
        }
    }

    /// Whether a payload of this size may be sent.
    pub(super) fn check_size(&self, size: usize) -> Result<(), Refused> {
        let (limit, whose) = self.send_limit();
        if size as u64 > limit {
            return Err(Refused::TooLarge { limit, whose });
        }
        Ok(())
    }

    /// The largest packet payload that may be sent, and whose limit that is.
    pub(super) fn send_limit(&self) -> (u64, LimitOwner) {
        // What a packet's length can say is a limit, too.
        let ours = (self.limits.max_payload as u64).min(u32::MAX.into());
        match self.greeting.state() {
            HelloState::Known(Some(hello)) if u64::from(hello.payload_limit) < ours => {
                (hello.payload_limit.into(), LimitOwner::OtherSide)
            }
            _ => (ours, LimitOwner::ThisSide),
        }
    }

    pub(super) fn send_request(
        &mut self,
        key: OutboundCallId,
        method: &[u8],
        params: Params<'_>,
        time: Option<Duration>,
    ) {
        let from = self.transmit.position();
        self.send_call_opens(key.id());
        self.send_context(time);
        let tail = self.transmit.tail();
        match params {
            Params::Copied(params) => {
                RequestPacket::encode_head(tail, key.id(), method, params.len());
                tail.extend_from_slice(params);
            }
            Params::Pushed(params) => {
                RequestPacket::encode_head(tail, key.id(), method, params.len());
                self.transmit.push(params);
            }
        }
        self.transmit.note_question();
        self.counters.packets_sent += 1;
        self.outbound.sent(key, self.transmit.span(from));
        self.call_opens_sent(key.id());
    }
}

/// The parameters of a request.
pub(super) enum Params<'a> {
    /// They are copied.
    Copied(&'a [u8]),
    /// Large ones are taken.
    Pushed(&'a mut Payload),
}
