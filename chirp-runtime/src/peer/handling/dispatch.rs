use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::peer::connection::ConnectionCore;
use crate::peer::handling::dispatch_batch::DispatchBatch;
use crate::peer::handling::slow_methods::SlowMethods;
use crate::peer::state::{ConnectionState, Effects};
use crate::peer::writer::WriteState;
use crate::session::InboundCallId;
use crate::sync::Mutex;

/// How long a handler may take to return from its first poll. When one takes longer, a new dispatcher takes
/// the queue; and its method is given the dispatcher's own task from then on, as soon as it begins. A
/// dispatcher that has taken longer altogether lets the rest of the program run.
pub(in crate::peer) const BUDGET: Duration = Duration::from_micros(200);

/// Which dispatcher serves the queue.
#[derive(Default)]
pub(in crate::peer) struct Dispatch {
    /// What the latest dispatcher works on: nobody else takes from the queue.
    pub(in crate::peer) batch: Arc<Mutex<DispatchBatch>>,
    /// Counts handlers.
    pub(in crate::peer) count: u64,
    /// How far the latest handler is, in [`ActiveHandler`]'s terms. Known without the lock.
    pub(in crate::peer) progress: Arc<AtomicU64>,
    /// Wakes it. It is the waker of a task of this library, which may be cloned under the lock.
    pub(in crate::peer) waker: Option<Waker>,
    /// It waits for requests, or for room for what they are answered.
    pub(in crate::peer) idle: bool,
    /// Methods that a new dispatcher does not wait for.
    pub(in crate::peer) slow: SlowMethods,
}

/// A dispatcher is inside a handler.
#[derive(Clone, Copy)]
pub(in crate::peer) struct ActiveHandler {
    pub(in crate::peer) number: u64,
    pub(in crate::peer) since: Instant,
}

impl ActiveHandler {
    /// The progress that says that the handler is being polled.
    pub(in crate::peer) fn begun(self) -> u64 {
        self.number * 2
    }

    /// The progress that says that its first poll is over.
    pub(in crate::peer) fn returned(self) -> u64 {
        self.number * 2 + 1
    }

    /// Whether the next handler may begin, although this one may not have returned.
    pub(in crate::peer) fn is_overdue(self, progress: u64) -> bool {
        // One that has not begun is not to blame, and must begin before the next.
        progress >= self.begun() && self.since.elapsed() > BUDGET
    }
}

impl Dispatch {
    /// Whom to wake because there are requests and room, if anybody waits for them.
    pub(in crate::peer) fn wake_if_idle(&mut self) -> Option<Waker> {
        if std::mem::take(&mut self.idle) {
            self.waker.clone()
        } else {
            None
        }
    }

    /// Whom to wake because the session has ended.
    pub(in crate::peer) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// The dispatcher there is has no claim any more.
    pub(in crate::peer) fn revoke(&mut self, batch: &mut DispatchBatch) {
        batch.revoke();
        self.batch = Arc::default();
    }
}

/// What is overdue behind a handler that does not return.
#[derive(Clone, Copy, Default)]
pub(in crate::peer) struct StallRecovery {
    /// A new dispatcher.
    pub(in crate::peer) dispatcher: bool,
    /// A write.
    pub(in crate::peer) unwritten: bool,
}

impl ConnectionCore {
    /// Does what is overdue, which is rarely anything.
    #[inline]
    pub(in crate::peer) fn recover(self: &Arc<Self>, overdue: StallRecovery) {
        if overdue.unwritten | overdue.dispatcher {
            self.recover_now(overdue);
        }
    }

    #[cold]
    fn recover_now(self: &Arc<Self>, overdue: StallRecovery) {
        if overdue.unwritten {
            self.write_for_writer();
        }
        if overdue.dispatcher {
            self.take_over();
        }
    }
}

/// The steps behind its lock are small and complete, so that it survives a panic.
pub(in crate::peer) fn lock(batch: &Mutex<DispatchBatch>) -> MutexGuard<'_, DispatchBatch> {
    batch.lock()
}

impl ConnectionState {
    /// Whether requests or answers lie behind a handler that may not return soon, or will.
    pub(in crate::peer) fn has_blocked_work(&self) -> bool {
        if self.dispatch.idle {
            return false;
        }
        let batch = lock(&self.dispatch.batch);
        let inside = batch.inside().is_some();
        let waiting = self.queue.len() + batch.waiting();
        waiting > 1 || (inside && (waiting > 0 || batch.has_replies() || self.has_unwritten()))
    }

    /// Whether there are answers that nobody is writing: the writer's task, which has been woken, may wait for the
    /// thread that the handler has.
    fn has_unwritten(&self) -> bool {
        match self.write_state {
            WriteState::Idle => self.session.has_output(),
            WriteState::WriterOwned => true,
            WriteState::Writing => false,
        }
    }

    /// Looks after what lies behind a handler that does not return. What has to be done about it; if that is a new
    /// dispatcher, the one there was has no claim any more.
    pub(in crate::peer) fn check_stalled_handler(
        &mut self,
        effects: &mut Effects,
    ) -> StallRecovery {
        let mut overdue = StallRecovery::default();
        if self.dispatch.idle {
            return overdue;
        }
        let batch = Arc::clone(&self.dispatch.batch);
        let mut batch = lock(&batch);
        let progress = self.dispatch.progress.load(Ordering::Acquire);
        if !batch
            .inside()
            .is_some_and(|inside| inside.is_overdue(progress))
        {
            return overdue;
        }
        self.commit(&mut batch, effects);
        overdue.unwritten = self.has_unwritten();
        overdue.dispatcher = !self.queue.is_empty() || batch.waiting() > 0;
        if overdue.dispatcher {
            self.put_back(&mut batch);
            self.dispatch.revoke(&mut batch);
        }
        overdue
    }

    /// A call has been answered that may not have begun.
    pub(in crate::peer) fn forget_taken(&mut self, run: InboundCallId, effects: &mut Effects) {
        let forgotten = lock(&self.dispatch.batch).forget(run);
        if let Some(taken) = forgotten {
            self.session.finish(run);
            effects.unwanted.push(taken.request);
        }
    }
}
