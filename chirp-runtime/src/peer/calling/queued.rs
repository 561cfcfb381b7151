use std::task::{Context, Poll};

use crate::peer::CallError;
use crate::peer::calling::caller::Link;
use crate::session::{Refused, Ticket};

/// A one-way call or a packet that may have to wait for room. Dropping it while it does takes it back.
pub(in crate::peer) struct Queued {
    link: Link,
    /// Nothing once it is in the transmit buffer.
    ticket: Option<Ticket>,
}

impl Queued {
    pub(in crate::peer) fn new(link: Link, ticket: Option<Ticket>) -> Self {
        Self { link, ticket }
    }

    /// Waits until it is in the transmit buffer.
    pub(in crate::peer) fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<(), CallError>> {
        let Some(ticket) = self.ticket else {
            return Poll::Ready(Ok(()));
        };
        let waker = cx.waker().clone();
        let mut state = self.link.connection().lock();
        if !state.session.is_waiting(ticket) {
            let refused = state.session.take_refused_cast(ticket);
            drop(state);
            self.ticket = None;
            return Poll::Ready(if refused {
                Err(Refused::Unsupported.into())
            } else {
                Ok(())
            });
        }
        let unsendable = state.end.is_some() || state.sending.is_over();
        if let Some(reason) = state.refusal().filter(|_| unsendable) {
            return Poll::Ready(Err(CallError::Closed(reason)));
        }
        let replaced = state.waiters.wait_for_room(ticket, waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let forgotten = self.link.connection().with(|state, _| {
                state.session.take_back(ticket);
                state.session.take_refused_cast(ticket);
                state.waiters.stop_waiting(ticket)
            });
            drop(forgotten);
        }
    }
}
