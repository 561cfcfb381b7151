use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::runtime::Handle;

use crate::packet::Payload;
use crate::peer::calling::caller::CallTarget;
use crate::peer::calling::connection_source::{self, ConnectionWait};
use crate::peer::calling::lazy_call::{LazyCall, SendEarly};
use crate::peer::calling::local::LocalCall;
use crate::peer::calling::pending_send::PendingSend;
use crate::peer::{CallError, Caller, MethodName};

/// A one-way call: a future that is ready when the packet is in the transmit buffer.
///
/// Nobody learns whether the method ran: where loss matters, use a call. Like a call it is sent at its
/// first poll, or by [`start`](Self::start); dropping it before it is ready takes it back.
///
/// Halves of streams in its arguments belong to nobody's call: they live until one of the two halves ends. If the other
/// side does not know streams, the call is ready with [`CallError::Rejected`], and is not sent.
///
/// Made through [`Caller::local`], it is ready when the method has run; with halves of streams among its arguments, as
/// soon as the method has begun.
#[must_use = "one-way calls are sent when awaited, or by `.start()` or `.detach()`"]
pub struct OneWayCall(OneWayCallState);

enum OneWayCallState {
    Unsent {
        caller: Caller,
        method: MethodName,
        params: Payload,
    },
    /// It is sent when it is polled, or when a stream that it was given has to wait.
    Lazy(Arc<LazyCall<OneWayCall>>),
    /// It waits for a connection.
    Connecting(Box<ConnectionWait>),
    Remote(PendingSend),
    Local(LocalCall),
    Failed(CallError),
    Over,
}

impl OneWayCall {
    /// A one-way call that is yet to be sent.
    #[doc(hidden)]
    pub fn new(caller: Caller, method: MethodName, params: Result<Payload, CallError>) -> Self {
        let params = match method.check().and(params) {
            Ok(params) => params,
            Err(error) => return Self(OneWayCallState::Failed(error)),
        };
        let has_streams = params.has_attachments();
        let call = Self(OneWayCallState::Unsent {
            caller,
            method,
            params,
        });
        if !has_streams {
            return call;
        }
        LazyCall::new(call).map_or_else(|call| call, |lazy| Self(OneWayCallState::Lazy(lazy)))
    }

    /// Sends the call now. Await the rest to know that there was room for it.
    pub fn start(mut self) -> Self {
        self.claim();
        self.send();
        self
    }

    /// Sends the call now, and sees to it that it leaves although nobody awaits it: where it has to wait for room or for
    /// a connection, a task does. An error is discarded. For synchronous code, such as a `Drop`.
    ///
    /// A call in this process ([`Caller::local`]) runs in the runtime that this is called in; outside of any it is
    /// polled once and then dropped.
    pub fn detach(mut self) {
        self.claim();
        let runtime = match &self.0 {
            OneWayCallState::Unsent { caller, .. } => caller.runtime(),
            OneWayCallState::Connecting(finding) => Some(finding.runtime()),
            OneWayCallState::Remote(queued) => Some(queued.runtime()),
            OneWayCallState::Local(_) | OneWayCallState::Lazy(_) => Handle::try_current().ok(),
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

    /// Takes over a call that a stream may have sent. From now on this polls it.
    fn claim(&mut self) {
        if let OneWayCallState::Lazy(lazy) = &self.0
            && let Some(call) = lazy.take()
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
                if let Some(caller) = connection_source::current(&*route) {
                    self.0 = OneWayCallState::Unsent {
                        caller,
                        method,
                        params,
                    };
                    return self.send();
                }
                let finding = ConnectionWait::new(&route, false, method, params, None);
                OneWayCallState::Connecting(Box::new(finding))
            }
            CallTarget::Remote(link) => {
                let connection = link.connection();
                let sent = if params.has_attachments() {
                    connection.cast_with(&link, &method, params)
                } else {
                    connection.call_one_way(&method, params)
                };
                match sent {
                    Ok(ticket) => OneWayCallState::Remote(PendingSend::new(link, ticket)),
                    Err(error) => OneWayCallState::Failed(error),
                }
            }
            CallTarget::Local(handler, back) => {
                // Whoever feeds a stream to the method does so when the call has been sent.
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
            // An ordinary one-way call of an unknown method is lost without a word.
            CallTarget::Nobody => OneWayCallState::Over,
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
        self.send();
    }
}

impl Future for OneWayCall {
    type Output = Result<(), CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.claim();
        self.send();
        if let OneWayCallState::Connecting(finding) = &mut self.0 {
            self.0 = match ready!(finding.poll(cx)) {
                Ok(caller) => OneWayCallState::Unsent {
                    caller,
                    method: finding.method.clone(),
                    params: mem::take(&mut finding.params),
                },
                Err(error) => OneWayCallState::Failed(error),
            };
            self.send();
        }
        let done = match &mut self.0 {
            OneWayCallState::Remote(queued) => ready!(queued.poll(cx)),
            OneWayCallState::Local(local) => {
                let _ = ready!(local.poll(cx));
                Ok(())
            }
            OneWayCallState::Failed(error) => Err(error.clone()),
            OneWayCallState::Unsent { .. }
            | OneWayCallState::Lazy(_)
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
            OneWayCallState::Unsent { method, .. } => {
                f.debug_tuple("OneWayCall").field(method).finish()
            }
            _ => f.write_str("OneWayCall(sent)"),
        }
    }
}
