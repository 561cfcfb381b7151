use std::fmt;
use std::task::{Context, Poll, ready};

use crate::peer::client::call_core::SentCall;
use crate::peer::client::connection_source::CallPermit;
use crate::peer::client::limit::CallLimit;
use crate::peer::monitoring::span::Span;
use crate::peer::stream::consumer::Consumer;
use crate::peer::{CallError, StreamError};

/// A call whose result is a stream. It lasts until the stream has ended. Dropping it cancels the call.
pub(crate) struct CallStream {
    consumer: Consumer,
    work: SentCall,
    limit: CallLimit,
    _span: Option<Span>,
    /// Counts the call at the source of its connection.
    permit: Option<CallPermit>,
    /// The outcome of the call, once it has been answered.
    answered: Option<Result<(), CallError>>,
}

impl CallStream {
    pub(in crate::peer) fn new(
        consumer: Consumer,
        work: SentCall,
        limit: CallLimit,
        span: Option<Span>,
    ) -> Self {
        Self {
            consumer,
            work,
            limit,
            _span: span,
            permit: None,
            answered: None,
        }
    }

    /// Sets the permit that counts the call until its end.
    pub(in crate::peer) fn counted_by(mut self, permit: Option<CallPermit>) -> Self {
        self.permit = permit;
        self
    }

    /// Returns the call's stream.
    pub(crate) fn consumer(&mut self) -> &mut Consumer {
        &mut self.consumer
    }

    /// Polls for the next item, which `next` takes from the stream. At the end of the stream the outcome of the call is
    /// returned.
    #[inline]
    pub(crate) fn poll_next<T>(
        &mut self,
        cx: &mut Context<'_>,
        next: impl FnOnce(&mut Consumer, &mut Context<'_>) -> Poll<Option<Result<T, StreamError>>>,
    ) -> Poll<Option<Result<T, StreamError>>> {
        // Checked once per packet, so that a steady flow of items does not postpone the timeout.
        if let Poll::Ready(error) = self.poll_limit(cx) {
            return Poll::Ready(Some(Err(error.into())));
        }
        let next = next(&mut self.consumer, cx);
        if let Poll::Ready(Some(Ok(item))) = next {
            return Poll::Ready(Some(Ok(item)));
        }
        if matches!(next, Poll::Ready(None)) && self.consumer.is_closed() {
            // The outcome is not wanted: the call is cancelled.
            return Poll::Ready(None);
        }
        match (next, self.poll_end(cx)) {
            // The response follows. The remaining items are moved to where they are looked for.
            (
                Poll::Ready(None | Some(Err(StreamError::CallEnded | StreamError::Refused(_)))),
                Poll::Pending,
            )
            | (Poll::Pending, _) => Poll::Pending,
            (Poll::Ready(end), Poll::Pending | Poll::Ready(Ok(()))) => Poll::Ready(end),
            (Poll::Ready(_), Poll::Ready(Err(error))) => Poll::Ready(Some(Err(error.into()))),
        }
    }

    /// Polls the call. Ready with its outcome.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        if let Some(answered) = &self.answered {
            return Poll::Ready(answered.clone());
        }
        let answered = ready!(self.work.poll(cx)).map(drop);
        Poll::Ready(self.end(answered))
    }

    /// Ready when the call's timeout has passed.
    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<CallError> {
        if self.answered.is_some() {
            return Poll::Pending;
        }
        ready!(self.limit.poll(cx));
        // This side gives the call up.
        let _ = self.end(Err(CallError::deadline_exceeded()));
        Poll::Ready(CallError::deadline_exceeded())
    }

    fn end(&mut self, answered: Result<(), CallError>) -> Result<(), CallError> {
        // Cancels the remainder of the call.
        self.work = SentCall::Over;
        self.permit = None;
        self.answered = Some(answered.clone());
        answered
    }
}

impl fmt::Debug for CallStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallStream")
            .field("answered", &self.answered)
            .finish_non_exhaustive()
    }
}
