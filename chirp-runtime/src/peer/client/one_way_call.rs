use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::runtime::Handle;

use crate::packet::Payload;
use crate::peer::client::call_core::shared;
use crate::peer::client::caller::CallTarget;
use crate::peer::client::connection_source::{self, ConnectionWait};
use crate::peer::client::lazy_call::{LazyCall, SendEarly};
use crate::peer::client::local::LocalCall;
use crate::peer::client::pending_send::PendingSend;
use crate::peer::{CallError, Caller, MethodName, TemplateError};

/// A one-way call: a future that is ready when the request is in the transmit buffer.
///
/// The caller does not learn whether the method ran: use a call where loss matters. A one-way call is lazy: it is sent
/// on its first poll, or by [`start`](Self::start). Dropping the future before it is ready takes the request back.
///
/// Stream halves in the arguments belong to no call: they live until one of the two halves ends. If the peer does not
/// support streams, the future fails with [`CallError::Rejected`] and nothing is sent.
///
/// With [`Caller::local`] the future is ready when the method has run, or with stream halves in the arguments, when the
/// method has been started.
#[must_use = "one-way calls are sent when awaited, or by `.start()` or `.detach()`"]
pub struct OneWayCall(OneWayCallState);

enum OneWayCallState {
    Unsent {
        caller: Caller,
        method: MethodName,
        params: Payload,
    },
    /// The call is sent when it is polled, or when the other half of one of its streams has to wait.
    Lazy {
        method: MethodName,
        call: Arc<LazyCall<OneWayCall>>,
    },
    /// The call waits for a connection.
    Connecting(Box<ConnectionWait>),
    Remote(PendingSend),
    Local(LocalCall),
    Failed(CallError),
    Over,
}

impl OneWayCall {
    /// Creates a one-way call that has not been sent.
    #[doc(hidden)]
    pub fn new(caller: Caller, method: MethodName, params: Result<Payload, CallError>) -> Self {
        let params = match method.check().and(params) {
            Ok(params) => params,
            Err(error) => return Self(OneWayCallState::Failed(error)),
        };
        let lazy_method = params.has_attachments().then(|| method.clone());
        let call = Self(OneWayCallState::Unsent {
            caller,
            method,
            params,
        });
        let Some(method) = lazy_method else {
            return call;
        };
        match LazyCall::new(call) {
            Ok(call) => Self(OneWayCallState::Lazy { method, call }),
            Err(call) => call,
        }
    }

    /// Returns this call, which has not been sent, for another target. The parameters are shared between the calls.
    pub(crate) fn retarget(&mut self, caller: Caller) -> Result<Self, CallError> {
        match &mut self.0 {
            OneWayCallState::Unsent { method, params, .. } => {
                let params = shared(params)?;
                Ok(Self::new(caller, method.clone(), Ok(params)))
            }
            OneWayCallState::Lazy { .. } => Err(CallError::NotTemplate(TemplateError::HasStreams)),
            OneWayCallState::Failed(error) => Err(error.clone()),
            _ => Err(CallError::NotTemplate(TemplateError::Sent)),
        }
    }

    /// Sends the call now. Await the returned future to wait for room in the transmit buffer.
    pub fn start(mut self) -> Self {
        self.claim();
        self.send();
        self
    }

    /// Sends the call now, and lets a task wait for room or for a connection if necessary. Errors are discarded. Use it
    /// in synchronous code, such as a `Drop` implementation.
    ///
    /// A call within this process ([`Caller::local`]) uses the current runtime; outside of a runtime it is polled once
    /// and then dropped.
    pub fn detach(mut self) {
        self.claim();
        let runtime = match &self.0 {
            OneWayCallState::Unsent { caller, .. } => caller.runtime(),
            OneWayCallState::Connecting(wait) => Some(wait.runtime()),
            OneWayCallState::Remote(queued) => Some(queued.runtime()),
            OneWayCallState::Local(_) | OneWayCallState::Lazy { .. } => Handle::try_current().ok(),
            OneWayCallState::Failed(_) | OneWayCallState::Over => None,
        };
        let mut call = self.start();
        let mut cx = Context::from_waker(Waker::noop());
        if Pin::new(&mut call).poll(&mut cx).is_pending()
            && let Some(runtime) = runtime
        {
            runtime.spawn(call);
        }
    }

    /// Takes the call back from its streams, which may have sent it.
    fn claim(&mut self) {
        if let OneWayCallState::Lazy { call, .. } = &self.0
            && let Some(call) = call.take()
        {
            *self = call;
        }
    }

    fn send(&mut self) {
        let OneWayCallState::Unsent { .. } = self.0 else {
            return;
        };
        let OneWayCallState::Unsent {
            caller,
            method,
            params,
        } = mem::replace(&mut self.0, OneWayCallState::Over)
        else {
            return;
        };
        self.0 = match caller.0 {
            CallTarget::Routed(route) => {
                if let Some((caller, _)) = connection_source::current(&*route) {
                    self.0 = OneWayCallState::Unsent {
                        caller,
                        method,
                        params,
                    };
                    return self.send();
                }
                let wait = ConnectionWait::new(&route, false, method, params, None);
                OneWayCallState::Connecting(Box::new(wait))
            }
            CallTarget::Remote(link) => {
                let connection = link.connection();
                let sent = if params.has_attachments() {
                    connection.call_one_way_with(&link, &method, params)
                } else {
                    connection.call_one_way(&method, params, link.is_callback())
                };
                match sent {
                    Ok(ticket) => OneWayCallState::Remote(PendingSend::new(link, ticket)),
                    Err(error) => OneWayCallState::Failed(error),
                }
            }
            CallTarget::Local(handler, back) => {
                // The caller feeds streams to the method after the call has been sent.
                let runs_alone = params.has_attachments();
                match LocalCall::new(&*handler, *back, &method, params, None) {
                    Ok((local, _)) if runs_alone => {
                        local.detach();
                        OneWayCallState::Over
                    }
                    Ok((local, _)) => OneWayCallState::Local(local),
                    Err(error) => OneWayCallState::Failed(error),
                }
            }
            // A peer drops a one-way call of an unknown method silently.
            CallTarget::Nobody => OneWayCallState::Over,
            CallTarget::Unbound => OneWayCallState::Failed(CallError::Unbound),
        };
    }
}

impl SendEarly for OneWayCall {
    fn params(&self) -> Option<&Payload> {
        match &self.0 {
            OneWayCallState::Unsent { params, .. } => Some(params),
            _ => None,
        }
    }

    fn send_early(&mut self) {
        if let OneWayCallState::Unsent { caller, params, .. } = &self.0
            && !caller.can_take(params)
        {
            return;
        }
        self.send();
    }

    fn waits_on(&self) -> Option<Handle> {
        match &self.0 {
            OneWayCallState::Connecting(wait) => Some(wait.runtime()),
            _ => None,
        }
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let OneWayCallState::Connecting(wait) = &mut self.0 {
            self.0 = match ready!(wait.poll(cx)) {
                Ok((caller, _)) => OneWayCallState::Unsent {
                    caller,
                    method: wait.method.clone(),
                    params: mem::take(&mut wait.params),
                },
                Err(error) => OneWayCallState::Failed(error),
            };
            self.send();
        }
        Poll::Ready(())
    }
}

impl Future for OneWayCall {
    type Output = Result<(), CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.claim();
        self.send();
        ready!(self.poll_sent(cx));
        let done = match &mut self.0 {
            OneWayCallState::Remote(queued) => ready!(queued.poll(cx)),
            OneWayCallState::Local(local) => {
                let _ = ready!(local.poll(cx));
                Ok(())
            }
            OneWayCallState::Failed(error) => Err(error.clone()),
            OneWayCallState::Unsent { .. }
            | OneWayCallState::Lazy { .. }
            | OneWayCallState::Connecting(_)
            | OneWayCallState::Over => Ok(()),
        };
        self.0 = OneWayCallState::Over;
        Poll::Ready(done)
    }
}

impl fmt::Debug for OneWayCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            OneWayCallState::Unsent { method, .. } | OneWayCallState::Lazy { method, .. } => {
                f.debug_tuple("OneWayCall").field(method).finish()
            }
            _ => f.write_str("OneWayCall(sent)"),
        }
    }
}
