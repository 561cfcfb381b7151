use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::client::caller::{ConnectionHandle, ConnectionRef};
use super::connection::ConnectionCore;
use super::guard;
use super::monitoring::observe::ObservedPacket;
use super::{AsCaller, Call, CallError, Caller, ConnectionError, MethodName, PeerBuilder, Router};
use crate::channel::{Credentials, Endpoint, Identity};
use crate::packet::{Hello, Payload};

/// One end of a connection: it calls the peer at the other end, and serves calls from there.
///
/// A clone is another handle of the same connection. The connection lives until it fails or is closed, or until its
/// last handle (peer, client or call) is dropped and it serves nothing; then pending output is written first. When the
/// connection ends, every pending call fails with the reason, every handler is interrupted, and the services are
/// dropped.
#[derive(Clone)]
pub struct Peer {
    handle: Arc<ConnectionHandle>,
}

/// The load of a connection. All fields are zero when it has no work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// Calls of this side that wait for a response.
    pub pending: usize,
    /// Calls that this side has cancelled and the peer has not answered.
    pub abandoned: usize,
    /// Calls that this side runs: the handler's future is alive.
    pub running: usize,
    /// Bytes that wait to be written.
    pub unsent: usize,
    /// Streams that are open, or for which data is held.
    pub streams: usize,
    /// Bytes of stream items that wait to be sent or received.
    pub stream_bytes: usize,
    /// Whether reading is paused, because handlers or buffers are at a limit.
    pub is_read_paused: bool,
}

/// The state of a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PeerState {
    /// Calls are made and served.
    Open,
    /// One of the two sides shuts down. Running calls are answered, and their handlers may call. Other calls should be
    /// made elsewhere. The connection ends when no call is left.
    Draining,
    /// The connection has ended, for this reason.
    Closed(ConnectionError),
}

impl PeerState {
    /// Returns the position in the order of states.
    pub(super) fn stage(&self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Draining => 1,
            Self::Closed(_) => 2,
        }
    }
}

impl Peer {
    pub(super) fn new(connection: Arc<ConnectionCore>, serves: bool) -> Self {
        Self {
            handle: Arc::new(ConnectionHandle {
                connection,
                serves: AtomicBool::new(serves),
            }),
        }
    }

    /// Calls a method by its name, with encoded parameters.
    pub fn call(&self, method: impl Into<MethodName>, params: impl Into<Payload>) -> Call<Bytes> {
        self.as_caller().call(method, params)
    }

    /// Waits for the end of the connection. Returns the reason. Any number of tasks may wait, also after the end.
    ///
    /// Cancel safe.
    pub async fn closed(&self) -> ConnectionError {
        self.connection()
            .wait_for(|connection| connection.look().end.clone())
            .await
    }

    /// Closes the connection now: calls fail, and handlers are interrupted. Can be called anywhere and repeatedly.
    ///
    /// In the background, up to 1 s is spent to finish a packet that is being written, and to read until the peer has
    /// closed too, so that it can read what was sent before. To wait for that, use [`shutdown`](Self::shutdown).
    pub fn close(&self) {
        self.connection().end(ConnectionError::ClosedHere);
    }

    /// Closes the connection gracefully. The connection ends when every call in both directions has been answered, no
    /// stream is left and everything is written, or after `bound`. Returns the reason.
    ///
    /// The peer is told and sends new calls elsewhere. Its calls that are on their way still run, and running handlers on
    /// both sides may call back. Other new calls of this side fail with [`CallError::ConnectionLost`].
    ///
    /// A peer of plain Chirp v0, or one whose extensions are not known yet, cannot be told. Its requests are refused until
    /// 100 ms have passed without one, for at most 1 s and within `bound`; one-way calls of that time are lost, and pending
    /// calls of this side are not waited for.
    ///
    /// Inside of a handler, `shutdown` waits for that handler too, so only `bound` ends it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before it is ready does not stop the shutdown: it continues without a bound for the
    /// handlers, and the peer has 30 s ([`Limits::progress_timeout`](crate::session::Limits::progress_timeout)) to
    /// agree, and to close.
    pub async fn shutdown(&self, bound: Duration) -> ConnectionError {
        let draining = Draining(self.connection(), bound);
        let ended = tokio::time::timeout(bound, async {
            draining.0.refuse_requests(bound).await;
            drop(draining);
            self.closed().await
        });
        if let Ok(reason) = ended.await {
            return reason;
        }
        self.close();
        self.closed().await
    }

    /// Returns the extensions that the peer accepts, or `None` for a peer of plain Chirp v0. The peer is asked once,
    /// and has 10 s to answer.
    ///
    /// Cancel safe: the answer is kept.
    ///
    /// # Errors
    ///
    /// [`CallError`] if the question could not be sent, or the connection ended.
    pub async fn hello(&self) -> Result<Option<Hello>, CallError> {
        self.connection().learn_hello().await
    }

    /// Changes the routes of this peer while it runs: handlers can be added, replaced, removed and renamed. Calls that
    /// have been started are not affected. Returns the result of `change`, or `None` without calling it if the
    /// connection has ended.
    ///
    /// A peer that served nothing and serves something from now on stays open when its last handle is dropped.
    pub fn update_routes<T>(&self, change: impl FnOnce(&mut Router) -> T) -> Option<T> {
        let connection = self.connection();
        // One change at a time. Handlers are cloned and dropped outside of the connection's lock.
        let _turn = connection.updates.lock();
        let mut serving = connection.look().serving.clone()?;
        let changed = change(&mut Arc::make_mut(&mut serving).router);
        self.handle
            .serves
            .fetch_or(!serving.router.is_empty(), Ordering::Relaxed);
        let mut state = connection.lock();
        let old = if state.end.is_none() {
            state.serving.replace(serving)
        } else {
            Some(serving)
        };
        drop(state);
        drop(old);
        Some(changed)
    }

    /// Returns the address of the peer, if the connection was made to one.
    pub fn remote(&self) -> Option<&Endpoint> {
        self.connection().remote()
    }

    /// Returns the peer's credentials, if the connection is a Unix socket. They come from the operating system, not
    /// from the peer.
    pub fn credentials(&self) -> Option<Credentials> {
        self.connection().credentials()
    }

    /// Returns the peer's identity, as verified by the channel.
    pub fn identity(&self) -> &Identity {
        self.connection().identity()
    }

    /// Returns a receiver of the connection's state.
    pub fn watch(&self) -> watch::Receiver<PeerState> {
        self.connection().watch()
    }

    /// Calls `observer` with every packet of this connection from now on, in place of the observer before it. Received
    /// packets are shown before they are handled, and sent packets before they are written. The observer must not
    /// block. A panic in it is logged and has no other effect.
    pub fn set_packet_observer(
        &self,
        observer: impl Fn(&ObservedPacket<'_>) + Send + Sync + 'static,
    ) {
        self.connection().observe(Some(Arc::new(observer)));
    }

    /// Removes the packet observer, if there is one.
    pub fn clear_packet_observer(&self) {
        self.connection().observe(None);
    }

    /// Returns the load of the connection.
    pub fn stats(&self) -> ConnectionStats {
        self.connection().stats()
    }

    /// Sets the connection's number at its server.
    pub(crate) fn set_number(&self, number: u64) {
        let _ = self.connection().number.set(number);
    }

    /// Keeps a value with the connection, for [`CallContext::attachment`](super::CallContext::attachment). Later values
    /// are ignored.
    pub(crate) fn attach<T: Send + Sync + 'static>(&self, value: T) {
        let _ = self.connection().rare().attachment.set(Arc::new(value));
    }

    /// Returns `true` if a value is kept with the connection.
    pub(crate) fn is_attached(&self) -> bool {
        let rare = self.connection().known_rare();
        rare.is_some_and(|rare| rare.attachment.get().is_some())
    }

    /// Serves what peers of `builder` serve from now on. If this peer holds requests, they are started.
    pub(crate) fn serve_as(&self, builder: &PeerBuilder) {
        let connection = self.connection();
        let _turn = connection.updates.lock();
        let serving = builder.serving();
        let mut state = connection.lock();
        let old = if state.end.is_none() {
            let old = state.serving.replace(serving);
            if old.is_none() {
                state.serve_requests();
            }
            old
        } else {
            None
        };
        drop(state);
        guard::discard(old);
    }

    /// Returns `true` if one of the two sides is shutting down: new calls should be made elsewhere. Also `true` after the
    /// end that followed.
    pub fn is_draining(&self) -> bool {
        self.connection().is_draining()
    }

    /// Waits until one of the two sides shuts down, or the connection has ended.
    ///
    /// Cancel safe.
    pub async fn draining(&self) {
        self.connection().draining().await;
    }

    /// Returns `true` unless the peer is known to refuse calls.
    pub(crate) fn takes_calls(&self) -> bool {
        self.connection().takes_calls()
    }

    /// Waits until the peer accepts no more calls: the connection has ended for the returned reason, or the peer has
    /// announced its shutdown.
    pub(crate) async fn left(&self) -> Option<ConnectionError> {
        self.connection().left().await
    }

    pub(super) fn connection(&self) -> &Arc<ConnectionCore> {
        &self.handle.connection
    }
}

impl ConnectionCore {
    /// Returns the load of the connection.
    pub(super) fn stats(&self) -> ConnectionStats {
        let mut state = self.lock();
        let is_read_paused = state.paused.is_some();
        state.ordered(|session| ConnectionStats {
            pending: session.pending(),
            abandoned: session.abandoned(),
            running: session.running(),
            unsent: session.unsent(),
            streams: session.streams(),
            stream_bytes: session.stream_bytes_held() + session.stream_bytes_queued(),
            is_read_paused,
        })
    }
}

/// Starts a graceful shutdown when it is dropped, whether or not a task waits for the end.
struct Draining<'a>(&'a Arc<ConnectionCore>, Duration);

impl Drop for Draining<'_> {
    fn drop(&mut self) {
        self.0.drain(Some(self.1));
    }
}

impl AsCaller for Peer {
    fn as_caller(&self) -> Caller {
        ConnectionRef::Counted(Arc::clone(&self.handle)).into()
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("remote", &self.remote())
            .finish_non_exhaustive()
    }
}
