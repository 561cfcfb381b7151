use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::peer::client::pending_call::PendingCall;
use crate::peer::connection::state::ConnectionState;
use crate::sync::{AtomicBool, AtomicUsize, Mutex, MutexGuard};

/// The maximum size, in bytes, of parameters that are copied into the submit queue. Larger parameters are moved, which
/// only the session can do.
pub(in crate::peer) const COPIED: usize = 1 << 10;

/// The maximum number of queued calls.
///
/// A writer that waits for the peer does not flush the queue. Calls that find it full go to the session, where all
/// limits apply.
const CALLS: usize = 256;

/// The total size, in bytes, of names and parameters above which the queue is full.
const BYTES: usize = 16 << 10;

/// The minimum number of queued calls that a caller writes by itself.
const FEW: usize = 16;

/// The maximum number of queued calls before a caller writes them by itself.
const MANY: usize = 128;

/// Calls that wait for the writer task, which gives all of them to the session at once.
///
/// With many callers, the session's lock would be contended, and its cache lines would move between processors with
/// each call. A caller that is alone bypasses the queue. Everything else that must keep its order with calls flushes
/// the queue first: see [`StateGuard::ordered`](crate::peer::connection::state_guard::StateGuard::ordered).
pub(in crate::peer) struct SubmitQueue {
    /// Several callers are active: calls go through the queue.
    contended: AtomicBool,
    /// The number of queued calls, readable without the lock. Relaxed ordering suffices: a thread sees its own writes,
    /// and those that happened before a message that it has received.
    waiting: AtomicUsize,
    /// The writer task will run without being woken by `push`. Changed under the lock.
    writer_scheduled: AtomicBool,
    /// The number of queued calls at which the caller writes instead of the writer task, so that the peer works on them
    /// while other callers are still at it.
    early: AtomicUsize,
    /// Whether the peer, or its part of this process, runs at the same time as callers.
    is_parallel: bool,
    submitted: Mutex<Submitted>,
}

/// The part of a [`SubmitQueue`] behind its lock.
#[derive(Default)]
struct Submitted {
    /// `None` before the first call: a caller that is alone bypasses the queue.
    calls: Option<Box<SubmittedCalls>>,
    /// No more calls are queued, since the session has ended or is about to.
    closed: bool,
}

/// Queued calls, in order.
#[derive(Default)]
pub(in crate::peer) struct SubmittedCalls {
    entries: Vec<SubmittedCall>,
    /// The names and parameters of all calls, one after another.
    bytes: Vec<u8>,
}

struct SubmittedCall {
    slot: Arc<PendingCall>,
    name: usize,
    params: usize,
    time: Option<Duration>,
}

/// The result of [`SubmitQueue::push`].
pub(in crate::peer) enum SubmitOutcome {
    /// The call is the first in the queue: the caller must wake the writer task.
    First,
    /// The writer task has been woken already.
    Behind,
    /// Enough calls are queued: the caller must write them.
    Enough,
    /// The queue is full.
    Full,
    /// The queue is closed: the session decides, if it has not ended.
    Closed,
}

impl SubmitQueue {
    pub(in crate::peer) fn new(is_parallel: bool) -> Self {
        Self {
            contended: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            writer_scheduled: AtomicBool::new(false),
            early: AtomicUsize::new(usize::MAX),
            is_parallel,
            submitted: Mutex::default(),
        }
    }

    pub(in crate::peer) fn is_contended(&self) -> bool {
        self.contended.load(Ordering::Relaxed)
    }

    pub(in crate::peer) fn set_contended(&self, contended: bool) {
        if self.is_contended() != contended {
            self.contended.store(contended, Ordering::Relaxed);
        }
    }

    /// Appends a call.
    pub(in crate::peer) fn push(
        &self,
        slot: &Arc<PendingCall>,
        name: &[u8],
        params: &[u8],
        time: Option<Duration>,
    ) -> SubmitOutcome {
        // Created before locking, to keep the lock short.
        let entry = SubmittedCall {
            slot: Arc::clone(slot),
            name: name.len(),
            params: params.len(),
            time,
        };
        let mut submitted = self.lock();
        if submitted.closed {
            return SubmitOutcome::Closed;
        }
        let calls = submitted.calls.get_or_insert_default();
        if calls.entries.len() >= CALLS || calls.bytes.len() >= BYTES {
            return SubmitOutcome::Full;
        }
        calls.bytes.extend_from_slice(name);
        calls.bytes.extend_from_slice(params);
        calls.entries.push(entry);
        let waiting = calls.entries.len();
        self.waiting.store(waiting, Ordering::Relaxed);
        if waiting == 1 && !self.writer_scheduled.load(Ordering::Relaxed) {
            SubmitOutcome::First
        } else if waiting == self.early.load(Ordering::Relaxed) {
            SubmitOutcome::Enough
        } else {
            SubmitOutcome::Behind
        }
    }

    /// Returns `true` if the writer task will run without being woken by `push`.
    pub(in crate::peer) fn writer_scheduled(&self) -> bool {
        self.writer_scheduled.load(Ordering::Relaxed)
    }

    /// Sets `writer_scheduled`. A task that sets it to `true` wakes the writer afterwards; the writer sets it to
    /// `false` before it flushes the queue.
    pub(in crate::peer) fn set_writer_scheduled(&self, scheduled: bool) {
        let _submitted = self.lock();
        self.writer_scheduled.store(scheduled, Ordering::Relaxed);
    }

    pub(in crate::peer) fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Notes how many calls are pending, so that a third of their callers need not wait for the others. A side that also
    /// serves calls leaves all of them to the writer task, which sends them together with its responses.
    fn note_pending(&self, pending: usize, serves: bool) {
        let early = if self.is_parallel && !serves {
            (pending / 3).clamp(FEW, MANY)
        } else {
            usize::MAX
        };
        self.early.store(early, Ordering::Relaxed);
    }

    /// Closes the queue because the session has ended. Returns the slots of its calls.
    pub(in crate::peer) fn close(&self) -> impl Iterator<Item = Arc<PendingCall>> + use<> {
        let mut submitted = self.lock();
        submitted.closed = true;
        let calls = submitted.calls.take();
        let entries = calls.into_iter().flat_map(|calls| calls.entries);
        entries.map(|entry| entry.slot)
    }

    fn lock(&self) -> MutexGuard<'_, Submitted> {
        self.submitted.lock()
    }
}

impl ConnectionState {
    /// Gives the queued calls to the session, in order.
    pub(in crate::peer) fn flush_submit_queue(&mut self, submit_queue: &SubmitQueue) {
        // After the end, `close` returns the calls that are still queued.
        if submit_queue.len() == 0 || self.end.is_some() {
            return;
        }
        self.flush(submit_queue, false);
    }

    /// Gives the queued calls to the session, and closes the queue.
    pub(in crate::peer) fn close_submit_queue(&mut self, submit_queue: &SubmitQueue) {
        self.flush(submit_queue, true);
    }

    fn flush(&mut self, submit_queue: &SubmitQueue, close: bool) {
        let calls = {
            let mut submitted = submit_queue.lock();
            submitted.closed |= close;
            submit_queue.waiting.store(0, Ordering::Relaxed);
            mem::replace(&mut submitted.calls, self.spare_calls.take())
        };
        // The queue may be closed before its first call.
        let mut calls = calls.unwrap_or_default();
        let mut rest = &calls.bytes[..];
        let count = calls.entries.len();
        for entry in calls.entries.drain(..) {
            let (name, after_name) = rest.split_at(entry.name);
            let (params, after_params) = after_name.split_at(entry.params);
            rest = after_params;
            let SubmittedCall { slot, time, .. } = entry;
            match self.session.call_copied(name, params, time) {
                Ok(call) => {
                    if slot.sent(call) {
                        self.pending_calls.wait(call, slot);
                    } else if let Err(fatal) = self.session.cancel(call) {
                        self.effects.rare().end = Some(fatal.into());
                    }
                }
                Err(refused) => self.effects.rare().refused.push((slot, refused)),
            }
        }
        calls.bytes.clear();
        let handlers = mem::replace(&mut self.handlers_before, self.dispatch.count);
        let serves = self.session.running() > 0 || handlers != self.dispatch.count;
        submit_queue.note_pending(self.session.pending(), serves);
        if count <= 1 && self.session.pending() <= 1 {
            // The load has passed: the buffers are dropped.
            submit_queue.set_contended(false);
        } else {
            self.spare_calls = Some(calls);
        }
    }
}
