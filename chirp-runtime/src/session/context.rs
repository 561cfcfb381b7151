use std::time::Duration;

use super::{Fatal, HelloState, Session};
use crate::packet::{CallInfo, ExtensionFlags, IncomingPacket, PacketError, PacketType};

/// The call context of the next packet, which must be a request.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    next: Option<CallInfo>,
}

impl Contexts {
    pub(super) fn take(&mut self) -> CallInfo {
        self.next.take().unwrap_or_default()
    }
}

impl Session {
    /// Returns `true` if packets of an extension are accepted, which they are once this side has declared the
    /// extension.
    pub fn accepts(&self, kind: PacketType) -> bool {
        let extension = match kind {
            PacketType::CALL_CONTEXT => ExtensionFlags::CALL_CONTEXT,
            PacketType::COMPRESSED => ExtensionFlags::COMPRESSION,
            PacketType::GOING_AWAY => ExtensionFlags::GOING_AWAY,
            _ if kind.is_of_streams() => ExtensionFlags::STREAMS,
            _ => return false,
        };
        self.hello_exchange.has_declared() && self.own_extensions().contains(extension)
    }

    pub(super) fn handle_context(&mut self, payload: &[u8]) -> Result<(), Fatal> {
        self.contexts.next = Some(CallInfo::decode(payload)?);
        Ok(())
    }

    /// Checks that a call context is followed by its request.
    pub(super) fn check_carrier(&mut self, incoming: &IncomingPacket) -> Result<(), Fatal> {
        if self.contexts.next.is_none() {
            return Ok(());
        }
        let kind = match incoming {
            IncomingPacket::Packet { kind, .. } => *kind,
            IncomingPacket::Oversized { header, .. } | IncomingPacket::Discarded(header) => {
                header.kind
            }
        };
        match incoming {
            IncomingPacket::Packet { .. } if kind == PacketType::REQUEST => Ok(()),
            // The context goes with its request, although that is skipped.
            IncomingPacket::Oversized { .. } if kind == PacketType::REQUEST => {
                self.contexts.next = None;
                Ok(())
            }
            _ => Err(PacketError::ContextWithoutCall(kind).into()),
        }
    }

    /// Sends the time of the call that follows, if the other side accepts call contexts.
    pub(super) fn send_context(&mut self, time: Option<Duration>) {
        let HelloState::Known(Some(theirs)) = self.hello_exchange.state() else {
            return;
        };
        if let Some(time) = time
            && theirs.extensions.contains(ExtensionFlags::CALL_CONTEXT)
        {
            CallInfo::within(time).encode(self.transmit.tail());
        }
    }
}
