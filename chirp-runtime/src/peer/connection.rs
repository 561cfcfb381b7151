use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::calling::waiters::Waiters;
use super::handling::dispatch::Dispatch;
use super::handling::packets::PacketQueues;
use super::handling::runs::Runs;
use super::handling::serving::Serving;
use super::watching::budget::Budget;
use super::watching::observe::Observer;
use super::writer::{Sink, Turn};
use super::{PeerState, Reply, SessionError, SharedMetrics};
use crate::channel::{Credentials, Endpoint};
use crate::codec;
use crate::packet::{self, ErrorData, Fault, Incoming, PacketType, Payload, ResultCode};
use crate::session::{Batch, Event, Fatal, Reading, RunKey, Session};

/// One connection: the session under its lock, and what its tasks and its callers share.
///
/// Nothing foreign runs under the lock: no serialisation, no waker's clone, wake or drop, no drop of a
/// future, a payload or a handler. What has to happen because of something done under the lock is noted
/// in an [`After`] and happens when the lock is free.
pub(super) struct Connection {
    state: Mutex<State>,
    pub(super) sink: Mutex<Sink>,
    pub(super) reader: OnceLock<Waker>,
    pub(super) writer: OnceLock<Waker>,
    /// Held while the routes are changed.
    pub(super) updates: Mutex<()>,
    /// Who is shown every packet, and whether there is anybody.
    pub(super) observer: RwLock<Option<Observer>>,
    pub(super) observed: AtomicBool,
    /// What this connection may hold together with others.
    pub(super) budget: Option<Arc<Budget>>,
    /// Whose numbers these are, too.
    pub(super) metrics: Option<SharedMetrics>,
    /// Who watches the connection's state.
    pub(super) watch: watch::Sender<PeerState>,
    /// Told when the session has ended, when it is drained, and when hello was answered.
    pub(super) signal: Notify,
    /// Told when a call of the other side has been cancelled, or the session has ended.
    pub(super) interrupts: Notify,
    /// The same as `State::end.is_some()`, for those who do not hold the lock.
    ended: AtomicBool,
    pub(super) runtime: Handle,
    pub(super) remote: Option<Endpoint>,
    pub(super) credentials: Option<Credentials>,
}

pub(super) struct State {
    pub(super) session: Session,
    pub(super) waiters: Waiters,
    pub(super) runs: Runs,
    /// Requests that no dispatcher has begun, in order of arrival.
    pub(super) queue: VecDeque<(RunKey, packet::Request)>,
    /// When calls must have ended whose callers said so, and which no dispatcher has begun.
    pub(super) deadlines: HashMap<RunKey, Instant>,
    pub(super) dispatch: Dispatch,
    /// Why the reader waits, if it does.
    pub(super) paused: Option<Reading>,
    pub(super) turn: Turn,
    /// The buffer of the last batch, for the next.
    pub(super) spare: Batch,
    /// Packets of the application's that wait for their handlers.
    pub(super) packets: PacketQueues,
    /// What is served. There is nothing before the tasks start, nor once the session has ended, which
    /// frees what services hold.
    pub(super) serving: Option<Arc<Serving>>,
    /// How many bytes this connection holds of the budget.
    held: usize,
    /// Somebody watches over calls that were given up.
    pub(super) abandoned_watched: bool,
    /// End as soon as nothing runs and everything is written.
    pub(super) closing: bool,
    pub(super) end: Option<SessionError>,
}

/// What is to happen when the lock is free.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that is to happen"
)]
pub(super) struct After {
    pub(super) wakes: Vec<Waker>,
    pub(super) aborts: Vec<AbortHandle>,
    pub(super) wake_reader: bool,
    pub(super) wake_writer: bool,
    pub(super) signal: bool,
    pub(super) interrupted: bool,
    pub(super) freed: bool,
    pub(super) end: Option<SessionError>,
    /// Types whose packets have come and have no task yet.
    pub(super) packet_tasks: Vec<PacketType>,
    /// Dropped, and nothing else.
    pub(super) leftovers: Vec<Bytes>,
}

impl Connection {
    pub(super) fn new(
        session: Session,
        sink: Sink,
        runtime: Handle,
        remote: Option<Endpoint>,
        credentials: Option<Credentials>,
    ) -> Self {
        Self {
            state: Mutex::new(State {
                session,
                waiters: Waiters::default(),
                runs: Runs::default(),
                queue: VecDeque::new(),
                deadlines: HashMap::new(),
                dispatch: Dispatch::default(),
                paused: None,
                turn: Turn::Free,
                spare: Batch::default(),
                packets: PacketQueues::default(),
                serving: None,
                held: 0,
                abandoned_watched: false,
                closing: false,
                end: None,
            }),
            sink: Mutex::new(sink),
            reader: OnceLock::new(),
            writer: OnceLock::new(),
            updates: Mutex::new(()),
            observer: RwLock::new(None),
            observed: AtomicBool::new(false),
            budget: None,
            metrics: None,
            watch: watch::Sender::new(PeerState::Open),
            signal: Notify::new(),
            interrupts: Notify::new(),
            ended: AtomicBool::new(false),
            runtime,
            remote,
            credentials,
        }
    }

    /// The lock survives a panic of whoever held it: the session's steps are small and complete.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something under the lock, and then what follows from it.
    pub(super) fn with<T>(&self, step: impl FnOnce(&mut State, &mut After) -> T) -> T {
        let mut after = After::default();
        let done = {
            let mut state = self.lock();
            let done = step(&mut state, &mut after);
            state.settle(self.budget.as_deref(), &mut after);
            done
        };
        self.follow(&mut after);
        done
    }

    /// Does what was noted, and leaves `after` empty for the next time.
    pub(super) fn follow(&self, after: &mut After) {
        after.leftovers.clear();
        for abort in after.aborts.drain(..) {
            abort.abort();
        }
        for waker in after.wakes.drain(..) {
            waker.wake();
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
        if let Some(reason) = after.end.take() {
            self.end(reason);
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

    /// Waits for the end, but only for so long. Whether it has come.
    pub(super) async fn ends_within(&self, time: Duration) -> bool {
        let mut watch = self.watch.subscribe();
        let ended = watch.wait_for(|state| matches!(state, PeerState::Closed(_)));
        tokio::time::timeout(time, ended).await.is_ok()
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
        drop(old);
    }

    pub(super) fn observer(&self) -> Option<Observer> {
        if !self.observed.load(Ordering::Acquire) {
            return None;
        }
        let observer = self.observer.read().unwrap_or_else(PoisonError::into_inner);
        observer.clone()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Ends the session: its calls fail, its handlers are interrupted, its services are let go. Only the
    /// first reason counts.
    pub(super) fn end(&self, reason: SessionError) {
        let mut after = After::default();
        let told;
        let released = {
            let mut state = self.lock();
            if state.end.is_some() {
                return;
            }
            told = reason.clone();
            state.end = Some(reason);
            self.ended.store(true, Ordering::Release);
            state.session.end();
            state.waiters.take_wakers(&mut after.wakes);
            state.runs.take_all(&mut after.aborts);
            after.wakes.extend(state.dispatch.take_waker());
            if let Some(budget) = &self.budget {
                after.freed = budget.change(mem::take(&mut state.held), 0);
            }
            let queue = mem::take(&mut state.queue);
            for (run, _) in &queue {
                state.session.finish(*run);
            }
            let packets = state.packets.take(&mut after.aborts);
            state.deadlines.clear();
            (state.serving.take(), queue, packets)
        };
        after.wake_reader = true;
        after.wake_writer = true;
        after.signal = true;
        after.interrupted = true;
        self.follow(&mut after);
        drop(released);
        // An observer may hold a handle of what it observes.
        self.observe(None);
        self.watch.send_replace(PeerState::Closed(told));
        if let Some(metrics) = &self.metrics {
            metrics.leave(self);
        }
    }

    /// Ends the session once nothing runs and everything is written. Requests that come are refused.
    pub(super) fn drain(&self) {
        self.with(|state, _| {
            state.closing = true;
            state.session.drain();
        });
        self.watch.send_if_modified(|state| {
            let open = matches!(state, PeerState::Open);
            if open {
                *state = PeerState::Draining;
            }
            open
        });
    }

    /// A handler's future is gone, or its responder is; `reply` is what it said.
    pub(super) fn complete(&self, run: RunKey, reply: Reply) {
        let Some((code, mut data)) = into_wire(run, reply) else {
            return;
        };
        self.with(|state, after| {
            state.complete(run, code, &mut data, after);
            after.wake_writer = state.turn == Turn::Free && state.session.has_output();
        });
        recycle(data);
    }

    /// A handler was interrupted and its future is gone.
    pub(super) fn finish(&self, run: RunKey) {
        self.with(|state, after| {
            state.session.finish(run);
            after.aborts.extend(state.runs.take(run));
        });
    }
}

impl State {
    /// Takes what came from the other side.
    pub(super) fn handle(&mut self, incoming: Incoming, after: &mut After) -> Result<(), Fatal> {
        match self.session.handle(incoming)? {
            None => {}
            Some(Event::Request(run, request)) => {
                if let Some(time) = self.session.time(run) {
                    self.deadlines.insert(run, Instant::now() + time);
                }
                self.queue.push_back((run, request));
            }
            Some(Event::Interrupt(run)) => {
                after.aborts.extend(self.runs.take(run));
                after.interrupted = true;
            }
            Some(Event::Answered(call, outcome)) => {
                match self.waiters.complete(call, outcome) {
                    Ok(waker) => after.wakes.extend(waker),
                    // Nobody waits for the answer of a one-way call.
                    Err(_unwanted) => self.session.release(call),
                }
            }
            Some(Event::Packet(kind, payload)) => {
                after
                    .packet_tasks
                    .extend(self.packets.push(kind, payload).then_some(kind));
            }
            Some(Event::Hello) => after.signal = true,
        }
        Ok(())
    }

    pub(super) fn complete(
        &mut self,
        run: RunKey,
        code: ResultCode,
        data: &mut Payload,
        after: &mut After,
    ) {
        if self.end.is_none() {
            self.session.respond(run, code, data);
        }
        self.session.finish(run);
        after.aborts.extend(self.runs.take(run));
    }

    /// When a call must have ended, if its caller said so. It is said once.
    pub(super) fn forget_deadline(&mut self, run: RunKey) -> Option<Instant> {
        if self.deadlines.is_empty() {
            return None;
        }
        self.deadlines.remove(&run)
    }

    /// What may follow from any step: a paused reader goes on, handlers are begun, a closing session ends.
    pub(super) fn settle(&mut self, budget: Option<&Budget>, after: &mut After) {
        if let Some(budget) = budget {
            let held = if self.end.is_none() {
                self.session.held()
            } else {
                0
            };
            after.freed |= budget.change(mem::replace(&mut self.held, held), held);
            self.session.set_tight(budget.is_exceeded());
        }
        after.leftovers.append(&mut self.session.take_leftovers());
        if self.session.has_admitted() {
            let admitted = self.session.take_admitted().into_iter();
            let woken = admitted.filter_map(|ticket| self.waiters.stop_waiting(ticket));
            after.wakes.extend(woken);
            after.wake_writer |= self.turn == Turn::Free;
        }
        // Also when the reason is another now: each has a time limit of its own.
        if self
            .paused
            .is_some_and(|paused| paused != self.session.reading())
        {
            self.paused = None;
            after.wake_reader = true;
        }
        if !self.queue.is_empty() && !self.session.is_unsent_enough() {
            after.wakes.extend(self.dispatch.rouse());
        }
        if self.closing && self.end.is_none() && self.session.is_drained() {
            after.end = Some(SessionError::ClosedHere);
        }
    }
}

/// How a reply travels; nothing for one that a responder will give later.
pub(super) fn into_wire(run: RunKey, reply: Reply) -> Option<(ResultCode, Payload)> {
    Some(match reply {
        Reply::Value(value) => (ResultCode::Success, value),
        Reply::Error(error) => (ResultCode::ServiceError, error.encode().into()),
        Reply::UnknownMethod => (ResultCode::UnknownMethod, Payload::default()),
        Reply::Deferred(deferred) if deferred.run == Some(run) => return None,
        // It will answer another call, and nobody will answer this one.
        Reply::Deferred(_) => (
            ResultCode::ServiceError,
            ErrorData::from(Fault::NoAnswer).encode().into(),
        ),
    })
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
