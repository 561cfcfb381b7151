use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::codec::CodecId;
use crate::packet::{CallFields, Metadata, Payload};
use crate::peer::client::answer::Answer;
use crate::peer::client::call_options::{CallDefaults, CallOptions};
use crate::peer::client::caller::{CallTarget, ConnectionRef};
use crate::peer::client::connection_source::{self, ConnectionSource, ConnectionWait};
use crate::peer::client::indirect::{IndirectCall, IndirectRequest};
use crate::peer::client::lazy_call::{LazyCall, SendEarly};
use crate::peer::client::limit::CallLimit;
use crate::peer::client::outgoing::Outgoing;
use crate::peer::client::retrying::{Next, Pause, Retry};
use crate::peer::connection::ConnectionCore;
use crate::peer::monitoring::span::Span;
use crate::peer::stream::call_stream::CallStream;
use crate::peer::stream::consumer::Consumer;
use crate::peer::stream::demand::Startable;
use crate::peer::{CallError, Caller, MethodName, RetryPolicy, TemplateError};

/// The part of a call that does not depend on its types, so that its code is compiled once.
pub(in crate::peer) struct CallCore {
    pub(super) method: MethodName,
    pub(super) state: CallState,
    pub(super) limit: CallLimit,
    pub(super) idempotent: bool,
    /// `None` for most calls.
    pub(super) options: Option<Box<CallOptions>>,
    /// The state for sending the call again.
    pub(super) again: Option<Box<Retry>>,
    /// The tracing span, from sending to the end of the call.
    pub(super) span: Option<Span>,
}

/// The progress of a call.
pub(super) enum CallState {
    Unsent {
        caller: Caller,
        params: Payload,
        /// The item codec, if the result is a stream.
        streams: Option<CodecId>,
    },
    /// The call is sent when it is polled, or when the other half of one of its streams has to wait.
    Lazy(Arc<LazyCall<CallCore>>),
    /// The call waits for a connection.
    Connecting(Box<ConnectionWait>),
    /// The call has failed, and is sent again after a pause.
    Pausing(Box<Pause>),
    Sent(SentCall),
    /// The result is a stream that has not begun.
    Streaming(SentCall, Box<Consumer>),
}

/// A call that has been sent.
pub(in crate::peer) enum SentCall {
    Remote(Outgoing),
    /// The call runs in this process, or passes layers.
    Indirect(IndirectCall),
    Failed(CallError),
    /// The call has failed because one of the two sides shuts down. The next poll returns without the error: a task that
    /// calls again and again must let others run, or the connection never ends on a runtime of one thread.
    FailsLater(CallError),
    /// The call was answered before its stream was polled.
    Ended(Result<(), CallError>),
    Over,
}

/// Shares the parameters of a template, unless streams belong to them.
pub(in crate::peer) fn shared(params: &mut Payload) -> Result<Payload, CallError> {
    if params.has_attachments() {
        return Err(CallError::NotTemplate(TemplateError::HasStreams));
    }
    Ok(params.share())
}

impl SendEarly for CallCore {
    fn params(&self) -> Option<&Payload> {
        match &self.state {
            CallState::Unsent { params, .. } => Some(params),
            CallState::Connecting(wait) => Some(&wait.params),
            _ => None,
        }
    }

    fn send_early(&mut self) {
        if let CallState::Unsent { caller, params, .. } = &self.state
            && !caller.can_take(params)
        {
            return;
        }
        self.send(None);
        match &mut self.state {
            CallState::Sent(SentCall::Indirect(call))
            | CallState::Streaming(SentCall::Indirect(call), _) => call.start(),
            _ => {}
        }
    }

    fn waits_on(&self) -> Option<Handle> {
        match &self.state {
            CallState::Connecting(wait) => Some(wait.runtime()),
            _ => None,
        }
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let CallState::Connecting(_) = self.state {
            if self.poll_connection(cx).is_pending() {
                // The wait for a connection does not end by itself if the call has a timeout.
                ready!(self.limit.poll(cx));
                self.state = SentCall::Failed(self.timed_out()).into();
            }
            self.send(None);
        }
        Poll::Ready(())
    }
}

impl CallCore {
    pub(super) fn new(
        caller: Caller,
        method: MethodName,
        params: Result<Payload, CallError>,
        streams: Option<CodecId>,
    ) -> Self {
        let caller = match caller.0 {
            CallTarget::With(defaults) => {
                return Self::with_defaults(&defaults, method, params, streams);
            }
            target => Caller(target),
        };
        let state = CallState::new(caller, &method, params, streams);
        let core = Self {
            method,
            state,
            limit: CallLimit::None,
            idempotent: false,
            options: None,
            again: None,
            span: None,
        };
        match &core.state {
            CallState::Unsent { params, .. } if params.has_attachments() => core.into_lazy(),
            _ => core,
        }
    }

    /// Creates a call with the defaults of a client.
    #[inline(never)]
    fn with_defaults(
        defaults: &Arc<CallDefaults>,
        method: MethodName,
        params: Result<Payload, CallError>,
        streams: Option<CodecId>,
    ) -> Self {
        let mut core = Self::new(defaults.caller.clone(), method, params, streams);
        core.change(|core| {
            core.options = Some(Box::new(defaults.options()));
            if let Some(timeout) = defaults.timeout {
                core.limit = CallLimit::Timeout(timeout);
            }
            if let Some(policy) = &defaults.retry {
                core.set_retry(policy.clone());
            }
        });
        core
    }

    /// The options of the call, for changes.
    pub(super) fn options_mut(&mut self) -> &mut CallOptions {
        self.options.get_or_insert_default()
    }

    /// Lets a task send the call once there is a connection if the call has streams: until the program awaits the call, it
    /// may wait for their other halves.
    pub(super) fn wait_lazily(self) -> Self {
        if self.waits_on().is_none() {
            return self;
        }
        let waiting = self.into_lazy();
        if let CallState::Lazy(lazy) = &waiting.state {
            Arc::clone(lazy).start();
        }
        waiting
    }

    #[cold]
    fn into_lazy(self) -> Self {
        let method = self.method.clone();
        match LazyCall::new(self) {
            Ok(lazy) => Self {
                method,
                state: CallState::Lazy(lazy),
                limit: CallLimit::None,
                idempotent: false,
                options: None,
                again: None,
                span: None,
            },
            Err(core) => core,
        }
    }

    /// Applies a setting to the call.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Self)) {
        match &self.state {
            CallState::Lazy(lazy) => lazy.change(change),
            _ => change(self),
        }
    }

    /// Sets the policy of a call that was not sent.
    pub(super) fn set_retry(&mut self, policy: RetryPolicy) {
        if let CallState::Unsent { .. } = self.state {
            self.again = Some(Retry::with_policy(policy));
        }
    }

    /// Takes the call back from its streams, which may have sent it.
    pub(super) fn claim(&mut self) {
        let CallState::Lazy(lazy) = &self.state else {
            return;
        };
        let Some(core) = lazy.take() else { return };
        *self = core;
        // The timeout may have been set after the call was sent.
        if !matches!(self.state, CallState::Unsent { .. }) {
            let runtime = self.runtime();
            self.limit.arm(runtime.as_ref());
        }
    }

    /// Returns the runtime for the remainder of the call.
    pub(super) fn runtime(&self) -> Option<Handle> {
        match &self.state {
            CallState::Unsent { caller, .. } => caller.runtime(),
            CallState::Connecting(wait) => Some(wait.runtime()),
            CallState::Pausing(pause) => Some(pause.runtime()),
            CallState::Sent(SentCall::Remote(outgoing))
            | CallState::Streaming(SentCall::Remote(outgoing), _) => outgoing.runtime(),
            CallState::Sent(SentCall::Indirect(call)) => call.runtime(),
            CallState::Sent(_) | CallState::Streaming(..) | CallState::Lazy(_) => {
                Handle::try_current().ok()
            }
        }
    }

    fn send(&mut self, cx: Option<&Context<'_>>) {
        if self.is_plain() {
            return self.send_plain(cx);
        }
        let method = &self.method;
        let CallState::Unsent {
            caller,
            params,
            streams,
        } = &mut self.state
        else {
            return;
        };
        let span = self.span.get_or_insert_with(|| Span::of_call(method));
        let options = self.options.as_deref();
        if let Some(deadline) = options.and_then(CallOptions::deadline) {
            self.limit.shorten(deadline);
        }
        // Taken apart in place: moving the whole value costs more.
        let (mut target, mut params) = (
            mem::replace(&mut caller.0, CallTarget::Nobody),
            mem::take(params),
        );
        if let CallTarget::Routed(_) = &target {
            self.again.get_or_insert_default();
        }
        if let Some(again) = &mut self.again {
            again.prepare(&target, &mut params, *streams, self.idempotent);
        }
        // For a call with streams, which is not sent again by itself.
        let mut source = None;
        if let CallTarget::Routed(route) = &target
            && !self.limit.has_passed()
        {
            self.limit.arm(Some(route.runtime()));
            let Some((caller, permit)) = connection_source::current(&**route) else {
                let is_timed = self.limit.is_running();
                let wait = ConnectionWait::new(route, is_timed, method.clone(), params, *streams);
                self.state = CallState::Connecting(Box::new(wait));
                return;
            };
            if params.has_attachments() {
                source = Some(Arc::clone(route));
            }
            target = caller.0;
            if let Some(again) = &mut self.again {
                again.hold(permit);
            }
        }
        self.state = match target {
            _ if self.limit.has_passed() => SentCall::Failed(CallError::deadline_exceeded()).into(),
            CallTarget::Remote(link) => {
                let connection = link.connection();
                self.limit.arm(Some(&connection.runtime));
                let time = self.limit.time_left();
                match context_fields(options, connection, span) {
                    Err(error) => SentCall::Failed(error).into(),
                    Ok(fields) if streams.is_none() && !params.has_attachments() => {
                        match connection.call(
                            method,
                            params,
                            time,
                            fields.as_ref(),
                            cx,
                            link.is_callback(),
                        ) {
                            Ok(slot) => SentCall::Remote(Outgoing::new(link, slot)).into(),
                            Err(error) => SentCall::failed(error).into(),
                        }
                    }
                    Ok(fields) => {
                        let source = source.map(|source| (source, self.limit.is_running()));
                        let context = (time, fields.as_ref());
                        send_with_streams(link, method, params, context, cx, *streams, source)
                    }
                }
            }
            CallTarget::Indirect(target) => {
                let sent = target.send(IndirectRequest {
                    method,
                    params,
                    kind: (*streams).into(),
                    options,
                    limit: Some(&mut self.limit),
                    idempotent: self.idempotent,
                    has_policy: self.again.as_deref().is_some_and(Retry::has_policy),
                });
                CallState::sent(sent.map(|(call, stream)| (SentCall::Indirect(call), stream)))
            }
            CallTarget::Unbound => SentCall::Failed(CallError::Unbound).into(),
            CallTarget::Routed(_) | CallTarget::With(_) | CallTarget::Nobody => {
                SentCall::Failed(CallError::unknown_method()).into()
            }
        };
        if let Some(again) = &mut self.again {
            again.note_sent(!matches!(
                self.state,
                CallState::Sent(SentCall::Failed(_)) | CallState::Connecting(_)
            ));
        }
    }

    /// Returns `true` if the call goes over a connection, and has neither options nor streams nor a limit.
    fn is_plain(&self) -> bool {
        if let (None, None, CallLimit::None) = (&self.options, &self.again, &self.limit)
            && let CallState::Unsent {
                caller: Caller(CallTarget::Remote(link)),
                params,
                streams: None,
            } = &self.state
        {
            return link.connection().propagation.is_none() && !params.has_attachments();
        }
        false
    }

    /// Sends a [plain](Self::is_plain) call.
    fn send_plain(&mut self, cx: Option<&Context<'_>>) {
        self.span.get_or_insert_with(|| Span::of_call(&self.method));
        if let CallState::Unsent { caller, params, .. } = &mut self.state
            && let CallTarget::Remote(link) = mem::replace(&mut caller.0, CallTarget::Nobody)
        {
            let params = mem::take(params);
            let is_callback = link.is_callback();
            let sent = link
                .connection()
                .call(&self.method, params, None, None, cx, is_callback);
            let sent = match sent {
                Ok(slot) => SentCall::Remote(Outgoing::new(link, slot)).into(),
                Err(error) => SentCall::failed(error).into(),
            };
            // Nothing is left in the old state, and finding that out takes longer than the rest of this function.
            mem::forget(mem::replace(&mut self.state, sent));
        }
    }

    /// Polls the call.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        if self.again.is_none() {
            // Most calls are sent by their first poll, and return a value at their second.
            match &mut self.state {
                CallState::Sent(SentCall::Remote(outgoing)) => {
                    if let Some(value) = outgoing.take_value() {
                        // Nothing is left in the old state.
                        mem::forget(mem::replace(&mut self.state, SentCall::Over.into()));
                        self.span = None;
                        return Poll::Ready(Ok(value.into()));
                    }
                }
                CallState::Unsent { .. } => {
                    self.send(Some(cx));
                    if let (CallState::Sent(SentCall::Remote(_)), CallLimit::None) =
                        (&self.state, &self.limit)
                    {
                        // The waker was registered with the call.
                        return Poll::Pending;
                    }
                }
                _ => {}
            }
        }
        self.poll_any(cx)
    }

    #[inline(never)]
    fn poll_any(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        let mut permit = None;
        let answer = loop {
            let answer = match self.poll_answer(cx) {
                Poll::Ready(answer) => answer,
                Poll::Pending if self.limit.poll(cx).is_ready() => Err(self.timed_out()),
                Poll::Pending => return Poll::Pending,
            };
            let Some(again) = &mut self.again else {
                break answer;
            };
            if let CallState::Sent(SentCall::Remote(outgoing)) = &self.state
                && outgoing.was_never_sent()
            {
                again.note_sent(false);
            }
            if let Err(error) = &answer
                && let Some(next) = again.next(&self.method, error, &self.limit)
            {
                self.state = match next {
                    Next::Connect(wait) => CallState::Connecting(Box::new(wait)),
                    Next::Pause(pause) => CallState::Pausing(Box::new(pause)),
                };
                continue;
            }
            permit = again.release();
            break answer.map_err(|error| again.fail(error));
        };
        let answer = answer.map_err(|error| self.locate(error));
        Poll::Ready(match self.leave(answer.is_ok()) {
            Some(stream) => Ok(stream.counted_by(permit).into()),
            None => answer,
        })
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        loop {
            match &mut self.state {
                CallState::Sent(work) => return work.poll(cx),
                CallState::Unsent { .. } => {
                    self.send(Some(cx));
                    if let CallState::Sent(SentCall::Remote(_)) = self.state {
                        // The waker was registered with the call, and is woken even if the response has arrived
                        // already.
                        return Poll::Pending;
                    }
                }
                // `claim` always replaces this state, so the loop goes on.
                CallState::Lazy(_) => self.claim(),
                CallState::Streaming(work, consumer) => {
                    let Poll::Ready(answer) = work.poll(cx) else {
                        return consumer.poll_begun(cx).map(|()| Ok(Bytes::new().into()));
                    };
                    // A stream that has begun delivers its items before the failure of its call.
                    let begun = consumer.has_begun();
                    *work = SentCall::Ended(answer.as_ref().map(drop).map_err(Clone::clone));
                    return Poll::Ready(if begun {
                        Ok(Bytes::new().into())
                    } else {
                        answer
                    });
                }
                CallState::Connecting(_) => ready!(self.poll_connection(cx)),
                CallState::Pausing(pause) => {
                    let ended = ready!(pause.poll(cx));
                    self.end_pause(ended);
                }
            }
        }
    }

    /// Waits for the connection of a call that has none. The call can then be sent, or has failed.
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let CallState::Connecting(wait) = &mut self.state {
            self.state = match ready!(wait.poll(cx)) {
                Ok((caller, permit)) => {
                    // A call with streams is not sent again: it must find a connection that still takes calls.
                    let caller = if wait.params.has_attachments() {
                        wait.caller()
                    } else {
                        caller
                    };
                    if let Some(again) = &mut self.again {
                        again.hold(permit);
                    }
                    CallState::Unsent {
                        caller,
                        params: mem::take(&mut wait.params),
                        streams: wait.streams,
                    }
                }
                Err(error) => SentCall::Failed(error).into(),
            };
        }
        Poll::Ready(())
    }

    /// Prepares the next attempt after a pause. The call can then be sent, or has failed.
    fn end_pause(&mut self, ended: Result<(), CallError>) {
        let resend = self.again.as_ref().and_then(|again| again.resend());
        self.state = match (ended, resend) {
            (Ok(()), Some((caller, params, streams))) => CallState::Unsent {
                caller,
                params,
                streams,
            },
            (ended, _) => {
                if let Some(again) = &mut self.again {
                    again.give_up();
                }
                let error = ended.err().unwrap_or_else(CallError::deadline_exceeded);
                SentCall::Failed(error).into()
            }
        };
    }

    /// Returns the error of a call whose time is over.
    pub(super) fn timed_out(&self) -> CallError {
        match &self.state {
            CallState::Connecting(wait) => wait.timed_out(),
            CallState::Pausing(pause) => pause.error(),
            _ => CallError::deadline_exceeded(),
        }
    }

    /// Adds the method and the peer's address to an error.
    #[cold]
    pub(super) fn locate(&self, error: CallError) -> CallError {
        let peer = match &self.state {
            CallState::Sent(SentCall::Remote(outgoing))
            | CallState::Streaming(SentCall::Remote(outgoing), _) => outgoing
                .connection()
                .and_then(|connection| connection.remote()),
            _ => None,
        };
        error.at(&self.method, peer)
    }

    /// Ends the call now rather than when the future is dropped. `is_ok` says whether it succeeded. If its result is a
    /// stream, which continues the call, the stream is returned.
    pub(super) fn leave(&mut self, is_ok: bool) -> Option<CallStream> {
        if is_ok
            && let CallState::Streaming(..) = self.state
            && let CallState::Streaming(work, consumer) =
                mem::replace(&mut self.state, CallState::Sent(SentCall::Over))
        {
            let limit = mem::replace(&mut self.limit, CallLimit::None);
            return Some(CallStream::new(*consumer, work, limit, self.span.take()));
        }
        // Dropped in place: moving the state out of the call costs more.
        self.state = CallState::Sent(SentCall::Over);
        self.span = None;
        None
    }
}

/// As [`fields`], without a function call for a call that has no context.
#[inline]
fn context_fields(
    options: Option<&CallOptions>,
    connection: &ConnectionCore,
    span: &Span,
) -> Result<Option<CallFields>, CallError> {
    if options.is_some() || connection.propagation.is_some() {
        return fields(options, connection, span);
    }
    Ok(None)
}

/// Sends a call that has streams in its arguments, or as its result. If the connection does not take it any more, the call
/// waits for the next one of `source`, with whether the call is timed.
#[inline(never)]
fn send_with_streams(
    link: ConnectionRef,
    method: &MethodName,
    mut params: Payload,
    context: (Option<Duration>, Option<&CallFields>),
    cx: Option<&Context<'_>>,
    streams: Option<CodecId>,
    source: Option<(Arc<dyn ConnectionSource>, bool)>,
) -> CallState {
    let connection = link.connection();
    let sent = connection.call_with(&link, method, &mut params, context, cx, streams);
    if let (Err(error), Some((source, is_timed))) = (&sent, source)
        && error.is_going_away()
    {
        let wait = ConnectionWait::new(&source, is_timed, method.clone(), params, streams);
        return CallState::Connecting(Box::new(wait));
    }
    CallState::sent(
        sent.map(|(slot, stream)| (SentCall::Remote(Outgoing::new(link, slot)), stream)),
    )
}

/// Returns the fields of the context of a call on a connection.
#[inline(never)]
pub(super) fn fields(
    options: Option<&CallOptions>,
    connection: &ConnectionCore,
    span: &Span,
) -> Result<Option<CallFields>, CallError> {
    let trace = connection
        .propagation
        .as_deref()
        .and_then(|propagation| span.trace(propagation));
    match options {
        Some(options) => options.fields(trace.as_ref()),
        None => Ok(CallFields::new(trace.as_ref(), &Metadata::new())),
    }
}

impl SentCall {
    /// A call that could not be sent.
    #[cold]
    fn failed(error: CallError) -> Self {
        if error.is_going_away() {
            Self::FailsLater(error)
        } else {
            Self::Failed(error)
        }
    }

    pub(in crate::peer) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        match self {
            Self::Remote(outgoing) => outgoing.poll(cx),
            Self::Indirect(call) => call.poll(cx),
            Self::Failed(_) => match mem::replace(self, Self::Over) {
                Self::Failed(error) => Poll::Ready(Err(error)),
                _ => Poll::Pending,
            },
            Self::FailsLater(_) => {
                if let Self::FailsLater(error) = mem::replace(self, Self::Over) {
                    *self = Self::Failed(error);
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Ended(ended) => Poll::Ready(ended.clone().map(|()| Bytes::new().into())),
            Self::Over => panic!("a call was polled after it gave its result"),
        }
    }
}

impl From<SentCall> for CallState {
    fn from(work: SentCall) -> Self {
        Self::Sent(work)
    }
}

impl CallState {
    /// Creates the state of a call that may have a stream as its result.
    fn sent(sent: Result<(SentCall, Option<Consumer>), CallError>) -> Self {
        match sent {
            Ok((work, None)) => work.into(),
            Ok((work, Some(stream))) => Self::Streaming(work, Box::new(stream)),
            Err(error) => SentCall::failed(error).into(),
        }
    }

    fn new(
        caller: Caller,
        method: &MethodName,
        params: Result<Payload, CallError>,
        streams: Option<CodecId>,
    ) -> Self {
        match method.check().and(params) {
            Ok(params) => Self::Unsent {
                caller,
                params,
                streams,
            },
            Err(error) => Self::Sent(SentCall::Failed(error)),
        }
    }
}
