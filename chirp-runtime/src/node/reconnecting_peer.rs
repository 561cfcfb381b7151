use std::fmt;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::connect_loop::ConnectLoop;
use super::end_all;
use super::fail_fast::FailFast;
use super::reconnect_config::ChangeHook;
use super::waiting_calls::WaitingCalls;
use super::{ReconnectConfig, ReconnectState};
use crate::channel::{ConnectTarget, Connector, Endpoint, EndpointError};
use crate::peer::{
    AsCaller, CallError, Caller, ConnectError, ConnectionSource, Found, Peer, PeerBuilder,
    PeerState, RetryPolicy, RouteError, Task,
};
use crate::sync::Mutex;

/// The reason for leaving a connection that has not ended.
pub(super) const SHUTTING_DOWN: &str = "the other side is shutting down";

/// Earlier connections that are kept until their calls have ended. A server that shuts down must not make this side hold any
/// number of them.
const MAX_LEAVING: usize = 8;

/// A client that reconnects: it connects, and connects again whenever its connection ends.
///
/// Create generated clients from it as from a [`Peer`]. A call uses the current connection. Without one, the call
/// waits: until its own timeout or deadline, or else for [`ReconnectConfig::max_wait`]. Clients of
/// [`fail_fast`](Self::fail_fast) do not wait. A call that finds no connection fails with
/// [`CallError::NotConnected`], and nothing has been sent. `.start()` sends a call at once if there is a
/// connection; without one, the call is sent while it is awaited, or once there is a connection if the program has the other
/// half of a stream among its arguments.
///
/// A server that shuts down rejects calls. A rejected call has not run and is sent again on the next connection,
/// within the same waiting time. Later calls do not use a connection that has rejected one. Calls with a stream
/// among their arguments are not sent again, since streams belong to one connection; neither are calls whose client
/// has been dropped. One-way calls that are rejected are lost, since nothing waits for their answer.
/// [`ReconnectConfig::retry`] sets a policy for more attempts.
///
/// A call in progress fails with [`CallError::ConnectionLost`] when its connection ends;
/// [`may_have_run`](CallError::may_have_run) tells whether its method may have run. A call of a
/// `#[chirp(idempotent)]` method is sent again up to two times, unless its result is a stream.
///
/// With [`ReconnectConfig::health`], a connection takes calls only while its other side is serving.
///
/// The services of the builder are served on every connection. The keep-alive is that of
/// [`PeerBuilder::keep_alive`], or every 15 s if not set.
///
/// Clones are handles of the same client. When the last handle and the last generated client are dropped, it stops
/// reconnecting, and the connection ends after calls in progress and running handlers.
#[derive(Clone)]
pub struct ReconnectingPeer {
    shared: Arc<ReconnectShared>,
}

impl PeerBuilder {
    /// Creates a client that connects to an address, now and whenever its connection ends.
    ///
    /// Returns without waiting; [`ready`](ReconnectingPeer::ready) waits for the first connection.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError`] if the address is invalid, or if two services have a method of the same name. An
    /// unreachable server is a [`ReconnectState`], not an error.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with time and I/O enabled.
    pub fn reconnecting<A>(&self, address: A) -> Result<ReconnectingPeer, ConnectError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        let endpoint = address.try_into().map_err(EndpointError::from)?;
        self.schemes.check(&endpoint)?;
        let target = ConnectTarget {
            endpoint,
            tls: self.tls.clone(),
            schemes: self.schemes.clone(),
        };
        Ok(self.reconnecting_with(target, ReconnectConfig::default())?)
    }

    /// Creates a client that connects with any connector and with other settings.
    ///
    /// An [`Endpoint`] is a connector, but one without the TLS settings and the schemes of this builder: for these use
    /// [`reconnecting`](Self::reconnecting), or a connector of your own, such as `TlsClient::connector`.
    ///
    /// # Errors
    ///
    /// Returns [`RouteError`] if two services have a method of the same name.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with time and I/O enabled.
    pub fn reconnecting_with(
        &self,
        connector: impl Connector + 'static,
        reconnect: ReconnectConfig,
    ) -> Result<ReconnectingPeer, RouteError> {
        self.check()?;
        let mut builder = self.clone();
        builder.keep_alive.get_or_insert_default();
        let core = Arc::new(ReconnectCore {
            waiting: WaitingCalls::new(
                reconnect.max_wait,
                builder.session_limits().max_pending_calls,
            ),
            retry: reconnect.retry.clone(),
            on_change: reconnect.on_change.clone(),
            connections: Mutex::default(),
            state: watch::Sender::new(ReconnectState::Connecting {
                attempt: 1,
                reason: None,
            }),
            closing: Notify::new(),
        });
        let connect_loop =
            ConnectLoop::new(Arc::clone(&core), builder, Box::new(connector), reconnect);
        let connecting: Task = Box::pin(connect_loop.run());
        core.waiting.runtime().spawn(connecting);
        Ok(ReconnectingPeer {
            shared: Arc::new(ReconnectShared { core }),
        })
    }
}

impl ReconnectingPeer {
    /// Waits until there is a connection, and returns it.
    ///
    /// This method is cancel safe.
    ///
    /// # Errors
    ///
    /// Returns [`CallError::NotConnected`] if the client is closed.
    pub async fn ready(&self) -> Result<Peer, CallError> {
        self.shared.core.ready().await
    }

    /// Returns the current connection, if there is one.
    pub fn peer(&self) -> Option<Peer> {
        self.shared.core.current()
    }

    /// Returns a caller over the same connections whose calls fail at once if there is no connection.
    pub fn fail_fast(&self) -> Caller {
        Caller::routed(Arc::new(FailFast(Arc::clone(&self.shared))))
    }

    /// Returns the current state.
    pub fn state(&self) -> ReconnectState {
        self.shared.core.state.borrow().clone()
    }

    /// Returns a receiver of the state and its changes. States that follow each other quickly may be skipped.
    pub fn watch(&self) -> watch::Receiver<ReconnectState> {
        self.shared.core.state.subscribe()
    }

    /// Closes the connection at once and stops reconnecting. Waiting calls fail with [`CallError::NotConnected`].
    pub fn close(&self) {
        self.shared.core.take_and_close().each(Peer::close);
    }

    /// Stops reconnecting and closes the connection gracefully within `bound`, as [`Peer::shutdown`] does. An earlier
    /// connection whose server shuts down and still answers calls is waited for, too. Waiting calls fail with
    /// [`CallError::NotConnected`].
    pub async fn shutdown(&self, bound: Duration) {
        let core = &self.shared.core;
        let mut endings: Vec<Task> = Vec::new();
        core.take_and_close().each(|peer| {
            let peer = peer.clone();
            endings.push(Box::pin(async move { drop(peer.shutdown(bound).await) }));
        });
        end_all(core.waiting.runtime(), endings).await;
    }
}

impl AsCaller for ReconnectingPeer {
    fn as_caller(&self) -> Caller {
        Caller::routed(Arc::clone(&self.shared) as _)
    }
}

impl fmt::Debug for ReconnectingPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectingPeer")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// State shared by handles, clients and calls. Dropping the last reference stops reconnecting.
struct ReconnectShared {
    core: Arc<ReconnectCore>,
}

impl Drop for ReconnectShared {
    fn drop(&mut self) {
        self.core.close();
    }
}

/// The connections of a client.
#[derive(Default)]
pub(super) struct Connections {
    /// The one for new calls.
    usable: Option<Peer>,
    /// The one that gets no new calls, since its other side is not serving.
    suspended: Option<Peer>,
    /// Earlier ones that may have calls in progress. Their other sides shut down, and close them.
    leaving: Vec<Peer>,
}

impl Connections {
    fn each(&self, visit: impl FnMut(&Peer)) {
        let current = self.usable.iter().chain(&self.suspended);
        current.chain(&self.leaving).for_each(visit);
    }
}

/// State shared with the task that connects.
pub(super) struct ReconnectCore {
    waiting: Arc<WaitingCalls>,
    retry: Option<RetryPolicy>,
    /// Called after each change of the state, without a lock.
    on_change: Option<ChangeHook>,
    connections: Mutex<Connections>,
    pub(super) state: watch::Sender<ReconnectState>,
    pub(super) closing: Notify,
}

impl ReconnectCore {
    /// Makes a connection available. Returns `false` if the client is closed.
    pub(super) fn connected(&self, peer: &Peer) -> bool {
        let old = {
            let mut connections = self.lock();
            connections.usable = Some(peer.clone());
            connections.suspended.take()
        };
        drop(old);
        self.change(ReconnectState::Connected)
    }

    /// Keeps a connection without making it available, for this reason.
    pub(super) fn suspend(&self, peer: &Peer, reason: Arc<str>) {
        let old = {
            let mut connections = self.lock();
            connections.suspended = Some(peer.clone());
            connections.usable.take()
        };
        drop(old);
        self.change(ReconnectState::NotServing { reason });
    }

    /// Gives up the current connection. `may_answer` tells that it goes on until its calls in progress are answered.
    pub(super) fn leave(&self, may_answer: bool) {
        let mut connections = self.lock();
        let current = connections.usable.take();
        let current = current.or(connections.suspended.take());
        let leaving = std::mem::take(&mut connections.leaving).into_iter();
        let leaving = leaving.chain(current.filter(|_| may_answer));
        let (ended, mut leaving): (Vec<_>, Vec<_>) =
            leaving.partition(|peer| matches!(*peer.watch().borrow(), PeerState::Closed(_)));
        let surplus = leaving.len().saturating_sub(MAX_LEAVING);
        let surplus: Vec<_> = leaving.drain(..surplus).collect();
        connections.leaving = leaving;
        drop(connections);
        drop((ended, surplus));
    }

    /// Changes the state, unless the client is closed. Returns whether it changed.
    pub(super) fn change(&self, to: ReconnectState) -> bool {
        let changed = self.state.send_if_modified(|state| {
            let changes = *state != ReconnectState::Closed;
            if changes {
                *state = to;
            }
            changes
        });
        if let (true, Some(on_change)) = (changed, &self.on_change) {
            on_change();
        }
        changed
    }

    /// Changes the state to `Closed` and stops the task that connects.
    pub(super) fn close(&self) {
        self.change(ReconnectState::Closed);
        self.closing.notify_one();
    }

    /// Takes the connections and stops reconnecting. The task drops any connection that it finds, so it is stopped
    /// afterwards.
    fn take_and_close(&self) -> Connections {
        let taken = self.take();
        self.close();
        taken
    }

    /// Takes the connections, so that no further call uses them.
    pub(super) fn take(&self) -> Connections {
        std::mem::take(&mut self.lock())
    }

    fn current(&self) -> Option<Peer> {
        self.lock().usable.clone().filter(Peer::takes_calls)
    }

    async fn ready(&self) -> Result<Peer, CallError> {
        let mut states = self.state.subscribe();
        loop {
            if *states.borrow_and_update() == ReconnectState::Closed {
                return Err(self.no_connection());
            }
            if let Some(peer) = self.current() {
                return Ok(peer);
            }
            // The sender lives in `self`, so this cannot fail.
            let _changed = states.changed().await;
        }
    }

    /// Waits for a connection on behalf of a call, which may have a time limit of its own.
    fn ready_for_call(self: &Arc<Self>, is_timed: bool) -> Task<Result<Found, CallError>> {
        let (here, core) = (Arc::clone(self), Arc::clone(self));
        let ready = async move { here.ready().await.map(Found::from) };
        self.waiting
            .wait(is_timed, ready, move || core.no_connection())
    }

    fn reason(&self) -> Arc<str> {
        match &*self.state.borrow() {
            // The connection was left a moment ago, because the other side is shutting down.
            ReconnectState::Connected => SHUTTING_DOWN.into(),
            state => state.to_string().into(),
        }
    }

    fn no_connection(&self) -> CallError {
        CallError::NotConnected(self.reason())
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock()
    }
}

impl ConnectionSource for ReconnectShared {
    fn current(&self) -> Option<Found> {
        self.core.current().map(Found::from)
    }

    fn ready(&self, is_timed: bool) -> Task<Result<Found, CallError>> {
        self.core.ready_for_call(is_timed)
    }

    fn max_wait(&self) -> Duration {
        self.core.waiting.max_wait()
    }

    fn retry_policy(&self) -> Option<&RetryPolicy> {
        self.core.retry.as_ref()
    }

    fn reason(&self) -> Arc<str> {
        self.core.reason()
    }

    fn runtime(&self) -> &Handle {
        self.core.waiting.runtime()
    }
}

impl fmt::Debug for ReconnectShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reconnecting: {}", *self.core.state.borrow())
    }
}
