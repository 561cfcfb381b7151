use std::fmt;
use std::task::{Context, Poll, ready};

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
        let answered = ready!(self.work.poll(cx)).map(drop);
        Poll::Ready(self.end(answered))
    }

    /// Whether the time is over that the caller gave it.
    pub(crate) fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<CallError> {
        if self.answered.is_some() {
            return Poll::Pending;
        }
        ready!(self.limit.poll(cx));
        // This side gives it up.
        let _ = self.end(Err(CallError::DeadlineExceeded));
        Poll::Ready(CallError::DeadlineExceeded)
    }

    fn end(&mut self, answered: Result<(), CallError>) -> Result<(), CallError> {
        // What is left of it is cancelled now.
        self.work = Work::Over;
        self.answered = Some(answered.clone());
        answered
    }
}

impl fmt::Debug for OfCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfCall")
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
