use std::cell::RefCell;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::session::Outcome;

/// How many slots each thread keeps for calls to come.
const KEPT: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<Arc<Slot>>> = const { RefCell::new(Vec::new()) };
}

/// Where one call's answer is put, and who waits for it.
///
/// It has a lock of its own, which the caller shares with the reader alone, so that callers who take their
/// answers do not wait for those who make calls.
#[derive(Default)]
pub(in crate::peer) struct Slot(Mutex<State>);

#[derive(Default)]
enum State {
    /// Nobody waits yet, or any more.
    #[default]
    Empty,
    /// This is to be woken when the answer comes.
    Waiting(Waker),
    /// The answer is here.
    Answered(Outcome),
}

impl Slot {
    /// A slot for a call, whose answer `waker` waits for, or nobody yet.
    pub(in crate::peer) fn take(waker: Option<Waker>) -> Arc<Self> {
        // A thread that is ending has no pool any more; a new slot is as good.
        let kept = POOL.try_with(|pool| pool.borrow_mut().pop());
        let slot = kept.ok().flatten().unwrap_or_default();
        if let Some(waker) = waker {
            *slot.lock() = State::Waiting(waker);
        }
        slot
    }

    /// Takes back the slot of a call that is over, to be used for another: its answer or its waker has been
    /// taken, and nobody who still has it is going to put an answer there.
    pub(in crate::peer) fn give(slot: Arc<Self>) {
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < KEPT {
                pool.push(slot);
            }
        });
    }

    /// The answer is here. Gives whom to wake.
    pub(in crate::peer) fn answer(&self, outcome: Outcome) -> Option<Waker> {
        match mem::replace(&mut *self.lock(), State::Answered(outcome)) {
            State::Waiting(waker) => Some(waker),
            State::Empty | State::Answered(_) => None,
        }
    }

    /// No answer will come. Gives whom to wake.
    pub(in crate::peer) fn take_waker(&self) -> Option<Waker> {
        let mut state = self.lock();
        match mem::take(&mut *state) {
            State::Waiting(waker) => Some(waker),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Looks for the answer, which is given once. Where it is not here `waker` waits for it.
    pub(in crate::peer) fn poll(&self, waker: &Waker) -> Poll<Outcome> {
        match self.look(waker) {
            Some(found) => found,
            None => self.wait(waker.clone()),
        }
    }

    /// The answer, if it is here; nothing if `waker` is not the one to be woken when it comes.
    fn look(&self, waker: &Waker) -> Option<Poll<Outcome>> {
        let mut state = self.lock();
        match &*state {
            State::Answered(_) => match mem::take(&mut *state) {
                State::Answered(outcome) => Some(Poll::Ready(outcome)),
                _ => None,
            },
            State::Waiting(known) if known.will_wake(waker) => Some(Poll::Pending),
            State::Empty | State::Waiting(_) => None,
        }
    }

    fn wait(&self, waker: Waker) -> Poll<Outcome> {
        let mut state = self.lock();
        let old = match mem::replace(&mut *state, State::Waiting(waker)) {
            State::Answered(outcome) => {
                let unneeded = mem::take(&mut *state);
                drop(state);
                drop(unneeded);
                return Poll::Ready(outcome);
            }
            old => old,
        };
        // The waker is the caller's code.
        drop(state);
        drop(old);
        Poll::Pending
    }

    /// Its steps are small and complete, so that the lock survives a panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
