use std::time::Duration;

use bytes::Bytes;

use super::outbound_calls::AnsweredCall;
use super::send_backlog::QueuedSend;
use super::{
    CallOutcome, Event, Fatal, HelloState, LimitOwner, OutboundCallId, Refused, SendTicket, Session,
};
use crate::packet::{
    CallFields, Cancel, ExtensionFlags, OneWayPacket, Payload, RequestPacket, ResultCode,
};

/// The calls of this side.
impl Session {
    /// Calls a method of the other side. Small parameters are copied, so that the caller can reuse their
    /// buffer; large ones are taken.
    ///
    /// If the transmit buffer is full, the call is queued.
    ///
    /// # Errors
    ///
    /// [`Refused`] if the call cannot be made. The session and `params` are unchanged then.
    pub fn call(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
    ) -> Result<OutboundCallId, Refused> {
        self.call_within(method, params, None)
    }

    /// Like [`call`](Self::call), with the time that the call has. The time is sent only if the other side
    /// has declared that it accepts call contexts.
    ///
    /// # Errors
    ///
    /// The same as those of [`call`](Self::call).
    pub fn call_within(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
        time: Option<Duration>,
    ) -> Result<OutboundCallId, Refused> {
        let key = self.begin_call(method, params.len())?;
        self.send_or_queue_call(key, method, params, time, None);
        Ok(key)
    }

    /// Like [`call_within`](Self::call_within), but always copies the parameters.
    ///
    /// # Errors
    ///
    /// The same as those of [`call`](Self::call).
    pub fn call_copied(
        &mut self,
        method: &[u8],
        params: &[u8],
        time: Option<Duration>,
    ) -> Result<OutboundCallId, Refused> {
        let key = self.begin_call(method, params.len())?;
        if self.has_room_for_call() && self.backlog.has_no_queued_sends() {
            self.send_request(key, method, Params::Copied(params), time, None);
        } else {
            let (method, params) = (Bytes::copy_from_slice(method), params.to_vec().into());
            self.wait_for_room(key, method, params, time, None);
        }
        Ok(key)
    }

    /// Checks the limits of a call and reserves its id.
    pub(super) fn begin_call(
        &mut self,
        method: &[u8],
        params_len: usize,
    ) -> Result<OutboundCallId, Refused> {
        self.check_size(RequestPacket::payload_len(method, params_len))?;
        self.check_departure()?;
        let limit = self.config.limits.max_pending_calls;
        if self.unanswered() >= limit {
            return Err(Refused::TooManyPending { limit });
        }
        self.begin_any_call()
    }

    /// Reserves the id of a call that the limit on pending calls does not apply to.
    pub(super) fn begin_any_call(&mut self) -> Result<OutboundCallId, Refused> {
        let key = self.outbound.reserve().ok_or(Refused::TooManyPending {
            limit: self.config.limits.max_pending_calls,
        })?;
        self.counters.calls_out += 1;
        Ok(key)
    }

    /// Sends a call, or queues it if the transmit buffer is full.
    pub(super) fn send_or_queue_call(
        &mut self,
        key: OutboundCallId,
        method: &Bytes,
        params: &mut Payload,
        time: Option<Duration>,
        fields: Option<&CallFields>,
    ) {
        if self.has_room_for_call() && self.backlog.has_no_queued_sends() {
            self.send_request(key, method, Params::Pushed(params), time, fields);
        } else {
            self.wait_for_room(key, method.clone(), std::mem::take(params), time, fields);
        }
    }

    fn wait_for_room(
        &mut self,
        key: OutboundCallId,
        method: Bytes,
        params: Payload,
        time: Option<Duration>,
        fields: Option<&CallFields>,
    ) {
        let fields = fields.cloned().map(Box::new);
        let ticket = self
            .backlog
            .enqueue(QueuedSend::Call(key, method, params, time, fields));
        self.outbound.queued(key, ticket);
    }

    /// Cancels a call. A request that has not left is removed. Otherwise a Cancel packet is sent, and the id
    /// stays out of use until the other side responds.
    ///
    /// # Errors
    ///
    /// [`Fatal::Unresponsive`] if too many cancelled calls have had no response.
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
                if self.transmit.should_compact(self.outbound.ids()) {
                    self.transmit.compact(self.outbound.requests());
                }
                self.flush_backlog();
            } else {
                self.call_cancelled(key);
                Cancel { id: key.id() }.encode(self.transmit.tail());
                self.counters.packets_sent += 1;
                self.transmit.note_non_response();
            }
        }
        self.check_responsive()
    }

    /// Frees the id of a call whose response has been taken. Does nothing if the call has no response yet.
    pub fn release(&mut self, key: OutboundCallId) {
        self.outbound.release(key);
        self.refuse_response_streams(key);
        self.flush_one_way_calls();
    }

    /// Moves on after an id has become free: a one-way call may have been queued for want of one.
    fn flush_one_way_calls(&mut self) {
        if !self.backlog.has_no_queued_sends() {
            self.flush_backlog();
        }
    }

    /// Makes a call whose response is ignored. If the transmit buffer is full or too many calls are pending,
    /// the call is queued, and its [`SendTicket`] is returned.
    ///
    /// # Errors
    ///
    /// [`Refused::TooLarge`] if the call exceeds a payload limit.
    pub fn call_one_way(
        &mut self,
        method: &Bytes,
        params: &mut Payload,
    ) -> Result<Option<SendTicket>, Refused> {
        self.check_size(RequestPacket::payload_len(method, params.len()))?;
        self.check_departure()?;
        self.counters.calls_out += 1;
        if self.has_room_for_call()
            && self.backlog.has_no_queued_sends()
            && self.send_one_way_call(method, params, None, None)
        {
            return Ok(None);
        }
        let queued = QueuedSend::OneWayCall(method.clone(), std::mem::take(params), None);
        Ok(Some(self.backlog.enqueue(queued)))
    }

    /// Sends a one-way call, or returns `false` if there is no id for it. `ticket` is its place in the send
    /// backlog, if it has been queued.
    pub(super) fn send_one_way_call(
        &mut self,
        method: &[u8],
        params: &mut Payload,
        fields: Option<&CallFields>,
        ticket: Option<SendTicket>,
    ) -> bool {
        // Queued calls have ids already, and may wait behind this one.
        let sent = self.unanswered().saturating_sub(self.backlog.calls());
        if sent >= self.config.limits.max_pending_calls && !self.departure.is_said() {
            return false;
        }
        if self.sends_one_way() && !ticket.is_some_and(|ticket| self.opens_streams(ticket)) {
            self.send_context(None, fields);
            OneWayPacket::encode_head(self.transmit.tail(), method, params.len());
            self.transmit.push(params);
            self.transmit.note_non_response();
            self.counters.packets_sent += 1;
            return true;
        }
        let Some(key) = self.outbound.reserve() else {
            return false;
        };
        if let Some(ticket) = ticket {
            self.one_way_call_leaves(ticket, key);
        }
        self.send_request(key, method, Params::Pushed(params), None, fields);
        true
    }

    /// Returns `true` if the other side has declared one-way requests.
    fn sends_one_way(&self) -> bool {
        matches!(
            self.hello_exchange.state(),
            HelloState::Known(Some(theirs)) if theirs.extensions.contains(ExtensionFlags::ONE_WAY)
        )
    }

    /// Returns `true` if a call has left the send backlog for the transmit buffer.
    pub fn is_queued(&self, key: OutboundCallId) -> bool {
        self.outbound.ticket(key).is_none()
    }

    pub(super) fn handle_response(
        &mut self,
        id: u32,
        outcome: CallOutcome,
    ) -> Result<Option<Event>, Fatal> {
        let duplicate = matches!(&outcome, CallOutcome::Response(response) if response.code == ResultCode::DuplicateRequest);
        let answered = self.outbound.answer(id, duplicate);
        self.check_responsive()?;
        let key = match answered {
            AnsweredCall::Unknown => {
                self.counters.packets_dropped += 1;
                return Ok(None);
            }
            AnsweredCall::Abandoned(key) | AnsweredCall::Pending(key) => key,
        };
        self.call_answered(key);
        if let AnsweredCall::Abandoned(_) = answered {
            self.flush_one_way_calls();
            return Ok(None);
        }
        if self.hello_exchange.is_pong(key) {
            self.release(key);
            return Ok(None);
        }
        if self.hello_exchange.is_asked_by(key) {
            let answer = match &outcome {
                CallOutcome::Response(response) if outcome.is_success() => &response.data[..],
                _ => &[],
            };
            // Before the release, which may send calls and counts those that are pending.
            self.hello_exchange.answered(answer);
            self.release(key);
            self.settle_held_calls();
            return Ok(Some(Event::Hello));
        }
        if !outcome.is_success() {
            self.counters.note_failure_out(&outcome);
        }
        Ok(Some(Event::Answered(key, outcome)))
    }

    /// The number of calls that wait for their response, without the question about the other side's extensions.
    pub fn pending(&self) -> usize {
        self.outbound.pending() - usize::from(self.hello_exchange.is_pending())
    }

    /// The number of calls without a response that count towards the limit on pending calls.
    pub(super) fn unanswered(&self) -> usize {
        self.outbound.unanswered() - usize::from(self.hello_exchange.is_pending())
    }

    /// The number of cancelled calls without a response.
    pub fn abandoned(&self) -> usize {
        self.outbound.abandoned()
    }

    /// Advances the clock of cancelled calls. It must be called [`AGE`](Self::AGE) times in each
    /// [`Limits::cancel_timeout`](super::Limits::cancel_timeout).
    ///
    /// # Errors
    ///
    /// [`Fatal::Unresponsive`] if a call was cancelled that long ago and has had no response, although others
    /// have.
    pub fn tick(&mut self) -> Result<(), Fatal> {
        let abandoned = self.outbound.out_of_use();
        if self.outbound.tick(Self::AGE) {
            Err(Fatal::Unresponsive { abandoned })
        } else {
            Ok(())
        }
    }

    /// The number of [`tick`](Self::tick)s in a [`Limits::cancel_timeout`](super::Limits::cancel_timeout).
    pub const AGE: u32 = 6;

    pub(super) fn check_responsive(&self) -> Result<(), Fatal> {
        let abandoned = self.outbound.out_of_use();
        if abandoned > self.config.limits.max_unanswered_cancels {
            Err(Fatal::Unresponsive { abandoned })
        } else {
            Ok(())
        }
    }

    /// Checks that a payload of this size may be sent.
    pub(super) fn check_size(&self, size: usize) -> Result<(), Refused> {
        let (limit, whose) = self.send_limit();
        if size as u64 > limit {
            return Err(Refused::TooLarge { limit, whose });
        }
        Ok(())
    }

    /// The largest payload that may be sent, in bytes, and whose limit that is.
    pub(super) fn send_limit(&self) -> (u64, LimitOwner) {
        // The length field of a header is a limit, too.
        let ours = (self.config.limits.max_payload as u64).min(u32::MAX.into());
        match self.hello_exchange.state() {
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
        fields: Option<&CallFields>,
    ) {
        let from = self.transmit.position();
        self.send_call_opens(key);
        self.send_context(time, fields);
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
        self.transmit.note_non_response();
        self.counters.packets_sent += 1;
        self.outbound.sent(key, self.transmit.span(from));
        self.call_opens_sent(key);
    }
}

/// The parameters of a request.
pub(super) enum Params<'a> {
    /// Parameters that are always copied.
    Copied(&'a [u8]),
    /// Parameters that are taken if they are large.
    Pushed(&'a mut Payload),
}
