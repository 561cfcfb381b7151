use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use crate::peer::client::pending_call::PendingCall;
use crate::session::{OutboundCallId, SendTicket};

/// The slots of this side's calls, by id. A call has neither a timer nor an allocation of its own here.
#[derive(Default)]
pub(in crate::peer) struct PendingCalls {
    /// The slots of calls whose responses are wanted.
    slots: Vec<Option<Arc<PendingCall>>>,
    /// `None` until a call or packet waits for something other than a response, which is rare.
    waits: Option<Box<RareWaits>>,
}

/// Calls and packets that wait for something other than a response.
#[derive(Default)]
struct RareWaits {
    /// The wakers of one-way calls and packets that wait for room.
    for_room: HashMap<SendTicket, Waker>,
    /// Calls that the session never got. They fail when it ends.
    for_end: Vec<Arc<PendingCall>>,
}

impl PendingCalls {
    /// Registers the slot of a call.
    pub(in crate::peer) fn wait(&mut self, call: OutboundCallId, slot: Arc<PendingCall>) {
        if self.slots.len() <= call.slot() {
            if self.slots.capacity() == 0 {
                // Most connections have one call at a time.
                self.slots.reserve_exact(call.slot() + 1);
            }
            self.slots.resize_with(call.slot() + 1, Option::default);
        }
        self.slots[call.slot()] = Some(slot);
    }

    /// Takes the slot of a call that has been answered, unless its caller has gone.
    pub(in crate::peer) fn take(&mut self, call: OutboundCallId) -> Option<Arc<PendingCall>> {
        self.slots.get_mut(call.slot())?.take()
    }

    /// Removes the slot of a call whose caller has gone. Returns `true` if the response had not arrived.
    pub(in crate::peer) fn forget(
        &mut self,
        call: OutboundCallId,
        slot: &Arc<PendingCall>,
    ) -> bool {
        let Some(entry) = self.slots.get_mut(call.slot()) else {
            return false;
        };
        // The id may belong to a later call already.
        entry.take_if(|found| Arc::ptr_eq(found, slot)).is_some()
    }

    /// Registers a waker for when there is room. Returns the waker that it replaces.
    pub(in crate::peer) fn wait_for_room(
        &mut self,
        ticket: SendTicket,
        waker: Waker,
    ) -> Option<Waker> {
        let waits = self.waits.get_or_insert_default();
        waits.for_room.insert(ticket, waker)
    }

    /// Removes the waker of a one-way call or packet.
    pub(in crate::peer) fn stop_waiting(&mut self, ticket: SendTicket) -> Option<Waker> {
        self.waits.as_mut()?.for_room.remove(&ticket)
    }

    /// Registers a call that was submitted after sending had ended. It fails when the session ends.
    pub(in crate::peer) fn wait_for_end(&mut self, slot: Arc<PendingCall>) {
        self.waits.get_or_insert_default().for_end.push(slot);
    }

    /// Takes the wakers of everything that waits for room: there will be none.
    pub(in crate::peer) fn take_for_room(&mut self) -> impl Iterator<Item = Waker> {
        let waits = self.waits.iter_mut();
        waits.flat_map(|waits| waits.for_room.drain().map(|(_, waker)| waker))
    }

    /// Takes everything because the session has ended. The wakers of tasks that wait for room are added to `wakes`.
    pub(in crate::peer) fn take_all(&mut self, wakes: &mut Vec<Waker>) -> Vec<Arc<PendingCall>> {
        wakes.extend(self.take_for_room());
        let slots = self.slots.drain(..).flatten();
        let waits = self.waits.iter_mut();
        let for_end = waits.flat_map(|waits| waits.for_end.drain(..));
        slots.chain(for_end).collect()
    }
}
