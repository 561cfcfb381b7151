use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::codec::CodecId;
use crate::packet::{FrameworkError, Payload};
use crate::peer::{AsCaller, CallError, Caller, MethodName, Peer, Task};

/// The maximum number of times that an idempotent call is sent. A call that ends every connection must not be sent
/// forever.
const ATTEMPTS: u8 = 3;

/// A source of connections to callees, for connections that change or may be absent.
pub(crate) trait ConnectionSource: fmt::Debug + Send + Sync {
    /// Returns the connection for a call, unless there is none that takes calls.
    fn current(&self) -> Option<Found>;

    /// Waits for a connection, or returns the reason why none was made. `is_timed` tells whether the waiting call has a
    /// timeout of its own; otherwise the wait must end by itself.
    fn ready(&self, is_timed: bool) -> Task<Result<Found, CallError>>;

    /// Returns how long a call without a timeout waits.
    fn max_wait(&self) -> Duration;

    /// Returns why there is no connection, or what is being done about it.
    fn reason(&self) -> Arc<str>;

    /// Returns the runtime that timers use.
    fn runtime(&self) -> &Handle;
}

/// A connection that a source has found for a call.
pub(crate) struct Found {
    pub(crate) peer: Peer,
    /// Counts the call, if the source counts its calls.
    pub(crate) permit: Option<CallPermit>,
}

impl From<Peer> for Found {
    fn from(peer: Peer) -> Self {
        Self { peer, permit: None }
    }
}

/// Counts a call in progress until it is dropped.
pub(crate) struct CallPermit(Arc<AtomicUsize>);

impl CallPermit {
    pub(crate) fn new(running: &Arc<AtomicUsize>) -> Self {
        running.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(running))
    }
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns the caller of the current connection.
pub(in crate::peer) fn current(
    route: &dyn ConnectionSource,
) -> Option<(Caller, Option<CallPermit>)> {
    let found = route.current().filter(|found| found.peer.takes_calls())?;
    Some((found.peer.as_caller(), found.permit))
}

/// A call or one-way call that waits for a connection.
pub(in crate::peer) struct ConnectionWait {
    route: Arc<dyn ConnectionSource>,
    ready: Task<Result<Found, CallError>>,
    pub(in crate::peer) method: MethodName,
    pub(in crate::peer) params: Payload,
    pub(in crate::peer) streams: Option<CodecId>,
    /// The call may have run on an earlier connection.
    may_have_run: bool,
}

impl ConnectionWait {
    pub(in crate::peer) fn new(
        route: &Arc<dyn ConnectionSource>,
        is_timed: bool,
        method: MethodName,
        params: Payload,
        streams: Option<CodecId>,
    ) -> Self {
        Self {
            route: Arc::clone(route),
            ready: route.ready(is_timed),
            method,
            params,
            streams,
            may_have_run: false,
        }
    }

    pub(in crate::peer) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(Caller, Option<CallPermit>), CallError>> {
        let ready = self.ready.as_mut().poll(cx);
        ready.map(|found| found.map(|found| (found.peer.as_caller(), found.permit)))
    }

    pub(in crate::peer) fn runtime(&self) -> Handle {
        self.route.runtime().clone()
    }

    /// Returns the error of a call that has timed out while it waited.
    pub(in crate::peer) fn timed_out(&self) -> CallError {
        if self.may_have_run {
            return CallError::deadline_exceeded();
        }
        CallError::NotConnected(self.route.reason())
    }
}

/// What is needed to send a call again on another connection.
pub(in crate::peer) struct Retry {
    /// Weak: a call in progress does not keep its client's reconnection alive.
    route: Weak<dyn ConnectionSource>,
    /// An idempotent call may be sent again although it may have run, so it does keep it alive.
    idempotent: Option<Arc<dyn ConnectionSource>>,
    /// How many more times an idempotent call may be sent.
    left: u8,
    method: MethodName,
    /// `None` if the arguments contain stream halves: these belong to one connection, so the call is sent once.
    params: Option<Bytes>,
    /// The item codec, if the result is a stream.
    streams: Option<CodecId>,
    /// Counts the call at the source of its connection.
    permit: Option<CallPermit>,
    /// The last error after which the call may have run.
    lost: Option<CallError>,
    /// Until when the call is sent again because it has not run.
    until: Option<Instant>,
    /// The call was given to a connection.
    sent: bool,
}

impl Retry {
    pub(in crate::peer) fn new(
        route: &Arc<dyn ConnectionSource>,
        method: &MethodName,
        params: &mut Payload,
        streams: Option<CodecId>,
        idempotent: bool,
    ) -> Box<Self> {
        let bytes = (!params.has_attachments()).then(|| {
            let bytes = std::mem::take(params).into_bytes();
            *params = bytes.clone().into();
            bytes
        });
        let again = idempotent && streams.is_none() && bytes.is_some();
        Box::new(Self {
            route: Arc::downgrade(route),
            idempotent: again.then(|| Arc::clone(route)),
            left: ATTEMPTS - 1,
            method: method.clone(),
            params: bytes,
            streams,
            permit: None,
            lost: None,
            until: None,
            sent: false,
        })
    }

    /// Counts the call until [`release`](Self::release) at the source of the connection that it is about to use.
    pub(in crate::peer) fn hold(&mut self, permit: Option<CallPermit>) {
        self.permit = permit;
    }

    pub(in crate::peer) fn release(&mut self) -> Option<CallPermit> {
        self.permit.take()
    }

    /// Records whether a connection has accepted the call.
    pub(in crate::peer) fn note_sent(&mut self, sent: bool) {
        self.sent = sent;
    }

    /// Returns the wait for another connection if the call can be sent again: `error` says that it has not run, or the
    /// connection ended and the call is idempotent.
    pub(in crate::peer) fn find(
        &mut self,
        error: &CallError,
        is_timed: bool,
    ) -> Option<ConnectionWait> {
        let (route, params) = (self.route.upgrade()?, self.params.clone()?);
        match error {
            CallError::ConnectionLost(_) if self.sent => {
                self.idempotent.as_ref()?;
                self.left = self.left.checked_sub(1)?;
                self.lost = Some(error.clone());
            }
            CallError::ConnectionLost(_)
            | CallError::Rejected {
                reason: FrameworkError::ShuttingDown,
                ..
            } => {
                if !is_timed && self.is_late(&*route) {
                    return None;
                }
            }
            _ => return None,
        }
        drop(self.permit.take());
        let method = self.method.clone();
        let mut wait = ConnectionWait::new(&route, is_timed, method, params.into(), self.streams);
        wait.may_have_run = self.lost.is_some();
        Some(wait)
    }

    /// Returns `true` if a call without a timeout has been sent again for long enough. A peer that accepts connections
    /// and refuses every call must not be asked forever.
    fn is_late(&mut self, route: &dyn ConnectionSource) -> bool {
        let _entered = route.runtime().enter();
        let now = Instant::now();
        if let Some(until) = self.until {
            return now >= until;
        }
        self.until = now.checked_add(route.max_wait());
        false
    }

    /// Returns the final error of the call. If an earlier attempt may have run, the error of that attempt takes
    /// precedence.
    pub(in crate::peer) fn fail(&mut self, error: CallError) -> CallError {
        match self.lost.take() {
            Some(lost) if !error.may_have_run() => lost,
            _ => error,
        }
    }
}
