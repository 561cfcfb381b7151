use std::fmt;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::task::Waker;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::calling::submit_queue::SubmitQueue;
use super::guard;
use super::handling::dispatch;
use super::handling::service_order::ServiceOrders;
use super::monitoring::budget::Budget;
use super::monitoring::log;
use super::monitoring::observe::Observer;
use super::sending::Sending;
use super::state::{ConnectionState, Effects};
use super::writer::{Sink, WriteState};
use super::{ConnectionError, PeerState, SharedMetrics};
use crate::channel::{Credentials, Endpoint, Identity};
use crate::codec;
use crate::packet::Payload;
use crate::session::{Fatal, InboundCallId, Session};

/// How often a side that shuts down looks whether requests still come, how many looks without one are enough, and how
/// many there are at most once its handlers have ended: 100 ms, and 1 s for those who go on calling.
const LOOK: Duration = Duration::from_millis(10);
const QUIET: u32 = 10;
const LOOKS: u32 = 100;

/// The connection's calls and answers are sent.
const SENDING: u8 = 0;
/// `ConnectionState::sending` says that the end of sending has begun, and `ConnectionState::end` is none.
const NOT_SENDING: u8 = 1;
/// `ConnectionState::end` is some.
const ENDED: u8 = 2;

/// One connection: the session under its lock, and what its tasks and its callers share.
///
/// Nothing foreign runs under the lock: no serialisation, no waker's clone, wake or drop, no drop of a
/// future, a payload or a handler. What has to happen because of something done under the lock is noted
/// in an [`Effects`] and happens when the lock is free.
pub(super) struct ConnectionCore {
    state: Mutex<ConnectionState>,
    /// What callers have put down for the writer.
    pub(super) submit_queue: SubmitQueue,
    pub(super) sink: Mutex<Sink>,
    pub(super) reader: OnceLock<Waker>,
    pub(super) writer: OnceLock<Waker>,
    /// Held while the routes are changed.
    pub(super) updates: Mutex<()>,
    /// Whose turn it is, of the handlers of ordered services.
    service_orders: Mutex<ServiceOrders>,
    /// Who is shown every packet, and whether there is anybody.
    pub(super) observer: RwLock<Option<Observer>>,
    pub(super) observed: AtomicBool,
    /// What this connection may hold together with others.
    pub(super) budget: Option<Arc<Budget>>,
    /// Whose numbers these are, too.
    pub(super) metrics: Option<SharedMetrics>,
    /// Who watches the connection's state, once somebody does.
    watch: OnceLock<watch::Sender<PeerState>>,
    /// Told when the session has ended, and when it is known which extensions the other side accepts.
    pub(super) signal: Notify,
    /// Told when a call of the other side has been cancelled, or the session has ended.
    pub(super) interrupts: Notify,
    /// How far the connection's end is, for those who do not hold the lock: [`SENDING`], [`NOT_SENDING`] or [`ENDED`].
    stage: AtomicU8,
    /// The other side has refused a call because it shuts down: it will refuse all that are made from now on.
    refusing: AtomicBool,
    pub(super) runtime: Handle,
    pub(super) remote: Option<Endpoint>,
    pub(super) credentials: Option<Credentials>,
    pub(super) identity: Identity,
    /// The connection's number among those of its server, if a server accepted it.
    pub(super) number: OnceLock<u64>,
}

impl ConnectionCore {
    pub(super) fn new(
        session: Session,
        sink: Sink,
        runtime: Handle,
        remote: Option<Endpoint>,
        credentials: Option<Credentials>,
        identity: Identity,
    ) -> Self {
        Self {
            state: Mutex::new(ConnectionState::new(session)),
            submit_queue: SubmitQueue::default(),
            sink: Mutex::new(sink),
            reader: OnceLock::new(),
            writer: OnceLock::new(),
            updates: Mutex::new(()),
            service_orders: Mutex::default(),
            observer: RwLock::new(None),
            observed: AtomicBool::new(false),
            budget: None,
            metrics: None,
            watch: OnceLock::new(),
            signal: Notify::new(),
            interrupts: Notify::new(),
            stage: AtomicU8::new(SENDING),
            refusing: AtomicBool::new(false),
            runtime,
            remote,
            credentials,
            identity,
            number: OnceLock::new(),
        }
    }

    /// The lock survives a panic of whoever held it: the session's steps are small and complete.
    pub(super) fn lock(&self) -> MutexGuard<'_, ConnectionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn service_orders(&self) -> MutexGuard<'_, ServiceOrders> {
        self.service_orders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something under the lock, and then what follows from it.
    pub(super) fn with<T>(&self, step: impl FnOnce(&mut ConnectionState, &mut Effects) -> T) -> T {
        self.with_effects(&mut Effects::default(), step)
    }

    /// As [`with`](Self::with), for those who do it often: `effects` is empty again when it is done, and
    /// keeps its memory.
    pub(super) fn with_effects<T>(
        &self,
        effects: &mut Effects,
        step: impl FnOnce(&mut ConnectionState, &mut Effects) -> T,
    ) -> T {
        let done = {
            let mut state = self.lock();
            let done = step(&mut state, effects);
            state.reconcile(self.budget.as_deref(), effects);
            done
        };
        self.apply(effects);
        done
    }

    /// Does what was noted, and leaves `effects` empty for the next time.
    pub(super) fn apply(&self, effects: &mut Effects) {
        if effects.is_nothing() {
            return;
        }
        // Most of this is empty most of the time, and to empty it again is not for nothing. Bytes may have an owner of
        // the program's.
        let _ = guard::call("a drop of bytes", || {
            effects.leftovers.clear();
            effects.unwanted.clear();
            if !effects.spent.is_empty() {
                effects.spent.drain(..).for_each(recycle);
            }
        });
        if !effects.aborts.is_empty() {
            for abort in effects.aborts.drain(..) {
                abort.abort();
            }
        }
        // Before those who made calls are told, who may make others.
        if mem::take(&mut effects.refusing) && !self.refusing.swap(true, Ordering::AcqRel) {
            effects.signal = true;
        }
        if !effects.answers.is_empty() {
            self.answer(effects);
        }
        if !effects.refused.is_empty() {
            for (slot, refused) in effects.refused.drain(..) {
                if let Some(waker) = slot.refuse(refused) {
                    guard::wake(waker);
                }
            }
        }
        if !effects.wakes.is_empty() {
            for waker in effects.wakes.drain(..) {
                guard::wake(waker);
            }
        }
        if mem::take(&mut effects.wake_reader) {
            self.wake_reader();
        }
        if mem::take(&mut effects.wake_writer) {
            self.wake_writer();
        }
        if mem::take(&mut effects.interrupted) {
            self.interrupts.notify_waiters();
        }
        if mem::take(&mut effects.freed)
            && let Some(budget) = &self.budget
        {
            budget.freed.notify_waiters();
        }
        if mem::take(&mut effects.signal) {
            self.signal.notify_waiters();
        }
        if mem::take(&mut effects.stop_calls) {
            self.stop_calls();
        }
        if let Some(reason) = effects.end.take() {
            self.end(reason);
        }
    }

    /// Gives callers what came for them, and wakes them.
    fn answer(&self, effects: &mut Effects) {
        // Who gets an answer is likely to call again. The writer comes behind all of them, so that what they call is
        // one batch: a worker that has taken a few of them from this one would write for those few.
        let crowd = effects.answers.len() > 1 && self.submit_queue.is_contended();
        if crowd {
            self.submit_queue.set_writer_scheduled(true);
        }
        let mut orphaned = false;
        for (slot, outcome, streams) in effects.answers.drain(..) {
            let (waker, unwanted) = slot.answer(outcome, streams);
            orphaned |= unwanted.is_some();
            if let Some(waker) = waker {
                guard::wake(waker);
            }
        }
        if orphaned {
            self.release_orphans();
        }
        if crowd {
            self.wake_writer();
        }
    }

    pub(super) fn wake_reader(&self) {
        if let Some(waker) = self.reader.get() {
            waker.wake_by_ref();
        }
    }

    pub(super) fn wake_writer(&self) {
        if let Some(waker) = self.writer.get() {
            waker.wake_by_ref();
        }
    }

    /// Waits for what is looked for whenever the connection's signal is given.
    pub(super) async fn wait_for<T>(&self, found: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            let told = self.signal.notified();
            if let Some(found) = found(self) {
                return found;
            }
            told.await;
        }
    }

    /// Waits for the end, but only for so long. Whether it has come.
    pub(super) async fn ends_within(&self, time: Duration) -> bool {
        let mut watch = self.watch();
        let ended = watch.wait_for(|state| matches!(state, PeerState::Closed(_)));
        tokio::time::timeout(time, ended).await.is_ok()
    }

    /// The connection's state, and every change of it.
    pub(super) fn watch(&self) -> watch::Receiver<PeerState> {
        let watch = self
            .watch
            .get_or_init(|| watch::Sender::new(PeerState::Open));
        self.tell_watchers();
        watch.subscribe()
    }

    /// Tells those who watch the state what it is, if they do not know. Whoever changes it does so first,
    /// and whoever begins to watch looks afterwards, so that one of the two sees the other.
    fn tell_watchers(&self) {
        let Some(watch) = self.watch.get() else {
            return;
        };
        let now = {
            let state = self.lock();
            match &state.end {
                Some(reason) => PeerState::Closed(reason.clone()),
                None if state.session.is_draining() => PeerState::Draining,
                None => PeerState::Open,
            }
        };
        watch.send_if_modified(|known| {
            // Two may tell at a time: a connection does not open again.
            let further = now.stage() > known.stage();
            if further {
                *known = now;
            }
            further
        });
    }

    /// Whether the answer of a call is still wanted.
    pub(super) fn wants(&self, run: InboundCallId) -> bool {
        let state = self.lock();
        state.end.is_none() && state.session.is_wanted(run)
    }

    /// Shows every packet to `observer` from now on, in place of whoever was shown them.
    pub(super) fn observe(&self, observer: Option<Observer>) {
        let mut shown = self
            .observer
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let observer = observer.filter(|_| !self.has_ended());
        self.observed.store(observer.is_some(), Ordering::Release);
        let old = mem::replace(&mut *shown, observer);
        drop(shown);
        guard::discard(old);
    }

    pub(super) fn observer(&self) -> Option<Observer> {
        if !self.observed.load(Ordering::Acquire) {
            return None;
        }
        let observer = self.observer.read().unwrap_or_else(PoisonError::into_inner);
        observer.clone()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.stage.load(Ordering::Acquire) == ENDED
    }

    /// Whether calls can be made: neither the session nor sending has ended.
    pub(super) fn is_sending(&self) -> bool {
        self.stage.load(Ordering::Acquire) == SENDING
    }

    /// The end of sending has begun: no more calls are put down. Those that have been, and have not been given to the
    /// session, fail with its end.
    fn stop_calls(&self) {
        self.stage.fetch_max(NOT_SENDING, Ordering::AcqRel);
        let submitted = self.submit_queue.close();
        let mut state = self.lock();
        let ended = state.end.is_some();
        let wakers: Vec<_> = submitted
            .filter_map(|slot| {
                if ended {
                    slot.take_waker()
                } else {
                    state.pending_calls.wait_for_end(slot);
                    None
                }
            })
            .collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// A write has failed, and nothing is sent any more. What the other side had sent before may still be there: the
    /// reader goes on to the end of it, and then the session ends for this reason.
    pub(super) fn fail_sending(&self, reason: ConnectionError) {
        self.with(|state, effects| {
            state.write_state = WriteState::Idle;
            state.writer_called = false;
            effects.wake_writer = true;
            if state.end.is_some() || state.sending.is_over() {
                return;
            }
            state.sending = Sending::Failed(reason);
            state.session.give_up_waiting();
            state.session.batch_written();
            effects.wakes.extend(state.pending_calls.take_for_room());
            effects.stop_calls = true;
            effects.wake_reader = true;
        });
    }

    /// Whether the other side still takes on calls, as far as is known.
    pub(super) fn takes_calls(&self) -> bool {
        self.is_sending() && !self.refusing.load(Ordering::Acquire)
    }

    /// Waits until the other side takes on no more calls. Gives the reason of the end, if it has ended.
    pub(super) async fn left(&self) -> Option<ConnectionError> {
        self.wait_for(|connection| {
            if connection.takes_calls() {
                return None;
            }
            Some(connection.lock().end.clone())
        })
        .await
    }

    /// Ends the session because one of its tasks is gone: it panicked in what the program gave it, or its runtime was
    /// shut down.
    pub(super) fn end_with_task(&self) {
        self.end(if std::thread::panicking() {
            io::Error::other("the program's channel panicked").into()
        } else {
            ConnectionError::RuntimeStopped
        });
    }

    /// Ends the session: its calls fail, its handlers are interrupted, its services are let go. Only the
    /// first reason counts.
    pub(super) fn end(&self, reason: ConnectionError) {
        let mut effects = Effects::default();
        let (callers, ended_for, drained);
        let released = {
            let mut state = self.lock();
            if state.end.is_some() {
                return;
            }
            drained = state.closing && state.session.is_drained();
            ended_for = state.sending.reason(reason);
            state.end = Some(ended_for.clone());
            self.stage.store(ENDED, Ordering::Release);
            state.session.end();
            callers = state.pending_calls.take_all(&mut effects.wakes);
            state.handler_tasks.take_all(&mut effects.aborts);
            effects.wakes.extend(state.dispatch.take_waker());
            if let Some(budget) = &self.budget {
                effects.freed = budget.change(mem::take(&mut state.held), 0);
            }
            let queue = mem::take(&mut state.queue);
            let (runs, tasks, taken) = {
                let mut batch = dispatch::lock(&state.dispatch.batch);
                batch.revoke();
                batch.clear()
            };
            effects.aborts.extend(tasks);
            for run in queue.iter().map(|(run, _)| *run).chain(runs) {
                state.session.finish(run);
            }
            let packets = state.packets.take(&mut effects.aborts);
            state.deadlines.clear();
            state.poll_streams(&mut effects);
            let streams = state.streams.take_all(&mut effects);
            (state.serving.take(), queue, taken, packets, streams)
        };
        effects.wake_reader = true;
        effects.wake_writer = true;
        effects.signal = true;
        effects.interrupted = true;
        let submitted = self.submit_queue.close();
        let callers = callers.into_iter().chain(submitted);
        effects
            .wakes
            .extend(callers.filter_map(|slot| slot.take_waker()));
        self.apply(&mut effects);
        // Services, packets, and halves of streams: the program's.
        guard::discard(released);
        // An observer may hold a handle of what it observes.
        self.observe(None);
        self.tell_watchers();
        if let Some(metrics) = &self.metrics {
            metrics.leave(self);
        }
        log::ended(self, &ended_for, drained);
    }

    /// Refuses requests from now on, until none has come for a moment: a request that is on its way when the channel
    /// closes would be lost, and its caller could not tell that it has not run. One that is refused is, and its caller
    /// leaves. A side that serves nothing waits for nothing.
    pub(super) async fn refuse_requests(&self) {
        let serves = self.with(|state, effects| {
            state.flush_submit_queue(&self.submit_queue, effects);
            state.session.drain();
            let serving = state.serving.as_deref();
            serving.is_some_and(|serving| !serving.router.is_empty())
        });
        self.tell_watchers();
        if !serves {
            return;
        }
        let (mut unbound, mut quiet, mut looks) = (0, 0, 0);
        while quiet < QUIET && looks < LOOKS {
            if self.ends_within(LOOK).await {
                return;
            }
            let state = self.lock();
            let now = state.session.counters().calls_in;
            // Handlers that run have the time of whoever waits here.
            if state.session.is_drained() {
                quiet = if unbound == now { quiet + 1 } else { 0 };
                looks += 1;
            }
            unbound = now;
        }
    }

    /// Ends the session once nothing runs, everything is written and the other side has ended, too. Requests that come
    /// are refused. `grace` is how long somebody waits for the end.
    pub(super) fn drain(&self, grace: Option<Duration>) {
        self.with(|state, effects| {
            state.flush_submit_queue(&self.submit_queue, effects);
            state.closing = true;
            if let Some(grace) = grace {
                state.grace = Instant::now().checked_add(grace);
            }
            state.session.drain();
        });
        self.tell_watchers();
    }
}

/// Gives the buffer of a payload that was copied back to the encoders.
pub(super) fn recycle(payload: Payload) {
    if let Some(buffer) = payload.into_vec() {
        codec::give(buffer);
    }
}

impl From<Fatal> for ConnectionError {
    fn from(fatal: Fatal) -> Self {
        match fatal {
            Fatal::Packet(error) => Self::Protocol(error),
            Fatal::TooLarge { header, limit } => Self::PacketTooLarge {
                kind: header.kind,
                length: header.length,
                limit,
            },
            Fatal::Flooded { held } => Self::Flooded { held },
            Fatal::Unresponsive { abandoned } => Self::Unresponsive { abandoned },
            Fatal::NotReading { unsent } => Self::NotReading { unsent },
        }
    }
}

impl fmt::Debug for ConnectionCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionCore")
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}
