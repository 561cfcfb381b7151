use std::cell::RefCell;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, MutexGuard};
use std::task::{Poll, Waker};

use crate::peer::streaming::inbound_streams::UnboundStreams;
use crate::session::{CallOutcome, OutboundCallId, Refused};
use crate::sync::Mutex;

/// How many slots each thread keeps for calls to come.
const KEPT: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<Arc<PendingCall>>> = const { RefCell::new(Vec::new()) };
}

/// Where one call's answer is put, and who waits for it.
///
/// It has a lock of its own, which the caller shares with the reader alone, so that callers who take their
/// answers do not wait for those who make calls.
///
/// What the session calls the call, and whether the caller has gone, is for those who hold the session's lock, who need
/// no other.
#[derive(Default)]
pub(in crate::peer) struct PendingCall {
    state: Mutex<PendingCallState>,
    /// The id of the call, which is never 0, once it has been given to the session.
    call: AtomicU32,
    /// The caller has gone.
    unwanted: AtomicBool,
}

#[derive(Default)]
enum PendingCallState {
    /// Nobody waits yet, or any more.
    #[default]
    Empty,
    /// This is to be woken when the answer comes.
    Waiting(Waker),
    /// The answer is here, with the streams that came with it.
    Answered(CallOutcome, Option<Box<AnswerWithStreams>>),
    /// The call may not be made.
    Refused(Refused),
}

/// The streams that came with an answer, and the call's name until they have been claimed.
pub(in crate::peer) type AnswerWithStreams = (OutboundCallId, UnboundStreams);

/// What became of a call.
pub(in crate::peer) type CallResult =
    Result<(CallOutcome, Option<Box<AnswerWithStreams>>), Refused>;

impl PendingCall {
    /// A slot for a call, whose answer `waker` waits for, or nobody yet.
    pub(in crate::peer) fn take(waker: Option<Waker>) -> Arc<Self> {
        // A thread that is ending has no pool any more; a new slot is as good.
        let kept = POOL.try_with(|pool| pool.borrow_mut().pop());
        let mut slot: Arc<Self> = kept.ok().flatten().unwrap_or_default();
        let state = waker.map_or(PendingCallState::Empty, PendingCallState::Waiting);
        if let Some(Self {
            state: old,
            call,
            unwanted,
        }) = Arc::get_mut(&mut slot)
        {
            *old.get_mut() = state;
            *call.get_mut() = 0;
            *unwanted.get_mut() = false;
        } else {
            // Whoever put the last answer there is about to let go of it.
            *slot.lock() = state;
            slot.call.store(0, Ordering::Relaxed);
            slot.unwanted.store(false, Ordering::Relaxed);
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

    /// The call has been given to the session. Whether anybody still wants it. With the session's lock held.
    pub(in crate::peer) fn sent(&self, call: OutboundCallId) -> bool {
        self.call.store(call.id(), Ordering::Relaxed);
        !self.unwanted.load(Ordering::Relaxed)
    }

    /// Whether the session has ended without having been given the call.
    pub(in crate::peer) fn was_never_sent(&self) -> bool {
        self.call.load(Ordering::Relaxed) == 0
    }

    /// The caller has gone. Gives the session's name of the call, if it has one, and what is to be dropped. With the
    /// session's lock held.
    pub(in crate::peer) fn leave(&self) -> (Option<OutboundCallId>, impl Sized + use<>) {
        self.unwanted.store(true, Ordering::Relaxed);
        let call = OutboundCallId::of(self.call.load(Ordering::Relaxed));
        let mut state = mem::take(&mut *self.lock());
        if let PendingCallState::Answered(_, streams) = &mut state {
            // The session releases them before its lock is free.
            drop(streams.take());
        }
        (call, state)
    }

    /// The answer is here. Gives whom to wake, and the streams of an answer whose caller has gone.
    pub(in crate::peer) fn answer(
        &self,
        outcome: CallOutcome,
        streams: Option<Box<AnswerWithStreams>>,
    ) -> (Option<Waker>, Option<Box<AnswerWithStreams>>) {
        let mut state = self.lock();
        // Said before the caller took what was here.
        if streams.is_some() && self.unwanted.load(Ordering::Relaxed) {
            return (None, streams);
        }
        match mem::replace(&mut *state, PendingCallState::Answered(outcome, streams)) {
            PendingCallState::Waiting(waker) => (Some(waker), None),
            PendingCallState::Empty
            | PendingCallState::Answered(..)
            | PendingCallState::Refused(_) => (None, None),
        }
    }

    /// The call may not be made. Gives whom to wake.
    pub(in crate::peer) fn refuse(&self, refused: Refused) -> Option<Waker> {
        match mem::replace(&mut *self.lock(), PendingCallState::Refused(refused)) {
            PendingCallState::Waiting(waker) => Some(waker),
            PendingCallState::Empty
            | PendingCallState::Answered(..)
            | PendingCallState::Refused(_) => None,
        }
    }

    /// No answer will come. Gives whom to wake.
    pub(in crate::peer) fn take_waker(&self) -> Option<Waker> {
        let mut state = self.lock();
        match mem::take(&mut *state) {
            PendingCallState::Waiting(waker) => Some(waker),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Looks for the answer, which is given once. Where it is not here `waker` waits for it.
    pub(in crate::peer) fn poll(&self, waker: &Waker) -> Poll<CallResult> {
        match self.look(waker) {
            Some(found) => found,
            None => self.wait(waker.clone()),
        }
    }

    /// The answer, if it is here; nothing if `waker` is not the one to be woken when it comes.
    fn look(&self, waker: &Waker) -> Option<Poll<CallResult>> {
        let mut state = self.lock();
        match &*state {
            PendingCallState::Answered(..) | PendingCallState::Refused(_) => {
                match mem::take(&mut *state) {
                    PendingCallState::Answered(outcome, streams) => {
                        Some(Poll::Ready(Ok((outcome, streams))))
                    }
                    PendingCallState::Refused(refused) => Some(Poll::Ready(Err(refused))),
                    PendingCallState::Empty | PendingCallState::Waiting(_) => None,
                }
            }
            PendingCallState::Waiting(known) if known.will_wake(waker) => Some(Poll::Pending),
            PendingCallState::Empty | PendingCallState::Waiting(_) => None,
        }
    }

    fn wait(&self, waker: Waker) -> Poll<CallResult> {
        let mut state = self.lock();
        // Wakers are the caller's code, and are dropped when the lock is free.
        let (found, unneeded) = match mem::replace(&mut *state, PendingCallState::Waiting(waker)) {
            PendingCallState::Answered(outcome, streams) => {
                (Poll::Ready(Ok((outcome, streams))), mem::take(&mut *state))
            }
            PendingCallState::Refused(refused) => {
                (Poll::Ready(Err(refused)), mem::take(&mut *state))
            }
            old => (Poll::Pending, old),
        };
        drop(state);
        drop(unneeded);
        found
    }

    fn lock(&self) -> MutexGuard<'_, PendingCallState> {
        self.state.lock()
    }
}
