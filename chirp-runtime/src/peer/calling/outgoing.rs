use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use crate::packet::{ErrorData, Payload, Response, ResultCode};
use crate::peer::calling::caller::Link;
use crate::peer::calling::slot::Slot;
use crate::peer::connection::{Connection, recycle};
use crate::peer::{CallError, MethodName, SessionError};
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
    ) -> Result<(CallKey, Arc<Slot>), CallError> {
        let slot = Slot::take(cx.map(|cx| cx.waker().clone()));
        let mut turn = None;
        let made = self.with(|state, after| {
            if let Some(reason) = &state.end {
                return Err(CallError::Closed(reason.clone()));
            }
            let call = state
                .session
                .call_within(method.bytes(), &mut params, time)?;
            state.waiters.wait(call, Arc::clone(&slot));
            // Alone, it writes at once. With others, the writer writes for all of them together.
            if state.session.pending() == 1 {
                turn = self.take_turn(state);
            } else {
                after.wake_writer = true;
            }
            Ok(call)
        });
        recycle(params);
        if let Some(turn) = turn {
            self.write(turn);
        }
        match made {
            Ok(call) => Ok((call, slot)),
            Err(error) => {
                drop(slot.take_waker());
                Slot::give(slot);
                Err(error)
            }
        }
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

    /// The caller has gone: the other side is told, unless the request has not left or the answer is
    /// here. Whether nobody will put an answer into the slot any more.
    fn cancel(&self, call: CallKey, slot: &Arc<Slot>) -> bool {
        self.with(|state, after| {
            let forgotten = state.waiters.forget(call, slot);
            // One that was answered has no id any more.
            if forgotten {
                match state.session.cancel(call) {
                    Ok(()) => after.wake_writer = state.session.has_output(),
                    Err(fatal) => after.end = Some(fatal.into()),
                }
            }
            forgotten
        })
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
    /// Nothing once it is over.
    slot: Option<Arc<Slot>>,
}

impl Outgoing {
    pub(in crate::peer) fn new(link: Link, call: CallKey, slot: Arc<Slot>) -> Self {
        Self {
            link,
            call,
            slot: Some(slot),
        }
    }

    pub(in crate::peer) fn poll(&mut self, cx: &Context<'_>) -> Poll<Answer> {
        let Some(slot) = &self.slot else {
            return Poll::Pending;
        };
        if let Poll::Ready(outcome) = slot.poll(cx.waker()) {
            // Whoever put it there is done with the slot.
            if let Some(slot) = self.slot.take() {
                Slot::give(slot);
            }
            return Poll::Ready(into_answer(outcome));
        }
        // Whoever ends the session says so first and wakes those who wait then.
        if !self.connection().has_ended() {
            return Poll::Pending;
        }
        let reason = self.connection().lock().end.clone();
        self.slot = None;
        Poll::Ready(Err(CallError::Closed(
            reason.unwrap_or(SessionError::ClosedHere),
        )))
    }

    pub(in crate::peer) fn connection(&self) -> &Arc<Connection> {
        self.link.connection()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else {
            return;
        };
        if self.connection().cancel(self.call, &slot) {
            drop(slot.take_waker());
            Slot::give(slot);
            self.connection().watch_abandoned();
        }
    }
}
