use std::fmt;
use std::task::{Context, Poll, ready};

use crate::peer::calling::call::SentCall;
use crate::peer::calling::limit::CallLimit;
use crate::peer::monitoring::span::Span;
use crate::peer::streaming::consumer::Consumer;
use crate::peer::{CallError, StreamError};

/// A call whose result is a stream: it goes on until the stream has ended. Dropping it cancels the call.
pub(crate) struct CallStream {
    consumer: Consumer,
    work: SentCall,
    limit: CallLimit,
    _span: Option<Span>,
    /// It was answered, and so.
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
            answered: None,
        }
    }

    /// Its stream.
    pub(crate) fn consumer(&mut self) -> &mut Consumer {
        &mut self.consumer
    }

    /// The next item, which `next` takes from the stream. Its end is the call's answer, which says whether it went well.
    #[inline]
    pub(crate) fn poll_next<T>(
        &mut self,
        cx: &mut Context<'_>,
        next: impl FnOnce(&mut Consumer, &mut Context<'_>) -> Poll<Option<Result<T, StreamError>>>,
    ) -> Poll<Option<Result<T, StreamError>>> {
        // Once for each packet, so that items which keep coming do not put it off.
        if let Poll::Ready(error) = self.poll_limit(cx) {
            return Poll::Ready(Some(Err(error.into())));
        }
        let next = next(&mut self.consumer, cx);
        if let Poll::Ready(Some(Ok(item))) = next {
            return Poll::Ready(Some(Ok(item)));
        }
        if matches!(next, Poll::Ready(None)) && self.consumer.is_closed() {
            // Nobody waits for how it would have ended: the call is cancelled.
            return Poll::Ready(None);
        }
        match (next, self.poll_end(cx)) {
            // The answer follows; and what is left of the stream is put where it is looked for.
            (
                Poll::Ready(None | Some(Err(StreamError::CallEnded | StreamError::Refused(_)))),
                Poll::Pending,
            )
            | (Poll::Pending, _) => Poll::Pending,
            (Poll::Ready(end), Poll::Pending | Poll::Ready(Ok(()))) => Poll::Ready(end),
            (Poll::Ready(_), Poll::Ready(Err(error))) => Poll::Ready(Some(Err(error.into()))),
        }
    }

    /// Goes on with the call. How it ended, if it has.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        if let Some(answered) = &self.answered {
            return Poll::Ready(answered.clone());
        }
        let answered = ready!(self.work.poll(cx)).map(drop);
        Poll::Ready(self.end(answered))
    }

    /// Whether the time is over that the caller gave it.
    fn poll_limit(&mut self, cx: &mut Context<'_>) -> Poll<CallError> {
        if self.answered.is_some() {
            return Poll::Pending;
        }
        ready!(self.limit.poll(cx));
        // This side gives it up.
        let _ = self.end(Err(CallError::deadline_exceeded()));
        Poll::Ready(CallError::deadline_exceeded())
    }

    fn end(&mut self, answered: Result<(), CallError>) -> Result<(), CallError> {
        // What is left of it is cancelled now.
        self.work = SentCall::Over;
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
