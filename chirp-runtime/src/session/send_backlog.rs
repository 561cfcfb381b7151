use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::time::Duration;

use bytes::Bytes;

use super::outbound::Params;
use super::{Fatal, OutboundCallId, Session};
use crate::packet::{Header, PacketType, Payload, ResponsePacket, ResultCode};

/// How many bytes of answers that need no room may wait beyond what room allows: more than a hundred
/// thousand refusals.
const REFUSALS: usize = 8 << 20;

/// Whether the other side's bytes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadState {
    /// They are.
    Ready,
    /// Not until answers have been written or handlers have finished; and where neither happens for
    /// [`Limits::progress_timeout`](super::Limits::progress_timeout), [`Session::stop_pausing`] is to be called.
    Paused,
    /// As [`Paused`](Self::Paused), but [`Limits::max_read_pause`](super::Limits::max_read_pause) at most: then
    /// [`Session::stop_pausing`] is to be called.
    PausedBriefly,
}

/// What waits until bytes have been written.
#[derive(Debug, Default)]
pub(super) struct SendBacklog {
    /// Calls and packets that wait for room, in order.
    waiting: BTreeMap<SendTicket, QueuedSend>,
    /// Calls that wait until more is known of the other side, and then for room.
    held: BTreeMap<SendTicket, QueuedSend>,
    tickets: u64,
    /// One-way calls and packets that waited when sending ended, and whose owners have not looked since.
    given_up: BTreeSet<SendTicket>,
    /// What left the queue since somebody last looked, but for calls.
    admitted: Vec<SendTicket>,
    /// Answers that wait for room, in order.
    queued_responses: VecDeque<QueuedResponse>,
    queued_response_bytes: usize,
    /// A pause has lasted long enough.
    pause_expired: bool,
}

/// A place in the queue for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendTicket(u64);

/// What waits for room, whole.
#[derive(Debug)]
pub(super) enum QueuedSend {
    Call(OutboundCallId, Bytes, Payload, Option<Duration>),
    OneWayCall(Bytes, Payload),
    Packet(PacketType, Payload),
}

#[derive(Debug)]
struct QueuedResponse {
    id: u32,
    code: ResultCode,
    data: Payload,
}

impl QueuedResponse {
    /// How many bytes it will be in the transmit buffer: some, even when there is no data.
    fn packet_len(&self) -> usize {
        Header::LEN + ResponsePacket::payload_len(self.data.len())
    }
}

impl SendBacklog {
    pub(super) fn wait(&mut self, waits: QueuedSend) -> SendTicket {
        self.tickets += 1;
        let ticket = SendTicket(self.tickets);
        self.waiting.insert(ticket, waits);
        ticket
    }

    /// As [`wait`](Self::wait), but not before [`release_held`](Self::release_held).
    pub(super) fn hold(&mut self, waits: QueuedSend) -> SendTicket {
        self.tickets += 1;
        let ticket = SendTicket(self.tickets);
        self.held.insert(ticket, waits);
        ticket
    }

    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// What was held takes the place that it would have had.
    pub(super) fn release_held(&mut self) {
        self.waiting.append(&mut self.held);
    }

    /// What was held will not be sent.
    pub(super) fn take_held(&mut self) -> Vec<(SendTicket, QueuedSend)> {
        mem::take(&mut self.held).into_iter().collect()
    }

    /// Something has left the queue, whose owner is to be told.
    pub(super) fn admit(&mut self, ticket: SendTicket) {
        self.admitted.push(ticket);
    }

    pub(super) fn waits(&self, ticket: SendTicket) -> bool {
        self.waiting.contains_key(&ticket)
            || self.held.contains_key(&ticket)
            || self.given_up.contains(&ticket)
    }

    /// Takes something out of the queue, if it is there.
    pub(super) fn stop_waiting(&mut self, ticket: SendTicket) -> Option<QueuedSend> {
        self.given_up.remove(&ticket);
        self.waiting
            .remove(&ticket)
            .or_else(|| self.held.remove(&ticket))
    }

    /// Takes the calls and packets that wait, since they will not be sent.
    pub(super) fn give_up_waiting(&mut self) -> Vec<QueuedSend> {
        self.release_held();
        let waiting = mem::take(&mut self.waiting);
        let unsent = waiting
            .iter()
            .filter(|(_, waits)| !matches!(waits, QueuedSend::Call(..)));
        self.given_up.extend(unsent.map(|(ticket, _)| *ticket));
        waiting.into_values().collect()
    }

    /// Takes the answers that wait, since they will not be sent.
    pub(super) fn clear(&mut self) -> Vec<Payload> {
        self.queued_response_bytes = 0;
        self.queued_responses
            .drain(..)
            .map(|response| response.data)
            .collect()
    }

    pub(super) fn has_no_queued_sends(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn queue_response(&mut self, id: u32, code: ResultCode, data: Payload) {
        let response = QueuedResponse { id, code, data };
        self.queued_response_bytes += response.packet_len();
        self.queued_responses.push_back(response);
    }

    pub(super) fn has_no_queued_responses(&self) -> bool {
        self.queued_responses.is_empty()
    }

    pub(super) fn queued_response_bytes(&self) -> usize {
        self.queued_response_bytes
    }

    /// Whether nothing waits that will be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.queued_responses.is_empty() && self.waiting.is_empty() && self.held.is_empty()
    }

    pub(super) fn clear_pause_expired(&mut self) {
        self.pause_expired = false;
    }
}

/// Why two peers never pause at once for long: a side that pauses waits for no answer and has nothing but
/// answers to send, so the other side waits for answers, and a side that does may not pause. There is one exception,
/// which lasts [`Limits::max_read_pause`](super::Limits::max_read_pause) at most: where the calls that came hold too much, the
/// other side is held back before any of them is refused.
impl Session {
    /// Whether to read on.
    pub fn reading(&self) -> ReadState {
        if !self.may_pause() {
            return if self.holds_too_much() && !self.backlog.pause_expired {
                ReadState::PausedBriefly
            } else {
                ReadState::Ready
            };
        }
        if self.write_buffer_full() {
            ReadState::Paused
        } else if self.backlog.pause_expired {
            ReadState::Ready
        } else if self.is_over_a_mark() {
            ReadState::Paused
        } else if self.is_running_enough() {
            ReadState::PausedBriefly
        } else {
            ReadState::Ready
        }
    }

    /// The pause has lasted long enough: the handlers may be waiting for what is not being read. Until
    /// one of them has made room, further calls are refused as *busy*.
    pub fn stop_pausing(&mut self) {
        // A handler may have finished since the time was up.
        self.backlog.pause_expired = self.is_running_enough() || self.is_over_a_mark();
    }

    /// Whether the next call is refused as *busy*. Where reading can pause instead, it has.
    ///
    /// What waits to be written is no reason: a side that sends a large request of its own is not busy.
    /// Meanwhile the calls that come are held, as far as the marks allow, and their handlers begin when
    /// there is room for what they answer.
    pub(super) fn is_busy(&self) -> bool {
        self.is_running_enough()
            || (self.holds_enough() && (self.backlog.pause_expired || !self.may_pause()))
    }

    /// Whether the calls that run hold more bytes than they should, or this side altogether does.
    fn holds_enough(&self) -> bool {
        self.memory_pressure || self.holds_too_much()
    }

    /// Whether the calls that run hold more bytes than they should.
    fn holds_too_much(&self) -> bool {
        self.inbound.bytes() > self.limits.max_handler_bytes
    }

    /// Refusals and other answers of the session's own are sent without room, also where reading may not
    /// pause. A side that reads what it asked for never has this many of them before it.
    pub(super) fn check_read(&self) -> Result<(), Fatal> {
        // Items are bounded in their own way, and are no answers.
        let unsent = self
            .transmit
            .unsent()
            .saturating_sub(self.stream_bytes_unsent());
        // Overshot by one call and by one answer.
        let overshot = self.limits.max_payload.saturating_mul(2);
        let room = self.limits.max_write_buffer.saturating_add(overshot);
        if unsent > room.saturating_add(REFUSALS) {
            Err(Fatal::NotReading { unsent })
        } else {
            Ok(())
        }
    }

    /// Whether there is room for one more packet that is no answer. In an empty buffer there always is.
    ///
    /// It is a quarter of the buffer that calls of this side's own may fill while this side has much to answer, and
    /// three quarters else: the rest is for answers, so that no more calls come than are answered.
    pub(super) fn has_room_for_call(&self) -> bool {
        let (unsent, limit) = (self.transmit.unsent(), self.limits.max_write_buffer);
        unsent < (limit / 4).max(1)
            || (unsent < limit - limit / 4
                && self.inbound.bytes() <= self.limits.max_handler_bytes / 4)
    }

    /// Whether there is room for one more answer: in the whole of the buffer, of which a quarter is for answers
    /// alone. One large call may take more than the rest, but not that.
    pub(super) fn has_room_for_answer(&self) -> bool {
        self.transmit.unsent() < self.limits.max_write_buffer.max(1)
            || self.transmit.unsent_answers() < self.limits.max_write_buffer / 4
    }

    /// Moves what waits into the transmit buffer, as far as there is room: answers before calls.
    pub(super) fn make_room(&mut self) {
        while self.has_room_for_answer()
            && let Some(mut response) = self.backlog.queued_responses.pop_front()
        {
            self.backlog.queued_response_bytes -= response.packet_len();
            self.send_response(response.id, response.code, &mut response.data);
            self.transmit.leave(response.data.into_remains());
        }
        while self.has_room_for_call()
            && let Some((ticket, mut waits)) = self.backlog.waiting.pop_first()
        {
            let sent = match &mut waits {
                QueuedSend::Call(key, method, params, time) => {
                    self.send_request(*key, method, Params::Pushed(params), *time);
                    true
                }
                QueuedSend::OneWayCall(method, params) => {
                    self.send_cast(method, params, Some(ticket))
                }
                QueuedSend::Packet(kind, payload) => {
                    self.put_packet(*kind, payload);
                    true
                }
            };
            if !sent {
                // There is no id for it; what is behind it goes on waiting too.
                self.backlog.waiting.insert(ticket, waits);
                break;
            }
            if !matches!(waits, QueuedSend::Call(..)) {
                self.backlog.admitted.push(ticket);
            }
            self.leave(waits);
        }
    }

    /// Which one-way calls and packets have left the queue since this was last asked.
    pub fn take_admitted(&mut self) -> Vec<SendTicket> {
        mem::take(&mut self.backlog.admitted)
    }

    /// Whether there are any such.
    pub fn has_admitted(&self) -> bool {
        !self.backlog.admitted.is_empty()
    }

    /// Whether a one-way call or a packet still waits for room.
    pub fn is_waiting(&self, ticket: SendTicket) -> bool {
        self.backlog.waits(ticket)
    }

    /// Takes something back that still waits for room.
    pub fn take_back(&mut self, ticket: SendTicket) {
        if let Some(waiting) = self.backlog.stop_waiting(ticket) {
            self.leave(waiting);
            self.cast_taken_back(ticket);
        }
    }

    /// Keeps what is no longer needed until it may be dropped.
    pub(super) fn leave(&mut self, waiting: QueuedSend) {
        match waiting {
            QueuedSend::Call(_, method, params, _) | QueuedSend::OneWayCall(method, params) => {
                self.transmit.leave(method);
                self.transmit.leave(params.into_remains());
            }
            QueuedSend::Packet(_, payload) => self.transmit.leave(payload.into_remains()),
        }
    }

    /// A side that waits for an answer or has a stream, or has anything but answers to send, reads on. The second does not
    /// follow from the first: a Cancel may outlive its call.
    fn may_pause(&self) -> bool {
        self.outbound.unanswered() == 0
            && self.backlog.has_no_queued_sends()
            && !self.transmit.has_questions()
            && self.streams() == 0
    }

    /// Whether no handler should be begun, since there is no room for what it will answer. The other
    /// side waits for the answers of those that are not begun, and so it reads.
    ///
    /// Calls of this side's own are no reason: however many there are, answers have a part of the buffer.
    pub fn lacks_room_for_answers(&self) -> bool {
        self.write_buffer_full() && self.unsent_answers() > self.limits.max_write_buffer / 4
    }

    /// Bytes of answers that wait to be written, or to be sent.
    fn unsent_answers(&self) -> usize {
        self.transmit.unsent_answers()
            + self.backlog.queued_response_bytes()
            + self.held_answer_bytes()
    }

    fn write_buffer_full(&self) -> bool {
        self.unsent() > self.limits.max_write_buffer
    }

    pub(super) fn is_over_a_mark(&self) -> bool {
        self.holds_enough() || self.write_buffer_full()
    }

    pub(super) fn is_running_enough(&self) -> bool {
        self.inbound.running() >= self.limits.max_concurrent_handlers
    }
}
