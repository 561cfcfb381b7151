use std::cell::RefCell;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};

use bytes::Bytes;

use crate::peer::stream::inbound_streams::UnboundStreams;
use crate::session::{CallOutcome, OutboundCallId, Refused};
use crate::sync::{AtomicBool, AtomicU32, Mutex, MutexGuard};

/// The number of slots that each thread keeps for later calls.
const KEPT: usize = 64;

thread_local! {
    static POOL: RefCell<Vec<Arc<PendingCall>>> = const { RefCell::new(Vec::new()) };
}

/// The slot of one call: its outcome, or the waker of the task that waits for it.
///
/// The slot has a lock of its own, shared by the caller and the reader alone, so that callers that take outcomes do not
/// contend with callers that make calls.
///
/// `call` and `unwanted` are changed under the session's lock, and need no other.
#[derive(Default)]
pub(in crate::peer) struct PendingCall {
    state: Mutex<PendingCallState>,
    /// The call's id, which is never 0, once the session has the call.
    call: AtomicU32,
    /// The caller has dropped the call.
    unwanted: AtomicBool,
}

#[derive(Default)]
enum PendingCallState {
    /// No task waits, or the outcome has been taken.
    #[default]
    Empty,
    /// The waker of the task that waits.
    Waiting(Waker),
    /// The outcome, with the streams that came with it.
    Answered(CallOutcome, Option<Box<AnswerWithStreams>>),
    /// The session refused to send the call.
    Refused(Refused),
}

/// The streams that came with a response, and the call's id until they have been claimed.
pub(in crate::peer) type AnswerWithStreams = (OutboundCallId, UnboundStreams);

/// The outcome of a call.
pub(in crate::peer) type CallResult =
    Result<(CallOutcome, Option<Box<AnswerWithStreams>>), Refused>;

impl PendingCall {
    /// Returns a slot for a new call.
    pub(in crate::peer) fn take(waker: Option<Waker>) -> Arc<Self> {
        // A thread that is exiting has no pool any more.
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
            // The reader is about to drop its reference to the slot.
            *slot.lock() = state;
            slot.call.store(0, Ordering::Relaxed);
            slot.unwanted.store(false, Ordering::Relaxed);
        }
        slot
    }

    /// Returns the slot of a finished call to the pool. Its outcome or waker must have been taken, and no task may put
    /// an outcome there any more.
    pub(in crate::peer) fn give(slot: Arc<Self>) {
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < KEPT {
                pool.push(slot);
            }
        });
    }

    /// Records that the session has the call. Returns `false` if its caller has gone. Requires the session's lock.
    pub(in crate::peer) fn sent(&self, call: OutboundCallId) -> bool {
        self.call.store(call.id(), Ordering::Relaxed);
        !self.unwanted.load(Ordering::Relaxed)
    }

    /// Returns `true` if the session never got the call.
    pub(in crate::peer) fn was_never_sent(&self) -> bool {
        self.call.load(Ordering::Relaxed) == 0
    }

    /// Records that the caller has gone. Returns the call's id, if the session has the call, and a value to drop after
    /// the lock is released. Requires the session's lock.
    pub(in crate::peer) fn leave(&self) -> (Option<OutboundCallId>, impl Sized + use<>) {
        self.unwanted.store(true, Ordering::Relaxed);
        let call = OutboundCallId::of(self.call.load(Ordering::Relaxed));
        let mut state = mem::take(&mut *self.lock());
        if let PendingCallState::Answered(_, streams) = &mut state {
            // They become orphans, which are released before the session's lock is.
            drop(streams.take());
        }
        (call, state)
    }

    /// Stores the outcome. Returns the waker to wake, and the streams of a response whose caller has gone.
    pub(in crate::peer) fn answer(
        &self,
        outcome: CallOutcome,
        streams: Option<Box<AnswerWithStreams>>,
    ) -> (Option<Waker>, Option<Box<AnswerWithStreams>>) {
        let mut state = self.lock();
        // `unwanted` was set before the caller emptied the slot.
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

    /// Stores a refusal. Returns the waker to wake.
    pub(in crate::peer) fn refuse(&self, refused: Refused) -> Option<Waker> {
        match mem::replace(&mut *self.lock(), PendingCallState::Refused(refused)) {
            PendingCallState::Waiting(waker) => Some(waker),
            PendingCallState::Empty
            | PendingCallState::Answered(..)
            | PendingCallState::Refused(_) => None,
        }
    }

    /// Takes the waker, if there is one: no outcome will come.
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

    /// Takes the result, if the call has returned a value without streams.
    #[inline]
    pub(in crate::peer) fn take_value(&self) -> Option<Bytes> {
        let mut state = self.lock();
        let PendingCallState::Answered(outcome, None) = &mut *state else {
            return None;
        };
        let value = outcome.take_value()?;
        // Nothing is left that has to be dropped, and finding that out takes longer than the rest of this function.
        mem::forget(mem::replace(&mut *state, PendingCallState::Empty));
        Some(value)
    }

    /// Takes the outcome, or registers `waker`.
    pub(in crate::peer) fn poll(&self, waker: &Waker) -> Poll<CallResult> {
        match self.look(waker) {
            Some(found) => found,
            None => self.wait(waker.clone()),
        }
    }

    /// Takes the outcome. Returns `None` if `waker` has to be registered.
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
        // Dropping a waker may run the caller's code, so it happens after the lock is released.
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
