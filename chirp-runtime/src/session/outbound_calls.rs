use super::SendTicket;
use super::slab::{Slab, SlabKey, Slot};
use super::transmit::PacketSpan;

const SLOT_BITS: u32 = 20;
/// The lower bits of an id: one more than the index of its slot, so that no id is 0.
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// The request id of a call that this side makes: 20 bits of slot and 12 bits of generation. The first id is 1.
///
/// An id is not reused before its slot has been used 4,096 times, so that a duplicate or late response to an
/// earlier call matches no later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutboundCallId(u32);

impl OutboundCallId {
    /// The request id on the wire.
    pub fn id(self) -> u32 {
        self.0
    }

    /// The call with this request id. `None` for 0, which is no call's id.
    pub(crate) fn of(id: u32) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }

    /// The index of the call's slot: a small number that is unique among the calls that have not been released.
    pub fn slot(self) -> usize {
        SlabKey::slot(self).index as usize
    }
}

impl SlabKey for OutboundCallId {
    const SLOTS: usize = SLOT_MASK as usize;
    const GENERATIONS: Option<u32> = Some(1 << (u32::BITS - SLOT_BITS));

    fn from_slot(slot: Slot) -> Self {
        Self((slot.generation << SLOT_BITS) | (slot.index + 1))
    }

    fn slot(self) -> Slot {
        Slot {
            // Ids that the other side sends may have no slot, and then find nothing.
            index: (self.0 & SLOT_MASK).wrapping_sub(1),
            generation: self.0 >> SLOT_BITS,
        }
    }
}

/// The calls that this side makes, by request id.
#[derive(Debug, Default)]
pub(super) struct OutboundCalls {
    calls: Slab<OutboundCallId, OutboundCallState>,
    pending: usize,
    abandoned: usize,
    /// Ids that are retired, or will be once their caller has released them.
    retired: usize,
    /// Calls of [`tick`](Self::tick) so far.
    tick: u32,
    /// The tick of the last response.
    last_response: u32,
}

#[derive(Clone, Copy, Debug)]
enum OutboundCallState {
    /// The call has an id and is about to be sent.
    Reserved,
    /// The call is in the send backlog.
    Queued(SendTicket),
    /// The request is in the transmit buffer, or has left it.
    Sent(PacketSpan),
    /// The response has come, and the caller has not released the id.
    Answered { retire: bool },
    /// The caller cancelled the call in this tick, and the response has not come.
    Abandoned(u32),
    /// The id is never used again: the other side said that it has another call with this id, or the channel
    /// has ended.
    Retired,
}

/// The call that a response belongs to.
pub(super) enum AnsweredCall {
    /// None: the id is unknown, or its response has come before.
    Unknown,
    /// A cancelled call.
    Abandoned(OutboundCallId),
    /// A call whose caller waits for the response.
    Pending(OutboundCallId),
}

impl OutboundCalls {
    /// Reserves an id for a call that is about to be sent. Returns `None` if all ids are in use.
    pub(super) fn reserve(&mut self) -> Option<OutboundCallId> {
        if self.calls.is_full() {
            return None;
        }
        self.pending += 1;
        Some(self.calls.insert(OutboundCallState::Reserved))
    }

    /// Notes that a call was put into the send backlog.
    pub(super) fn queued(&mut self, key: OutboundCallId, ticket: SendTicket) {
        if let Some(state) = self.calls.get_mut(key) {
            *state = OutboundCallState::Queued(ticket);
        }
    }

    /// The call's place in the send backlog, if it is there.
    pub(super) fn ticket(&self, key: OutboundCallId) -> Option<SendTicket> {
        match self.calls.get(key)? {
            OutboundCallState::Queued(ticket) => Some(*ticket),
            _ => None,
        }
    }

    /// Notes that the call's request was put into the transmit buffer.
    pub(super) fn sent(&mut self, key: OutboundCallId, packet: PacketSpan) {
        if let Some(state) = self.calls.get_mut(key) {
            *state = OutboundCallState::Sent(packet);
        }
    }

    /// Retires the ids of all calls without a response, queued calls included, since the channel has ended.
    pub(super) fn end(&mut self) {
        for state in self.calls.values_mut() {
            match state {
                OutboundCallState::Reserved
                | OutboundCallState::Queued(_)
                | OutboundCallState::Sent(_) => self.pending -= 1,
                OutboundCallState::Abandoned(_) => self.abandoned -= 1,
                OutboundCallState::Answered { .. } | OutboundCallState::Retired => continue,
            }
            *state = OutboundCallState::Retired;
        }
    }

    /// Advances the clock of cancelled calls. Returns whether a call was cancelled at least `age` ticks ago and
    /// the other side has answered others since.
    pub(super) fn tick(&mut self, age: u32) -> bool {
        self.tick += 1;
        let (tick, last_response) = (self.tick, self.last_response);
        self.calls.values().any(|state| {
            matches!(*state, OutboundCallState::Abandoned(since) if tick - since >= age && last_response > since)
        })
    }

    /// Matches a response to its call. With `retire` the id is not used again.
    pub(super) fn answer(&mut self, id: u32, retire: bool) -> AnsweredCall {
        let key = OutboundCallId(id);
        let Some(state) = self.calls.get_mut(key) else {
            return AnsweredCall::Unknown;
        };
        match state {
            OutboundCallState::Sent(_) => {
                *state = OutboundCallState::Answered { retire };
                self.last_response = self.tick;
                self.pending -= 1;
                self.retired += usize::from(retire);
                AnsweredCall::Pending(key)
            }
            OutboundCallState::Abandoned(_) => {
                self.last_response = self.tick;
                self.abandoned -= 1;
                self.retired += usize::from(retire);
                self.free(key, retire);
                AnsweredCall::Abandoned(key)
            }
            OutboundCallState::Reserved
            | OutboundCallState::Queued(_)
            | OutboundCallState::Answered { .. }
            | OutboundCallState::Retired => AnsweredCall::Unknown,
        }
    }

    /// Marks a call as cancelled. Returns where its request is, if that was sent and has no response.
    pub(super) fn cancel(&mut self, key: OutboundCallId) -> Option<PacketSpan> {
        let state = self.calls.get_mut(key)?;
        let OutboundCallState::Sent(packet) = *state else {
            self.release(key);
            return None;
        };
        *state = OutboundCallState::Abandoned(self.tick);
        self.pending -= 1;
        self.abandoned += 1;
        Some(packet)
    }

    /// Frees the id of an answered call, unless it is to be retired.
    pub(super) fn release(&mut self, key: OutboundCallId) {
        if let Some(OutboundCallState::Answered { retire }) = self.calls.get(key) {
            self.free(key, *retire);
        }
    }

    /// Frees the id of a cancelled call whose request never left, so that the other side has not seen the id.
    pub(super) fn take_back(&mut self, key: OutboundCallId) {
        match self.calls.get(key) {
            Some(OutboundCallState::Reserved | OutboundCallState::Queued(_)) => self.pending -= 1,
            Some(OutboundCallState::Abandoned(_)) => self.abandoned -= 1,
            _ => return,
        }
        self.free(key, false);
    }

    /// The number of ids, whether in use or free.
    pub(super) fn ids(&self) -> usize {
        self.calls.slots()
    }

    /// Where the requests are that were sent and have no response.
    pub(super) fn requests(&mut self) -> impl Iterator<Item = &mut PacketSpan> {
        self.calls.values_mut().filter_map(|state| match state {
            OutboundCallState::Sent(packet) => Some(packet),
            _ => None,
        })
    }

    /// The number of calls whose callers wait.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// The number of cancelled calls without a response.
    pub(super) fn abandoned(&self) -> usize {
        self.abandoned
    }

    /// The number of calls without a response.
    pub(super) fn unanswered(&self) -> usize {
        self.pending + self.abandoned
    }

    /// The number of ids that cannot be used because of the other side.
    pub(super) fn out_of_use(&self) -> usize {
        self.abandoned + self.retired
    }

    fn free(&mut self, key: OutboundCallId, retire: bool) {
        if !retire {
            self.calls.remove(key);
        } else if let Some(state) = self.calls.get_mut(key) {
            *state = OutboundCallState::Retired;
        }
    }
}
