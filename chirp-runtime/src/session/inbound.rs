use std::time::Duration;

use super::{Event, InboundCallId, Session, hello};
use crate::packet::{
    Cancel, ErrorData, FrameworkError, Header, Payload, RequestPacket, ResponsePacket, ResultCode,
    is_uncallable,
};

/// The calls of the other side.
impl Session {
    pub(super) fn handle_request(&mut self, request: RequestPacket) -> Option<Event> {
        let id = request.id();
        // The context belongs to this request even if the request is refused.
        let context = self.contexts.take();
        if let Some(interrupt) = self.handle_duplicate(id) {
            return Some(interrupt);
        }
        if hello::is_hello(request.method()) {
            return self.answer_hello(id, request.params());
        }
        self.counters.calls_in += 1;
        if is_uncallable(request.method()) {
            self.send_response(id, ResultCode::UnknownMethod, &mut Payload::default());
            return None;
        }
        if self.departure.refuses_requests() {
            self.refuse(id, FrameworkError::ShuttingDown);
            return None;
        }
        if self.is_busy() {
            self.refuse(id, FrameworkError::Overloaded);
            return None;
        }
        if context.unsupported {
            self.refuse(id, FrameworkError::Unsupported);
            return None;
        }
        if context.too_large {
            let limit = self.config.limits.max_metadata as u64;
            self.refuse(id, FrameworkError::MetadataTooLarge { limit });
            return None;
        }
        if context.time == Some(Duration::ZERO) {
            self.refuse(id, FrameworkError::DeadlineExceeded);
            return None;
        }
        let size = request.size() + context.size();
        let call = self.inbound.start(id, size, context.time);
        if let Some(info) = context.info {
            self.contexts.accept(call, info);
        }
        Some(Event::Request(call, request))
    }

    /// Answers both calls of a request id that is already pending with *duplicate request*, and interrupts
    /// the handler of the first.
    pub(super) fn handle_duplicate(&mut self, id: u32) -> Option<Event> {
        let call = self.inbound.take_id(id)?;
        self.counters.calls_in += 1;
        for _ in 0..2 {
            self.send_response(id, ResultCode::DuplicateRequest, &mut Payload::default());
        }
        Some(Event::Interrupt(call))
    }

    pub(super) fn handle_cancel(&mut self, cancel: Cancel) -> Option<Event> {
        self.counters.cancels_in += 1;
        let Some(call) = self.inbound.take_id(cancel.id) else {
            self.counters.packets_dropped += 1;
            return None;
        };
        self.send_behind_calls(cancel.id, ResultCode::Cancelled, Payload::default());
        Some(Event::Interrupt(call))
    }

    /// The time that the call had when its request came, if its caller sent one.
    pub fn time(&self, call: InboundCallId) -> Option<Duration> {
        self.inbound.time(call)
    }

    /// Returns `true` if the call's handler may still be started. It may not once the call has been cancelled.
    pub fn is_wanted(&self, call: InboundCallId) -> bool {
        self.inbound.is_pending(call)
    }

    /// Returns `true` if [all](Self::is_wanted) running calls are wanted. None has been cancelled whose handler has not ended
    /// then.
    pub fn are_all_wanted(&self) -> bool {
        self.inbound.pending() == self.inbound.running()
    }

    /// Sends the response of a call. The response is dropped if the call has been answered in the meantime,
    /// for instance by a cancellation; `data` then stays with the caller, as small data always does.
    pub fn respond(&mut self, call: InboundCallId, code: ResultCode, data: &mut Payload) {
        let Some(id) = self.inbound.answer(call) else {
            return;
        };
        if !self.hold_response(call, id, code, data) {
            self.send_or_queue_response(id, code, data);
        }
    }

    /// Sends a response, or queues it if the transmit buffer is full.
    pub(super) fn send_or_queue_response(&mut self, id: u32, code: ResultCode, data: &mut Payload) {
        let (limit, _) = self.send_limit();
        if ResponsePacket::payload_len(data.len()) as u64 > limit {
            self.response_failed(id);
            let detail = over_limit(limit);
            let error = FrameworkError::InvalidResult.to_error_data(&detail);
            self.send_behind_calls(id, ResultCode::ServiceError, error.encode().into());
        } else if self.has_room_for_response()
            && self.backlog.has_no_queued_responses()
            && !self.responses_wait_for_calls()
        {
            self.send_response(id, code, data);
        } else {
            let behind_sends = self.responses_wait_for_calls();
            self.backlog
                .queue_response(id, code, std::mem::take(data), behind_sends);
        }
    }

    /// Sends a response of the session's own. There is always room for it, but calls may have to leave before it.
    fn send_behind_calls(&mut self, id: u32, code: ResultCode, mut data: Payload) {
        if self.responses_wait_for_calls() {
            self.backlog.queue_response(id, code, data, true);
        } else {
            self.send_response(id, code, &mut data);
        }
    }

    /// Ends a call whose handler's future has been dropped. Until then the call counts as running.
    pub fn finish(&mut self, call: InboundCallId) {
        self.inbound.finish(call);
        self.inbound_call_ended(call);
        if !self.is_at_handler_limit() && !self.is_over_limit() {
            self.backlog.clear_pause_expired();
        }
    }

    /// The number of calls whose handler's future is alive.
    pub fn running(&self) -> usize {
        self.inbound.running()
    }

    pub(super) fn send_response(&mut self, id: u32, code: ResultCode, data: &mut Payload) {
        if code == ResultCode::Success {
            self.send_response_opens(id);
        }
        if code != ResultCode::Success {
            self.counters.note_failure_in(code, data.as_slice());
        }
        ResponsePacket::encode_head(self.transmit.tail(), id, code, data.len());
        self.transmit
            .note_response(Header::LEN + ResponsePacket::payload_len(data.len()));
        self.transmit.push(data);
        self.counters.packets_sent += 1;
        if code == ResultCode::Success {
            self.response_opens_sent(id);
        }
    }

    /// Refuses a request with a framework error.
    pub(super) fn refuse(&mut self, id: u32, reason: FrameworkError) {
        self.send_error(id, &reason.into());
    }

    pub(super) fn send_error(&mut self, id: u32, error: &ErrorData) {
        self.send_response(id, ResultCode::ServiceError, &mut error.encode().into());
    }
}

/// The message for a result that exceeds a payload limit.
pub(crate) fn over_limit(limit: u64) -> String {
    format!("exceeds the payload limit of {limit} bytes")
}
