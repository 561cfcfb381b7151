use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::time::Duration;

use bytes::Bytes;

use super::calls::Params;
use super::{CallKey, Fatal, Session};
use crate::packet::{Header, PacketType, Payload, Response, ResultCode};

/// How many bytes of answers that need no room may wait beyond what room allows: more than a hundred
/// thousand refusals.
const REFUSALS: usize = 8 << 20;

/// Whether the other side's bytes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// They are.
    Go,
    /// Not until answers have been written or handlers have finished; and where neither happens for
    /// [`Limits::stall`](super::Limits::stall), [`Session::stop_pausing`] is to be called.
    Pause,
    /// As [`Pause`](Self::Pause), but [`Limits::busy_after`](super::Limits::busy_after) at most: then
    /// [`Session::stop_pausing`] is to be called.
    PauseBriefly,
}

/// What waits until bytes have been written.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// Calls and packets that wait for room, in order.
    waiting: BTreeMap<Ticket, Waits>,
    /// Calls that wait until more is known of the other side, and then for room.
    held: BTreeMap<Ticket, Waits>,
    tickets: u64,
    /// One-way calls and packets that waited when sending ended, and whose owners have not looked since.
    given_up: BTreeSet<Ticket>,
    /// What left the queue since somebody last looked, but for calls.
    admitted: Vec<Ticket>,
    /// Answers that wait for room, in order.
    parked: VecDeque<Parked>,
    parked_bytes: usize,
    /// A pause has lasted long enough.
    impatient: bool,
}

/// A place in the queue for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// What waits for room, whole.
#[derive(Debug)]
pub(super) enum Waits {
    Call(CallKey, Bytes, Payload, Option<Duration>),
    Cast(Bytes, Payload),
    Packet(PacketType, Payload),
}

#[derive(Debug)]
struct Parked {
    id: u32,
    code: ResultCode,
    data: Payload,
}

impl Parked {
    /// How many bytes it will be in the transmit buffer: some, even when there is no data.
    fn packet_len(&self) -> usize {
        Header::LEN + Response::payload_len(self.data.len())
    }
}

impl Room {
    pub(super) fn wait(&mut self, waits: Waits) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiting.insert(ticket, waits);
        ticket
    }

    /// As [`wait`](Self::wait), but not before [`release_held`](Self::release_held).
    pub(super) fn hold(&mut self, waits: Waits) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
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
    pub(super) fn take_held(&mut self) -> Vec<(Ticket, Waits)> {
        mem::take(&mut self.held).into_iter().collect()
    }

    /// Something has left the queue, whose owner is to be told.
    pub(super) fn admit(&mut self, ticket: Ticket) {
        self.admitted.push(ticket);
    }

    pub(super) fn waits(&self, ticket: Ticket) -> bool {
        self.waiting.contains_key(&ticket)
            || self.held.contains_key(&ticket)
            || self.given_up.contains(&ticket)
    }

    /// Takes something out of the queue, if it is there.
    pub(super) fn stop_waiting(&mut self, ticket: Ticket) -> Option<Waits> {
        self.given_up.remove(&ticket);
        self.waiting
            .remove(&ticket)
            .or_else(|| self.held.remove(&ticket))
    }

    /// Takes the calls and packets that wait, since they will not be sent.
    pub(super) fn give_up_waiting(&mut self) -> Vec<Waits> {
        self.release_held();
        let waiting = mem::take(&mut self.waiting);
        let unsent = waiting
            .iter()
            .filter(|(_, waits)| !matches!(waits, Waits::Call(..)));
        self.given_up.extend(unsent.map(|(ticket, _)| *ticket));
        waiting.into_values().collect()
    }

    /// Takes the answers that wait, since they will not be sent.
    pub(super) fn clear(&mut self) -> Vec<Payload> {
        self.parked_bytes = 0;
        self.parked.drain(..).map(|parked| parked.data).collect()
    }

    pub(super) fn nobody_waits(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn park(&mut self, id: u32, code: ResultCode, data: Payload) {
        let parked = Parked { id, code, data };
        self.parked_bytes += parked.packet_len();
        self.parked.push_back(parked);
    }

    pub(super) fn nothing_parked(&self) -> bool {
        self.parked.is_empty()
    }

    pub(super) fn parked_bytes(&self) -> usize {
        self.parked_bytes
    }

    /// Whether nothing waits that will be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.parked.is_empty() && self.waiting.is_empty() && self.held.is_empty()
    }

    pub(super) fn be_patient(&mut self) {
        self.impatient = false;
    }
}

/// Why two peers never pause at once for long: a side that pauses waits for no answer and has nothing but
/// answers to send, so the other side waits for answers, and a side that does may not pause. There is one exception,
/// which lasts [`Limits::busy_after`](super::Limits::busy_after) at most: where the calls that came hold too much, the
/// other side is held back before any of them is refused.
impl Session {
    /// Whether to read on.
    pub fn reading(&self) -> Reading {
        if !self.may_pause() {
            return if self.holds_too_much() && !self.room.impatient {
                Reading::PauseBriefly
            } else {
                Reading::Go
            };
        }
        if self.is_unsent_enough() {
            Reading::Pause
        } else if self.room.impatient {
            Reading::Go
        } else if self.is_over_a_mark() {
            Reading::Pause
        } else if self.is_running_enough() {
            Reading::PauseBriefly
        } else {
            Reading::Go
        }
    }

    /// The pause has lasted long enough: the handlers may be waiting for what is not being read. Until
    /// one of them has made room, further calls are refused as *busy*.
    pub fn stop_pausing(&mut self) {
        // A handler may have finished since the time was up.
        self.room.impatient = self.is_running_enough() || self.is_over_a_mark();
    }

    /// Whether the next call is refused as *busy*. Where reading can pause instead, it has.
    ///
    /// What waits to be written is no reason: a side that sends a large request of its own is not busy.
    /// Meanwhile the calls that come are held, as far as the marks allow, and their handlers begin when
    /// there is room for what they answer.
    pub(super) fn is_busy(&self) -> bool {
        self.is_running_enough()
            || (self.holds_enough() && (self.room.impatient || !self.may_pause()))
    }

    /// Whether the calls that run hold more bytes than they should, or this side altogether does.
    fn holds_enough(&self) -> bool {
        self.tight || self.holds_too_much()
    }

    /// Whether the calls that run hold more bytes than they should.
    fn holds_too_much(&self) -> bool {
        self.inbound.bytes() > self.limits.running_bytes
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
        let overshot = self.limits.payload.saturating_mul(2);
        let room = self.limits.unsent.saturating_add(overshot);
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
        let (unsent, limit) = (self.transmit.unsent(), self.limits.unsent);
        let has_room = unsent < (limit / 4).max(1)
            || (unsent < limit - limit / 4
                && self.inbound.bytes() <= self.limits.running_bytes / 4);
        has_room
    }

    /// Whether there is room for one more answer: in the whole of the buffer, of which a quarter is for answers
    /// alone. One large call may take more than the rest, but not that.
    pub(super) fn has_room_for_answer(&self) -> bool {
        self.transmit.unsent() < self.limits.unsent.max(1)
            || self.transmit.unsent_answers() < self.limits.unsent / 4
    }

    /// Moves what waits into the transmit buffer, as far as there is room: answers before calls.
    pub(super) fn make_room(&mut self) {
        while self.has_room_for_answer()
            && let Some(mut parked) = self.room.parked.pop_front()
        {
            self.room.parked_bytes -= parked.packet_len();
            self.send_response(parked.id, parked.code, &mut parked.data);
            self.transmit.leave(parked.data.into_remains());
        }
        while self.has_room_for_call()
            && let Some((ticket, mut waits)) = self.room.waiting.pop_first()
        {
            let sent = match &mut waits {
                Waits::Call(key, method, params, time) => {
                    self.send_request(*key, method, Params::Pushed(params), *time);
                    true
                }
                Waits::Cast(method, params) => self.send_cast(method, params, Some(ticket)),
                Waits::Packet(kind, payload) => {
                    self.put_packet(*kind, payload);
                    true
                }
            };
            if !sent {
                // There is no id for it; what is behind it goes on waiting too.
                self.room.waiting.insert(ticket, waits);
                break;
            }
            if !matches!(waits, Waits::Call(..)) {
                self.room.admitted.push(ticket);
            }
            self.leave(waits);
        }
    }

    /// Which one-way calls and packets have left the queue since this was last asked.
    pub fn take_admitted(&mut self) -> Vec<Ticket> {
        mem::take(&mut self.room.admitted)
    }

    /// Whether there are any such.
    pub fn has_admitted(&self) -> bool {
        !self.room.admitted.is_empty()
    }

    /// Whether a one-way call or a packet still waits for room.
    pub fn is_waiting(&self, ticket: Ticket) -> bool {
        self.room.waits(ticket)
    }

    /// Takes something back that still waits for room.
    pub fn take_back(&mut self, ticket: Ticket) {
        if let Some(waiting) = self.room.stop_waiting(ticket) {
            self.leave(waiting);
            self.cast_taken_back(ticket);
        }
    }

    /// Keeps what is no longer needed until it may be dropped.
    pub(super) fn leave(&mut self, waiting: Waits) {
        match waiting {
            Waits::Call(_, method, params, _) | Waits::Cast(method, params) => {
                self.transmit.leave(method);
                self.transmit.leave(params.into_remains());
            }
            Waits::Packet(_, payload) => self.transmit.leave(payload.into_remains()),
        }
    }

    /// A side that waits for an answer or has a stream, or has anything but answers to send, reads on. The second does not
    /// follow from the first: a Cancel may outlive its call.
    fn may_pause(&self) -> bool {
        self.outbound.unanswered() == 0
            && self.room.nobody_waits()
            && !self.transmit.has_questions()
            && self.streams() == 0
    }

    /// Whether no handler should be begun, since there is no room for what it will answer. The other
    /// side waits for the answers of those that are not begun, and so it reads.
    ///
    /// Calls of this side's own are no reason: however many there are, answers have a part of the buffer.
    pub fn lacks_room_for_answers(&self) -> bool {
        self.is_unsent_enough() && self.unsent_answers() > self.limits.unsent / 4
    }

    /// Bytes of answers that wait to be written, or to be sent.
    fn unsent_answers(&self) -> usize {
        self.transmit.unsent_answers() + self.room.parked_bytes() + self.held_answer_bytes()
    }

    fn is_unsent_enough(&self) -> bool {
        self.unsent() > self.limits.unsent
    }

    pub(super) fn is_over_a_mark(&self) -> bool {
        self.holds_enough() || self.is_unsent_enough()
    }

    pub(super) fn is_running_enough(&self) -> bool {
        self.inbound.running() >= self.limits.running
    }
}
