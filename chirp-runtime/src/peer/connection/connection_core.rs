use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use std::task::Waker;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{Notify, watch};

use super::effects::{Action, Effects};
use super::origin::Origin;
use super::rare_parts::RareParts;
use super::sending::Sending;
use super::state::ConnectionState;
use super::state_guard::{StateGuard, StateView};
use super::write_end::WriteEnd;
use super::writer::{Sink, WriteState};
use crate::channel::{Credentials, Endpoint, Identity};
use crate::codec;
use crate::packet::Payload;
use crate::peer::client::layer_chain::ClientLayers;
use crate::peer::client::pending_call::PendingCall;
use crate::peer::client::submit_queue::SubmitQueue;
use crate::peer::guard;
use crate::peer::monitoring::budget::Budget;
use crate::peer::monitoring::log;
use crate::peer::monitoring::observe::Observer;
use crate::peer::monitoring::watchdog::Watchdog;
use crate::peer::propagation::Propagation;
use crate::peer::server::handler_stays::HandlerStays;
use crate::peer::server::reader_in_place::ReaderInPlace;
use crate::peer::server::service_order::ServiceOrders;
use crate::peer::{ConnectionError, PeerState, SharedMetrics};
use crate::session::{Fatal, InboundCallId, Session};
use crate::sync::Mutex;

/// [`ConnectionCore::stage`]: calls and responses are sent.
const SENDING: u8 = 0;
/// [`ConnectionCore::stage`]: sending has begun to end (`ConnectionState::sending`), the session has not.
const NOT_SENDING: u8 = 1;
/// [`ConnectionCore::stage`]: `ConnectionState::end` is set.
const ENDED: u8 = 2;

/// One connection: the state behind its lock, and the parts that tasks and callers use without that lock.
///
/// [`lock`](Self::lock) gives a guard that collects [`Effects`] and applies them after it has released the lock.
/// Nothing foreign runs under the lock: no serialization, no clone, wake or drop of a waker, no drop of a future,
/// payload or handler.
pub(in crate::peer) struct ConnectionCore {
    /// This connection, for tasks that are spawned where only a reference to it is known.
    pub(in crate::peer) this: Weak<Self>,
    state: Mutex<ConnectionState>,
    /// Calls that wait for the writer.
    pub(in crate::peer) submit_queue: SubmitQueue,
    pub(in crate::peer) sink: Mutex<Sink>,
    pub(super) write_end: WriteEnd,
    /// The reader task's waker.
    pub(in crate::peer) reader: Mutex<Option<Waker>>,
    pub(in crate::peer) in_place: ReaderInPlace,
    pub(in crate::peer) stays: HandlerStays,
    /// Whether other threads run tasks while a handler blocks one.
    pub(in crate::peer) can_take_over: bool,
    /// Whether the reader may start requests in place of the dispatcher.
    pub(in crate::peer) starts_in_place: bool,
    /// The number of bytes that the reader has received.
    pub(in crate::peer) bytes_read: AtomicU64,
    /// Bytes written in total, stored after each attempt to write a batch.
    pub(in crate::peer) bytes_written: AtomicU64,
    /// The number of times that the reader has found the channel empty.
    pub(in crate::peer) empty_reads: AtomicU64,
    /// The writer task's waker.
    pub(in crate::peer) writer: OnceLock<Waker>,
    /// Serializes route updates.
    pub(in crate::peer) updates: Mutex<()>,
    rare: OnceLock<Box<RareParts>>,
    pub(in crate::peer) observer: RwLock<Option<Observer>>,
    /// Whether `observer` is set: saves the lock for each packet.
    pub(in crate::peer) observed: AtomicBool,
    /// The memory budget that this connection shares with others.
    pub(in crate::peer) budget: Option<Arc<Budget>>,
    pub(in crate::peer) metrics: Option<SharedMetrics>,
    /// The parts of call contexts that this side passes on.
    pub(in crate::peer) propagation: Option<Arc<Propagation>>,
    /// The layers around calls to the peer.
    pub(in crate::peer) client_layers: Option<ClientLayers>,
    /// Notified when the session ends, when the peer's extensions become known, and when it refuses calls.
    pub(in crate::peer) signal: Notify,
    /// Notified when the peer cancels a call, and when the session ends.
    pub(in crate::peer) interrupts: Notify,
    /// How far the end of the connection is, readable without the lock: [`SENDING`], [`NOT_SENDING`] or [`ENDED`].
    stage: AtomicU8,
    /// The peer has refused a call because it shuts down. It will refuse all later calls.
    pub(in crate::peer) refusing: AtomicBool,
    /// This side shuts down.
    pub(super) draining: AtomicBool,
    pub(in crate::peer) runtime: Handle,
    /// `None` if nothing is known of the other side.
    origin: Option<Box<Origin>>,
    /// The connection's number at its server, if a server accepted it.
    pub(in crate::peer) number: OnceLock<u64>,
}

impl ConnectionCore {
    pub(in crate::peer) fn new(
        session: Session,
        sink: Sink,
        runtime: Handle,
        origin: Origin,
    ) -> Self {
        let can_take_over = runtime.runtime_flavor() != RuntimeFlavor::CurrentThread;
        Self {
            this: Weak::new(),
            state: Mutex::new(ConnectionState::new(session)),
            submit_queue: SubmitQueue::new(can_take_over),
            sink: Mutex::new(sink),
            write_end: WriteEnd::default(),
            reader: Mutex::default(),
            in_place: ReaderInPlace::default(),
            stays: HandlerStays::default(),
            starts_in_place: false,
            can_take_over,
            bytes_read: AtomicU64::new(0),
            bytes_written: AtomicU64::new(0),
            empty_reads: AtomicU64::new(0),
            writer: OnceLock::new(),
            updates: Mutex::new(()),
            rare: OnceLock::new(),
            observer: RwLock::new(None),
            observed: AtomicBool::new(false),
            budget: None,
            metrics: None,
            propagation: None,
            client_layers: None,
            signal: Notify::new(),
            interrupts: Notify::new(),
            stage: AtomicU8::new(SENDING),
            refusing: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            runtime,
            origin: origin.boxed(),
            number: OnceLock::new(),
        }
    }

    /// Locks the connection's state. The guard must not be held across a write or an await.
    #[inline]
    pub(in crate::peer) fn lock(&self) -> StateGuard<'_> {
        StateGuard::new(self, self.lock_settled())
    }

    /// Locks the connection's state, and frees the turn to write if the last write has ended without the lock.
    #[inline]
    fn lock_settled(&self) -> MutexGuard<'_, ConnectionState> {
        let mut state = self.state.lock();
        if self.write_end.has_ended() {
            self.write_end.close();
            state.settle_write();
        }
        state
    }

    /// Locks the connection's state for a step that needs no reconciliation, or that decides whether it does.
    #[inline]
    pub(super) fn lock_unreconciled(&self) -> MutexGuard<'_, ConnectionState> {
        self.lock_settled()
    }

    /// Goes on with a lock as [`lock`](Self::lock) would have begun.
    #[inline]
    pub(super) fn reconciling<'a>(
        &'a self,
        state: MutexGuard<'a, ConnectionState>,
    ) -> StateGuard<'a> {
        StateGuard::new(self, state)
    }

    /// As [`lock`](Self::lock), for tasks that lock often: `effects` must be empty, is empty again afterwards, and keeps
    /// its allocations.
    #[inline]
    pub(in crate::peer) fn lock_reusing<'a>(
        &'a self,
        effects: &'a mut Option<Box<Effects>>,
    ) -> StateGuard<'a> {
        StateGuard::reusing(self, self.lock_settled(), effects)
    }

    /// Locks the connection's state for reading alone.
    #[inline]
    pub(in crate::peer) fn look(&self) -> StateView<'_> {
        StateView::new(self.lock_settled())
    }

    /// Reconciles the state after a change outside of the lock: a stream half was dropped, or the memory budget has
    /// room again.
    pub(in crate::peer) fn reconcile(&self) {
        drop(self.lock());
    }

    /// Returns the address of the other side, if it is known.
    pub(in crate::peer) fn remote(&self) -> Option<&Endpoint> {
        self.origin.as_ref()?.remote.as_ref()
    }

    /// Returns the process at the other side, if it is known.
    pub(in crate::peer) fn credentials(&self) -> Option<Credentials> {
        self.origin.as_ref()?.credentials
    }

    pub(in crate::peer) fn identity(&self) -> &Identity {
        Origin::identity(self.origin.as_deref())
    }

    /// Returns the rare parts, which are created if they do not exist.
    pub(in crate::peer) fn rare(&self) -> &RareParts {
        self.rare.get_or_init(Box::default)
    }

    /// Returns the rare parts, if one of them has been used.
    pub(in crate::peer) fn known_rare(&self) -> Option<&RareParts> {
        self.rare.get().map(|rare| &**rare)
    }

    pub(in crate::peer) fn service_orders(&self) -> MutexGuard<'_, ServiceOrders> {
        self.rare().service_orders.lock()
    }

    pub(in crate::peer) fn wake_reader(&self) {
        // A task of this library: waking it runs no other code.
        if let Some(waker) = &*self.reader.lock() {
            waker.wake_by_ref();
        }
    }

    pub(in crate::peer) fn wake_writer(&self) {
        if let Some(waker) = self.writer.get() {
            waker.wake_by_ref();
        }
    }

    /// Calls `find` now and after each notification of [`signal`](Self::signal), until it returns a value.
    pub(in crate::peer) async fn wait_for<T>(&self, find: impl Fn(&Self) -> Option<T>) -> T {
        loop {
            let notified = self.signal.notified();
            if let Some(found) = find(self) {
                return found;
            }
            notified.await;
        }
    }

    /// Waits up to `time` for the connection to end. Returns `true` if it did.
    pub(in crate::peer) async fn ends_within(&self, time: Duration) -> bool {
        let mut watch = self.watch();
        let ended = watch.wait_for(|state| matches!(state, PeerState::Closed(_)));
        tokio::time::timeout(time, ended).await.is_ok()
    }

    /// As [`ends_within`](Self::ends_within), until a watchdog fires.
    pub(in crate::peer) async fn ends_before(&self, mut limit: Watchdog) -> bool {
        let mut watch = self.watch();
        let ended = watch.wait_for(|state| matches!(state, PeerState::Closed(_)));
        tokio::select! {
            biased;
            _ = ended => true,
            () = poll_fn(|cx| limit.poll(cx)) => false,
        }
    }

    /// Returns a receiver of the connection's state.
    pub(in crate::peer) fn watch(&self) -> watch::Receiver<PeerState> {
        let rare = self.rare();
        let watch = rare
            .watch
            .get_or_init(|| watch::Sender::new(PeerState::Open));
        self.update_watch();
        watch.subscribe()
    }

    /// Publishes the state to its watchers, if it has changed.
    ///
    /// A change of the state precedes this call, and a new watcher makes it after creating the channel, so one of the
    /// two sees the other.
    pub(super) fn update_watch(&self) {
        let rare = self.known_rare();
        let Some(watch) = rare.and_then(|rare| rare.watch.get()) else {
            return;
        };
        let now = {
            let state = self.look();
            match &state.end {
                Some(reason) => PeerState::Closed(reason.clone()),
                None if state.session.is_draining() || state.session.has_heard_going_away() => {
                    PeerState::Draining
                }
                None => PeerState::Open,
            }
        };
        watch.send_if_modified(|known| {
            // Updates may race; a connection never goes back to an earlier stage.
            let further = now.stage() > known.stage();
            if further {
                *known = now;
            }
            further
        });
    }

    /// Returns `true` if the response to a call is still wanted.
    pub(in crate::peer) fn wants(&self, id: InboundCallId) -> bool {
        let state = self.look();
        state.end.is_none() && state.session.is_wanted(id)
    }

    /// Replaces the packet observer.
    pub(in crate::peer) fn observe(&self, observer: Option<Observer>) {
        let mut current = self
            .observer
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let observer = observer.filter(|_| !self.has_ended());
        self.observed.store(observer.is_some(), Ordering::Release);
        let old = mem::replace(&mut *current, observer);
        drop(current);
        guard::discard(old);
    }

    pub(in crate::peer) fn observer(&self) -> Option<Observer> {
        if !self.observed.load(Ordering::Acquire) {
            return None;
        }
        let observer = self.observer.read().unwrap_or_else(PoisonError::into_inner);
        observer.clone()
    }

    pub(in crate::peer) fn has_ended(&self) -> bool {
        self.stage.load(Ordering::Acquire) == ENDED
    }

    /// Returns `true` if calls can be made: neither the session nor sending has ended.
    pub(in crate::peer) fn is_sending(&self) -> bool {
        self.stage.load(Ordering::Acquire) == SENDING
    }

    /// Closes the submit queue because sending has begun to end. Its calls, which the session never gets, fail when the
    /// session ends.
    pub(in crate::peer) fn stop_calls(&self) {
        self.stage.fetch_max(NOT_SENDING, Ordering::AcqRel);
        let submitted = self.submit_queue.close();
        let mut state = self.lock();
        let ended = state.end.is_some();
        for slot in submitted {
            if ended {
                state.effects.wakes.extend(slot.take_waker());
            } else {
                state.pending_calls.wait_for_end(slot);
            }
        }
    }

    /// Ends sending after a failed write. Packets that the peer had sent before may still be readable: the reader
    /// continues to the end of input, and then the session ends for `reason`.
    pub(in crate::peer) fn fail_sending(&self, reason: ConnectionError) {
        let mut state = self.lock();
        state.write_state = WriteState::Idle;
        if state.end.is_some() || state.sending.is_over() {
            return;
        }
        state.sending = Sending::Failed(Box::new(reason));
        state.session.give_up_waiting();
        state.session.batch_written();
        let ConnectionState {
            pending_calls,
            effects,
            ..
        } = &mut *state;
        effects.wakes.extend(pending_calls.take_for_room());
        effects.add(Action::StopCalls);
        effects.add(Action::WakeReader);
    }

    /// Returns `true` unless the peer is known to refuse calls.
    pub(in crate::peer) fn takes_calls(&self) -> bool {
        self.is_sending() && !self.refusing.load(Ordering::Acquire)
    }

    /// Returns `true` if one of the two sides is shutting down.
    pub(in crate::peer) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire) || self.refusing.load(Ordering::Acquire)
    }

    /// Waits until one of the two sides shuts down, or the connection has ended.
    pub(in crate::peer) async fn draining(&self) {
        let mut state = self.watch();
        // The sender lives in `self`, so this cannot fail.
        let _ = state
            .wait_for(|state| !matches!(state, PeerState::Open))
            .await;
    }

    /// Waits until the peer accepts no more calls. Returns the reason of the connection's end, if it has ended.
    pub(in crate::peer) async fn left(&self) -> Option<ConnectionError> {
        self.wait_for(|connection| {
            if connection.takes_calls() {
                return None;
            }
            Some(connection.look().end.clone())
        })
        .await
    }

    /// Ends the session because one of its tasks was dropped: the program's channel panicked, or the runtime was shut
    /// down.
    pub(in crate::peer) fn end_with_task(&self) {
        self.end(if std::thread::panicking() {
            io::Error::other("the program's channel panicked").into()
        } else {
            ConnectionError::RuntimeStopped
        });
    }

    /// Ends the session: its calls fail, its handlers are interrupted, its services are dropped. Only the first reason
    /// counts.
    pub(in crate::peer) fn end(&self, reason: ConnectionError) {
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        let draining = state.session.is_draining() && state.session.is_served();
        let drained = state.closing && state.session.is_drained();
        let reason = state.sending.reason(reason, draining);
        state.end = Some(reason.clone());
        self.stage.store(ENDED, Ordering::Release);
        state.session.end();
        let (callers, released) = state.release_all();
        let effects = &mut state.effects;
        effects.add(Action::WakeReader);
        // Also where the writer holds the turn already: it is to notice the end.
        effects.add(Action::WakeWriter);
        effects.add(Action::Signal);
        effects.add(Action::Interrupt);
        drop(state);
        let submitted = self.submit_queue.close();
        for slot in callers.into_iter().chain(submitted) {
            if let Some(waker) = slot.take_waker() {
                guard::wake(waker);
            }
        }
        // Services, requests, packets and stream halves belong to the program.
        guard::discard(released);
        // The observer may hold a handle of this connection.
        self.observe(None);
        self.update_watch();
        if let Some(metrics) = &self.metrics {
            metrics.leave(self);
        }
        log::ended(self, &reason, drained);
    }
}

impl ConnectionState {
    /// Takes everything that ends with the session: the callers to be woken, and values of the program to be dropped
    /// after the lock is released.
    fn release_all(&mut self) -> (Vec<Arc<PendingCall>>, impl Sized + use<>) {
        let callers = self.pending_calls.take_all(&mut self.effects.wakes);
        self.handler_tasks.take_all(&mut self.effects.aborts);
        self.effects.wakes.extend(self.dispatch.take_waker());
        let queue = mem::take(&mut self.queue);
        let (claimed, tasks, batch) = {
            let mut batch = self.dispatch.batch().lock();
            batch.revoke();
            batch.clear()
        };
        // Spawned and aborted: a handler's future is dropped in a task.
        self.effects.tasks.extend(tasks);
        for id in queue.iter().map(|call| call.id).chain(claimed) {
            self.session.finish(id);
        }
        let packets = self.packets.take(&mut self.effects.aborts);
        self.poll_streams();
        let streams = self.streams.take_all(&mut self.effects);
        let serving = self.serving.take();
        (callers, (serving, queue, batch, packets, streams))
    }
}

/// Returns the buffer of a payload that was copied to the encoders' pool.
pub(in crate::peer) fn recycle(payload: Payload) {
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
            .field("remote", &self.remote())
            .finish_non_exhaustive()
    }
}
