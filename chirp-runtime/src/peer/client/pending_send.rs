use std::task::{Context, Poll};

use tokio::runtime::Handle;

use crate::peer::CallError;
use crate::peer::client::caller::ConnectionRef;
use crate::session::SendTicket;

/// A one-way call or packet that may have to wait for room. Dropping it takes it back.
pub(in crate::peer) struct PendingSend {
    link: ConnectionRef,
    /// `None` once it is in the transmit buffer.
    ticket: Option<SendTicket>,
}

impl PendingSend {
    pub(in crate::peer) fn new(link: ConnectionRef, ticket: Option<SendTicket>) -> Self {
        Self { link, ticket }
    }

    pub(in crate::peer) fn runtime(&self) -> Handle {
        self.link.connection().runtime.clone()
    }

    /// Waits until it is in the transmit buffer.
    pub(in crate::peer) fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<(), CallError>> {
        let Some(ticket) = self.ticket else {
            return Poll::Ready(Ok(()));
        };
        let waker = cx.waker().clone();
        let mut state = self.link.connection().lock();
        if !state.session.is_waiting(ticket) {
            let refused = state.session.take_refused_one_way_call(ticket);
            drop(state);
            self.ticket = None;
            return Poll::Ready(refused.map_or(Ok(()), |refused| Err(refused.into())));
        }
        let unsendable = state.end.is_some() || state.sending.is_over();
        if let Some(reason) = state.refusal().filter(|_| unsendable) {
            return Poll::Ready(Err(CallError::ConnectionLost(reason)));
        }
        let replaced = state.pending_calls.wait_for_room(ticket, waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for PendingSend {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let mut state = self.link.connection().lock();
            state.session.take_back(ticket);
            state.session.take_refused_one_way_call(ticket);
            let waker = state.pending_calls.stop_waiting(ticket);
            drop(state);
            drop(waker);
        }
    }
}
