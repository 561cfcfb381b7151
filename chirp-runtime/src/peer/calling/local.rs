use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use crate::packet::{self, Fault, Payload};
use crate::peer::calling::outgoing::Answer;
use crate::peer::handling::task::{drop_caught, panicked};
use crate::peer::{
    CallContext, CallError, Caller, Handler, Handling, MethodName, Reply, Request, Values,
};

/// A call of a handler in this process. The handler is polled where the call is.
pub(in crate::peer) struct LocalCall {
    work: Work,
}

enum Work {
    Handling(Option<Handling>),
    /// The handler has handed the call over.
    Deferred(oneshot::Receiver<Reply>),
    Ended(Option<Reply>),
}

impl LocalCall {
    pub(in crate::peer) fn new(
        handler: &dyn Handler,
        back: Caller,
        method: &MethodName,
        params: &Payload,
    ) -> Self {
        let packet = packet::Request::new(0, method.bytes(), params.as_slice());
        let request = Request::new(CallContext::new(back, Values::default(), None), packet);
        let work = match catch_unwind(AssertUnwindSafe(|| handler.handle(request))) {
            Ok(handling) => Work::Handling(Some(handling)),
            Err(panic) => Work::Ended(Some(panicked(panic))),
        };
        Self { work }
    }

    pub(in crate::peer) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Answer> {
        loop {
            let reply = match &mut self.work {
                Work::Handling(handling) => ready!(poll_caught(handling, cx)),
                Work::Deferred(answer) => {
                    ready!(Pin::new(answer).poll(cx)).unwrap_or_else(|_| Fault::NoAnswer.into())
                }
                Work::Ended(reply) => reply.take().unwrap_or_else(|| Fault::NoAnswer.into()),
            };
            match reply {
                Reply::Deferred(deferred) => {
                    self.work = match deferred.answer {
                        Some(answer) => Work::Deferred(answer),
                        None => Work::Ended(None),
                    };
                }
                Reply::Value(value) => return Poll::Ready(Ok(value.into_bytes())),
                Reply::Error(error) => return Poll::Ready(Err(CallError::from_error_data(error))),
                Reply::UnknownMethod => return Poll::Ready(Err(CallError::UnknownMethod)),
            }
        }
    }
}

/// Polls a handler. A panic in it is its caller's service error here as well.
fn poll_caught(handling: &mut Option<Handling>, cx: &mut Context<'_>) -> Poll<Reply> {
    let Some(work) = handling else {
        return Poll::Ready(Fault::NoAnswer.into());
    };
    let reply = match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(polled) => ready!(polled),
        Err(panic) => panicked(panic),
    };
    drop_caught(handling.take());
    Poll::Ready(reply)
}
