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
use crate::peer::server::dispatch_batch::DispatchBatch;
use crate::peer::server::task::HandlerTask;
use crate::session::{CallOutcome, Refused};
use crate::sync::Mutex;

/// The name of these drops in the log, if one panics.
const DROP: &str = "a drop of bytes";

/// The work that a step under the connection's lock leaves for after the lock is released.
///
/// Wakers, abort handles, payloads and handlers belong to the program. Waking, cloning or dropping one may run the
/// program's code, which must never happen under the lock.
#[derive(Default)]
pub(in crate::peer) struct Effects {
    /// Tasks to wake.
    pub(in crate::peer) wakes: Vec<Waker>,
    /// Handler tasks to abort.
    pub(in crate::peer) aborts: Vec<AbortHandle>,
    /// Handlers that are pending, each to be spawned as a task.
    pub(in crate::peer) tasks: Vec<HandlerTask>,
    /// Outcomes to deliver to this side's callers.
    pub(in crate::peer) answers: Vec<(
        Arc<PendingCall>,
        CallOutcome,
        Option<Box<AnswerWithStreams>>,
    )>,
    actions: Actions,
    /// Response payloads whose buffers are recycled.
    pub(in crate::peer) spent: Vec<Payload>,
    rare: Option<Box<RareEffects>>,
}

/// Effects that most connections never have.
#[derive(Default)]
pub(in crate::peer) struct RareEffects {
    /// Calls that the session refused to send.
    pub(in crate::peer) refused: Vec<(Arc<PendingCall>, Refused)>,
    /// Requests whose handlers are not started.
    pub(in crate::peer) unwanted: Vec<RequestPacket>,
    /// Payloads to drop.
    pub(in crate::peer) leftovers: Vec<Bytes>,
    /// The batch of a dispatcher whose task is to be spawned.
    pub(in crate::peer) dispatcher: Option<Arc<Mutex<DispatchBatch>>>,
    /// End the connection for this reason.
    pub(in crate::peer) end: Option<ConnectionError>,
}

/// A step of [`Effects::apply`] that needs no value.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(in crate::peer) enum Action {
    WakeReader = 1,
    /// Chosen by `ConnectionState::reconcile`, and by the end of the connection.
    WakeWriter = 1 << 1,
    /// Notify `ConnectionCore::signal`.
    Signal = 1 << 2,
    /// Notify `ConnectionCore::interrupts`.
    Interrupt = 1 << 3,
    /// Notify the connections that wait for the shared memory budget.
    Freed = 1 << 4,
    /// The peer answered a call with *shutting down*.
    Refusing = 1 << 5,
    /// Sending has begun to end: close the submit queue.
    StopCalls = 1 << 6,
    /// Answer the peer's GOING AWAY, or say it now that the peer's extensions are known.
    Leave = 1 << 7,
}

/// A set of actions. One byte, because it is examined after every step.
#[derive(Clone, Copy, Default)]
struct Actions(u8);

impl Actions {
    #[inline]
    fn contains(self, action: Action) -> bool {
        self.0 & action as u8 != 0
    }

    /// Returns `true` if tasks that wait for [`ConnectionCore::signal`] or [`ConnectionCore::interrupts`] are woken.
    #[inline]
    fn notify(self) -> bool {
        self.0 & (Action::Signal as u8 | Action::Interrupt as u8) != 0
    }
}

impl Effects {
    /// Returns `true` if there is nothing to do, which is the case after most steps.
    #[inline]
    pub(in crate::peer) fn is_nothing(&self) -> bool {
        // Destructured, so that a new field cannot be forgotten here.
        let Self {
            wakes,
            aborts,
            tasks,
            answers,
            actions,
            spent,
            rare,
        } = self;
        // One test instead of a branch for each list: this runs after every step.
        let present = usize::from(actions.0)
            | wakes.len()
            | aborts.len()
            | tasks.len()
            | answers.len()
            | spent.len();
        present == 0 && rare.is_none()
    }

    /// Returns `true` if tasks other than the writer are to be woken.
    #[inline]
    pub(in crate::peer) fn has_wakes(&self) -> bool {
        let lists = self.wakes.len() | self.aborts.len() | self.tasks.len() | self.answers.len();
        let rare = self.rare.as_ref().is_some_and(|rare| rare.has_wakes());
        lists != 0 || rare || self.actions.notify() || self.actions.contains(Action::WakeReader)
    }

    /// Returns the rare effects, to add one.
    #[cold]
    pub(in crate::peer) fn rare(&mut self) -> &mut RareEffects {
        self.rare.get_or_insert_default()
    }

    /// Adds an action.
    #[inline]
    pub(in crate::peer) fn add(&mut self, action: Action) {
        self.actions.0 |= action as u8;
    }

    /// Adds an action if `condition` is true.
    #[inline]
    pub(in crate::peer) fn add_if(&mut self, condition: bool, action: Action) {
        if condition {
            self.add(action);
        }
    }

    /// Performs the effects and leaves `self` empty, with its buffers kept. The caller must not hold the connection's
    /// lock.
    #[inline(never)]
    pub(in crate::peer) fn apply(&mut self, connection: &ConnectionCore) {
        let mut rare = self.rare.take();
        if let Some(rare) = &mut rare {
            rare.discard_packets();
        }
        // Most lists are empty most of the time, and checking is cheaper than draining. The owner of a `Bytes` may be
        // the program's, so its drop may panic; the rest is dropped then nevertheless.
        while !self.spent.is_empty() {
            let _ = guard::call(DROP, || {
                while let Some(payload) = self.spent.pop() {
                    recycle(payload);
                }
            });
        }
        if !self.aborts.is_empty() {
            for abort in self.aborts.drain(..) {
                abort.abort();
            }
        }
        if !self.tasks.is_empty() {
            connection.spawn_handlers(self.tasks.drain(..));
        }
        // Before callers are woken: they may make further calls.
        if self.actions.contains(Action::Refusing)
            && !connection.refusing.swap(true, Ordering::AcqRel)
        {
            self.add(Action::Signal);
        }
        if !self.answers.is_empty() {
            self.deliver_answers(connection);
        }
        if let Some(rare) = &mut rare {
            rare.deliver_refusals();
        }
        if self.actions.notify() {
            self.notify_waiters(connection);
        }
        // Last: the dispatcher may be among them, to displace the task that was woken before.
        if !self.wakes.is_empty() {
            for waker in self.wakes.drain(..) {
                guard::wake(waker);
            }
        }
        if let Some(batch) = rare.as_mut().and_then(|rare| rare.dispatcher.take()) {
            connection.spawn_first_dispatcher(batch);
        }
        if self.actions.0 != 0 {
            act(mem::take(&mut self.actions), connection);
        }
        if let Some(reason) = rare.and_then(|rare| rare.end) {
            connection.end(reason);
        }
    }

    #[inline(never)]
    fn notify_waiters(&self, connection: &ConnectionCore) {
        if self.actions.contains(Action::Interrupt) {
            connection.interrupts.notify_waiters();
        }
        if self.actions.contains(Action::Signal) {
            connection.signal.notify_waiters();
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

impl RareEffects {
    /// Returns `true` if tasks are to be woken or spawned.
    fn has_wakes(&self) -> bool {
        !self.refused.is_empty() || self.dispatcher.is_some()
    }

    /// Drops packets. The rest is dropped nevertheless if one of these drops panics.
    #[cold]
    fn discard_packets(&mut self) {
        while (self.leftovers.len() | self.unwanted.len()) != 0 {
            let _ = guard::call(DROP, || {
                self.leftovers.clear();
                self.unwanted.clear();
            });
        }
    }

    /// Tells callers that their calls have been refused.
    #[cold]
    fn deliver_refusals(&mut self) {
        for (slot, refused) in self.refused.drain(..) {
            if let Some(waker) = slot.refuse(refused) {
                guard::wake(waker);
            }
        }
    }
}

/// Performs a set of actions. [`Action::Refusing`], [`Action::Interrupt`] and [`Action::Signal`] are not among them: they
/// come earlier.
#[inline(never)]
fn act(actions: Actions, connection: &ConnectionCore) {
    if actions.contains(Action::WakeReader) {
        connection.wake_reader();
    }
    if actions.contains(Action::WakeWriter) {
        connection.wake_writer();
    }
    if actions.contains(Action::Freed)
        && let Some(budget) = &connection.budget
    {
        budget.freed.notify_waiters();
    }
    if actions.contains(Action::Leave) {
        connection.leave();
    }
    if actions.contains(Action::StopCalls) {
        connection.stop_calls();
    }
}
