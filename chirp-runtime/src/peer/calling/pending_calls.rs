use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use crate::peer::calling::pending_call::PendingCall;
use crate::session::{OutboundCallId, SendTicket};

/// Who waits for the answers of this side's calls: a table beside the session's, without a clock or an
/// allocation for each call.
#[derive(Default)]
pub(in crate::peer) struct PendingCalls {
    /// Where to put the answers of the calls that are wanted.
    slots: Vec<Option<Arc<PendingCall>>>,
    /// Who waits for room: for a one-way call, or a packet of the application's.
    for_room: HashMap<SendTicket, Waker>,
    /// Calls that are never given to the session, which wait for its end.
    for_end: Vec<Arc<PendingCall>>,
}

impl PendingCalls {
    /// A call was made, whose answer goes to `slot`.
    pub(in crate::peer) fn wait(&mut self, call: OutboundCallId, slot: Arc<PendingCall>) {
        if self.slots.len() <= call.slot() {
            self.slots.resize_with(call.slot() + 1, Option::default);
        }
        self.slots[call.slot()] = Some(slot);
    }

    /// The answer of a call came. Gives where to put it, unless nobody wants it.
    pub(in crate::peer) fn take(&mut self, call: OutboundCallId) -> Option<Arc<PendingCall>> {
        self.slots.get_mut(call.slot())?.take()
    }

    /// The caller has gone. Whether its answer had not come.
    pub(in crate::peer) fn forget(
        &mut self,
        call: OutboundCallId,
        slot: &Arc<PendingCall>,
    ) -> bool {
        let Some(entry) = self.slots.get_mut(call.slot()) else {
            return false;
        };
        // The id may be that of a later call by now.
        entry.take_if(|found| Arc::ptr_eq(found, slot)).is_some()
    }

    /// Wakes `waker` when there is room, and gives the waker that would have been woken.
    pub(in crate::peer) fn wait_for_room(
        &mut self,
        ticket: SendTicket,
        waker: Waker,
    ) -> Option<Waker> {
        self.for_room.insert(ticket, waker)
    }

    /// There is room, or whoever waited for it has gone.
    pub(in crate::peer) fn stop_waiting(&mut self, ticket: SendTicket) -> Option<Waker> {
        self.for_room.remove(&ticket)
    }

    /// A call was made when no more could be sent. It fails when the session ends.
    pub(in crate::peer) fn wait_for_end(&mut self, slot: Arc<PendingCall>) {
        self.for_end.push(slot);
    }

    /// All who wait for room, since there will be none.
    pub(in crate::peer) fn take_for_room(&mut self) -> impl Iterator<Item = Waker> {
        self.for_room.drain().map(|(_, waker)| waker)
    }

    /// All who wait, since the session has ended: those who wait for room, and those who wait for answers.
    pub(in crate::peer) fn take_all(&mut self, wakes: &mut Vec<Waker>) -> Vec<Arc<PendingCall>> {
        wakes.extend(self.take_for_room());
        let slots = self.slots.drain(..).flatten();
        slots.chain(self.for_end.drain(..)).collect()
    }
}
