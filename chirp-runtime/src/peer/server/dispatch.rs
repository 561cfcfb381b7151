use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::peer::connection::ConnectionCore;
use crate::peer::connection::state::ConnectionState;
use crate::peer::connection::writer::WriteState;
use crate::peer::server::dispatch_batch::DispatchBatch;
use crate::peer::server::slow_methods::SlowMethods;
use crate::session::InboundCallId;
use crate::sync::{AtomicU64, Mutex, MutexGuard};

/// The time budget of a handler's first poll. When a handler exceeds it, a new dispatcher takes the queue over, and
/// later calls of the method get the dispatcher's own task as soon as they start. A dispatcher that exceeds it in total
/// yields.
pub(in crate::peer) const BUDGET: Duration = Duration::from_micros(200);

/// The dispatcher that serves the queue, and its progress.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(in crate::peer) struct Dispatch {
    /// The batch of the current dispatcher. Only its owner takes requests from the queue. `None` before the first request.
    batch: Option<Arc<Mutex<DispatchBatch>>>,
    /// The number of handlers so far.
    pub(in crate::peer) count: u64,
    /// The progress of the latest handler, in [`ActiveHandler`]'s terms. Readable without the lock.
    pub(in crate::peer) progress: Arc<AtomicU64>,
    /// The dispatcher's waker. Its task belongs to this library, so it may be cloned under the lock. `None` before the task
    /// has run.
    pub(in crate::peer) waker: Option<Waker>,
    /// The dispatcher's task has been spawned, or is about to be. The first use of it spawns it: a side that is never called
    /// has none, nor has one whose reader starts all requests.
    pub(in crate::peer) is_spawned: bool,
    /// The dispatcher waits for requests, or for room for responses. So does one that has not been spawned yet.
    pub(in crate::peer) idle: bool,
    /// The reader starts requests in place of the dispatcher, which is not idle for others then.
    pub(in crate::peer) in_place: bool,
    /// The idle dispatcher has been woken to displace a task of the program, and has not run yet: waking it again
    /// displaces nothing.
    pub(in crate::peer) displaces: bool,
    /// Methods whose handlers exceeded [`BUDGET`] lately.
    pub(in crate::peer) slow: SlowMethods,
}

/// A handler whose first poll is running.
#[derive(Clone, Copy)]
pub(in crate::peer) struct ActiveHandler {
    pub(in crate::peer) number: u64,
    pub(in crate::peer) since: Instant,
}

impl ActiveHandler {
    /// The progress value while the handler is being polled.
    pub(in crate::peer) fn begun(self) -> u64 {
        self.number * 2
    }

    /// The progress value after its first poll.
    pub(in crate::peer) fn returned(self) -> u64 {
        self.number * 2 + 1
    }

    /// Returns `true` if the next handler may start although this one has not returned.
    pub(in crate::peer) fn is_overdue(self, progress: u64) -> bool {
        // A handler that has not been polled yet must start before the next, however late it is.
        progress >= self.begun() && self.since.elapsed() > BUDGET
    }
}

impl Dispatch {
    /// Returns the batch of the current dispatcher.
    pub(in crate::peer) fn batch(&mut self) -> &Arc<Mutex<DispatchBatch>> {
        self.batch.get_or_insert_default()
    }

    /// Returns `true` if `batch` is that of the current dispatcher.
    #[inline]
    pub(in crate::peer) fn is_current(&self, batch: &Arc<Mutex<DispatchBatch>>) -> bool {
        let current = self.batch.as_ref();
        current.is_some_and(|current| Arc::ptr_eq(current, batch))
    }

    /// Returns the dispatcher's waker if it is idle.
    pub(in crate::peer) fn wake_if_idle(&mut self) -> Option<Waker> {
        if std::mem::take(&mut self.idle) {
            self.waker.clone()
        } else {
            None
        }
    }

    /// Takes the dispatcher's waker because the session has ended.
    pub(in crate::peer) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// Takes the queue away from the current dispatcher. The caller must start another.
    pub(in crate::peer) fn revoke(&mut self, batch: &mut DispatchBatch) {
        batch.revoke();
        self.in_place = false;
        // Another dispatcher follows.
        self.is_spawned = true;
        self.batch = Some(Arc::default());
    }
}

/// Work that is blocked behind a stalled handler and has to be done elsewhere.
#[derive(Clone, Copy, Default)]
pub(in crate::peer) struct StallRecovery {
    /// Whether a new dispatcher is to be started.
    pub(in crate::peer) dispatcher: bool,
    /// Whether to write in place of the writer task.
    pub(in crate::peer) unwritten: bool,
}

impl ConnectionCore {
    /// Performs a recovery, which is rarely needed.
    #[inline]
    pub(in crate::peer) fn recover(self: &Arc<Self>, recovery: StallRecovery) {
        if recovery.unwritten | recovery.dispatcher {
            self.recover_now(recovery);
        }
    }

    #[cold]
    fn recover_now(self: &Arc<Self>, recovery: StallRecovery) {
        if recovery.unwritten {
            self.write_for_writer();
        }
        if recovery.dispatcher {
            self.take_over();
        }
    }
}

impl ConnectionState {
    /// Locks the batch of the dispatcher, unless it is idle.
    fn active_batch(&self) -> Option<MutexGuard<'_, DispatchBatch>> {
        let batch = self.dispatch.batch.as_ref()?;
        (!self.dispatch.idle).then(|| batch.lock())
    }

    /// Returns `true` if requests or responses may be blocked behind a running handler.
    pub(in crate::peer) fn has_blocked_work(&self) -> bool {
        let Some(batch) = self.active_batch() else {
            return false;
        };
        // Whichever of the requests is to block its thread: it may begin right after this.
        let requests = self.queue.len() + batch.waiting() + usize::from(batch.active().is_some());
        let count = requests + usize::from(batch.has_results());
        count > 1 || (requests > 0 && self.has_unwritten())
    }

    /// Returns `true` if a dispatcher has requests to start or results to commit, and is not blocked by the last of them.
    pub(in crate::peer) fn is_starting_requests(&self) -> bool {
        let Some(batch) = self.active_batch() else {
            return false;
        };
        !self.queue.is_empty() || batch.waiting() > 0 || batch.has_results()
    }

    /// Returns `true` if there is output that no task is writing. The writer task may have been woken, but on a worker
    /// thread that the handler blocks.
    fn has_unwritten(&self) -> bool {
        match self.write_state {
            WriteState::Idle | WriteState::Scheduled => self.session.has_output(),
            WriteState::WriterOwned => true,
            WriteState::Writing => false,
        }
    }

    /// Checks whether the active handler has stalled, and commits the results of its batch. If requests wait behind the
    /// handler, its dispatcher loses the queue, and the caller must start a new one with
    /// [`recover`](ConnectionCore::recover) after releasing the lock.
    #[inline]
    pub(in crate::peer) fn check_stalled_handler(&mut self) -> StallRecovery {
        if self.dispatch.idle {
            StallRecovery::default()
        } else {
            self.check_active_handler()
        }
    }

    fn check_active_handler(&mut self) -> StallRecovery {
        let mut recovery = StallRecovery::default();
        let batch = Arc::clone(self.dispatch.batch());
        let mut batch = batch.lock();
        let progress = self.dispatch.progress.load(Ordering::Acquire);
        if !batch
            .active()
            .is_some_and(|active| active.is_overdue(progress))
        {
            return recovery;
        }
        self.commit(&mut batch);
        recovery.unwritten = self.has_unwritten();
        if recovery.unwritten {
            self.defer_output();
        }
        recovery.dispatcher = !self.queue.is_empty() || batch.waiting() > 0;
        if recovery.dispatcher {
            self.put_back(&mut batch);
            if self.dispatch.in_place {
                // The idle dispatcher has no batch any more, and exits.
                self.effects.wakes.extend(self.dispatch.take_waker());
            }
            self.dispatch.revoke(&mut batch);
        }
        recovery
    }

    /// Starts requests from now on: there is something that serves them.
    pub(in crate::peer) fn serve_requests(&mut self) {
        self.dispatch.idle = true;
    }

    /// Wakes the dispatcher's task with its waker, or spawns the task if nothing has needed it before.
    pub(in crate::peer) fn wake_or_spawn_dispatcher(&mut self, waker: Option<Waker>) {
        if let Some(waker) = waker {
            self.effects.wakes.push(waker);
        } else if !std::mem::replace(&mut self.dispatch.is_spawned, true) {
            self.effects.rare().dispatcher = Some(Arc::clone(self.dispatch.batch()));
        }
    }

    /// Drops a claimed request that has been cancelled before its handler started.
    pub(in crate::peer) fn forget_claimed(&mut self, id: InboundCallId) {
        let batch = self.dispatch.batch.as_ref();
        let forgotten = batch.and_then(|batch| batch.lock().forget(id));
        if let Some(call) = forgotten {
            self.session.finish(id);
            self.effects.rare().unwanted.push(call.request);
        }
    }
}
