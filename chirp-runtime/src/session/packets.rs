use bytes::Bytes;

use super::send_backlog::QueuedSend;
use super::{Event, Fatal, Refused, SendTicket, Session};
use crate::packet::{Header, PacketType, Payload};

/// Packets of the application's own types. The session does not interpret their payloads, but counts their
/// bytes.
impl Session {
    pub(super) fn handle_packet(
        &mut self,
        kind: PacketType,
        payload: Bytes,
    ) -> Result<Option<Event>, Fatal> {
        let held = self.inbound.hold_packet(payload.len());
        if held > self.config.limits.max_handler_bytes.saturating_mul(2) {
            return Err(Fatal::Flooded { held });
        }
        Ok(Some(Event::Packet(kind, payload)))
    }

    /// Notes that an application packet with a payload of `len` bytes has been handled.
    pub fn finish_packet(&mut self, len: usize) {
        self.inbound.release_packet(len);
    }

    /// Sends an application packet. Small payloads are copied; large ones are taken.
    ///
    /// If the transmit buffer is full, the packet is queued, and its [`SendTicket`] is returned.
    ///
    /// # Errors
    ///
    /// [`Refused::TooLarge`] if the payload exceeds a payload limit, and [`Refused::GoingAway`] if this side has said
    /// that it sends nothing new.
    pub fn send_packet(
        &mut self,
        kind: PacketType,
        payload: &mut Payload,
    ) -> Result<Option<SendTicket>, Refused> {
        self.check_size(payload.len())?;
        self.check_departure()?;
        if self.has_room_for_call() && self.backlog.has_no_queued_sends() {
            self.put_packet(kind, payload);
            return Ok(None);
        }
        Ok(Some(self.backlog.enqueue(QueuedSend::Packet(
            kind,
            std::mem::take(payload),
        ))))
    }

    pub(super) fn put_packet(&mut self, kind: PacketType, payload: &mut Payload) {
        // The payload is within a limit that fits.
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.transmit
            .tail()
            .extend_from_slice(&Header::new(kind, length).encode());
        self.counters.packets_sent += 1;
        self.transmit.push(payload);
        self.transmit.note_non_response();
    }
}
