use std::fmt;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::codec::CodecId;
use crate::packet::{FrameworkError, Payload};
use crate::peer::{AsCaller, CallError, Caller, MethodName, Peer, Task};

/// How often a call that may be repeated is sent at most. One that ends every connection it is sent on is not
/// sent for ever.
const ATTEMPTS: u8 = 3;

/// A way to callees whose connection is not always the same, or not always there.
pub(crate) trait ConnectionSource: fmt::Debug + Send + Sync {
    /// The connection that is there now. One that has ended, or takes on no more calls, is passed over.
    fn current(&self) -> Option<Peer>;

    /// A connection that is there now or comes about, or why none did. Whether the call that waits has a time
    /// of its own is said by `is_timed`; otherwise the wait has to end by itself.
    fn ready(&self, is_timed: bool) -> Task<Result<Peer, CallError>>;

    /// How long a call without a time of its own waits.
    fn max_wait(&self) -> Duration;

    /// Why there is no connection, or what is done about it.
    fn reason(&self) -> Arc<str>;

    /// Who keeps time.
    fn runtime(&self) -> &Handle;
}

/// What calls go through on a route now, if anything.
pub(in crate::peer) fn current(route: &dyn ConnectionSource) -> Option<Caller> {
    let peer = route.current().filter(Peer::takes_calls)?;
    Some(peer.as_caller())
}

/// A call, or a one-way call, that waits for a connection.
pub(in crate::peer) struct ConnectionWait {
    route: Arc<dyn ConnectionSource>,
    ready: Task<Result<Peer, CallError>>,
    pub(in crate::peer) method: MethodName,
    pub(in crate::peer) params: Payload,
    pub(in crate::peer) streams: Option<CodecId>,
    /// Whether it may have run on another connection before.
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
    ) -> Poll<Result<Caller, CallError>> {
        let ready = self.ready.as_mut().poll(cx);
        ready.map(|found| found.map(|peer| peer.as_caller()))
    }

    pub(in crate::peer) fn runtime(&self) -> Handle {
        self.route.runtime().clone()
    }

    /// The error of a call whose time is over while it waits.
    pub(in crate::peer) fn timed_out(&self) -> CallError {
        if self.may_have_run {
            return CallError::deadline_exceeded();
        }
        CallError::NotConnected(self.route.reason())
    }
}

/// What it takes to send a call again on another connection.
pub(in crate::peer) struct Retry {
    /// A call that is under way lets its client go, which then has no other connection for it.
    route: Weak<dyn ConnectionSource>,
    /// One that may be sent again although it may have run keeps it,
    idempotent: Option<Arc<dyn ConnectionSource>>,
    /// and is sent so many times more.
    left: u8,
    method: MethodName,
    params: Bytes,
    /// The codec of the stream that is the result.
    streams: Option<CodecId>,
    /// Why it failed the last time that it may have run.
    lost: Option<CallError>,
    /// Until when it is sent again because it has not run.
    until: Option<Instant>,
    /// It was given to a connection.
    sent: bool,
}

impl Retry {
    /// Halves of streams among the arguments belong to one connection, so that what has them is sent once.
    pub(in crate::peer) fn new(
        route: &Arc<dyn ConnectionSource>,
        method: &MethodName,
        params: &mut Payload,
        streams: Option<CodecId>,
        idempotent: bool,
    ) -> Option<Box<Self>> {
        if params.has_attachments() {
            return None;
        }
        let bytes = std::mem::take(params).into_bytes();
        *params = bytes.clone().into();
        Some(Box::new(Self {
            route: Arc::downgrade(route),
            idempotent: (idempotent && streams.is_none()).then(|| Arc::clone(route)),
            left: ATTEMPTS - 1,
            method: method.clone(),
            params: bytes,
            streams,
            lost: None,
            until: None,
            sent: false,
        }))
    }

    /// Whether the connection that was found took the call.
    pub(in crate::peer) fn note_sent(&mut self, sent: bool) {
        self.sent = sent;
    }

    /// The call, which waits for another connection, if `error` says that it has not run, or that its connection
    /// ended and it may run twice.
    pub(in crate::peer) fn find(
        &mut self,
        error: &CallError,
        is_timed: bool,
    ) -> Option<ConnectionWait> {
        let route = self.route.upgrade()?;
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
        let (method, params) = (self.method.clone(), self.params.clone().into());
        let mut finding = ConnectionWait::new(&route, is_timed, method, params, self.streams);
        finding.may_have_run = self.lost.is_some();
        Some(finding)
    }

    /// Whether a call without a time of its own has been sent again for as long as it may be: a side that accepts
    /// connections and refuses every call is not asked for ever.
    fn is_late(&mut self, route: &dyn ConnectionSource) -> bool {
        let _entered = route.runtime().enter();
        let now = Instant::now();
        if let Some(until) = self.until {
            return now >= until;
        }
        self.until = now.checked_add(route.max_wait());
        false
    }

    /// The error of the call, which is sent no more: where it may have run before, the last error does not hide that.
    pub(in crate::peer) fn fail(&mut self, error: CallError) -> CallError {
        match self.lost.take() {
            Some(lost) if !error.may_have_run() => lost,
            _ => error,
        }
    }
}
