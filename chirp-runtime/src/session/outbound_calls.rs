use super::SendTicket;
use super::transmit::PacketSpan;

const SLOT_BITS: u32 = 20;
const MAX_SLOTS: usize = (1 << SLOT_BITS) - 1;
const GENERATIONS: u16 = 1 << (32 - SLOT_BITS);

/// Names a call that this side made: 20 bits of slot and 12 of generation, the first of them 1.
///
/// It is the call's request id. An id comes back after 4,096 uses of its slot at the earliest, so that
/// a second or late answer to an earlier call matches nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OutboundCallId(u32);

impl OutboundCallId {
    /// The request id.
    pub fn id(self) -> u32 {
        self.0
    }

    /// The call of a request id; `None` of 0, which no call has.
    pub(crate) fn of(id: u32) -> Option<Self> {
        (id != 0).then_some(Self(id))
    }

    /// A small number that no other unreleased call has: for tables beside the session.
    pub fn slot(self) -> usize {
        (self.0 as usize & MAX_SLOTS) - 1
    }

    fn generation(self) -> u16 {
        // 12 bits are left.
        u16::try_from(self.0 >> SLOT_BITS).unwrap_or(u16::MAX)
    }

    fn new(slot: usize, generation: u16) -> Self {
        // `slot < MAX_SLOTS`, so that both fit.
        Self((u32::from(generation) << SLOT_BITS) | u32::try_from(slot + 1).unwrap_or(u32::MAX))
    }
}

/// The calls that this side made.
#[derive(Debug, Default)]
pub(super) struct OutboundCalls {
    slots: Vec<OutboundSlot>,
    free: Vec<u32>,
    pending: usize,
    abandoned: usize,
    /// Ids that are retired, or will be when their caller has the answer.
    retired: usize,
    /// How much time has passed, as far as that matters.
    tick: u32,
    /// When the last answer came.
    answered: u32,
}

#[derive(Debug)]
struct OutboundSlot {
    generation: u16,
    state: OutboundCallState,
}

#[derive(Clone, Copy, Debug)]
enum OutboundCallState {
    Free,
    /// The call has an id and is about to be sent.
    Reserved,
    /// The call waits for room.
    Waiting(SendTicket),
    /// The request is in the transmit buffer, or beyond it.
    Sent(PacketSpan),
    /// The answer has come and the caller has not released the id.
    Answered {
        retire: bool,
    },
    /// The caller has gone and the answer has not come, since this tick.
    Abandoned(u32),
    /// Never to be used again: the other side says that it had a call of this id.
    Retired,
}

/// Whose answer came.
pub(super) enum AnsweredCall {
    /// Nobody's who waits: an id that is unknown, or whose answer has come before.
    Nobody,
    /// That of a cancelled call.
    Abandoned,
    /// This call's.
    Call(OutboundCallId),
}

impl OutboundCalls {
    /// An id for a call that is about to be sent; `None` when all are in use.
    pub(super) fn reserve(&mut self) -> Option<OutboundCallId> {
        let slot = match self.free.pop() {
            Some(slot) => slot as usize,
            None if self.slots.len() < MAX_SLOTS => {
                if self.slots.capacity() == 0 {
                    // Most sessions have one call at a time.
                    self.slots.reserve_exact(1);
                }
                self.slots.push(OutboundSlot {
                    generation: 0,
                    state: OutboundCallState::Free,
                });
                self.slots.len() - 1
            }
            None => return None,
        };
        self.slots[slot].state = OutboundCallState::Reserved;
        self.pending += 1;
        Some(OutboundCallId::new(slot, self.slots[slot].generation))
    }

    /// The call waits for room.
    pub(super) fn waits(&mut self, key: OutboundCallId, ticket: SendTicket) {
        if let Some(slot) = self.slot(key) {
            slot.state = OutboundCallState::Waiting(ticket);
        }
    }

    /// Where a call waits for room, if it does.
    pub(super) fn ticket(&self, key: OutboundCallId) -> Option<SendTicket> {
        match self.slots.get(key.slot()) {
            Some(slot) if slot.generation == key.generation() => match slot.state {
                OutboundCallState::Waiting(ticket) => Some(ticket),
                _ => None,
            },
            _ => None,
        }
    }

    /// The call's request is in the transmit buffer.
    pub(super) fn sent(&mut self, key: OutboundCallId, packet: PacketSpan) {
        if let Some(slot) = self.slot(key) {
            slot.state = OutboundCallState::Sent(packet);
        }
    }

    /// No answer will come any more, also of calls that wait for room. Gives how many will not be answered.
    pub(super) fn end(&mut self) -> usize {
        let pending = self.pending;
        for slot in &mut self.slots {
            match slot.state {
                OutboundCallState::Reserved
                | OutboundCallState::Waiting(_)
                | OutboundCallState::Sent(_) => self.pending -= 1,
                OutboundCallState::Abandoned(_) => self.abandoned -= 1,
                _ => continue,
            }
            slot.state = OutboundCallState::Retired;
        }
        pending - self.pending
    }

    /// Time passes. Whether a call was given up `age` ticks ago or before, and the other side has answered
    /// others since.
    pub(super) fn tick(&mut self, age: u32) -> bool {
        self.tick += 1;
        let (tick, answered) = (self.tick, self.answered);
        self.slots.iter().any(|slot| {
            matches!(slot.state, OutboundCallState::Abandoned(since) if tick - since >= age && answered > since)
        })
    }

    /// An answer came.
    pub(super) fn answer(&mut self, id: u32, retire: bool) -> AnsweredCall {
        let Some(slot) = (id as usize & MAX_SLOTS).checked_sub(1) else {
            return AnsweredCall::Nobody;
        };
        let key = OutboundCallId(id);
        let Some(entry) = self.slot(key) else {
            return AnsweredCall::Nobody;
        };
        match entry.state {
            OutboundCallState::Sent(_) => {
                entry.state = OutboundCallState::Answered { retire };
                self.answered = self.tick;
                self.pending -= 1;
                self.retired += usize::from(retire);
                AnsweredCall::Call(key)
            }
            OutboundCallState::Abandoned(_) => {
                self.answered = self.tick;
                self.abandoned -= 1;
                self.retired += usize::from(retire);
                self.free(slot, retire);
                AnsweredCall::Abandoned
            }
            OutboundCallState::Free
            | OutboundCallState::Reserved
            | OutboundCallState::Waiting(_)
            | OutboundCallState::Answered { .. }
            | OutboundCallState::Retired => AnsweredCall::Nobody,
        }
    }

    /// The caller has gone. Says where the request is, if it was sent and not answered.
    pub(super) fn cancel(&mut self, key: OutboundCallId) -> Option<PacketSpan> {
        let tick = self.tick;
        let slot = self.slot(key)?;
        let OutboundCallState::Sent(packet) = slot.state else {
            self.release(key);
            return None;
        };
        slot.state = OutboundCallState::Abandoned(tick);
        self.pending -= 1;
        self.abandoned += 1;
        Some(packet)
    }

    /// The caller has taken the answer: the id may be used again, unless it is retired.
    pub(super) fn release(&mut self, key: OutboundCallId) {
        if let Some(slot) = self.slot(key)
            && let OutboundCallState::Answered { retire } = slot.state
        {
            self.free(key.slot(), retire);
        }
    }

    /// The caller has gone and the request never left: the other side knows nothing of its id.
    pub(super) fn take_back(&mut self, key: OutboundCallId) {
        let Some(slot) = self.slot(key) else { return };
        match slot.state {
            OutboundCallState::Reserved | OutboundCallState::Waiting(_) => self.pending -= 1,
            OutboundCallState::Abandoned(_) => self.abandoned -= 1,
            OutboundCallState::Free
            | OutboundCallState::Sent(_)
            | OutboundCallState::Answered { .. }
            | OutboundCallState::Retired => return,
        }
        self.free(key.slot(), false);
    }

    /// How many ids there are: those in use, and those to be used again.
    pub(super) fn ids(&self) -> usize {
        self.slots.len()
    }

    /// Where the requests are that were sent and not answered.
    pub(super) fn requests(&mut self) -> impl Iterator<Item = &mut PacketSpan> {
        self.slots
            .iter_mut()
            .filter_map(|slot| match &mut slot.state {
                OutboundCallState::Sent(packet) => Some(packet),
                _ => None,
            })
    }

    /// Calls whose caller waits.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// Calls whose caller has gone and whose answer has not come.
    pub(super) fn abandoned(&self) -> usize {
        self.abandoned
    }

    /// Calls whose answer has not come.
    pub(super) fn unanswered(&self) -> usize {
        self.pending + self.abandoned
    }

    /// Ids that the other side's behaviour keeps from being used.
    pub(super) fn out_of_use(&self) -> usize {
        self.abandoned + self.retired
    }

    fn free(&mut self, slot: usize, retire: bool) {
        let entry = &mut self.slots[slot];
        if retire {
            entry.state = OutboundCallState::Retired;
            return;
        }
        entry.state = OutboundCallState::Free;
        entry.generation = (entry.generation + 1) % GENERATIONS;
        // `slot < MAX_SLOTS`.
        self.free.push(u32::try_from(slot).unwrap_or(u32::MAX));
    }

    /// The slot of a call, unless it has gone on to a later one.
    fn slot(&mut self, key: OutboundCallId) -> Option<&mut OutboundSlot> {
        let slot = self
            .slots
            .get_mut((key.0 as usize & MAX_SLOTS).checked_sub(1)?)?;
        (key.generation() == slot.generation).then_some(slot)
    }
}
