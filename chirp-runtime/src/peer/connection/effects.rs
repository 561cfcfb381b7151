use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use bytes::Bytes;
use tokio::task::AbortHandle;

use super::connection_core::{ConnectionCore, recycle};
use crate::packet::{Payload, RequestPacket};
use crate::peer::ConnectionError;
use crate::peer::client::pending_call::{AnswerWithStreams, PendingCall};
use crate::peer::guard;
use crate::session::{CallOutcome, Refused};

/// The work that a step under the connection's lock leaves for after the lock is released.
///
/// Wakers, abort handles, payloads and handlers belong to the program. Waking, cloning or dropping one may run the
/// program's code, which must never happen under the lock.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each flag is one action")]
pub(in crate::peer) struct Effects {
    /// Tasks to wake.
    pub(in crate::peer) wakes: Vec<Waker>,
    /// Handler tasks to abort.
    pub(in crate::peer) aborts: Vec<AbortHandle>,
    /// Outcomes to deliver to this side's callers.
    pub(in crate::peer) answers: Vec<(
        Arc<PendingCall>,
        CallOutcome,
        Option<Box<AnswerWithStreams>>,
    )>,
    /// Calls that the session refused to send.
    pub(in crate::peer) refused: Vec<(Arc<PendingCall>, Refused)>,
    pub(in crate::peer) wake_reader: bool,
    /// Set by `ConnectionState::reconcile`, and by the end of the connection.
    pub(in crate::peer) wake_writer: bool,
    /// Notify `ConnectionCore::signal`.
    pub(in crate::peer) signal: bool,
    /// Notify `ConnectionCore::interrupts`.
    pub(in crate::peer) interrupted: bool,
    /// Notify the connections that wait for the shared memory budget.
    pub(in crate::peer) freed: bool,
    /// The peer answered a call with *shutting down*.
    pub(in crate::peer) refusing: bool,
    /// Sending has begun to end: close the submit queue.
    pub(in crate::peer) stop_calls: bool,
    /// End the connection for this reason.
    pub(in crate::peer) end: Option<ConnectionError>,
    /// Response payloads whose buffers are recycled.
    pub(in crate::peer) spent: Vec<Payload>,
    /// Requests whose handlers are not started.
    pub(in crate::peer) unwanted: Vec<RequestPacket>,
    /// Payloads to drop.
    pub(in crate::peer) leftovers: Vec<Bytes>,
}

impl Effects {
    /// Returns `true` if there is nothing to do, which is the case after most steps.
    #[inline]
    pub(in crate::peer) fn is_nothing(&self) -> bool {
        // Destructured, so that a new field cannot be forgotten here.
        let Self {
            wakes,
            aborts,
            answers,
            refused,
            wake_reader,
            wake_writer,
            signal,
            interrupted,
            freed,
            refusing,
            stop_calls,
            end,
            spent,
            unwanted,
            leftovers,
        } = self;
        let flags = wake_reader
            | wake_writer
            | signal
            | interrupted
            | freed
            | refusing
            | stop_calls
            | end.is_some();
        // One test instead of a branch for each list: this runs after every step.
        let listed = wakes.len()
            | aborts.len()
            | answers.len()
            | refused.len()
            | spent.len()
            | unwanted.len()
            | leftovers.len();
        !flags && listed == 0
    }

    /// Performs the effects and leaves `self` empty, with its buffers kept. The caller must not hold the connection's
    /// lock.
    #[inline(never)]
    pub(in crate::peer) fn apply(&mut self, connection: &ConnectionCore) {
        // Most lists are empty most of the time, and checking is cheaper than draining. The owner of a `Bytes` may be
        // the program's, so its drop may panic.
        let _ = guard::call("a drop of bytes", || {
            self.leftovers.clear();
            self.unwanted.clear();
            if !self.spent.is_empty() {
                self.spent.drain(..).for_each(recycle);
            }
        });
        if !self.aborts.is_empty() {
            for abort in self.aborts.drain(..) {
                abort.abort();
            }
        }
        // Before callers are woken: they may make further calls.
        if mem::take(&mut self.refusing) && !connection.refusing.swap(true, Ordering::AcqRel) {
            self.signal = true;
        }
        if !self.answers.is_empty() {
            self.deliver_answers(connection);
        }
        if !self.refused.is_empty() {
            for (slot, refused) in self.refused.drain(..) {
                if let Some(waker) = slot.refuse(refused) {
                    guard::wake(waker);
                }
            }
        }
        if !self.wakes.is_empty() {
            for waker in self.wakes.drain(..) {
                guard::wake(waker);
            }
        }
        if mem::take(&mut self.wake_reader) {
            connection.wake_reader();
        }
        if mem::take(&mut self.wake_writer) {
            connection.wake_writer();
        }
        if mem::take(&mut self.interrupted) {
            connection.interrupts.notify_waiters();
        }
        if mem::take(&mut self.freed)
            && let Some(budget) = &connection.budget
        {
            budget.freed.notify_waiters();
        }
        if mem::take(&mut self.signal) {
            connection.signal.notify_waiters();
        }
        if mem::take(&mut self.stop_calls) {
            connection.stop_calls();
        }
        if let Some(reason) = self.end.take() {
            connection.end(reason);
        }
    }

    /// Delivers outcomes to callers and wakes them.
    fn deliver_answers(&mut self, connection: &ConnectionCore) {
        // A caller that gets an answer is likely to call again. The writer is woken behind all of them, so that their
        // calls form one batch: a worker that has stolen a few of these tasks would write for those few alone.
        let several = self.answers.len() > 1 && connection.submit_queue.is_contended();
        if several {
            connection.submit_queue.set_writer_scheduled(true);
        }
        let mut orphaned = false;
        for (slot, outcome, streams) in self.answers.drain(..) {
            let (waker, unwanted) = slot.answer(outcome, streams);
            orphaned |= unwanted.is_some();
            if let Some(waker) = waker {
                guard::wake(waker);
            }
        }
        if orphaned {
            connection.reconcile();
        }
        if several {
            connection.wake_writer();
        }
    }
}
