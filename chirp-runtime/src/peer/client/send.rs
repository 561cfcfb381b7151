use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::packet::{PacketType, Payload};
use crate::peer::client::caller::ConnectionRef;
use crate::peer::client::pending_send::PendingSend;
use crate::peer::connection::recycle;
use crate::peer::{CallError, PacketRole, Peer};

/// A packet of an application type on its way into the transmit buffer: a future that is ready when the packet is
/// there. Packets leave in order.
///
/// The packet is sent when the future is polled. Dropping the future before it is ready takes the packet back.
#[must_use = "a packet is sent when it is awaited"]
pub struct SendPacket {
    link: ConnectionRef,
    kind: PacketType,
    payload: Option<Payload>,
    queued: Option<PendingSend>,
}

impl Peer {
    /// Sends a packet of one of the application's own types. Peers discard the packet unless they handle its type. The
    /// returned future is ready when the packet is in the transmit buffer.
    ///
    /// # Errors
    ///
    /// [`CallError::ReservedType`] if the type belongs to the protocol, [`CallError::TooLarge`] if the payload is over
    /// a limit, and [`CallError::ConnectionLost`] if the connection has ended.
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
    /// Gives the packet to the session, where it may have to wait for room.
    fn send(&mut self, mut payload: Payload) -> Result<(), CallError> {
        if !self.kind.is_custom() {
            return Err(CallError::ReservedType { kind: self.kind });
        }
        let connection = self.link.connection();
        let ticket = {
            let mut state = connection.lock();
            match state.check_call(true) {
                Err(error) => Err(error),
                Ok(()) => state
                    .ordered(|session| session.send_packet(self.kind, &mut payload))
                    .map_err(|refused| refused.about(PacketRole::Custom)),
            }
        };
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
