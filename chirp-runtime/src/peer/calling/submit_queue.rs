use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use crate::peer::calling::pending_call::PendingCall;
use crate::peer::state::ConnectionState;
use crate::sync::Mutex;

/// Parameters up to this size are copied into the submit queue. Larger ones are handed over, which only the session
/// can do.
pub(in crate::peer) const COPIED: usize = 1 << 10;

/// So many calls wait for the writer at most, and so many bytes of them. A writer that waits for the other side takes
/// none: whoever comes then goes to the session, where all limits are.
const CALLS: usize = 256;
const BYTES: usize = 16 << 10;

/// Calls that many callers have put down for the writer, which gives all of them to the session at once.
///
/// Where there are many callers the session's lock would be what they wait for, and what is behind it would go
/// from one processor to another with each call. A caller that is alone goes to the session itself, and writes.
/// Whatever else leaves in the order in which it was sent is preceded by what is here: see
/// [`ConnectionState::flush_submit_queue`].
#[derive(Default)]
pub(in crate::peer) struct SubmitQueue {
    /// Whether callers are many.
    contended: AtomicBool,
    /// How many calls there are, for those who only look. Whoever has put one down, and whoever heard of that, sees
    /// it: a thread sees what it wrote itself, and what was written before something that it was told.
    waiting: AtomicUsize,
    /// The writer comes anyway. Changed behind the lock.
    writer_scheduled: AtomicBool,
    calls: Mutex<SubmittedCalls>,
}

/// Calls, one after another.
#[derive(Default)]
pub(in crate::peer) struct SubmittedCalls {
    entries: Vec<SubmittedCall>,
    /// The name and the parameters of each.
    bytes: Vec<u8>,
    /// The session has ended, and nobody will take them.
    closed: bool,
}

struct SubmittedCall {
    slot: Arc<PendingCall>,
    name: usize,
    params: usize,
    time: Option<Duration>,
}

/// What became of a call that was to be put down.
pub(in crate::peer) enum SubmitOutcome {
    /// It is the first: the writer is to be woken.
    First,
    /// The writer has been woken for one before it, or comes anyway.
    Behind,
    /// There is no room for it.
    Full,
    /// The session has ended.
    Closed,
}

impl SubmitQueue {
    pub(in crate::peer) fn is_contended(&self) -> bool {
        self.contended.load(Ordering::Relaxed)
    }

    pub(in crate::peer) fn set_contended(&self, contended: bool) {
        if self.is_contended() != contended {
            self.contended.store(contended, Ordering::Relaxed);
        }
    }

    /// Puts a call down.
    pub(in crate::peer) fn push(
        &self,
        slot: &Arc<PendingCall>,
        name: &[u8],
        params: &[u8],
        time: Option<Duration>,
    ) -> SubmitOutcome {
        // Others wait for the lock.
        let entry = SubmittedCall {
            slot: Arc::clone(slot),
            name: name.len(),
            params: params.len(),
            time,
        };
        let mut calls = self.lock();
        if calls.closed {
            return SubmitOutcome::Closed;
        }
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
        } else {
            SubmitOutcome::Behind
        }
    }

    /// Whether the writer comes, although nobody who puts something down wakes it.
    pub(in crate::peer) fn writer_scheduled(&self) -> bool {
        self.writer_scheduled.load(Ordering::Relaxed)
    }

    /// Says so. Whoever says that it comes wakes it afterwards, and it says that it is here before it takes what has
    /// been put down.
    pub(in crate::peer) fn set_writer_scheduled(&self, expected: bool) {
        let _calls = self.lock();
        self.writer_scheduled.store(expected, Ordering::Relaxed);
    }

    pub(in crate::peer) fn len(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// The session has ended: nothing is put down any more. Gives who waits here.
    pub(in crate::peer) fn close(&self) -> impl Iterator<Item = Arc<PendingCall>> + use<> {
        let mut calls = self.lock();
        calls.closed = true;
        calls.bytes = Vec::new();
        let entries = mem::take(&mut calls.entries);
        entries.into_iter().map(|entry| entry.slot)
    }

    fn lock(&self) -> MutexGuard<'_, SubmittedCalls> {
        self.calls.lock()
    }
}

impl ConnectionState {
    /// Gives the session what callers have put down, in their order.
    pub(in crate::peer) fn flush_submit_queue(&mut self, submit_queue: &SubmitQueue) {
        // Those that are there at the end are told of it.
        if submit_queue.len() == 0 || self.end.is_some() {
            return;
        }
        let mut calls = mem::take(&mut self.spare_calls);
        {
            let mut submitted = submit_queue.lock();
            mem::swap(&mut submitted.entries, &mut calls.entries);
            mem::swap(&mut submitted.bytes, &mut calls.bytes);
            submit_queue.waiting.store(0, Ordering::Relaxed);
        }
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
                        self.effects.end = Some(fatal.into());
                    }
                }
                Err(refused) => self.effects.refused.push((slot, refused)),
            }
        }
        calls.bytes.clear();
        if count <= 1 && self.session.pending() <= 1 {
            // The memory of the crowd goes, but for what the submit queue itself has.
            submit_queue.set_contended(false);
        } else {
            self.spare_calls = calls;
        }
    }
}
