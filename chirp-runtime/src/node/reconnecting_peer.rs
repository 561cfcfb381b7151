use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::connect_loop::ConnectLoop;
use super::{ReconnectConfig, ReconnectState};
use crate::channel::{ConnectTarget, Connector, Endpoint, EndpointError};
use crate::peer::{
    AsCaller, CallError, Caller, ConnectError, ConnectionSource, Peer, PeerBuilder, RouteError,
    Task,
};

/// Why a connection is left that has not ended.
pub(super) const SHUTTING_DOWN: &str = "the other side shuts down and takes no more calls";

/// A client that heals: it connects, and when its connection is gone it connects again, for ever.
///
/// Clients are made from it as from a peer. A call goes over the connection that there is. When there is none it
/// waits for one: within its own time, or, without a timeout or deadline, for as long as
/// [`ReconnectConfig::max_wait`] says; clients of [`fail_fast`](Self::fail_fast) do not wait. Such a call fails with
/// [`CallError::NotConnected`], and nothing was sent. `.start()` sends a call when there is a connection; one
/// that has to wait is sent while it is awaited.
///
/// A server that shuts down refuses calls, and a call that was refused has not run: it is sent again, on the next
/// connection, for as long as a call waits for one. Calls that are made after the first refusal leave the connection
/// that shuts down alone. Not sent again are calls with a stream among their arguments, since streams belong to one
/// connection, and calls whose client is gone.
///
/// A call that is under way when its connection ends fails with [`CallError::ConnectionLost`], and
/// [`may_have_run`](CallError::may_have_run) says what that means. If its method is `#[chirp(idempotent)]`, it is sent
/// again twice at most, unless its result is a stream.
///
/// What the builder serves is served on every connection. A connection that is silent is looked after as
/// [`PeerBuilder::keep_alive`] says, and every 15 s unless it says anything.
///
/// Cloning gives another handle. When the last one and the last client are gone it connects no more, and its
/// connection ends, as soon as the calls that are under way and the handlers that run have ended.
#[derive(Clone)]
pub struct ReconnectingPeer {
    link: Arc<ReconnectShared>,
}

impl PeerBuilder {
    /// A client that connects to an address, now and whenever its connection is gone.
    ///
    /// It is given at once; [`ready`](ReconnectingPeer::ready) waits for the first connection.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: that the address cannot be read, or that two services claim one method. That nobody
    /// answers is no error but a state.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O enabled.
    pub fn reconnecting<A>(&self, address: A) -> Result<ReconnectingPeer, ConnectError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        let endpoint = address.try_into().map_err(EndpointError::from)?;
        let tls = self.tls.clone();
        Ok(self.reconnecting_with(ConnectTarget { endpoint, tls }, ReconnectConfig::default())?)
    }

    /// As [`reconnecting`](Self::reconnecting), to whatever a connector connects to, and as `reconnect` says.
    ///
    /// # Errors
    ///
    /// [`RouteError`] when two services claim one method.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O enabled.
    pub fn reconnecting_with(
        &self,
        connector: impl Connector + 'static,
        reconnect: ReconnectConfig,
    ) -> Result<ReconnectingPeer, RouteError> {
        self.check()?;
        let mut builder = self.clone();
        builder.keep_alive.get_or_insert_default();
        let core = Arc::new(ReconnectCore {
            runtime: Handle::current(),
            max_wait: reconnect.max_wait,
            max_waiting: builder.limits.max_pending_calls,
            waiting: AtomicUsize::new(0),
            peer: Mutex::new(None),
            state: watch::Sender::new(ReconnectState::Connecting {
                attempt: 1,
                reason: None,
            }),
            closing: Notify::new(),
        });
        let dialler = ConnectLoop::new(Arc::clone(&core), builder, Box::new(connector), reconnect);
        let dialling: Task = Box::pin(dialler.run());
        core.runtime.spawn(dialling);
        Ok(ReconnectingPeer {
            link: Arc::new(ReconnectShared { core }),
        })
    }
}

impl ReconnectingPeer {
    /// Waits for a connection: the one that there is, or the next. Safe to drop.
    ///
    /// # Errors
    ///
    /// [`CallError::NotConnected`] once it was closed.
    pub async fn ready(&self) -> Result<Peer, CallError> {
        self.link.core.ready().await
    }

    /// The connection that there is now.
    pub fn peer(&self) -> Option<Peer> {
        self.link.current()
    }

    /// Calls over the same connections, which fail at once when there is none.
    pub fn fail_fast(&self) -> Caller {
        Caller::routed(Arc::new(FailFast(Arc::clone(&self.link))))
    }

    /// Where it stands.
    pub fn state(&self) -> ReconnectState {
        self.link.core.state.borrow().clone()
    }

    /// Where it stands, and every change of it. States that follow each other quickly may be seen as one.
    pub fn watch(&self) -> watch::Receiver<ReconnectState> {
        self.link.core.state.subscribe()
    }

    /// Closes its connection now, and connects no more. Calls that wait fail.
    pub fn close(&self) {
        if let Some(peer) = self.link.core.take_and_close() {
            peer.close();
        }
    }

    /// Connects no more, and closes its connection in order: see [`Peer::shutdown`].
    pub async fn shutdown(&self, bound: Duration) {
        if let Some(peer) = self.link.core.take_and_close() {
            peer.shutdown(bound).await;
        }
    }
}

impl AsCaller for ReconnectingPeer {
    fn as_caller(&self) -> Caller {
        Caller::routed(Arc::clone(&self.link) as _)
    }
}

impl fmt::Debug for ReconnectingPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectingPeer")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// What the handles, the clients and the calls of one reconnecting client share. It connects as long as there
/// is one of them.
struct ReconnectShared {
    core: Arc<ReconnectCore>,
}

impl Drop for ReconnectShared {
    fn drop(&mut self) {
        self.core.close();
    }
}

/// What they share with the task that connects.
pub(super) struct ReconnectCore {
    runtime: Handle,
    max_wait: Duration,
    max_waiting: usize,
    /// How many calls wait for a connection.
    waiting: AtomicUsize,
    peer: Mutex<Option<Peer>>,
    pub(super) state: watch::Sender<ReconnectState>,
    pub(super) closing: Notify,
}

impl ReconnectCore {
    /// There is a connection. Whether it is wanted.
    pub(super) fn connected(&self, peer: &Peer) -> bool {
        *self.lock() = Some(peer.clone());
        self.change(ReconnectState::Connected)
    }

    /// Whether there is a change: nothing changes any more once it was closed.
    pub(super) fn change(&self, to: ReconnectState) -> bool {
        self.state.send_if_modified(|state| {
            let changes = *state != ReconnectState::Closed;
            if changes {
                *state = to;
            }
            changes
        })
    }

    pub(super) fn close(&self) {
        self.change(ReconnectState::Closed);
        self.closing.notify_one();
    }

    /// Takes the connection away and connects no more. The task that connects lets go of a connection that it finds, so
    /// it is told afterwards.
    fn take_and_close(&self) -> Option<Peer> {
        let peer = self.take();
        self.close();
        peer
    }

    /// Takes the connection away: calls go over it no more.
    pub(super) fn take(&self) -> Option<Peer> {
        self.lock().take()
    }

    fn current(&self) -> Option<Peer> {
        self.lock().clone().filter(Peer::takes_calls)
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
            // It lives in what is borrowed here.
            let _changed = states.changed().await;
        }
    }

    /// Waits as a call does, which has a time of its own or has not.
    fn ready_for_call(self: Arc<Self>, is_timed: bool) -> Task<Result<Peer, CallError>> {
        // Whoever waits may do so in another runtime, or in none.
        let entered = self.runtime.enter();
        let max_wait = (!is_timed).then(|| tokio::time::sleep(self.max_wait));
        drop(entered);
        Box::pin(async move {
            let _waiting = WaitingCall::begin(&self)?;
            let Some(max_wait) = max_wait else {
                return self.ready().await;
            };
            tokio::select! {
                biased;
                found = self.ready() => found,
                () = max_wait => Err(self.no_connection()),
            }
        })
    }

    fn reason(&self) -> Arc<str> {
        match &*self.state.borrow() {
            // It has been left a moment ago.
            ReconnectState::Connected => SHUTTING_DOWN.into(),
            state => state.to_string().into(),
        }
    }

    fn no_connection(&self) -> CallError {
        CallError::NotConnected(self.reason())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Peer>> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the calls that wait, which are as many as may be pending on a connection.
struct WaitingCall<'a>(&'a AtomicUsize);

impl<'a> WaitingCall<'a> {
    fn begin(core: &'a ReconnectCore) -> Result<Self, CallError> {
        let begun = Self(&core.waiting);
        if core.waiting.fetch_add(1, Ordering::Relaxed) >= core.max_waiting {
            return Err(CallError::TooManyPending {
                limit: core.max_waiting,
            });
        }
        Ok(begun)
    }
}

impl Drop for WaitingCall<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ConnectionSource for ReconnectShared {
    fn current(&self) -> Option<Peer> {
        self.core.current()
    }

    fn ready(&self, is_timed: bool) -> Task<Result<Peer, CallError>> {
        Arc::clone(&self.core).ready_for_call(is_timed)
    }

    fn max_wait(&self) -> Duration {
        self.core.max_wait
    }

    fn reason(&self) -> Arc<str> {
        self.core.reason()
    }

    fn runtime(&self) -> &Handle {
        &self.core.runtime
    }
}

impl fmt::Debug for ReconnectShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reconnecting: {}", *self.core.state.borrow())
    }
}

/// The same way for those who do not wait.
#[derive(Debug)]
struct FailFast(Arc<ReconnectShared>);

impl ConnectionSource for FailFast {
    fn current(&self) -> Option<Peer> {
        self.0.current()
    }

    fn ready(&self, _: bool) -> Task<Result<Peer, CallError>> {
        let core = &self.0.core;
        let found = core.current().ok_or_else(|| core.no_connection());
        Box::pin(std::future::ready(found))
    }

    fn max_wait(&self) -> Duration {
        self.0.max_wait()
    }

    fn reason(&self) -> Arc<str> {
        self.0.reason()
    }

    fn runtime(&self) -> &Handle {
        self.0.runtime()
    }
}
