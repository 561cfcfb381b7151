use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::connection::{Connection, recycle};
use super::{CallError, Peer};
use crate::packet::{PacketType, Payload};
use crate::session::Ticket;

/// A packet of one of the application's types on its way into the transmit buffer, where it leaves in
/// order. Sent when it is awaited; dropping it before it is ready takes the packet back.
#[derive(Debug)]
#[must_use = "a packet is sent when it is awaited"]
pub struct SendPacket {
    connection: Arc<Connection>,
    kind: PacketType,
    payload: Option<Payload>,
    ticket: Option<Ticket>,
}

impl Peer {
    /// Sends a packet of one of the application's own types, which plain Chirp v0 peers discard unless
    /// they handle it. It is ready when the packet is in the transmit buffer.
    ///
    /// # Errors
    ///
    /// [`CallError::ReservedType`] for a type that is the protocol's, [`CallError::TooLarge`] over a
    /// payload limit, [`CallError::Closed`] when the connection has ended.
    pub fn send_packet(&self, kind: PacketType, payload: impl Into<Payload>) -> SendPacket {
        let connection = Arc::clone(self.connection());
        SendPacket {
            connection,
            kind,
            payload: Some(payload.into()),
            ticket: None,
        }
    }
}

impl SendPacket {
    /// Puts the packet into the session. Whether it has to wait there.
    fn send(&mut self, mut payload: Payload) -> Result<(), CallError> {
        if !self.kind.is_custom() {
            return Err(CallError::ReservedType { kind: self.kind });
        }
        let ticket = self.connection.with(|state, after| {
            if let Some(reason) = &state.end {
                return Err(CallError::Closed(reason.clone()));
            }
            after.wake_writer = true;
            let sent = state.session.send_packet(self.kind, &mut payload);
            sent.map_err(|refused| refused.about("packet"))
        });
        recycle(payload);
        self.ticket = ticket?;
        Ok(())
    }
}

impl Future for SendPacket {
    type Output = Result<(), CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(payload) = self.payload.take() {
            self.send(payload)?;
        }
        let Some(ticket) = self.ticket else {
            return Poll::Ready(Ok(()));
        };
        let waker = cx.waker().clone();
        let mut state = self.connection.lock();
        if !state.session.is_waiting(ticket) {
            drop(state);
            self.ticket = None;
            return Poll::Ready(Ok(()));
        }
        if let Some(reason) = state.end.clone() {
            return Poll::Ready(Err(CallError::Closed(reason)));
        }
        let replaced = state.waiters.packet_waits(ticket, waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for SendPacket {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let forgotten = self.connection.with(|state, _| {
                state.session.take_back(ticket);
                state.waiters.forget_packet(ticket)
            });
            drop(forgotten);
        }
    }
}
