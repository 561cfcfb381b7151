use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::runtime::Handle;

use crate::packet::{Metadata, Payload, TraceContext};
use crate::peer::client::call_core::{fields, shared};
use crate::peer::client::call_options::CallOptions;
use crate::peer::client::caller::CallTarget;
use crate::peer::client::connection_source::{self, ConnectionWait};
use crate::peer::client::indirect::{IndirectCall, IndirectRequest};
use crate::peer::client::layer::CallKind;
use crate::peer::client::lazy_call::{LazyCall, SendEarly};
use crate::peer::client::pending_send::PendingSend;
use crate::peer::monitoring::span::Span;
use crate::peer::stream::demand::Startable;
use crate::peer::{CallContext, CallError, Caller, MethodName, TemplateError};

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
pub struct OneWayCall {
    state: OneWayCallState,
    /// `None` for most calls.
    options: Option<Box<CallOptions>>,
}

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
    /// The call runs in this process, or passes layers.
    Indirect(IndirectCall),
    Failed(CallError),
    /// As [`SentCall::FailsLater`](super::call_core::SentCall::FailsLater).
    FailsLater(CallError),
    Over,
}

impl OneWayCall {
    /// Creates a one-way call that has not been sent.
    #[doc(hidden)]
    pub fn new(caller: Caller, method: MethodName, params: Result<Payload, CallError>) -> Self {
        let params = match method.check().and(params) {
            Ok(params) => params,
            Err(error) => return OneWayCallState::Failed(error).into(),
        };
        let (caller, options) = match caller.0 {
            CallTarget::With(defaults) => {
                let options = Some(Box::new(defaults.options()));
                (defaults.caller.clone(), options)
            }
            target => (Caller(target), None),
        };
        let lazy_method = params.has_attachments().then(|| method.clone());
        let call = Self {
            state: OneWayCallState::Unsent {
                caller,
                method,
                params,
            },
            options,
        };
        match lazy_method {
            Some(method) => call.into_lazy(method),
            None => call,
        }
    }

    fn into_lazy(self, method: MethodName) -> Self {
        match LazyCall::new(self) {
            Ok(call) => OneWayCallState::Lazy { method, call }.into(),
            Err(call) => call,
        }
    }

    /// Returns this call, which has not been sent, for another target. The parameters are shared between the calls.
    pub(crate) fn retarget(&mut self, caller: Caller) -> Result<Self, CallError> {
        match &mut self.state {
            OneWayCallState::Unsent { method, params, .. } => {
                let params = shared(params)?;
                let call = Self::new(caller, method.clone(), Ok(params));
                Ok(match &self.options {
                    Some(options) => call.change(|mine| mine.overlay(options)),
                    None => call,
                })
            }
            OneWayCallState::Lazy { .. } => Err(CallError::NotTemplate(TemplateError::HasStreams)),
            OneWayCallState::Failed(error) | OneWayCallState::FailsLater(error) => {
                Err(error.clone())
            }
            _ => Err(CallError::NotTemplate(TemplateError::Sent)),
        }
    }

    /// Adds an entry of metadata to the call: see [`Call::metadata`](crate::peer::Call::metadata). If the peer does not
    /// support metadata, the future fails with [`CallError::Rejected`] and nothing is sent.
    pub fn metadata(self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.change(|options| options.set_metadata(key, value.as_ref()))
    }

    /// As [`metadata`](Self::metadata), but the entry is left out if the peer does not support metadata, or if that is not
    /// known yet.
    pub fn metadata_optional(self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.change(|options| options.set_optional_metadata(key, value.as_ref()))
    }

    /// As [`metadata`](Self::metadata), with all entries of `metadata`, of which some may be optional.
    pub fn all_metadata(self, metadata: &Metadata) -> Self {
        self.change(|options| options.merge_metadata(metadata))
    }

    /// Sets the trace that the call belongs to: see [`Call::trace`](crate::peer::Call::trace).
    pub fn trace(self, trace: TraceContext) -> Self {
        self.change(|options| options.set_trace(trace))
    }

    /// Makes the call a part of the call that a handler serves: it inherits the trace and the metadata
    /// ([`Call::within`](crate::peer::Call::within)), but no deadline.
    pub fn within(self, cx: &CallContext) -> Self {
        self.change(|options| options.set_within(cx))
    }

    fn change(mut self, change: impl FnOnce(&mut CallOptions)) -> Self {
        match &self.state {
            OneWayCallState::Lazy { call, .. } => {
                call.change(|call| change(call.options.get_or_insert_default()));
            }
            _ => change(self.options.get_or_insert_default()),
        }
        self
    }

    /// Adds options to those of the call's client.
    pub(super) fn with_options(self, options: Option<Box<CallOptions>>) -> Self {
        match options {
            Some(options) => self.change(|mine| mine.overlay(&options)),
            None => self,
        }
    }

    /// Sends the call now. Await the returned future to wait for room in the transmit buffer.
    pub fn start(mut self) -> Self {
        self.claim();
        self.send();
        self.start_layered();
        // Until the program awaits the call, it may wait for the other halves of the call's streams.
        match &self.state {
            OneWayCallState::Connecting(wait) if wait.params.has_attachments() => {
                let method = wait.method.clone();
                let waiting = self.into_lazy(method);
                if let OneWayCallState::Lazy { call, .. } = &waiting.state {
                    Arc::clone(call).start();
                }
                waiting
            }
            _ => self,
        }
    }

    /// Sends the call now, and lets a task wait for room or for a connection if necessary. Errors are discarded. Use it
    /// in synchronous code, such as a `Drop` implementation.
    ///
    /// A call within this process ([`Caller::local`]) uses the current runtime; outside of a runtime it is polled once
    /// and then dropped.
    pub fn detach(mut self) {
        self.claim();
        let runtime = match &self.state {
            OneWayCallState::Unsent { caller, .. } => caller.runtime(),
            OneWayCallState::Connecting(wait) => Some(wait.runtime()),
            OneWayCallState::Remote(queued) => Some(queued.runtime()),
            OneWayCallState::Indirect(call) => call.runtime(),
            OneWayCallState::Lazy { .. } => Handle::try_current().ok(),
            OneWayCallState::Failed(_) | OneWayCallState::FailsLater(_) | OneWayCallState::Over => {
                None
            }
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
        if let OneWayCallState::Lazy { call, .. } = &self.state
            && let Some(call) = call.take()
        {
            *self = call;
        }
    }

    /// Runs a call inside of layers while it is not polled.
    fn start_layered(&mut self) {
        if let OneWayCallState::Indirect(call) = &mut self.state {
            call.start();
        }
    }

    fn send(&mut self) {
        let OneWayCallState::Unsent { .. } = self.state else {
            return;
        };
        let OneWayCallState::Unsent {
            caller,
            method,
            mut params,
        } = mem::replace(&mut self.state, OneWayCallState::Over)
        else {
            return;
        };
        let span = Span::of_call(&method);
        let (target, source) = match caller.0 {
            CallTarget::Routed(route) => match connection_source::current(&*route) {
                Some((caller, _)) => (caller.0, Some(route)),
                None => (CallTarget::Routed(Arc::clone(&route)), Some(route)),
            },
            target => (target, None),
        };
        self.state = match target {
            CallTarget::Routed(route) => {
                let wait = ConnectionWait::new(&route, false, method, params, None);
                OneWayCallState::Connecting(Box::new(wait))
            }
            CallTarget::Remote(link) => {
                let connection = link.connection();
                let options = self.options.as_deref();
                let fields = if options.is_some() || connection.propagation.is_some() {
                    fields(options, connection, &span)
                } else {
                    Ok(None)
                };
                let sent = fields.and_then(|fields| {
                    if params.has_attachments() || fields.is_some() {
                        connection.call_one_way_with(&link, &method, &mut params, fields.as_ref())
                    } else {
                        connection.call_one_way(&method, &mut params, link.is_callback())
                    }
                });
                match (sent, source) {
                    (Ok(ticket), _) => OneWayCallState::Remote(PendingSend::new(link, ticket)),
                    (Err(error), Some(route)) if error.is_going_away() => {
                        let wait = ConnectionWait::new(&route, false, method, params, None);
                        OneWayCallState::Connecting(Box::new(wait))
                    }
                    (Err(error), _) if error.is_going_away() => OneWayCallState::FailsLater(error),
                    (Err(error), _) => OneWayCallState::Failed(error),
                }
            }
            CallTarget::Indirect(target) => {
                let sent = target.send(IndirectRequest {
                    method: &method,
                    params,
                    kind: CallKind::Nothing,
                    options: self.options.as_deref(),
                    limit: None,
                    idempotent: false,
                    has_policy: false,
                });
                match sent {
                    Ok((call, _)) => OneWayCallState::Indirect(call),
                    Err(error) => OneWayCallState::Failed(error),
                }
            }
            // A peer drops a one-way call of an unknown method silently.
            CallTarget::With(_) | CallTarget::Nobody => OneWayCallState::Over,
            CallTarget::Unbound => OneWayCallState::Failed(CallError::Unbound),
        };
    }
}

impl From<OneWayCallState> for OneWayCall {
    fn from(state: OneWayCallState) -> Self {
        Self {
            state,
            options: None,
        }
    }
}

impl SendEarly for OneWayCall {
    fn params(&self) -> Option<&Payload> {
        match &self.state {
            OneWayCallState::Unsent { params, .. } => Some(params),
            OneWayCallState::Connecting(wait) => Some(&wait.params),
            _ => None,
        }
    }

    fn send_early(&mut self) {
        if let OneWayCallState::Unsent { caller, params, .. } = &self.state
            && !caller.can_take(params)
        {
            return;
        }
        self.send();
        self.start_layered();
    }

    fn waits_on(&self) -> Option<Handle> {
        match &self.state {
            OneWayCallState::Connecting(wait) => Some(wait.runtime()),
            _ => None,
        }
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let OneWayCallState::Connecting(wait) = &mut self.state {
            self.state = match ready!(wait.poll(cx)) {
                Ok(_) => OneWayCallState::Unsent {
                    caller: wait.caller(),
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
        let done = match &mut self.state {
            OneWayCallState::Remote(queued) => ready!(queued.poll(cx)),
            OneWayCallState::Indirect(call) => ready!(call.poll(cx)).map(drop),
            OneWayCallState::Failed(error) => Err(error.clone()),
            OneWayCallState::FailsLater(error) => {
                let error = error.clone();
                self.state = OneWayCallState::Failed(error);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            OneWayCallState::Unsent { .. }
            | OneWayCallState::Lazy { .. }
            | OneWayCallState::Connecting(_)
            | OneWayCallState::Over => Ok(()),
        };
        self.state = OneWayCallState::Over;
        Poll::Ready(done)
    }
}

impl fmt::Debug for OneWayCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            OneWayCallState::Unsent { method, .. } | OneWayCallState::Lazy { method, .. } => {
                f.debug_tuple("OneWayCall").field(method).finish()
            }
            _ => f.write_str("OneWayCall(sent)"),
        }
    }
}
