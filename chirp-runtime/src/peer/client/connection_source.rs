use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::codec::CodecId;
use crate::packet::Payload;
use crate::peer::{AsCaller, CallError, Caller, MethodName, Peer, RetryPolicy, Task};

/// A source of connections to callees, for connections that change or may be absent.
pub(crate) trait ConnectionSource: fmt::Debug + Send + Sync {
    /// Returns the connection for a call, unless there is none that takes calls.
    fn current(&self) -> Option<Found>;

    /// Waits for a connection, or returns the reason why none was made. `is_timed` tells whether the waiting call has a
    /// timeout of its own; otherwise the wait must end by itself.
    fn ready(&self, is_timed: bool) -> Task<Result<Found, CallError>>;

    /// Returns how long a call without a timeout waits.
    fn max_wait(&self) -> Duration;

    /// Returns the policy of calls that have none of their own.
    fn retry_policy(&self) -> Option<&RetryPolicy> {
        None
    }

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

    /// Records that the call may have run on an earlier connection.
    pub(in crate::peer) fn after_loss(mut self, may_have_run: bool) -> Self {
        self.may_have_run = may_have_run;
        self
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

    /// Returns a caller that looks for the current connection again, which may have changed since the wait ended.
    pub(in crate::peer) fn caller(&self) -> Caller {
        Caller::routed(Arc::clone(&self.route))
    }

    /// Returns the error of a call that has timed out while it waited.
    pub(in crate::peer) fn timed_out(&self) -> CallError {
        if self.may_have_run {
            return CallError::deadline_exceeded();
        }
        CallError::NotConnected(self.route.reason())
    }
}
