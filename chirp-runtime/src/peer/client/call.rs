use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::channel::Identity;
use crate::codec::CodecId;
use crate::packet::{Metadata, Payload, TraceContext};
use crate::peer::client::answer::Answer;
use crate::peer::client::call_core::{CallCore, CallState, SentCall, shared};
use crate::peer::client::call_options::CallOptions;
use crate::peer::client::lazy_call::SendEarly;
use crate::peer::client::limit::CallLimit;
use crate::peer::client::retrying::Retry;
use crate::peer::{CallContext, CallError, Caller, MethodName, RetryPolicy, TemplateError};

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

/// How the result is decoded.
enum Finish<T, E> {
    Plain(fn(Answer, &MethodName) -> Result<T, E>),
    /// As `Plain`, followed by a conversion of the error. Called once.
    Mapped(Option<Box<Map<T, E>>>),
}

type Map<T, E> = dyn FnOnce(Answer, &MethodName) -> Result<T, E> + Send;

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

    pub(super) fn limited(mut self, limit: CallLimit) -> Self {
        self.untyped.change(|core| core.limit = limit);
        self
    }

    /// As [`timeout`](Self::timeout), with an absolute deadline.
    pub fn deadline(mut self, deadline: std::time::Instant) -> Self {
        self.untyped
            .change(|core| core.limit = CallLimit::Deadline(deadline.into()));
        self
    }

    /// Adds an entry of metadata to the call, in place of others with this key: those of the client
    /// ([`Caller::with_metadata`]), and inherited ones. The handler reads it with
    /// [`CallContext::metadata`](crate::peer::CallContext::metadata). Keys are text of 1 to 255 bytes that does not begin
    /// with `chirp.`; the call fails with [`CallError::Metadata`] otherwise, and if all metadata is over the limit
    /// ([`Limits::max_metadata`](crate::session::Limits::max_metadata)).
    ///
    /// The metadata is required: the call waits until the peer's extensions are known, and a peer that does not support
    /// metadata fails the call with [`CallError::Rejected`] before it is sent. Use
    /// [`metadata_optional`](Self::metadata_optional) for entries that the call can do without.
    pub fn metadata(mut self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.untyped
            .change(|core| core.options_mut().set_metadata(key, value.as_ref()));
        self
    }

    /// As [`metadata`](Self::metadata), but the entry is left out if the peer does not support metadata, or if that is not
    /// known yet, and the call does not wait for it.
    pub fn metadata_optional(mut self, key: &str, value: impl AsRef<[u8]>) -> Self {
        self.untyped.change(|core| {
            core.options_mut()
                .set_optional_metadata(key, value.as_ref());
        });
        self
    }

    /// As [`metadata`](Self::metadata), with all entries of `metadata`, of which some may be optional.
    pub fn all_metadata(mut self, metadata: &Metadata) -> Self {
        self.untyped
            .change(|core| core.options_mut().merge_metadata(metadata));
        self
    }

    /// Sets the trace that the call belongs to. It is used if the call's span has none
    /// ([`PeerBuilder::propagator`](crate::peer::PeerBuilder::propagator)), and left out if the peer does not support
    /// it.
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.untyped
            .change(|core| core.options_mut().set_trace(trace));
        self
    }

    /// Sets the identity of the caller that a handler in this process sees
    /// ([`CallContext::identity`]), for transports that hand their requests to
    /// [`Caller::local`]. On a connection it has no effect: the other side knows the identity from the channel.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.untyped
            .change(|core| core.options_mut().set_identity(identity));
        self
    }

    /// Makes the call a part of the call that a handler serves: it inherits that call's deadline, its trace and the
    /// metadata that the program inherits
    /// ([`PeerBuilder::inherit_metadata`](crate::peer::PeerBuilder::inherit_metadata)). The deadline applies in addition to
    /// the call's own limit; entries of metadata do not replace those of the call or its client. The call may be made on any
    /// connection.
    pub fn within(mut self, cx: &CallContext) -> Self {
        self.untyped
            .change(|core| core.options_mut().set_within(cx));
        self
    }

    /// Adds options to those of the call's client.
    pub(in crate::peer) fn with_options(mut self, options: Option<Box<CallOptions>>) -> Self {
        if let Some(options) = options {
            self.untyped
                .change(|core| core.options_mut().overlay(&options));
        }
        self
    }

    /// Limits the time of the call unless it is limited already.
    #[doc(hidden)]
    pub fn default_timeout(mut self, timeout: Duration) -> Self {
        self.untyped.change(|core| {
            if let CallLimit::None = core.limit {
                core.limit = CallLimit::Timeout(timeout);
            }
        });
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

    /// Sets when the call is sent again after an error. Has no effect on a call that has been sent.
    pub fn retry(mut self, policy: &RetryPolicy) -> Self {
        let policy = policy.clone();
        self.untyped.change(|core| core.set_retry(policy));
        self
    }

    /// Makes no use of the policy of the source of connections, because another policy repeats the call.
    pub(super) fn without_policy_of_source(mut self) -> Self {
        self.untyped
            .change(|core| core.again = Some(Retry::without_policy()));
        self
    }

    /// Sends the call now, so that it runs while this task does something else. Without `start`, nothing is sent before
    /// the first poll.
    pub fn start(mut self) -> Self {
        self.untyped.claim();
        self.untyped.send_early();
        self.untyped = self.untyped.wait_lazily();
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
        untyped.claim();
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
            CallState::Sent(SentCall::Failed(error) | SentCall::FailsLater(error)) => {
                return Err(error.clone());
            }
            _ => return Err(CallError::NotTemplate(TemplateError::Sent)),
        };
        let mut untyped = CallCore::new(caller, core.method.clone(), Ok(params), streams);
        // The limit of the template takes precedence over that of the target.
        let limit = core.limit.copy();
        if !matches!(limit, CallLimit::None) {
            untyped.limit = limit;
        }
        untyped.idempotent = core.idempotent;
        if let Some(again) = core.again.as_ref().and_then(|again| again.for_template()) {
            untyped.again = Some(again);
        }
        if let Some(options) = &core.options {
            untyped.options_mut().overlay(options);
        }
        Ok(Self {
            untyped,
            finish: Finish::Plain(finish),
        })
    }

    /// Returns the number of bytes of the parameters if the call has not been sent, and else 0.
    pub(crate) fn unsent_bytes(&self) -> usize {
        match &self.untyped.state {
            CallState::Unsent { params, .. } => params.len(),
            _ => 0,
        }
    }

    /// Returns the runtime of the call, if it has one of its own.
    pub(crate) fn runtime(&self) -> Option<tokio::runtime::Handle> {
        self.untyped.runtime()
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

impl<T, E> Finish<T, E> {
    fn apply(&mut self, answer: Answer, method: &MethodName) -> Result<T, E> {
        match self {
            Self::Plain(finish) => finish(answer, method),
            Self::Mapped(finish) => finish.take().expect("a call has one answer")(answer, method),
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
            CallState::Pausing(_) => "waits before it is sent again",
            CallState::Sent(SentCall::Failed(_) | SentCall::FailsLater(_)) => "failed",
            CallState::Sent(SentCall::Over) => "over",
            CallState::Sent(_) | CallState::Streaming(..) => "running",
        };
        f.debug_tuple("Call")
            .field(&format_args!("{state}"))
            .finish()
    }
}
