use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Fatal, HelloState, InboundCallId, Refused, Session};
use crate::packet::{
    CallFields, CallInfo, ExtensionFlags, IncomingPacket, PacketError, PacketType,
};

/// The call context of the next packet, which must be a request.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    next: Option<NextContext>,
    /// The context of the call that was accepted last.
    accepted: Option<(InboundCallId, Arc<CallInfo>)>,
}

/// A call context that has been checked.
#[derive(Debug, Default)]
pub(super) struct NextContext {
    pub(super) time: Option<Duration>,
    pub(super) unsupported: bool,
    /// Whether the metadata exceeds the limit.
    pub(super) too_large: bool,
    /// The context, if it has more than a time.
    pub(super) info: Option<Arc<CallInfo>>,
}

impl NextContext {
    /// The bytes that the context holds.
    pub(super) fn size(&self) -> usize {
        let info = self.info.as_ref();
        info.map_or(0, |info| info.metadata.encoded_len())
    }
}

impl Contexts {
    /// Returns `true` if no context is waiting for its request.
    pub(super) fn has_none(&self) -> bool {
        self.next.is_none()
    }

    pub(super) fn take(&mut self) -> NextContext {
        self.next.take().unwrap_or_default()
    }

    /// Keeps the context of a call until its request has been handled.
    pub(super) fn accept(&mut self, call: InboundCallId, info: Arc<CallInfo>) {
        self.accepted = Some((call, info));
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

    pub(super) fn handle_context(&mut self, payload: &Bytes) -> Result<(), Fatal> {
        let info = CallInfo::decode(payload)?;
        let too_large = info.metadata.encoded_len() > self.config.limits.max_metadata;
        let is_rich = info.trace.is_some() || !info.metadata.is_empty();
        self.contexts.next = Some(NextContext {
            time: info.time,
            unsupported: info.unsupported,
            too_large,
            info: (is_rich && !too_large).then(|| Arc::new(info)),
        });
        Ok(())
    }

    /// Takes the context of the call that was accepted last, if its caller sent more than a time.
    pub fn take_context(&mut self, call: InboundCallId) -> Option<Arc<CallInfo>> {
        let (_, info) = self.contexts.accepted.take_if(|(of, _)| *of == call)?;
        Some(info)
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

    /// Whether the other side accepts call contexts. `None` while its extensions are not known.
    pub fn contexts_in_use(&self) -> Option<bool> {
        if !self.own_extensions().contains(ExtensionFlags::CALL_CONTEXT) {
            return Some(false);
        }
        match self.hello_exchange.state() {
            HelloState::Known(Some(theirs)) => {
                Some(theirs.extensions.contains(ExtensionFlags::CALL_CONTEXT))
            }
            HelloState::Known(None) => Some(false),
            HelloState::Unknown | HelloState::Asked => None,
        }
    }

    /// Checks that the metadata of a call may be sent.
    pub(super) fn check_fields(&self, fields: &CallFields) -> Result<(), Refused> {
        let len = fields.metadata_len();
        let room = CallFields::MAX_LEN - (fields.encoded_len() - len).min(CallFields::MAX_LEN);
        let limit = self.config.limits.max_metadata.min(room);
        if len > limit {
            return Err(Refused::MetadataTooLarge { len, limit });
        }
        self.check_size(CallInfo::payload_len(fields))
    }

    /// Sends the time and the fields of the call that follows, if the other side accepts call contexts.
    #[inline]
    pub(super) fn send_context(&mut self, time: Option<Duration>, fields: Option<&CallFields>) {
        if time.is_some() || fields.is_some() {
            self.send_any_context(time, fields);
        }
    }

    fn send_any_context(&mut self, time: Option<Duration>, fields: Option<&CallFields>) {
        if self.contexts_in_use() != Some(true) {
            return;
        }
        // The other side's limit may have become known after the call was made. A required field was checked then.
        let fields = fields.filter(|fields| self.check_size(CallInfo::payload_len(fields)).is_ok());
        if time.is_some() || fields.is_some() {
            CallInfo::encode_parts(self.transmit.tail(), time, fields);
        }
    }
}
