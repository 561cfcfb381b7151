use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::codec::CodecId;
use crate::packet::{Fault, Payload};
use crate::peer::{AsCaller, CallError, Caller, MethodName, Peer, Task};

/// How often a call that may be repeated is sent at most. One that ends every connection it is sent on is not
/// sent for ever.
const ATTEMPTS: u8 = 3;

/// A way to callees whose connection is not always the same, or not always there.
pub(crate) trait Route: fmt::Debug + Send + Sync {
    /// The connection that is there now. One that has ended is passed over.
    fn current(&self) -> Option<Peer>;

    /// A connection that is there now or comes about, or why none did. Whether the call that waits has a time
    /// of its own is said by `is_timed`; otherwise the wait has to end by itself.
    fn ready(&self, is_timed: bool) -> Task<Result<Peer, CallError>>;

    /// This connection takes no more calls.
    fn leave(&self, peer: &Peer);

    /// Why there is no connection, or what is done about it.
    fn reason(&self) -> Arc<str>;

    /// Who keeps time.
    fn runtime(&self) -> &Handle;
}

/// What calls go through on a route now, if anything.
pub(in crate::peer) fn current(route: &dyn Route) -> Option<Caller> {
    let peer = route.current().filter(|peer| !peer.has_ended())?;
    Some(peer.as_caller())
}

/// A call, or a one-way call, that waits for a connection.
pub(in crate::peer) struct Finding {
    route: Arc<dyn Route>,
    ready: Task<Result<Peer, CallError>>,
    pub(in crate::peer) method: MethodName,
    pub(in crate::peer) params: Payload,
    pub(in crate::peer) streams: Option<CodecId>,
    /// Whether it was sent on another connection before.
    again: bool,
}

impl Finding {
    pub(in crate::peer) fn new(
        route: &Arc<dyn Route>,
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
            again: false,
        }
    }

    pub(in crate::peer) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Caller, CallError>> {
        let ready = self.ready.as_mut().poll(cx);
        ready.map(|found| found.map(|peer| peer.as_caller()))
    }

    /// The error of a call whose time is over while it waits.
    pub(in crate::peer) fn timed_out(&self) -> CallError {
        if self.again {
            return CallError::DeadlineExceeded;
        }
        CallError::NoConnection(self.route.reason())
    }
}

/// What it takes to send a call again.
pub(in crate::peer) struct Again {
    route: Arc<dyn Route>,
    method: MethodName,
    params: Bytes,
    left: u8,
}

impl Again {
    /// Halves of streams belong to one connection, so that what has them is sent once.
    pub(in crate::peer) fn new(
        route: &Arc<dyn Route>,
        method: &MethodName,
        params: &mut Payload,
    ) -> Option<Box<Self>> {
        if params.has_attachments() {
            return None;
        }
        let bytes = std::mem::take(params).into_bytes();
        *params = bytes.clone().into();
        Some(Box::new(Self {
            route: Arc::clone(route),
            method: method.clone(),
            params: bytes,
            left: ATTEMPTS - 1,
        }))
    }

    /// The call, which waits for another connection, if `error` is that of a connection that ends and it has
    /// not been sent too often.
    pub(in crate::peer) fn find(&mut self, error: &CallError, is_timed: bool) -> Option<Finding> {
        match error {
            CallError::Closed(_) => {}
            CallError::Refused {
                fault: Fault::ShuttingDown,
                ..
            } => {
                if let Some(peer) = self.route.current() {
                    self.route.leave(&peer);
                }
            }
            _ => return None,
        }
        self.left = self.left.checked_sub(1)?;
        let (method, params) = (self.method.clone(), self.params.clone().into());
        let mut finding = Finding::new(&self.route, is_timed, method, params, None);
        finding.again = true;
        Some(finding)
    }
}
