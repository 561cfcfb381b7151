use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::packet::{PacketType, Payload};
use crate::peer::calling::caller::ConnectionRef;
use crate::peer::calling::pending_send::PendingSend;
use crate::peer::connection::recycle;
use crate::peer::{CallError, PacketRole, Peer};

/// A packet of one of the application's types on its way into the transmit buffer, where it leaves in
/// order. Sent when it is awaited; dropping it before it is ready takes the packet back.
#[must_use = "a packet is sent when it is awaited"]
pub struct SendPacket {
    link: ConnectionRef,
    kind: PacketType,
    payload: Option<Payload>,
    queued: Option<PendingSend>,
}

impl Peer {
    /// Sends a packet of one of the application's own types, which plain Chirp v0 peers discard unless
    /// they handle it. It is ready when the packet is in the transmit buffer.
    ///
    /// # Errors
    ///
    /// [`CallError::ReservedType`] for a type that is the protocol's, [`CallError::TooLarge`] over a
    /// payload limit, [`CallError::ConnectionLost`] when the connection has ended.
    pub fn send_packet(&self, kind: PacketType, payload: impl Into<Payload>) -> SendPacket {
        SendPacket {
            link: ConnectionRef::uncounted(self.connection()),
            kind,
            payload: Some(payload.into()),
            queued: None,
        }
    }
}

impl SendPacket {
    /// Puts the packet into the session, where it may have to wait.
    fn send(&mut self, mut payload: Payload) -> Result<(), CallError> {
        if !self.kind.is_custom() {
            return Err(CallError::ReservedType { kind: self.kind });
        }
        let connection = self.link.connection();
        let ticket = connection.with(|state, effects| {
            if let Some(reason) = state.refusal() {
                return Err(CallError::ConnectionLost(reason));
            }
            state.flush_submit_queue(&connection.submit_queue, effects);
            effects.wake_writer = true;
            let sent = state.session.send_packet(self.kind, &mut payload);
            sent.map_err(|refused| refused.about(PacketRole::Custom))
        });
        recycle(payload);
        self.queued = Some(PendingSend::new(self.link.clone(), ticket?));
        Ok(())
    }
}

impl Future for SendPacket {
    type Output = Result<(), CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(payload) = self.payload.take() {
            self.send(payload)?;
        }
        match &mut self.queued {
            Some(queued) => queued.poll(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl fmt::Debug for SendPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendPacket").field(&self.kind).finish()
    }
}
