use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::time::Duration;

use bytes::Bytes;

use super::outbound::Params;
use super::{Fatal, OutboundCallId, Session};
use crate::packet::{CallFields, Header, PacketType, Payload, ResponsePacket, ResultCode};

/// Bytes of responses that may be buffered beyond the limits, since refusals are sent without checking for
/// room: enough for more than a hundred thousand of them.
const REFUSALS: usize = 8 << 20;

/// Whether packets of the other side should be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadState {
    /// Read on.
    Ready,
    /// Do not read until responses have been written or handlers have finished. If neither happens for
    /// [`Limits::progress_timeout`](super::Limits::progress_timeout), call [`Session::stop_pausing`].
    Paused,
    /// Like [`Paused`](Self::Paused), but for at most
    /// [`Limits::max_read_pause`](super::Limits::max_read_pause). Call [`Session::stop_pausing`] then.
    PausedBriefly,
}

/// The calls, packets and responses that wait for room in the transmit buffer.
#[derive(Debug, Default)]
pub(super) struct SendBacklog {
    /// `None` until something waits for the first time, which is never the case for most connections.
    queues: Option<Box<SendQueues>>,
    tickets: u64,
    /// The number of calls that are queued or held, which have their ids already.
    calls: usize,
    queued_response_bytes: usize,
    /// Reading continues although the limits are exceeded, because it has been paused for the maximum time.
    pause_expired: bool,
}

/// The queues of a [`SendBacklog`].
#[derive(Debug, Default)]
struct SendQueues {
    /// Calls and packets that wait for room, in order.
    queued: BTreeMap<SendTicket, QueuedSend>,
    /// Calls that need extensions. They wait until those of the other side are known, and then for room.
    held: BTreeMap<SendTicket, QueuedSend>,
    /// One-way calls and packets that were queued when sending ended, and that their owners have not taken
    /// back.
    given_up: BTreeSet<SendTicket>,
    /// One-way calls and packets that have left the queue since [`Session::take_admitted`].
    admitted: Vec<SendTicket>,
    /// Responses that wait for room, in order.
    responses: VecDeque<QueuedResponse>,
}

/// The place of a queued call or packet in the send backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendTicket(u64);

/// A call or packet in the send backlog.
#[derive(Debug)]
pub(super) enum QueuedSend {
    Call(
        OutboundCallId,
        Bytes,
        Payload,
        Option<Duration>,
        Option<Box<CallFields>>,
    ),
    OneWayCall(Bytes, Payload, Option<Box<CallFields>>),
    Packet(PacketType, Payload),
}

impl QueuedSend {
    fn is_call(&self) -> bool {
        matches!(self, Self::Call(..))
    }
}

#[derive(Debug)]
struct QueuedResponse {
    id: u32,
    code: ResultCode,
    data: Payload,
    /// The queued calls and packets up to this ticket leave before the response.
    behind: SendTicket,
}

impl QueuedResponse {
    /// The packet's size in the transmit buffer, so that responses without data count too.
    fn packet_len(&self) -> usize {
        Header::LEN + ResponsePacket::payload_len(self.data.len())
    }
}

impl SendBacklog {
    fn queues(&mut self) -> &mut SendQueues {
        self.queues.get_or_insert_default()
    }

    pub(super) fn enqueue(&mut self, queued: QueuedSend) -> SendTicket {
        self.tickets += 1;
        let ticket = SendTicket(self.tickets);
        self.calls += usize::from(queued.is_call());
        self.queues().queued.insert(ticket, queued);
        ticket
    }

    /// Like [`enqueue`](Self::enqueue), but the call stays queued until it is [taken](Self::take_held) and
    /// [released](Self::release).
    pub(super) fn hold(&mut self, queued: QueuedSend) -> SendTicket {
        self.tickets += 1;
        let ticket = SendTicket(self.tickets);
        self.calls += usize::from(queued.is_call());
        self.queues().held.insert(ticket, queued);
        ticket
    }

    pub(super) fn holds(&self) -> bool {
        let queues = self.queues.as_ref();
        queues.is_some_and(|queues| !queues.held.is_empty())
    }

    /// Lets a call that was held wait for room, in the order in which all calls were made.
    pub(super) fn release(&mut self, ticket: SendTicket, queued: QueuedSend) {
        self.calls += usize::from(queued.is_call());
        self.queues().queued.insert(ticket, queued);
    }

    /// Takes the held calls.
    pub(super) fn take_held(&mut self) -> Vec<(SendTicket, QueuedSend)> {
        let Some(queues) = &mut self.queues else {
            return Vec::new();
        };
        let held = mem::take(&mut queues.held);
        self.calls -= held.values().filter(|queued| queued.is_call()).count();
        held.into_iter().collect()
    }

    /// Notes that a one-way call or packet has left the queue.
    pub(super) fn admit(&mut self, ticket: SendTicket) {
        self.queues().admitted.push(ticket);
    }

    pub(super) fn contains(&self, ticket: SendTicket) -> bool {
        self.queues.as_ref().is_some_and(|queues| {
            queues.queued.contains_key(&ticket)
                || queues.held.contains_key(&ticket)
                || queues.given_up.contains(&ticket)
        })
    }

    /// Removes a call or packet from the queue, if it is there.
    pub(super) fn remove(&mut self, ticket: SendTicket) -> Option<QueuedSend> {
        let queues = self.queues.as_mut()?;
        queues.given_up.remove(&ticket);
        let removed = queues
            .queued
            .remove(&ticket)
            .or_else(|| queues.held.remove(&ticket))?;
        self.calls -= usize::from(removed.is_call());
        Some(removed)
    }

    /// Takes all queued calls and packets, since they cannot be sent.
    pub(super) fn take_queued(&mut self) -> Vec<QueuedSend> {
        self.calls = 0;
        let Some(queues) = &mut self.queues else {
            return Vec::new();
        };
        queues.queued.append(&mut queues.held);
        let all = mem::take(&mut queues.queued);
        let unsent = all
            .iter()
            .filter(|(_, queued)| !matches!(queued, QueuedSend::Call(..)));
        queues.given_up.extend(unsent.map(|(ticket, _)| *ticket));
        all.into_values().collect()
    }

    /// Takes the data of all queued responses, since they cannot be sent.
    pub(super) fn clear(&mut self) -> Vec<Payload> {
        self.queued_response_bytes = 0;
        let queues = self.queues.iter_mut();
        queues
            .flat_map(|queues| queues.responses.drain(..))
            .map(|response| response.data)
            .collect()
    }

    /// The number of calls that have an id and have not been sent.
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    pub(super) fn has_no_queued_sends(&self) -> bool {
        let queues = self.queues.as_ref();
        queues.is_none_or(|queues| queues.queued.is_empty())
    }

    /// Queues a response, with `behind_sends` behind the calls and packets that are queued now.
    pub(super) fn queue_response(
        &mut self,
        id: u32,
        code: ResultCode,
        data: Payload,
        behind_sends: bool,
    ) {
        let response = QueuedResponse {
            id,
            code,
            data,
            behind: SendTicket(if behind_sends { self.tickets } else { 0 }),
        };
        self.queued_response_bytes += response.packet_len();
        self.queues().responses.push_back(response);
    }

    /// Takes the next response, unless calls or packets must leave before it.
    fn next_response(&mut self) -> Option<QueuedResponse> {
        let queues = self.queues.as_mut()?;
        let next_send = queues.queued.first_key_value().map(|(ticket, _)| *ticket);
        let behind = queues.responses.front()?.behind;
        if next_send.is_some_and(|ticket| ticket <= behind) {
            return None;
        }
        queues.responses.pop_front()
    }

    pub(super) fn has_no_queued_responses(&self) -> bool {
        let queues = self.queues.as_ref();
        queues.is_none_or(|queues| queues.responses.is_empty())
    }

    /// Takes the call or packet that is next in the queue.
    fn next_send(&mut self) -> Option<(SendTicket, QueuedSend)> {
        self.queues.as_mut()?.queued.pop_first()
    }

    pub(super) fn queued_response_bytes(&self) -> usize {
        self.queued_response_bytes
    }

    /// Returns `true` if nothing is queued that can still be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.queues.as_ref().is_none_or(|queues| {
            queues.responses.is_empty() && queues.queued.is_empty() && queues.held.is_empty()
        })
    }

    pub(super) fn clear_pause_expired(&mut self) {
        self.pause_expired = false;
    }
}

/// When a session pauses reading.
///
/// Two sides never both pause for long. A side pauses only if it waits for no response and has nothing but
/// responses to send. The other side then waits for responses, and must not pause. The one exception lasts at
/// most [`Limits::max_read_pause`](super::Limits::max_read_pause): if running calls hold too many bytes,
/// reading pauses briefly before calls are refused, even while this side waits for responses.
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
        } else if self.is_over_limit() {
            ReadState::Paused
        } else if self.is_at_handler_limit() {
            ReadState::PausedBriefly
        } else {
            ReadState::Ready
        }
    }

    /// Ends a pause that has lasted long enough, since handlers may be waiting for packets that are not being
    /// read. Until a handler has finished, further calls are refused as *busy*.
    pub fn stop_pausing(&mut self) {
        // A handler may have finished since the pause expired.
        self.backlog.pause_expired = self.is_at_handler_limit() || self.is_over_limit();
    }

    /// Returns `true` if the next call is refused as *busy*. Where reading can pause instead, it does so first.
    ///
    /// A full transmit buffer is no reason to refuse: a side that sends a large request of its own is not
    /// busy. Calls that come meanwhile are held within the limits, and their handlers start when there is
    /// room for their responses.
    pub(super) fn is_busy(&self) -> bool {
        self.is_at_handler_limit()
            || (self.holds_enough() && (self.backlog.pause_expired || !self.may_pause()))
    }

    /// Returns `true` if running calls, or all connections together, hold too many bytes.
    fn holds_enough(&self) -> bool {
        self.memory_pressure || self.holds_too_much()
    }

    /// Returns `true` if running calls hold too many bytes.
    fn holds_too_much(&self) -> bool {
        self.inbound.bytes() > self.config.limits.max_handler_bytes
    }

    /// Checks that the other side reads. The session's own responses, such as refusals, are sent without
    /// checking for room, even where reading may not pause. A side that reads its responses never leaves this
    /// many of them.
    #[inline]
    pub(super) fn check_read(&self) -> Result<(), Fatal> {
        if self.transmit.unsent() > REFUSALS {
            return self.check_unsent();
        }
        Ok(())
    }

    /// As [`check_read`](Self::check_read), for a side that has much to send.
    #[cold]
    fn check_unsent(&self) -> Result<(), Fatal> {
        // Stream items have their own limits.
        let unsent = self
            .transmit
            .unsent()
            .saturating_sub(self.stream_bytes_unsent());
        // The limit may be exceeded by the share of calls when responses use the rest, and by one call and one response.
        let overshot = (self.config.limits.max_payload.saturating_mul(2))
            .saturating_add(self.config.limits.max_write_buffer / 4);
        let room = self.config.limits.max_write_buffer.saturating_add(overshot);
        if unsent > room.saturating_add(REFUSALS) {
            Err(Fatal::NotReading { unsent })
        } else {
            Ok(())
        }
    }

    /// Returns `true` if there is room for one more packet that is not a response. There always is if no such packet
    /// waits.
    ///
    /// A quarter of the buffer is for calls of this side, and responses cannot use it. While this side has many
    /// responses to send, calls use no more of the buffer than responses do: if both sides went on calling without
    /// responding, both would hold more and more, and pausing reading would not help.
    pub(super) fn has_room_for_call(&self) -> bool {
        let mut share = self.config.limits.max_write_buffer / 4;
        if self.inbound.bytes() > self.config.limits.max_handler_bytes / 4 {
            share = share.min(self.transmit.unsent_response_bytes());
        }
        let share = share.max(1);
        self.transmit.unsent() < share || self.call_bytes_unsent() < share
    }

    /// Bytes that wait to be written and are neither answers nor items of streams.
    fn call_bytes_unsent(&self) -> usize {
        let others = self.transmit.unsent_response_bytes() + self.stream_bytes_unsent();
        self.transmit.unsent().saturating_sub(others)
    }

    /// Returns `true` if there is room for one more response. Responses may use the whole buffer, and a quarter of it
    /// is for them alone, which one large call cannot take.
    pub(super) fn has_room_for_response(&self) -> bool {
        self.transmit.unsent() < self.config.limits.max_write_buffer.max(1)
            || self.transmit.unsent_response_bytes() < self.config.limits.max_write_buffer / 4
    }

    /// Moves the backlog into the transmit buffer as far as there is room, responses first.
    #[inline]
    pub(super) fn flush_backlog(&mut self) {
        if !self.backlog.is_empty() {
            self.flush_queued();
        }
    }

    fn flush_queued(&mut self) {
        self.flush_responses();
        self.flush_sends();
        if self.departure.is_said() {
            // Some may have waited for the calls.
            self.flush_responses();
        }
    }

    fn flush_responses(&mut self) {
        while self.has_room_for_response()
            && let Some(mut response) = self.backlog.next_response()
        {
            self.backlog.queued_response_bytes -= response.packet_len();
            self.send_response(response.id, response.code, &mut response.data);
            self.transmit.defer_drop(response.data.into_remains());
        }
    }

    fn flush_sends(&mut self) {
        while self.has_room_for_call()
            && let Some((ticket, mut queued)) = self.backlog.next_send()
        {
            let sent = match &mut queued {
                QueuedSend::Call(key, method, params, time, fields) => {
                    self.backlog.calls -= 1;
                    let fields = fields.as_deref();
                    self.send_request(*key, method, Params::Pushed(params), *time, fields);
                    true
                }
                QueuedSend::OneWayCall(method, params, fields) => {
                    self.send_one_way_call(method, params, fields.as_deref(), Some(ticket))
                }
                QueuedSend::Packet(kind, payload) => {
                    self.put_packet(*kind, payload);
                    true
                }
            };
            if !sent {
                // There is no id for a one-way call. Later entries wait too, so that the order is kept.
                self.backlog.queues().queued.insert(ticket, queued);
                break;
            }
            if !matches!(queued, QueuedSend::Call(..)) {
                self.backlog.admit(ticket);
            }
            self.defer_drop(queued);
        }
    }

    /// Takes the tickets of the one-way calls and packets that have left the queue since the last call.
    pub fn take_admitted(&mut self) -> Vec<SendTicket> {
        let queues = self.backlog.queues.as_mut();
        queues.map_or_else(Vec::new, |queues| mem::take(&mut queues.admitted))
    }

    /// Returns `true` if [`take_admitted`](Self::take_admitted) would return any tickets.
    pub fn has_admitted(&self) -> bool {
        let queues = self.backlog.queues.as_ref();
        queues.is_some_and(|queues| !queues.admitted.is_empty())
    }

    /// Returns `true` if a one-way call or packet is still queued.
    pub fn is_waiting(&self, ticket: SendTicket) -> bool {
        self.backlog.contains(ticket)
    }

    /// Removes a queued call or packet from the send backlog.
    pub fn take_back(&mut self, ticket: SendTicket) {
        if let Some(queued) = self.backlog.remove(ticket) {
            self.defer_drop(queued);
            self.one_way_call_taken_back(ticket);
        }
    }

    /// Keeps a queued send's bytes until they can be dropped without the lock.
    pub(super) fn defer_drop(&mut self, queued: QueuedSend) {
        match queued {
            QueuedSend::Call(_, method, params, ..) | QueuedSend::OneWayCall(method, params, _) => {
                self.transmit.defer_drop(method);
                self.transmit.defer_drop(params.into_remains());
            }
            QueuedSend::Packet(_, payload) => self.transmit.defer_drop(payload.into_remains()),
        }
    }

    /// Returns `true` if reading may pause. It may not while this side waits for a response, has a stream, or has
    /// anything but responses to send. The last condition does not follow from the first: a Cancel packet may outlive
    /// its call.
    fn may_pause(&self) -> bool {
        self.outbound.unanswered() == 0
            && self.backlog.has_no_queued_sends()
            && !self.transmit.has_non_responses()
            && self.streams() == 0
    }

    /// Returns `true` if no handler should be started, since there is no room for its response. The callers of held
    /// requests wait for responses, and therefore read.
    ///
    /// Calls of this side do not matter here, since a part of the buffer is for responses alone.
    pub fn lacks_room_for_answers(&self) -> bool {
        self.write_buffer_full()
            && self.unsent_response_bytes() > self.config.limits.max_write_buffer / 4
    }

    /// Bytes of responses that are queued, held or unwritten.
    fn unsent_response_bytes(&self) -> usize {
        self.transmit.unsent_response_bytes()
            + self.backlog.queued_response_bytes()
            + self.held_response_bytes()
    }

    fn write_buffer_full(&self) -> bool {
        self.unsent() > self.config.limits.max_write_buffer
    }

    pub(super) fn is_over_limit(&self) -> bool {
        self.holds_enough() || self.write_buffer_full()
    }

    pub(super) fn is_at_handler_limit(&self) -> bool {
        self.inbound.running() >= self.config.limits.max_concurrent_handlers
    }
}
