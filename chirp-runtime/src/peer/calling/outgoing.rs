use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use crate::packet::{ErrorData, Payload, Response, ResultCode};
use crate::peer::calling::caller::Link;
use crate::peer::calling::waiters::Found;
use crate::peer::connection::{Connection, recycle};
use crate::peer::{CallError, MethodName};
use crate::session::{CallKey, Outcome, Refused, Ticket};

/// What came back from a call, before it is decoded.
pub(crate) type Answer = Result<Bytes, CallError>;

/// The caller's side of a connection: making calls, waiting for their answers, letting go of them.
impl Connection {
    /// Makes a call, whose answer is waited for by `cx`, or by nobody yet.
    pub(in crate::peer) fn call(
        &self,
        method: &MethodName,
        mut params: Payload,
        time: Option<Duration>,
        cx: Option<&Context<'_>>,
    ) -> Result<CallKey, CallError> {
        let waker = cx.map(|cx| cx.waker().clone());
        let mut alone = false;
        let made = self.with(|state, after| {
            if let Some(reason) = &state.end {
                return Err(CallError::Closed(reason.clone()));
            }
            let call = state
                .session
                .call_within(method.bytes(), &mut params, time)?;
            state.waiters.wait(call, waker);
            alone = state.session.pending() == 1;
            after.wake_writer = !alone;
            Ok(call)
        });
        recycle(params);
        // Alone, it writes at once. With others, the writer writes for all of them together.
        if alone {
            self.flush();
        }
        made
    }

    /// Makes a call whose answer is not wanted. Gives its place in the queue, if it has to wait for room.
    pub(in crate::peer) fn cast(
        &self,
        method: &MethodName,
        mut params: Payload,
    ) -> Result<Option<Ticket>, CallError> {
        let made = self.with(|state, after| {
            if let Some(reason) = &state.end {
                return Err(CallError::Closed(reason.clone()));
            }
            after.wake_writer = true;
            Ok(state.session.cast(method.bytes(), &mut params)?)
        });
        recycle(params);
        made
    }

    /// Waits for the answer of a call.
    pub(in crate::peer) fn poll_answer(&self, call: CallKey, cx: &Context<'_>) -> Poll<Answer> {
        let mut waker = None;
        loop {
            let mut state = self.lock();
            let waits = waker.is_some();
            // The old waker is dropped after the lock: it is the caller's code, as its clone is.
            let _replaced = waker
                .take()
                .map(|waker| state.waiters.replace_waker(call, waker));
            let found = state.waiters.poll(call, cx.waker());
            if let Found::Answer(_) = &found {
                state.session.release(call);
            }
            let end = state.end.clone();
            let admitted = state.session.has_admitted();
            drop(state);
            if admitted {
                // Something waited for this call's id.
                self.with(|_, _| ());
            }
            match (found, end) {
                (Found::Answer(outcome), _) => return Poll::Ready(into_answer(outcome)),
                (_, Some(reason)) => return Poll::Ready(Err(CallError::Closed(reason))),
                (Found::OtherWaker, None) if !waits => waker = Some(cx.waker().clone()),
                (Found::OtherWaker | Found::NotYet, None) => return Poll::Pending,
            }
        }
    }

    /// The caller has gone: the other side is told, unless the request has not left or the answer is
    /// here.
    pub(in crate::peer) fn cancel(&self, call: CallKey) {
        let forgotten = self.with(|state, after| {
            let forgotten = state.waiters.forget(call);
            match state.session.cancel(call) {
                Ok(()) => after.wake_writer = state.session.has_output(),
                Err(fatal) => after.end = Some(fatal.into()),
            }
            forgotten
        });
        drop(forgotten);
    }
}

/// The answer that an outcome stands for.
fn into_answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Response(Response { code, data, .. }) => match code {
            ResultCode::Success => Ok(data),
            ResultCode::UnknownMethod => Err(CallError::UnknownMethod),
            ResultCode::DuplicateRequest => Err(CallError::DuplicateRequest),
            ResultCode::Cancelled => Err(CallError::Cancelled),
            // Malformed error data has ended the session before it came here.
            ResultCode::ServiceError => Err(CallError::from_error_data(
                ErrorData::decode(data).unwrap_or_default(),
            )),
        },
        Outcome::TooLarge { limit } => Err(CallError::TooLarge {
            what: "answer",
            whose: "our",
            limit,
        }),
    }
}

impl Refused {
    /// The error of whoever wanted to send `what`.
    pub(in crate::peer) fn about(self, what: &'static str) -> CallError {
        match self {
            Self::TooLarge { limit, whose } => CallError::TooLarge { what, whose, limit },
            Self::TooManyPending { limit } => CallError::TooManyPending { limit },
        }
    }
}

impl From<Refused> for CallError {
    fn from(refused: Refused) -> Self {
        refused.about("request")
    }
}

/// A call under way. Dropping it cancels it.
pub(in crate::peer) struct Outgoing {
    link: Link,
    call: CallKey,
    over: bool,
}

impl Outgoing {
    pub(in crate::peer) fn new(link: Link, call: CallKey) -> Self {
        Self {
            link,
            call,
            over: false,
        }
    }

    pub(in crate::peer) fn poll(&mut self, cx: &Context<'_>) -> Poll<Answer> {
        let answer = self.connection().poll_answer(self.call, cx);
        self.over = is_over(&answer);
        answer
    }

    pub(in crate::peer) fn connection(&self) -> &Arc<Connection> {
        self.link.connection()
    }
}

/// Whether nothing is left to let go of. The end of the connection answers a call without touching it.
fn is_over<T>(answer: &Poll<Result<T, CallError>>) -> bool {
    !matches!(
        answer,
        Poll::Pending | Poll::Ready(Err(CallError::Closed(_)))
    )
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if !self.over {
            self.connection().cancel(self.call);
            self.connection().watch_abandoned();
        }
    }
}
