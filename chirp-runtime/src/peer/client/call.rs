use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;

use crate::codec::CodecId;
use crate::packet::Payload;
use crate::peer::client::answer::Answer;
use crate::peer::client::caller::CallTarget;
use crate::peer::client::connection_source::{self, ConnectionWait, Retry};
use crate::peer::client::lazy_call::{LazyCall, SendEarly};
use crate::peer::client::limit::CallLimit;
use crate::peer::client::local::LocalCall;
use crate::peer::client::outgoing::Outgoing;
use crate::peer::monitoring::span::Span;
use crate::peer::stream::call_stream::CallStream;
use crate::peer::stream::consumer::Consumer;
use crate::peer::{CallError, Caller, MethodName, TemplateError};

/// A call of a method: a future of its result.
///
/// A call is lazy: it is sent on its first poll, or by [`start`](Self::start). Calls leave in that order. A call
/// that was given one half of a [`stream::channel`](crate::stream::channel) is also sent when the other half has to wait
/// for it. Dropping the future cancels the call at the peer and frees its resources, at any time.
///
/// The future is `Send + 'static` even if the arguments were borrowed: they are encoded when the call is created.
#[must_use = "calls are sent when awaited, or by `.start()` or `.detach()`"]
pub struct Call<T, E = CallError> {
    untyped: CallCore,
    finish: Finish<T, E>,
}

/// The part of a call that does not depend on its types, so that its code is compiled once.
struct CallCore {
    method: MethodName,
    state: CallState,
    limit: CallLimit,
    idempotent: bool,
    /// What is needed to send the call again on another connection.
    again: Option<Box<Retry>>,
    /// The tracing span, from sending to the end of the call.
    span: Option<Span>,
}

/// How the result is decoded.
enum Finish<T, E> {
    Plain(fn(Answer, &MethodName) -> Result<T, E>),
    /// As `Plain`, followed by a conversion of the error. Called once.
    Mapped(Option<Box<Map<T, E>>>),
}

type Map<T, E> = dyn FnOnce(Answer, &MethodName) -> Result<T, E> + Send;

enum CallState {
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
    Sent(SentCall),
    /// The result is a stream that has not begun.
    Streaming(SentCall, Box<Consumer>),
}

/// A call that has been sent.
pub(in crate::peer) enum SentCall {
    Remote(Outgoing),
    Local(LocalCall),
    Failed(CallError),
    /// The call was answered before its stream was polled.
    Ended(Result<(), CallError>),
    Over,
}

impl<T, E> Call<T, E> {
    /// Creates a call that has not been sent; `finish` decodes its result. If the parameters could not be encoded, the
    /// call fails without sending anything.
    #[doc(hidden)]
    pub fn new(
        caller: Caller,
        method: MethodName,
        params: Result<Payload, CallError>,
        finish: fn(Answer, &MethodName) -> Result<T, E>,
    ) -> Self {
        Self {
            untyped: CallCore::new(caller, method, params, None),
            finish: Finish::Plain(finish),
        }
    }

    /// As [`new`](Self::new), for a result that is a stream with items in this codec.
    #[doc(hidden)]
    pub fn streaming(
        caller: Caller,
        method: MethodName,
        params: Result<Payload, CallError>,
        codec: CodecId,
        finish: fn(Answer, &MethodName) -> Result<T, E>,
    ) -> Self {
        Self {
            untyped: CallCore::new(caller, method, params, Some(codec)),
            finish: Finish::Plain(finish),
        }
    }

    /// Limits the time of the call, counted from when it is sent. After that the call fails with
    /// [`CallError::DeadlineExceeded`], and the peer is told to stop.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.untyped
            .change(|core| core.limit = CallLimit::Timeout(timeout));
        self
    }

    /// As [`timeout`](Self::timeout), with an absolute deadline.
    pub fn deadline(mut self, deadline: std::time::Instant) -> Self {
        self.untyped
            .change(|core| core.limit = CallLimit::Deadline(deadline.into()));
        self
    }

    /// Marks the call as idempotent: running the method twice has the same effect as running it once.
    /// `#[chirp(idempotent)]` on a method marks every call of it.
    pub fn idempotent(mut self) -> Self {
        self.untyped.change(|core| core.idempotent = true);
        self
    }

    /// Returns `true` if the call is marked as idempotent. Such a call may be sent again even if it [may have
    /// run](CallError::may_have_run).
    pub fn is_idempotent(&self) -> bool {
        let mut idempotent = self.untyped.idempotent;
        if let CallState::Lazy(lazy) = &self.untyped.state {
            lazy.change(|core| idempotent = core.idempotent);
        }
        idempotent
    }

    /// Sends the call now, so that it runs while this task does something else. Without `start`, nothing is sent before
    /// the first poll.
    pub fn start(mut self) -> Self {
        self.untyped.claim();
        self.untyped.send_early();
        self
    }

    /// Sends the call now and lets it complete in the background: its result is discarded, and it is not cancelled when
    /// this value is dropped. Use it in synchronous code, such as a `Drop` implementation.
    ///
    /// The remainder of the call is a task of the connection's runtime. A call within this process ([`Caller::local`])
    /// uses the current runtime; outside of a runtime it is polled once and then cancelled. A call whose result is a
    /// stream is cancelled once it has been answered.
    pub fn detach(self) {
        let Self { mut untyped, .. } = self.start();
        if let Some(runtime) = untyped.runtime() {
            runtime.spawn(std::future::poll_fn(move |cx| untyped.poll(cx).map(drop)));
        }
    }

    /// Returns this call, which has not been sent, for another target. The parameters are shared between the calls.
    pub(crate) fn retarget(&mut self, caller: Caller) -> Result<Self, CallError> {
        let Finish::Plain(finish) = self.finish else {
            return Err(CallError::NotTemplate(TemplateError::ErrorMapped));
        };
        let core = &mut self.untyped;
        let (params, streams) = match &mut core.state {
            CallState::Unsent {
                params, streams, ..
            } => (shared(params)?, *streams),
            CallState::Lazy(_) => return Err(CallError::NotTemplate(TemplateError::HasStreams)),
            CallState::Sent(SentCall::Failed(error)) => return Err(error.clone()),
            _ => return Err(CallError::NotTemplate(TemplateError::Sent)),
        };
        let mut untyped = CallCore::new(caller, core.method.clone(), Ok(params), streams);
        untyped.limit = core.limit.copy();
        untyped.idempotent = core.idempotent;
        Ok(Self {
            untyped,
            finish: Finish::Plain(finish),
        })
    }

    /// Returns the number of bytes of the parameters if the call has not been sent, and else 0.
    pub(crate) fn unsent_bytes(&self) -> usize {
        self.untyped.params().map_or(0, Payload::len)
    }

    /// Polls the call. `accept` is given the length of what has arrived before it is decoded; its error replaces the
    /// result.
    pub(crate) fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
        accept: impl FnOnce(usize) -> Result<(), CallError>,
    ) -> Poll<Result<T, E>> {
        let answer = ready!(self.untyped.poll(cx));
        let arrived = match &answer {
            Ok(answered) => answered.len(),
            Err(error) => error.held_bytes(),
        };
        let answer = accept(arrived).and(answer);
        Poll::Ready(self.finish.apply(answer, &self.untyped.method))
    }

    /// Returns the error of the call if its time were over now.
    pub(crate) fn timed_out(&self) -> CallError {
        self.untyped.locate(self.untyped.timed_out())
    }

    /// Converts the call's error into `F`, so that calls with different errors can be used in one `try_join!`:
    ///
    /// ```
    /// # use chirp_runtime::peer as chirp;
    /// # use chirp::{Call, CallError, MethodError};
    /// # #[derive(Debug, thiserror::Error)] #[error("sold out")] struct SoldOut;
    /// # async fn both(order: Call<u64, MethodError<SoldOut>>, version: Call<u32>)
    /// # -> Result<(), MethodError<SoldOut>> {
    /// let (number, version) = tokio::try_join!(order, version.err_into())?;
    /// # Ok(()) }
    /// ```
    pub fn err_into<F: From<E> + 'static>(self) -> Call<T, F>
    where
        T: 'static,
        E: 'static,
    {
        self.map_err(F::from)
    }

    /// Maps the call's error with `map`.
    pub fn map_err<F>(self, map: impl FnOnce(E) -> F + Send + 'static) -> Call<T, F>
    where
        T: 'static,
        E: 'static,
    {
        let Self {
            untyped,
            mut finish,
        } = self;
        let finish = move |answer, method: &MethodName| finish.apply(answer, method).map_err(map);
        Call {
            untyped,
            finish: Finish::Mapped(Some(Box::new(finish))),
        }
    }
}

/// Shares the parameters of a template, unless streams belong to them.
pub(super) fn shared(params: &mut Payload) -> Result<Payload, CallError> {
    if params.has_attachments() {
        return Err(CallError::NotTemplate(TemplateError::HasStreams));
    }
    Ok(params.share())
}

impl SendEarly for CallCore {
    fn params(&self) -> Option<&Payload> {
        match &self.state {
            CallState::Unsent { params, .. } => Some(params),
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
        if let CallState::Sent(SentCall::Local(local))
        | CallState::Streaming(SentCall::Local(local), _) = &mut self.state
        {
            local.start();
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
            ready!(self.poll_connection(cx));
            self.send(None);
        }
        Poll::Ready(())
    }
}

impl CallCore {
    fn new(
        caller: Caller,
        method: MethodName,
        params: Result<Payload, CallError>,
        streams: Option<CodecId>,
    ) -> Self {
        let state = CallState::new(caller, &method, params, streams);
        let core = Self {
            method,
            state,
            limit: CallLimit::None,
            idempotent: false,
            again: None,
            span: None,
        };
        match &core.state {
            CallState::Unsent { params, .. } if params.has_attachments() => core.into_lazy(),
            _ => core,
        }
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
                again: None,
                span: None,
            },
            Err(core) => core,
        }
    }

    /// Applies a setting to the call.
    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        match &self.state {
            CallState::Lazy(lazy) => lazy.change(change),
            _ => change(self),
        }
    }

    /// Takes the call back from its streams, which may have sent it.
    fn claim(&mut self) {
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
    fn runtime(&self) -> Option<Handle> {
        match &self.state {
            CallState::Unsent { caller, .. } => caller.runtime(),
            CallState::Connecting(wait) => Some(wait.runtime()),
            CallState::Sent(SentCall::Remote(outgoing))
            | CallState::Streaming(SentCall::Remote(outgoing), _) => Some(outgoing.runtime()),
            CallState::Sent(_) | CallState::Streaming(..) | CallState::Lazy(_) => {
                Handle::try_current().ok()
            }
        }
    }

    fn send(&mut self, cx: Option<&Context<'_>>) {
        let method = &self.method;
        let CallState::Unsent {
            caller,
            params,
            streams,
        } = &mut self.state
        else {
            return;
        };
        self.span.get_or_insert_with(|| Span::of_call(method));
        // Taken apart in place: moving the whole value costs more.
        let (mut target, mut params) = (
            mem::replace(&mut caller.0, CallTarget::Nobody),
            mem::take(params),
        );
        if let CallTarget::Routed(route) = &target
            && !self.limit.has_passed()
        {
            self.limit.arm(Some(route.runtime()));
            if self.again.is_none() {
                self.again = Retry::new(route, method, &mut params, *streams, self.idempotent);
            }
            let Some(caller) = connection_source::current(&**route) else {
                let is_timed = self.limit.is_running();
                let wait = ConnectionWait::new(route, is_timed, method.clone(), params, *streams);
                self.state = CallState::Connecting(Box::new(wait));
                return;
            };
            target = caller.0;
        }
        self.state = match target {
            _ if self.limit.has_passed() => SentCall::Failed(CallError::deadline_exceeded()).into(),
            CallTarget::Remote(link) => {
                let connection = link.connection();
                self.limit.arm(Some(&connection.runtime));
                let time = self.limit.time_left();
                if streams.is_none() && !params.has_attachments() {
                    match connection.call(method, params, time, cx) {
                        Ok(slot) => SentCall::Remote(Outgoing::new(link, slot)).into(),
                        Err(error) => SentCall::Failed(error).into(),
                    }
                } else {
                    let sent = connection.call_with(&link, method, params, time, cx, *streams);
                    CallState::sent(sent.map(|(slot, stream)| {
                        (SentCall::Remote(Outgoing::new(link, slot)), stream)
                    }))
                }
            }
            CallTarget::Local(handler, back) => {
                self.limit.arm(None);
                let sent = LocalCall::new(&*handler, *back, method, params, *streams);
                CallState::sent(sent.map(|(local, stream)| (SentCall::Local(local), stream)))
            }
            CallTarget::Unbound => SentCall::Failed(CallError::Unbound).into(),
            CallTarget::Routed(_) | CallTarget::Nobody => {
                SentCall::Failed(CallError::unknown_method()).into()
            }
        };
        if let Some(again) = &mut self.again {
            again.note_sent(!matches!(self.state, CallState::Sent(SentCall::Failed(_))));
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
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
                && let Some(wait) = again.find(error, self.limit.is_running())
            {
                self.state = CallState::Connecting(Box::new(wait));
                continue;
            }
            break answer.map_err(|error| again.fail(error));
        };
        let answer = answer.map_err(|error| self.locate(error));
        Poll::Ready(match self.leave(answer.is_ok()) {
            Some(stream) => Ok(stream.into()),
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
            }
        }
    }

    /// Waits for the connection of a call that has none. The call can then be sent, or has failed.
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let CallState::Connecting(wait) = &mut self.state {
            self.state = match ready!(wait.poll(cx)) {
                Ok(caller) => CallState::Unsent {
                    caller,
                    params: mem::take(&mut wait.params),
                    streams: wait.streams,
                },
                Err(error) => SentCall::Failed(error).into(),
            };
        }
        Poll::Ready(())
    }

    /// Returns the error of a call whose time is over.
    fn timed_out(&self) -> CallError {
        match &self.state {
            CallState::Connecting(wait) => wait.timed_out(),
            _ => CallError::deadline_exceeded(),
        }
    }

    /// Adds the method and the peer's address to an error.
    #[cold]
    fn locate(&self, error: CallError) -> CallError {
        let peer = match &self.state {
            CallState::Sent(SentCall::Remote(outgoing))
            | CallState::Streaming(SentCall::Remote(outgoing), _) => {
                outgoing.connection().remote.as_ref()
            }
            _ => None,
        };
        error.at(&self.method, peer)
    }

    /// Ends the call now rather than when the future is dropped. `is_ok` says whether it succeeded. If its result is a
    /// stream, which continues the call, the stream is returned.
    fn leave(&mut self, is_ok: bool) -> Option<CallStream> {
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

impl SentCall {
    pub(in crate::peer) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        match self {
            Self::Remote(outgoing) => outgoing.poll(cx),
            Self::Local(local) => local.poll(cx),
            Self::Failed(_) => match mem::replace(self, Self::Over) {
                Self::Failed(error) => Poll::Ready(Err(error)),
                _ => Poll::Pending,
            },
            Self::Ended(ended) => Poll::Ready(ended.clone().map(|()| Bytes::new().into())),
            Self::Over => panic!("a call was polled after it gave its result"),
        }
    }
}

impl<T, E> Finish<T, E> {
    fn apply(&mut self, answer: Answer, method: &MethodName) -> Result<T, E> {
        match self {
            Self::Plain(finish) => finish(answer, method),
            Self::Mapped(finish) => finish.take().expect("a call has one answer")(answer, method),
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
            Err(error) => SentCall::Failed(error).into(),
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

impl<T, E> Future for Call<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(self.untyped.poll(cx));
        let Self { untyped, finish } = &mut *self;
        Poll::Ready(finish.apply(answer, &untyped.method))
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.untyped.state {
            CallState::Unsent { .. } | CallState::Lazy(_) => {
                return f.debug_tuple("Call").field(&self.untyped.method).finish();
            }
            CallState::Connecting(_) => "waits for a connection",
            CallState::Sent(SentCall::Failed(_)) => "failed",
            CallState::Sent(SentCall::Over) => "over",
            CallState::Sent(_) | CallState::Streaming(..) => "running",
        };
        f.debug_tuple("Call")
            .field(&format_args!("{state}"))
            .finish()
    }
}
