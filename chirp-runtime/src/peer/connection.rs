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

use super::calling::outbox::Outbox;
use super::guard;
use super::handling::dispatch;
use super::handling::turns::TurnsOfServices;
use super::sending::Sending;
use super::state::{After, State};
use super::watching::budget::Budget;
use super::watching::observe::Observer;
use super::writer::{Sink, Turn};
use super::{PeerState, SessionError, SharedMetrics};
use crate::channel::{Credentials, Endpoint, Identity};
use crate::codec;
use crate::packet::Payload;
use crate::session::{Fatal, RunKey, Session};

/// How often a side that shuts down looks whether requests still come, how many looks without one are enough, and how
/// many there are at most once its handlers have ended: 100 ms, and 1 s for those who go on calling.
const LOOK: Duration = Duration::from_millis(10);
const QUIET: u32 = 10;
const LOOKS: u32 = 100;

/// The connection's calls and answers are sent.
const SENDING: u8 = 0;
/// `State::sending` says that the end of sending has begun, and `State::end` is none.
const NOT_SENDING: u8 = 1;
/// `State::end` is some.
const ENDED: u8 = 2;

/// One connection: the session under its lock, and what its tasks and its callers share.
///
/// Nothing foreign runs under the lock: no serialisation, no waker's clone, wake or drop, no drop of a
/// future, a payload or a handler. What has to happen because of something done under the lock is noted
/// in an [`After`] and happens when the lock is free.
pub(super) struct Connection {
    state: Mutex<State>,
    /// What callers have put down for the writer.
    pub(super) outbox: Outbox,
    pub(super) sink: Mutex<Sink>,
    pub(super) reader: OnceLock<Waker>,
    pub(super) writer: OnceLock<Waker>,
    /// Held while the routes are changed.
    pub(super) updates: Mutex<()>,
    /// Whose turn it is, of the handlers of ordered services.
    turns: Mutex<TurnsOfServices>,
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
}

impl Connection {
    pub(super) fn new(
        session: Session,
        sink: Sink,
        runtime: Handle,
        remote: Option<Endpoint>,
        credentials: Option<Credentials>,
        identity: Identity,
    ) -> Self {
        Self {
            state: Mutex::new(State::new(session)),
            outbox: Outbox::default(),
            sink: Mutex::new(sink),
            reader: OnceLock::new(),
            writer: OnceLock::new(),
            updates: Mutex::new(()),
            turns: Mutex::default(),
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
        }
    }

    /// The lock survives a panic of whoever held it: the session's steps are small and complete.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn turns(&self) -> MutexGuard<'_, TurnsOfServices> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something under the lock, and then what follows from it.
    pub(super) fn with<T>(&self, step: impl FnOnce(&mut State, &mut After) -> T) -> T {
        self.with_after(&mut After::default(), step)
    }

    /// As [`with`](Self::with), for those who do it often: `after` is empty again when it is done, and
    /// keeps its memory.
    pub(super) fn with_after<T>(
        &self,
        after: &mut After,
        step: impl FnOnce(&mut State, &mut After) -> T,
    ) -> T {
        let done = {
            let mut state = self.lock();
            let done = step(&mut state, after);
            state.settle(self.budget.as_deref(), after);
            done
        };
        self.follow(after);
        done
    }

    /// Does what was noted, and leaves `after` empty for the next time.
    pub(super) fn follow(&self, after: &mut After) {
        if after.is_nothing() {
            return;
        }
        // Most of this is empty most of the time, and to empty it again is not for nothing. Bytes may have an owner of
        // the program's.
        let _ = guard::call("a drop of bytes", || {
            after.leftovers.clear();
            after.unwanted.clear();
            if !after.spent.is_empty() {
                after.spent.drain(..).for_each(recycle);
            }
        });
        if !after.aborts.is_empty() {
            for abort in after.aborts.drain(..) {
                abort.abort();
            }
        }
        // Before those who made calls are told, who may make others.
        if mem::take(&mut after.refusing) && !self.refusing.swap(true, Ordering::AcqRel) {
            after.signal = true;
        }
        if !after.answers.is_empty() {
            self.answer(after);
        }
        if !after.refused.is_empty() {
            for (slot, refused) in after.refused.drain(..) {
                if let Some(waker) = slot.refuse(refused) {
                    guard::wake(waker);
                }
            }
        }
        if !after.wakes.is_empty() {
            for waker in after.wakes.drain(..) {
                guard::wake(waker);
            }
        }
        if mem::take(&mut after.wake_reader) {
            self.wake_reader();
        }
        if mem::take(&mut after.wake_writer) {
            self.wake_writer();
        }
        if mem::take(&mut after.interrupted) {
            self.interrupts.notify_waiters();
        }
        if mem::take(&mut after.freed)
            && let Some(budget) = &self.budget
        {
            budget.freed.notify_waiters();
        }
        if mem::take(&mut after.signal) {
            self.signal.notify_waiters();
        }
        if mem::take(&mut after.stop_calls) {
            self.stop_calls();
        }
        if let Some(reason) = after.end.take() {
            self.end(reason);
        }
    }

    /// Gives callers what came for them, and wakes them.
    fn answer(&self, after: &mut After) {
        // Who gets an answer is likely to call again. The writer comes behind all of them, so that what they call is
        // one batch: a worker that has taken a few of them from this one would write for those few.
        let crowd = after.answers.len() > 1 && self.outbox.is_crowded();
        if crowd {
            self.outbox.expect_writer(true);
        }
        let mut orphaned = false;
        for (slot, outcome, streams) in after.answers.drain(..) {
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
    pub(super) fn wants(&self, run: RunKey) -> bool {
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
        let put_down = self.outbox.close();
        let mut state = self.lock();
        let ended = state.end.is_some();
        let wakers: Vec<_> = put_down
            .filter_map(|slot| {
                if ended {
                    slot.take_waker()
                } else {
                    state.waiters.wait_for_end(slot);
                    None
                }
            })
            .collect();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// A write has failed, and nothing is sent any more. What the other side had sent before may still be there: the
    /// reader goes on to the end of it, and then the session ends for this reason.
    pub(super) fn fail_sending(&self, reason: SessionError) {
        self.with(|state, after| {
            state.turn = Turn::Free;
            state.writer_called = false;
            after.wake_writer = true;
            if state.end.is_some() || state.sending.is_over() {
                return;
            }
            state.sending = Sending::Failed(reason);
            state.session.give_up_waiting();
            state.session.batch_written();
            after.wakes.extend(state.waiters.take_for_room());
            after.stop_calls = true;
            after.wake_reader = true;
        });
    }

    /// Whether the other side still takes on calls, as far as is known.
    pub(super) fn takes_calls(&self) -> bool {
        self.is_sending() && !self.refusing.load(Ordering::Acquire)
    }

    /// Waits until the other side takes on no more calls. Gives the reason of the end, if it has ended.
    pub(super) async fn left(&self) -> Option<SessionError> {
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
            SessionError::RuntimeStopped
        });
    }

    /// Ends the session: its calls fail, its handlers are interrupted, its services are let go. Only the
    /// first reason counts.
    pub(super) fn end(&self, reason: SessionError) {
        let mut after = After::default();
        let callers;
        let released = {
            let mut state = self.lock();
            if state.end.is_some() {
                return;
            }
            state.end = Some(state.sending.reason(reason));
            self.stage.store(ENDED, Ordering::Release);
            state.session.end();
            callers = state.waiters.take_all(&mut after.wakes);
            state.runs.take_all(&mut after.aborts);
            after.wakes.extend(state.dispatch.take_waker());
            if let Some(budget) = &self.budget {
                after.freed = budget.change(mem::take(&mut state.held), 0);
            }
            let queue = mem::take(&mut state.queue);
            let (runs, tasks, taken) = {
                let mut lane = dispatch::lock(&state.dispatch.lane);
                lane.lose();
                lane.clear()
            };
            after.aborts.extend(tasks);
            for run in queue.iter().map(|(run, _)| *run).chain(runs) {
                state.session.finish(run);
            }
            let packets = state.packets.take(&mut after.aborts);
            state.deadlines.clear();
            state.poll_streams(&mut after);
            let streams = state.streams.take_all(&mut after);
            (state.serving.take(), queue, taken, packets, streams)
        };
        after.wake_reader = true;
        after.wake_writer = true;
        after.signal = true;
        after.interrupted = true;
        let put_down = self.outbox.close();
        let callers = callers.into_iter().chain(put_down);
        after
            .wakes
            .extend(callers.filter_map(|slot| slot.take_waker()));
        self.follow(&mut after);
        // Services, packets, and halves of streams: the program's.
        guard::discard(released);
        // An observer may hold a handle of what it observes.
        self.observe(None);
        self.tell_watchers();
        if let Some(metrics) = &self.metrics {
            metrics.leave(self);
        }
    }

    /// Refuses requests from now on, until none has come for a moment: a request that is on its way when the channel
    /// closes would be lost, and its caller could not tell that it has not run. One that is refused is, and its caller
    /// leaves. A side that serves nothing waits for nothing.
    pub(super) async fn refuse_requests(&self) {
        let serves = self.with(|state, after| {
            state.take_calls(&self.outbox, after);
            state.session.drain();
            let serving = state.serving.as_deref();
            serving.is_some_and(|serving| !serving.router.is_empty())
        });
        self.tell_watchers();
        if !serves {
            return;
        }
        let (mut came, mut quiet, mut looks) = (0, 0, 0);
        while quiet < QUIET && looks < LOOKS {
            if self.ends_within(LOOK).await {
                return;
            }
            let state = self.lock();
            let now = state.session.counters().calls_in;
            // Handlers that run have the time of whoever waits here.
            if state.session.is_drained() {
                quiet = if came == now { quiet + 1 } else { 0 };
                looks += 1;
            }
            came = now;
        }
    }

    /// Ends the session once nothing runs, everything is written and the other side has ended, too. Requests that come
    /// are refused. `grace` is how long somebody waits for the end.
    pub(super) fn drain(&self, grace: Option<Duration>) {
        self.with(|state, after| {
            state.take_calls(&self.outbox, after);
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

impl From<Fatal> for SessionError {
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

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}
