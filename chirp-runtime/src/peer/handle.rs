use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::calling::caller::{ConnectionHandle, ConnectionRef};
use super::connection::ConnectionCore;
use super::monitoring::observe::ObservedPacket;
use super::{AsCaller, Call, CallError, Caller, ConnectionError, MethodName, Router};
use crate::channel::{Credentials, Endpoint, Identity};
use crate::packet::{Hello, Payload};

/// One end of a connection: it calls the other side, and serves it.
///
/// Cloning gives another handle of the same connection. That lives until it fails or is closed, or until
/// its last handle (peer, client or call) is gone and it serves nothing; then what was sent is written
/// first. When it ends, every waiting call fails with the reason, every handler is interrupted, and the
/// services are let go.
#[derive(Clone)]
pub struct Peer {
    handle: Arc<ConnectionHandle>,
}

/// How busy a connection is. All of it is zero when its work is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// Calls that this side waits for.
    pub pending: usize,
    /// Calls that this side has cancelled and the other side has not answered.
    pub abandoned: usize,
    /// Calls that this side runs: a handler's future is alive.
    pub running: usize,
    /// Bytes that wait to be written.
    pub unsent: usize,
    /// Streams that are open, or of which something is held.
    pub streams: usize,
    /// Bytes of items that wait in streams: to be sent, or to be taken.
    pub stream_bytes: usize,
}

/// Where a connection is in its life.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PeerState {
    /// It calls and serves.
    Open,
    /// It ends as soon as what runs has been answered and the other side has closed too; requests that come are refused.
    Draining,
    /// It has ended, for this reason.
    Closed(ConnectionError),
}

impl PeerState {
    /// How far the connection is in its life.
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

    /// Calls a method by its name, with parameters as they are to travel.
    pub fn call(&self, method: impl Into<MethodName>, params: impl Into<Payload>) -> Call<Bytes> {
        self.as_caller().call(method, params)
    }

    /// Waits for the end of the connection, and gives the reason. Any number of tasks may wait, and one
    /// that comes late is told at once. Safe to drop.
    pub async fn closed(&self) -> ConnectionError {
        self.connection()
            .wait_for(|connection| connection.lock().end.clone())
            .await
    }

    /// Closes the connection now: calls fail, handlers are interrupted. Safe anywhere, any number of
    /// times.
    ///
    /// In the background, up to a second is spent on the rest of a packet that is being written, and on reading until the
    /// other side has closed too, so that it can read what was sent before. [`shutdown`](Self::shutdown) waits for that.
    pub fn close(&self) {
        self.connection().end(ConnectionError::ClosedHere);
    }

    /// Closes the connection in order: requests that come are refused, and once the handlers that run
    /// have answered, everything is written and the other side has closed its end too, or after `bound`, the
    /// connection ends. Returns the reason.
    ///
    /// When the handlers have answered, new calls of this side fail with [`CallError::ConnectionLost`]; those under way get the
    /// answers that still arrive. Other implementations of Chirp close their end when they read the end of this one.
    ///
    /// Dropping the future leaves the end to the handlers, without a bound; the other side then has 30 s
    /// ([`Limits::progress_timeout`](crate::session::Limits::progress_timeout)) to close. Inside a handler it waits
    /// for that handler too, so that there `bound` decides.
    ///
    /// A side that serves something waits 100 ms after the last request that it has refused, within `bound`, so that
    /// requests on their way are refused too. It does so for 1 s at most.
    pub async fn shutdown(&self, bound: Duration) -> ConnectionError {
        let draining = Draining(self.connection(), bound);
        let ended = tokio::time::timeout(bound, async {
            draining.0.refuse_requests().await;
            drop(draining);
            self.closed().await
        });
        if let Ok(reason) = ended.await {
            return reason;
        }
        self.close();
        self.closed().await
    }

    /// Asks the other side which extensions it accepts; `None` for a peer of plain Chirp v0. It is asked
    /// once and given 10 s. Safe to drop: the answer is kept.
    ///
    /// # Errors
    ///
    /// Why the question could not be asked.
    pub async fn hello(&self) -> Result<Option<Hello>, CallError> {
        self.connection().learn_hello().await
    }

    /// Changes what this peer serves while it runs: handlers are added, replaced, removed, given other
    /// names. Calls that have begun are not affected. What `change` returns is given back; nothing happens
    /// once the connection has ended.
    ///
    /// A peer that served nothing and does from now on stays when its last handle is gone.
    pub fn update_routes<T>(&self, change: impl FnOnce(&mut Router) -> T) -> Option<T> {
        let connection = self.connection();
        // One change at a time; handlers are cloned and dropped outside of the session's lock.
        let _turn = connection
            .updates
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut serving = connection.lock().serving.clone()?;
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

    /// Where the connection leads, if that has an address.
    pub fn remote(&self) -> Option<&Endpoint> {
        self.connection().remote.as_ref()
    }

    /// Who is at the other end, if the connection is a Unix socket: what the operating system says, not
    /// what the other side says.
    pub fn credentials(&self) -> Option<Credentials> {
        self.connection().credentials
    }

    /// Who is at the other end, as far as the channel has made sure of it.
    pub fn identity(&self) -> &Identity {
        &self.connection().identity
    }

    /// The connection's state, and every change of it.
    pub fn watch(&self) -> watch::Receiver<PeerState> {
        self.connection().watch()
    }

    /// Calls `observer` with every packet of this connection from now on, in place of the observer before it. Received
    /// packets are shown before they are handled, and sent packets before they are written. The observer must not block.
    /// A panic in it is logged and has no other effect.
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

    /// How busy the connection is.
    pub fn stats(&self) -> ConnectionStats {
        self.connection().stats()
    }

    /// Says which of its server's connections this is.
    pub(crate) fn set_number(&self, number: u64) {
        let _ = self.connection().number.set(number);
    }

    /// Whether the other side still takes on calls, as far as is known.
    pub(crate) fn takes_calls(&self) -> bool {
        self.connection().takes_calls()
    }

    /// Waits until the other side takes on no more calls, because the connection has ended for the reason given or
    /// because the other side has said that it shuts down.
    pub(crate) async fn left(&self) -> Option<ConnectionError> {
        self.connection().left().await
    }

    pub(super) fn connection(&self) -> &Arc<ConnectionCore> {
        &self.handle.connection
    }
}

impl ConnectionCore {
    /// How busy the connection is.
    pub(super) fn stats(&self) -> ConnectionStats {
        self.with(|state, effects| {
            state.flush_submit_queue(&self.submit_queue, effects);
            let session = &state.session;
            ConnectionStats {
                pending: session.pending(),
                abandoned: session.abandoned(),
                running: session.running(),
                unsent: session.unsent(),
                streams: session.streams(),
                stream_bytes: session.stream_bytes_held() + session.stream_bytes_queued(),
            }
        })
    }
}

/// A connection that is to end in order, whether or not somebody waits for it.
struct Draining<'a>(&'a ConnectionCore, Duration);

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
