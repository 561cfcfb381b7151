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
use crate::peer::calling::answer::Answer;
use crate::peer::calling::caller::CallTarget;
use crate::peer::calling::connection_source::{self, ConnectionWait, Retry};
use crate::peer::calling::lazy_call::{LazyCall, SendEarly};
use crate::peer::calling::limit::CallLimit;
use crate::peer::calling::local::LocalCall;
use crate::peer::calling::outgoing::Outgoing;
use crate::peer::monitoring::span::Span;
use crate::peer::streaming::call_stream::CallStream;
use crate::peer::streaming::consumer::Consumer;
use crate::peer::{CallError, Caller, MethodName};

/// A call of a method: a future of its result.
///
/// It is lazy: it is sent at its first poll, or by [`start`](Self::start). Calls leave in that order. A call that was
/// given half of a [`stream::channel`](crate::stream::channel) is also sent when the other half has to wait for it.
/// Dropping it, at any time, cancels the work at the other side and frees what it held.
///
/// It is `Send + 'static`, whatever its arguments borrowed: they are encoded when the call is made.
#[must_use = "calls are sent when awaited, or by `.start()` or `.detach()`"]
pub struct Call<T, E = CallError> {
    untyped: CallCore,
    finish: Finish<T, E>,
}

/// What calls of all types have, so that its code is there once and not for each type of results.
struct CallCore {
    method: MethodName,
    state: CallState,
    limit: CallLimit,
    idempotent: bool,
    /// What it takes to send it again on another connection.
    again: Option<Box<Retry>>,
    /// From when it is sent until it ends.
    span: Option<Span>,
}

/// What makes a result of the answer.
enum Finish<T, E> {
    Plain(fn(Answer, &MethodName) -> Result<T, E>),
    /// What the caller wanted done with the error comes after it. It is done once.
    Mapped(Option<Box<Map<T, E>>>),
}

type Map<T, E> = dyn FnOnce(Answer, &MethodName) -> Result<T, E> + Send;

enum CallState {
    Unsent {
        caller: Caller,
        params: Payload,
        /// The codec of the stream that is the result.
        streams: Option<CodecId>,
    },
    /// It is sent when it is polled, or when a stream that it was given has to wait.
    Lazy(Arc<LazyCall<CallCore>>),
    /// It waits for a connection.
    Connecting(Box<ConnectionWait>),
    Sent(SentCall),
    /// The stream that is the result, whose beginning is waited for.
    Streaming(SentCall, Box<Consumer>),
}

/// A call that has been sent.
pub(in crate::peer) enum SentCall {
    Remote(Outgoing),
    Local(LocalCall),
    Failed(CallError),
    /// It was answered before its stream was looked at.
    Ended(Result<(), CallError>),
    Over,
}

impl<T, E> Call<T, E> {
    /// A call that is yet to be sent; `finish` makes its result of the answer. Parameters that could not
    /// be encoded fail it without sending anything.
    #[doc(hidden)]
    pub fn new(
        caller: Caller,
        method: MethodName,
        params: Result<Payload, CallError>,
        finish: fn(Answer, &MethodName) -> Result<T, E>,
    ) -> Self {
        Self {
            untyped: CallCore::new(caller, method, params),
            finish: Finish::Plain(finish),
        }
    }

    /// The same call, whose result is a stream with items in this codec.
    #[doc(hidden)]
    pub fn streaming(mut self, codec: CodecId) -> Self {
        self.untyped.change(|core| {
            if let CallState::Unsent { streams, .. } = &mut core.state {
                *streams = Some(codec);
            }
        });
        self
    }

    /// Gives the call this long, from when it is sent. Then it ends with
    /// [`CallError::DeadlineExceeded`], and the other side is told to stop.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.untyped
            .change(|core| core.limit = CallLimit::Timeout(timeout));
        self
    }

    /// As [`timeout`](Self::timeout), with the time at which it ends.
    pub fn deadline(mut self, deadline: std::time::Instant) -> Self {
        self.untyped
            .change(|core| core.limit = CallLimit::Deadline(deadline.into()));
        self
    }

    /// Says that running the method twice does what running it once does, as `#[chirp(idempotent)]` says of
    /// every call of a method.
    pub fn idempotent(mut self) -> Self {
        self.untyped.change(|core| core.idempotent = true);
        self
    }

    /// Whether running the method twice does what running it once does, as far as is known. Such a call may
    /// be made again even when it [may have run](CallError::may_have_run).
    pub fn is_idempotent(&self) -> bool {
        let mut idempotent = self.untyped.idempotent;
        if let CallState::Lazy(lazy) = &self.untyped.state {
            lazy.change(|core| idempotent = core.idempotent);
        }
        idempotent
    }

    /// Sends the call now, so that it runs while this side does something else. Without it, nothing is
    /// sent before the first poll.
    pub fn start(mut self) -> Self {
        self.untyped.claim();
        self.untyped.send_early();
        self
    }

    /// Sends the call now and lets it run without anybody awaiting it: its result is discarded, and it is not cancelled
    /// when this value is gone. For synchronous code, such as a `Drop`.
    ///
    /// The rest of the call is a task of the connection's runtime. A call in this process ([`Caller::local`]) is one of
    /// the runtime that this is called in; outside of any it is polled once and then cancelled. A call whose result is
    /// a stream is cancelled once it has been answered.
    pub fn detach(self) {
        let Self { mut untyped, .. } = self.start();
        if let Some(runtime) = untyped.runtime() {
            runtime.spawn(std::future::poll_fn(move |cx| untyped.poll(cx).map(drop)));
        }
    }

    /// The same call with its error as an `F`, so that calls of different errors go into one `try_join!`:
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

    /// The same call with its error as `map` makes it.
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

impl SendEarly for CallCore {
    fn params(&self) -> Option<&Payload> {
        match &self.state {
            CallState::Unsent { params, .. } => Some(params),
            _ => None,
        }
    }

    fn send_early(&mut self) {
        self.send(None);
        if let CallState::Sent(SentCall::Local(local))
        | CallState::Streaming(SentCall::Local(local), _) = &mut self.state
        {
            local.start();
        }
    }
}

impl CallCore {
    fn new(caller: Caller, method: MethodName, params: Result<Payload, CallError>) -> Self {
        let state = CallState::new(caller, &method, params);
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

    /// Changes how the call is made.
    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        match &self.state {
            CallState::Lazy(lazy) => lazy.change(change),
            _ => change(self),
        }
    }

    /// Takes over a call that a stream may have sent. From now on this polls it.
    fn claim(&mut self) {
        let CallState::Lazy(lazy) = &self.state else {
            return;
        };
        let Some(core) = lazy.take() else { return };
        *self = core;
        // Its time may have been set after it was sent.
        if !matches!(self.state, CallState::Unsent { .. }) {
            let runtime = self.runtime();
            self.limit.arm(runtime.as_ref());
        }
    }

    /// The runtime that the rest of the call can run on.
    fn runtime(&self) -> Option<Handle> {
        match &self.state {
            CallState::Unsent { caller, .. } => caller.runtime(),
            CallState::Connecting(finding) => Some(finding.runtime()),
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
        // It is taken apart where it stands: it is large.
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
                let finding =
                    ConnectionWait::new(route, is_timed, method.clone(), params, *streams);
                self.state = CallState::Connecting(Box::new(finding));
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
            CallTarget::Routed(_) | CallTarget::Nobody => {
                SentCall::Failed(CallError::unknown_method()).into()
            }
        };
        if let Some(again) = &mut self.again {
            again.note_sent(!matches!(self.state, CallState::Sent(SentCall::Failed(_))));
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        loop {
            let answer = match self.poll_answer(cx) {
                Poll::Ready(answer) => answer,
                Poll::Pending if self.limit.poll(cx).is_ready() => Err(self.timed_out()),
                Poll::Pending => return Poll::Pending,
            };
            if let CallState::Sent(SentCall::Remote(outgoing)) = &self.state
                && outgoing.was_never_sent()
                && let Some(again) = &mut self.again
            {
                again.note_sent(false);
            }
            if let (Err(error), Some(again)) = (&answer, &mut self.again)
                && let Some(finding) = again.find(error, self.limit.is_running())
            {
                self.state = CallState::Connecting(Box::new(finding));
                continue;
            }
            let answer = match &mut self.again {
                Some(again) => answer.map_err(|error| again.fail(error)),
                None => answer,
            };
            let answer = answer.map_err(|error| self.locate(error));
            return Poll::Ready(self.leave(answer));
        }
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        loop {
            match &mut self.state {
                CallState::Sent(work) => return work.poll(cx),
                CallState::Unsent { .. } => {
                    self.send(Some(cx));
                    if let CallState::Sent(SentCall::Remote(_)) = self.state {
                        // The waker was left with the call, and is woken even if the answer is here already.
                        return Poll::Pending;
                    }
                }
                // Nothing in its place is never left there.
                CallState::Lazy(_) => self.claim(),
                CallState::Streaming(work, consumer) => {
                    let Poll::Ready(answer) = work.poll(cx) else {
                        return consumer.poll_begun(cx).map(|()| Ok(Bytes::new().into()));
                    };
                    // One that has begun has items, before which its failure is not told.
                    let begun = consumer.has_begun();
                    *work = SentCall::Ended(answer.as_ref().map(drop).map_err(Clone::clone));
                    return Poll::Ready(if begun {
                        Ok(Bytes::new().into())
                    } else {
                        answer
                    });
                }
                CallState::Connecting(finding) => match ready!(finding.poll(cx)) {
                    Ok(caller) => {
                        self.state = CallState::Unsent {
                            caller,
                            params: mem::take(&mut finding.params),
                            streams: finding.streams,
                        };
                    }
                    Err(error) => return Poll::Ready(Err(error)),
                },
            }
        }
    }

    /// The call's time is over.
    fn timed_out(&self) -> CallError {
        match &self.state {
            CallState::Connecting(finding) => finding.timed_out(),
            _ => CallError::deadline_exceeded(),
        }
    }

    /// Says in an error which call it is about.
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

    /// What is left of the call ends here, not when the future is dropped; but one whose result is a stream goes on
    /// with that.
    fn leave(&mut self, answer: Answer) -> Answer {
        let state = mem::replace(&mut self.state, CallState::Sent(SentCall::Over));
        let span = self.span.take();
        match (state, answer) {
            (CallState::Streaming(work, consumer), Ok(_)) => {
                let limit = mem::replace(&mut self.limit, CallLimit::None);
                Ok(CallStream::new(*consumer, work, limit, span).into())
            }
            (_, answer) => answer,
        }
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
    /// A call that may have a stream as its result.
    fn sent(sent: Result<(SentCall, Option<Consumer>), CallError>) -> Self {
        match sent {
            Ok((work, None)) => work.into(),
            Ok((work, Some(stream))) => Self::Streaming(work, Box::new(stream)),
            Err(error) => SentCall::Failed(error).into(),
        }
    }

    fn new(caller: Caller, method: &MethodName, params: Result<Payload, CallError>) -> Self {
        match method.check().and(params) {
            Ok(params) => Self::Unsent {
                caller,
                params,
                streams: None,
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
