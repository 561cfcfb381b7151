use std::fmt;
use std::task::{Context, Poll};

use crate::peer::CallError;
use crate::peer::calling::call::Work;
use crate::peer::calling::limit::Limit;
use crate::peer::streaming::consumer::Consumer;
use crate::peer::watching::span::Span;

/// A call whose result is a stream: it goes on until the stream has ended. Dropping it cancels the call.
pub(crate) struct OfCall {
    consumer: Consumer,
    work: Work,
    limit: Limit,
    _span: Option<Span>,
    /// It was answered, and so.
    answered: Option<Result<(), CallError>>,
}

impl OfCall {
    pub(in crate::peer) fn new(
        consumer: Consumer,
        work: Work,
        limit: Limit,
        span: Option<Span>,
    ) -> Self {
        Self {
            consumer,
            work,
            limit,
            _span: span,
            answered: None,
        }
    }

    /// Its stream.
    pub(crate) fn consumer(&mut self) -> &mut Consumer {
        &mut self.consumer
    }

    /// Goes on with the call. How it ended, if it has.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        if let Some(answered) = &self.answered {
            return Poll::Ready(answered.clone());
        }
        let answered = match self.work.poll(cx) {
            Poll::Ready(answer) => answer.map(drop),
            Poll::Pending if self.limit.poll(cx).is_ready() => Err(CallError::DeadlineExceeded),
            Poll::Pending => return Poll::Pending,
        };
        // What is left of it is cancelled now.
        self.work = Work::Over;
        self.answered = Some(answered.clone());
        Poll::Ready(answered)
    }
}

impl fmt::Debug for OfCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfCall")
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
