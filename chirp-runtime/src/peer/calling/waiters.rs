use std::collections::HashMap;
use std::mem;
use std::task::Waker;

use crate::session::{CallKey, Outcome, Ticket};

/// Who waits for the answers of this side's calls: a table beside the session's, without a clock or an
/// allocation for each call.
#[derive(Default)]
pub(in crate::peer) struct Waiters {
    slots: Vec<Waiter>,
    /// Who waits for room: for a one-way call, or a packet of the application's.
    for_room: HashMap<Ticket, Waker>,
}

#[derive(Default)]
enum Waiter {
    /// There is no such call, or its answer is not wanted.
    #[default]
    None,
    /// The answer is awaited.
    Waiting(Option<Waker>),
    /// The answer is here.
    Ready(Outcome),
}

/// Whether an answer is here.
pub(in crate::peer) enum Found {
    Answer(Outcome),
    NotYet,
    /// The same, and this waker is not the one to be woken.
    OtherWaker,
}

impl Waiters {
    /// A call was made, and `waker` is to be woken when its answer comes.
    pub(in crate::peer) fn wait(&mut self, call: CallKey, waker: Option<Waker>) {
        *self.slot(call) = Waiter::Waiting(waker);
    }

    /// An answer came. Gives whom to wake, or the answer back when nobody wants it.
    pub(in crate::peer) fn complete(
        &mut self,
        call: CallKey,
        outcome: Outcome,
    ) -> Result<Option<Waker>, Outcome> {
        let slot = self.slot(call);
        match mem::take(slot) {
            Waiter::Waiting(waker) => {
                *slot = Waiter::Ready(outcome);
                Ok(waker)
            }
            Waiter::None | Waiter::Ready(_) => Err(outcome),
        }
    }

    /// Looks for the answer of a call.
    pub(in crate::peer) fn poll(&mut self, call: CallKey, waker: &Waker) -> Found {
        let slot = self.slot(call);
        match slot {
            Waiter::Ready(_) => match mem::take(slot) {
                Waiter::Ready(outcome) => Found::Answer(outcome),
                _ => Found::NotYet,
            },
            Waiter::Waiting(Some(known)) if known.will_wake(waker) => Found::NotYet,
            _ => Found::OtherWaker,
        }
    }

    /// Wakes `waker` when the answer comes, and gives the waker that would have been woken.
    pub(in crate::peer) fn replace_waker(&mut self, call: CallKey, waker: Waker) -> Option<Waker> {
        match self.slot(call) {
            Waiter::Waiting(known) => known.replace(waker),
            _ => Some(waker),
        }
    }

    /// The caller has gone. What it waited with is to be dropped.
    pub(in crate::peer) fn forget(&mut self, call: CallKey) -> impl Sized + use<> {
        mem::take(self.slot(call))
    }

    /// Wakes `waker` when there is room, and gives the waker that would have been woken.
    pub(in crate::peer) fn wait_for_room(&mut self, ticket: Ticket, waker: Waker) -> Option<Waker> {
        self.for_room.insert(ticket, waker)
    }

    /// There is room, or whoever waited for it has gone.
    pub(in crate::peer) fn stop_waiting(&mut self, ticket: Ticket) -> Option<Waker> {
        self.for_room.remove(&ticket)
    }

    /// All who wait, since the session has ended.
    pub(in crate::peer) fn take_wakers(&mut self, wakes: &mut Vec<Waker>) {
        wakes.extend(self.for_room.drain().map(|(_, waker)| waker));
        wakes.extend(self.slots.iter_mut().filter_map(|slot| match slot {
            Waiter::Waiting(whom) => whom.take(),
            _ => None,
        }));
    }

    fn slot(&mut self, call: CallKey) -> &mut Waiter {
        if self.slots.len() <= call.slot() {
            self.slots.resize_with(call.slot() + 1, Waiter::default);
        }
        &mut self.slots[call.slot()]
    }
}
