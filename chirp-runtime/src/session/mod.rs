//! The protocol of one connection, as a value.
//!
//! A [`Session`] is told what happens and says what follows from it. What goes in: `call`, `cancel`,
//! [`handle`](Session::handle) for what came from the other side, `respond` for what handlers said. What
//! comes out: bytes to transmit ([`take_batch`](Session::take_batch)), and [`Event`]s. It never waits,
//! has no clock, holds no lock and knows no socket, so that every rule of the protocol can be tested by
//! writing packets down.
//!
//! The other side chooses the ids of its calls and may be wrong or hostile. So an inbound call is known
//! here by a [`RunKey`] that is never used twice, and a late result of an old call cannot answer a new
//! one. The ids of outbound calls carry a generation for the same reason.

mod context;
mod counters;
mod event;
mod hello;
mod inbound;
mod limits;
mod outbound;
mod packets;
mod room;
mod transmit;

use std::time::Duration;

use bytes::Bytes;

use crate::packet::{
    Cancel, ErrorData, Fault, Incoming, PacketType, Payload, RESERVED_PREFIX, Request, Response,
    ResultCode,
};

pub use counters::Counters;
pub use event::{Event, Fatal, Outcome, Refused};
pub use hello::HelloState;
pub use inbound::RunKey;
pub use limits::Limits;
pub use outbound::CallKey;
pub use room::{Reading, Ticket};
pub use transmit::Batch;

use context::Contexts;
use hello::Greeting;
use inbound::Inbound;
use outbound::{Answered, Outbound};
use room::{Room, Waits};
use transmit::Transmit;

/// The protocol state of one side of one connection.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    transmit: Transmit,
    outbound: Outbound,
    inbound: Inbound,
    room: Room,
    greeting: Greeting,
    draining: bool,
    contexts: Contexts,
    /// This connection and others together hold more than they should.
    tight: bool,
    counters: Counters,
}

impl Session {
    /// A session at its beginning: nothing is pending and nothing is sent.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            transmit: Transmit::default(),
            outbound: Outbound::default(),
            inbound: Inbound::default(),
            room: Room::default(),
            greeting: Greeting::default(),
            draining: false,
            contexts: Contexts::default(),
            tight: false,
            counters: Counters::default(),
        }
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Calls a method of the other side. Small parameters are copied and stay with the caller, so that
    /// their buffer can be used again; large ones are taken.
    ///
    /// Where there is no room in the transmit buffer the call waits here, and leaves in its turn.
    ///
    /// # Errors
    ///
    /// [`Refused`] when the call may not be made; nothing has changed then.
    pub fn call(&mut self, method: &Bytes, params: &mut Payload) -> Result<CallKey, Refused> {
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
    ) -> Result<CallKey, Refused> {
        let size = Request::payload_len(method, params.len()) as u64;
        let (limit, whose) = self.send_limit();
        if size > limit {
            return Err(Refused::TooLarge { limit, whose });
        }
        if self.outbound.unanswered() >= self.limits.pending {
            return Err(Refused::TooManyPending {
                limit: self.limits.pending,
            });
        }
        let key = self.outbound.reserve().ok_or(Refused::TooManyPending {
            limit: self.limits.pending,
        })?;
        self.counters.calls_out += 1;
        if self.has_room() && self.room.nobody_waits() {
            self.send_request(key, method, params, time);
        } else {
            let waits = Waits::Call(key, method.clone(), std::mem::take(params), time);
            let ticket = self.room.wait(waits);
            self.outbound.waits(key, ticket);
        }
        Ok(key)
    }

    /// The caller no longer wants the answer. A request that has not left is removed; otherwise the
    /// other side is told, and the id stays out of use until it answers.
    ///
    /// # Errors
    ///
    /// [`Fatal::Unresponsive`] when too many cancelled calls have gone without an answer.
    pub fn cancel(&mut self, key: CallKey) -> Result<(), Fatal> {
        let pending = self.outbound.pending();
        let cancelled = self.cancel_call(key);
        self.counters.calls_out_failed += (pending - self.outbound.pending()) as u64;
        cancelled
    }

    fn cancel_call(&mut self, key: CallKey) -> Result<(), Fatal> {
        if let Some(ticket) = self.outbound.ticket(key) {
            self.take_back(ticket);
            self.outbound.take_back(key);
            return Ok(());
        }
        if let Some(packet) = self.outbound.cancel(key) {
            if self.transmit.remove(packet) {
                self.counters.packets_sent -= 1;
                self.outbound.take_back(key);
                if self.transmit.is_wasteful(self.outbound.ids()) {
                    self.transmit.close_up(self.outbound.requests());
                }
                self.make_room();
            } else {
                Cancel { id: key.id() }.encode(self.transmit.tail());
                self.counters.packets_sent += 1;
                self.transmit.note_question();
            }
        }
        self.check_responsive()
    }

    /// The caller has taken the answer of a call, so that its id may be used again. Without effect on a
    /// call that has not been answered.
    pub fn release(&mut self, key: CallKey) {
        self.outbound.release(key);
    }

    /// Whether a call has left for the transmit buffer.
    pub fn is_queued(&self, key: CallKey) -> bool {
        self.outbound.ticket(key).is_none()
    }

    /// Takes what came from the other side.
    ///
    /// # Errors
    ///
    /// [`Fatal`] when the protocol is broken; nothing may be handled after that.
    pub fn handle(&mut self, incoming: Incoming) -> Result<Option<Event>, Fatal> {
        self.counters.packets_received += 1;
        self.check_carrier(&incoming)?;
        let event = self.handle_incoming(incoming)?;
        self.check_read()?;
        Ok(event)
    }

    fn handle_incoming(&mut self, incoming: Incoming) -> Result<Option<Event>, Fatal> {
        match incoming {
            Incoming::Packet {
                kind: PacketType::REQUEST,
                payload,
            } => Ok(self.handle_request(Request::decode(payload)?)),
            Incoming::Packet {
                kind: PacketType::RESPONSE,
                payload,
            } => {
                let response = Response::decode(payload)?;
                self.handle_answer(response.id, Outcome::Response(response))
            }
            Incoming::Packet {
                kind: PacketType::CANCEL,
                payload,
            } => Ok(self.handle_cancel(Cancel::decode(&payload)?)),
            Incoming::Packet {
                kind: PacketType::CALL_CONTEXT,
                payload,
            } => self.handle_context(&payload).map(|()| None),
            Incoming::Packet { kind, payload } => self.handle_packet(kind, payload),
            // Neither of the two that can be skipped without a word.
            Incoming::Oversized { header, .. }
                if !matches!(header.kind, PacketType::REQUEST | PacketType::RESPONSE) =>
            {
                Err(Fatal::TooLarge {
                    header,
                    limit: self.limits.payload as u64,
                })
            }
            Incoming::Oversized { header, id } if header.kind == PacketType::REQUEST => {
                let event = self.handle_duplicate(id);
                if event.is_none() {
                    let limit = self.limits.payload as u64;
                    self.refuse(id, Fault::TooLarge { limit });
                }
                Ok(event)
            }
            Incoming::Oversized { id, .. } => self.handle_answer(
                id,
                Outcome::TooLarge {
                    limit: self.limits.payload as u64,
                },
            ),
            Incoming::Discarded(_) => {
                self.counters.packets_dropped += 1;
                Ok(None)
            }
        }
    }

    fn handle_request(&mut self, request: Request) -> Option<Event> {
        let id = request.id();
        if let Some(interrupt) = self.handle_duplicate(id) {
            return Some(interrupt);
        }
        if hello::is_hello(request.method()) {
            return self.answer_hello(id, request.params());
        }
        self.counters.calls_in += 1;
        if request.method().starts_with(RESERVED_PREFIX.as_bytes()) {
            self.send_response(id, ResultCode::UnknownMethod, &mut Payload::default());
            return None;
        }
        if self.draining {
            self.refuse(id, Fault::ShuttingDown);
            return None;
        }
        if self.is_busy() {
            self.refuse(id, Fault::Busy);
            return None;
        }
        let info = self.contexts.take();
        if info.unsupported {
            self.refuse(id, Fault::Unsupported);
            return None;
        }
        if info.time == Some(Duration::ZERO) {
            self.refuse(id, Fault::DeadlineExceeded);
            return None;
        }
        let run = self.inbound.start(id, request.size(), info.time);
        Some(Event::Request(run, request))
    }

    /// A request whose id is pending is answered for both calls, and the one that runs is interrupted.
    fn handle_duplicate(&mut self, id: u32) -> Option<Event> {
        let run = self.inbound.take_id(id)?;
        self.counters.calls_in += 1;
        for _ in 0..2 {
            self.send_response(id, ResultCode::DuplicateRequest, &mut Payload::default());
        }
        Some(Event::Interrupt(run))
    }

    fn handle_cancel(&mut self, cancel: Cancel) -> Option<Event> {
        self.counters.cancels_in += 1;
        let Some(run) = self.inbound.take_id(cancel.id) else {
            self.counters.packets_dropped += 1;
            return None;
        };
        self.send_response(cancel.id, ResultCode::Cancelled, &mut Payload::default());
        Some(Event::Interrupt(run))
    }

    fn handle_answer(&mut self, id: u32, outcome: Outcome) -> Result<Option<Event>, Fatal> {
        let duplicate = matches!(&outcome, Outcome::Response(response) if response.code == ResultCode::DuplicateRequest);
        let answered = self.outbound.answer(id, duplicate);
        self.check_responsive()?;
        match answered {
            Answered::Nobody => {
                self.counters.packets_dropped += 1;
                Ok(None)
            }
            Answered::Abandoned => Ok(None),
            Answered::Call(key) if self.greeting.is_pong(key) => {
                self.outbound.release(key);
                Ok(None)
            }
            Answered::Call(key) if self.greeting.is_asked_by(key) => {
                self.outbound.release(key);
                let answer = match &outcome {
                    Outcome::Response(response) if outcome.is_success() => &response.data[..],
                    _ => &[],
                };
                self.greeting.answered(answer);
                Ok(Some(Event::Hello))
            }
            Answered::Call(key) => {
                self.counters.calls_out_failed += u64::from(!outcome.is_success());
                Ok(Some(Event::Answered(key, outcome)))
            }
        }
    }

    /// How much time a call had when its request came, if its caller said so.
    pub fn time(&self, run: RunKey) -> Option<Duration> {
        self.inbound.time(run)
    }

    /// Whether a handler may still be started for this call: not once it has been cancelled.
    pub fn is_wanted(&self, run: RunKey) -> bool {
        self.inbound.is_wanted(run)
    }

    /// A handler says how its call went. What it says of a call that was answered in the meantime, by a
    /// cancellation for one, is dropped; then `data` stays with the caller, as small data always does.
    pub fn respond(&mut self, run: RunKey, code: ResultCode, data: &mut Payload) {
        let Some(id) = self.inbound.answer(run) else {
            return;
        };
        let (limit, _) = self.send_limit();
        if Response::payload_len(data.len()) as u64 > limit {
            let detail = format!("it is over the payload limit of {limit} bytes");
            self.send_error(id, &Fault::BadResult.to_error_data(&detail));
        } else if self.has_room() && self.room.nothing_parked() {
            self.send_response(id, code, data);
        } else {
            self.room.park(id, code, std::mem::take(data));
        }
    }

    /// The handler's future is gone: only now does the call no longer count as running.
    pub fn finish(&mut self, run: RunKey) {
        self.inbound.finish(run);
        if !self.is_running_enough() && !self.is_over_a_mark() {
            self.room.be_patient();
        }
    }

    /// What is ready to be transmitted, in exchange for the buffer of an earlier batch. Nothing while a
    /// batch is under way.
    pub fn take_batch(&mut self, spare: Batch) -> Result<Batch, Batch> {
        self.transmit.take(spare)
    }

    /// The batch has been written, so there is room for what waited.
    pub fn batch_written(&mut self) {
        self.transmit.written();
        self.make_room();
    }

    /// Whether anything is ready to be transmitted, beside the batch under way.
    pub fn has_output(&self) -> bool {
        self.transmit.len() > 0
    }

    /// Payloads that are no longer needed, to be dropped where their owners' code may run.
    pub fn take_leftovers(&mut self) -> Vec<Bytes> {
        self.transmit.take_leftovers()
    }

    /// From now on, requests are refused with *shutting down*.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Whether no handler runs and every answer has been written.
    pub fn is_drained(&self) -> bool {
        self.inbound.running() == 0 && self.transmit.unsent() == 0 && self.room.is_empty()
    }

    /// The channel has ended: no answer will come, and nobody waits for one.
    pub fn end(&mut self) {
        self.counters.calls_out_failed += self.outbound.end() as u64;
    }

    /// Lets go of everything that was to be transmitted, once the channel has ended.
    pub fn discard(&mut self) {
        self.transmit.written();
        self.transmit.clear();
        let (waiting, answers) = self.room.clear();
        for waits in waiting {
            self.leave(waits);
        }
        for data in answers {
            self.transmit.leave(data.into_bytes());
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

    /// Calls whose handler's future is alive.
    pub fn running(&self) -> usize {
        self.inbound.running()
    }

    /// Bytes that are held for the other side: the requests of calls that run, and what waits to be written.
    pub fn held(&self) -> usize {
        self.inbound.bytes() + self.unsent()
    }

    /// Whether memory is tight beyond this connection: then it does as if its own marks were reached.
    pub fn set_tight(&mut self, tight: bool) {
        self.tight = tight;
    }

    /// Whether memory is tight beyond this connection.
    pub fn is_tight(&self) -> bool {
        self.tight
    }

    /// Bytes that wait to be written, the batch under way and parked answers included.
    pub fn unsent(&self) -> usize {
        self.transmit.unsent() + self.room.parked_bytes()
    }

    /// A part of [`Limits::abandoned_for`] has passed, of which there are [`AGE`](Self::AGE).
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

    /// How many [`tick`](Self::tick)s make up [`Limits::abandoned_for`].
    pub const AGE: u32 = 6;

    /// What has happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn check_responsive(&self) -> Result<(), Fatal> {
        let abandoned = self.outbound.out_of_use();
        if abandoned > self.limits.abandoned {
            Err(Fatal::Unresponsive { abandoned })
        } else {
            Ok(())
        }
    }

    /// The largest packet payload that may be sent, and whose limit that is.
    fn send_limit(&self) -> (u64, &'static str) {
        // What a packet's length can say is a limit, too.
        let ours = (self.limits.payload as u64).min(u32::MAX.into());
        match self.greeting.state() {
            HelloState::Known(Some(hello)) if u64::from(hello.payload_limit) < ours => {
                (hello.payload_limit.into(), "the other side's")
            }
            _ => (ours, "our"),
        }
    }

    fn send_request(
        &mut self,
        key: CallKey,
        method: &[u8],
        params: &mut Payload,
        time: Option<Duration>,
    ) {
        let from = self.transmit.position();
        self.send_context(time);
        Request::encode_head(self.transmit.tail(), key.id(), method, params.len());
        self.transmit.push(params);
        self.transmit.note_question();
        self.counters.packets_sent += 1;
        self.outbound.sent(key, self.transmit.span(from));
    }

    fn send_response(&mut self, id: u32, code: ResultCode, data: &mut Payload) {
        Response::encode_head(self.transmit.tail(), id, code, data.len());
        self.transmit.push(data);
        self.counters.packets_sent += 1;
        self.counters.calls_in_failed += u64::from(code != ResultCode::Success);
    }

    /// Answers a request that never became a call.
    fn refuse(&mut self, id: u32, fault: Fault) {
        self.send_error(id, &fault.into());
    }

    fn send_error(&mut self, id: u32, error: &ErrorData) {
        self.send_response(id, ResultCode::ServiceError, &mut error.encode().into());
    }
}
