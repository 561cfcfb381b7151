use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::packet::Payload;
use crate::peer::calling::caller::Target;
use crate::peer::calling::local::LocalCall;
use crate::peer::calling::outgoing::{Answer, Outgoing};
use crate::peer::watching::span::Span;
use crate::peer::{CallError, Caller, MethodName};

/// A call of a method: a future of its result.
///
/// It is lazy: it is sent at its first poll, or by [`start`](Self::start). Calls leave in that order.
/// Dropping it, at any time, cancels the work at the other side and frees what it held.
///
/// It is `Send + 'static`, whatever its arguments borrowed: they are encoded when the call is made.
#[must_use = "a call is sent when it is awaited, or by `.start()`"]
pub struct Call<T, E = CallError> {
    state: State,
    limit: Limit,
    idempotent: bool,
    /// From when it is sent until it ends.
    span: Option<Span>,
    finish: Finish<T, E>,
}

/// What makes a result of the answer.
enum Finish<T, E> {
    Plain(fn(Answer) -> Result<T, E>),
    /// What the caller wanted done with the error comes after it. It is done once.
    Mapped(Option<Box<Map<T, E>>>),
}

type Map<T, E> = dyn FnOnce(Answer) -> Result<T, E> + Send;

enum State {
    Unsent {
        caller: Caller,
        method: MethodName,
        params: Payload,
    },
    Remote(Outgoing),
    Local(LocalCall),
    Failed(CallError),
    Over,
}

/// How long the call may take.
enum Limit {
    None,
    Timeout(Duration),
    Deadline(Instant),
    Running(Pin<Box<Sleep>>),
}

impl<T, E> Call<T, E> {
    /// A call that is yet to be sent; `finish` makes its result of the answer. Parameters that could not
    /// be encoded fail it without sending anything.
    #[doc(hidden)]
    pub fn new(
        caller: Caller,
        method: MethodName,
        params: Result<Payload, CallError>,
        finish: fn(Answer) -> Result<T, E>,
    ) -> Self {
        Self {
            state: State::new(caller, method, params),
            limit: Limit::None,
            idempotent: false,
            span: None,
            finish: Finish::Plain(finish),
        }
    }

    /// Gives the call this long, from when it is sent. Then it ends with
    /// [`CallError::DeadlineExceeded`], and the other side is told to stop.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.limit = Limit::Timeout(timeout);
        self
    }

    /// As [`timeout`](Self::timeout), with the time at which it ends.
    pub fn deadline(mut self, deadline: std::time::Instant) -> Self {
        self.limit = Limit::Deadline(deadline.into());
        self
    }

    /// Says that running the method twice does what running it once does, as `#[chirp(idempotent)]` says of
    /// every call of a method.
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Whether running the method twice does what running it once does, as far as is known. Such a call may
    /// be made again even when it [may have run](CallError::may_have_run).
    pub fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// Sends the call now, so that it runs while this side does something else. Without it, nothing is
    /// sent before the first poll.
    pub fn start(mut self) -> Self {
        self.send(None);
        self
    }

    /// The same call with its error as an `F`, so that calls of different errors go into one `try_join!`:
    ///
    /// ```
    /// # use chirp_runtime::peer::{Call, CallError, MethodError};
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
            state,
            limit,
            idempotent,
            span,
            mut finish,
        } = self;
        let finish = move |answer| finish.apply(answer).map_err(map);
        Call {
            state,
            limit,
            idempotent,
            span,
            finish: Finish::Mapped(Some(Box::new(finish))),
        }
    }

    fn send(&mut self, cx: Option<&Context<'_>>) {
        let State::Unsent { .. } = self.state else {
            return;
        };
        let State::Unsent {
            caller,
            method,
            params,
        } = mem::replace(&mut self.state, State::Over)
        else {
            return;
        };
        self.span = Some(Span::of_call(&method));
        self.state = match caller.0 {
            _ if self.limit.has_passed() => State::Failed(CallError::DeadlineExceeded),
            Target::Remote(link) => {
                let connection = link.connection();
                self.limit.arm(Some(&connection.runtime));
                match connection.call(&method, params, self.limit.time_left(), cx) {
                    Ok(slot) => State::Remote(Outgoing::new(link, slot)),
                    Err(error) => State::Failed(error),
                }
            }
            Target::Local(handler, back) => {
                self.limit.arm(None);
                State::Local(LocalCall::new(&*handler, *back, &method, &params))
            }
            Target::Nobody => State::Failed(CallError::UnknownMethod),
        };
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        if let State::Unsent { .. } = self.state {
            self.send(Some(cx));
            if let State::Remote(_) = self.state {
                // The waker was left with the call, and is woken even if the answer is here already.
                return Poll::Pending;
            }
        }
        match &mut self.state {
            State::Remote(outgoing) => outgoing.poll(cx),
            State::Local(local) => local.poll(cx),
            State::Failed(_) => match mem::replace(&mut self.state, State::Over) {
                State::Failed(error) => Poll::Ready(Err(error)),
                _ => Poll::Pending,
            },
            State::Unsent { .. } | State::Over => {
                panic!("a call was polled after it gave its result")
            }
        }
    }
}

impl<T, E> Finish<T, E> {
    fn apply(&mut self, answer: Answer) -> Result<T, E> {
        match self {
            Self::Plain(finish) => finish(answer),
            Self::Mapped(finish) => finish.take().expect("a call has one answer")(answer),
        }
    }
}

impl State {
    fn new(caller: Caller, method: MethodName, params: Result<Payload, CallError>) -> Self {
        match method.check().and(params) {
            Ok(params) => Self::Unsent {
                caller,
                method,
                params,
            },
            Err(error) => Self::Failed(error),
        }
    }
}

impl Limit {
    /// Whether there is no time to begin with.
    fn has_passed(&self) -> bool {
        match self {
            Self::None | Self::Running(_) => false,
            Self::Timeout(timeout) => timeout.is_zero(),
            Self::Deadline(at) => *at <= Instant::now(),
        }
    }

    /// How much time there is, once the clock runs.
    fn time_left(&self) -> Option<Duration> {
        match self {
            Self::Running(sleep) => {
                Some(sleep.deadline().saturating_duration_since(Instant::now()))
            }
            _ => None,
        }
    }

    /// Starts the clock. It is the connection's runtime that keeps time, so that a call may be awaited
    /// anywhere.
    fn arm(&mut self, runtime: Option<&tokio::runtime::Handle>) {
        if let Self::None | Self::Running(_) = self {
            return;
        }
        let _entered = runtime.map(tokio::runtime::Handle::enter);
        let at = match self {
            Self::None | Self::Running(_) => None,
            Self::Timeout(timeout) => Instant::now().checked_add(*timeout),
            Self::Deadline(at) => Some(*at),
        };
        // A time that the clock cannot express does not come.
        *self = at.map_or(Self::None, |at| {
            Self::Running(Box::pin(tokio::time::sleep_until(at)))
        });
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self::Running(sleep) = self else {
            return Poll::Pending;
        };
        // A timer panics when its runtime has been shut down since. By then the connection has ended too,
        // which is what the caller should hear.
        catch_unwind(AssertUnwindSafe(|| sleep.as_mut().poll(cx))).unwrap_or_else(|_| {
            *self = Self::None;
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
}

impl<T, E> Future for Call<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match self.poll_answer(cx) {
            Poll::Ready(answer) => answer,
            Poll::Pending if self.limit.poll(cx).is_ready() => Err(CallError::DeadlineExceeded),
            Poll::Pending => return Poll::Pending,
        };
        // What is left of the call is cancelled here, not when the future is dropped.
        self.state = State::Over;
        self.span = None;
        Poll::Ready(self.finish.apply(answer))
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Unsent { method, .. } => return f.debug_tuple("Call").field(method).finish(),
            State::Remote(_) | State::Local(_) => "running",
            State::Failed(_) => "failed",
            State::Over => "over",
        };
        f.debug_tuple("Call")
            .field(&format_args!("{state}"))
            .finish()
    }
}
