use bytes::Bytes;

use super::{Batch, COPIED};
use crate::packet::{Compressed, Compressor, ExtensionFlags, Header, IncomingPacket, PacketType};
use crate::session::{Event, Fatal, HelloState, Negotiation, Session};

/// A batch of more bytes than this takes too long to compress on a caller's task.
const HEAVY: usize = 128 << 10;

/// Whether large payloads of a batch are compressed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Compression {
    /// No payload is compressed.
    #[default]
    None,
    /// Payloads of more bytes than this are compressed.
    Above(usize),
    /// Payloads of more bytes than this would be compressed, but it is not known whether the other side
    /// accepts that.
    Unknown(usize),
}

impl Session {
    /// Handles a compressed packet like the packet inside.
    #[cold]
    pub(in crate::session) fn handle_compressed(
        &mut self,
        incoming: IncomingPacket,
    ) -> Result<Option<Event>, Fatal> {
        let inside = incoming.unpack(self.config.limits.max_payload, |kind| self.accepts(kind))?;
        self.handle(inside)
    }

    /// Decides whether the large payloads of the next batch are compressed. The compression itself is left to
    /// the writer, since the session is behind a lock.
    pub(in crate::session) fn decide_compression(&mut self) {
        let Some(above) = self.config.compress_above else {
            return;
        };
        self.transmit.compression = match self.hello_exchange.state() {
            _ if self.config.negotiation == Negotiation::Disabled => Compression::None,
            HelloState::Unknown => Compression::Unknown(above),
            HelloState::Known(Some(theirs))
                if theirs.extensions.contains(ExtensionFlags::COMPRESSION) =>
            {
                Compression::Above(above)
            }
            HelloState::Asked | HelloState::Known(_) => Compression::None,
        };
    }
}

impl Batch {
    /// Returns `true` if compression takes so long that the writer task should do it.
    pub fn is_heavy(&self) -> bool {
        match self.compression {
            Compression::None | Compression::Unknown(_) => false,
            Compression::Above(above) => self.is_heavy_above(above),
        }
    }

    #[cold]
    fn is_heavy_above(&self, above: usize) -> bool {
        let lengths = self.large(above).map(|head| head.length as usize);
        self.len() > HEAVY && lengths.sum::<usize>() > HEAVY
    }

    /// Returns `true` unless it is known that no payload is to be compressed.
    #[inline]
    pub fn may_be_compressed(&self) -> bool {
        !matches!(self.compression, Compression::None)
    }

    /// Compresses the large payloads of a batch of which nothing has been written, if the other side accepts
    /// that. Returns whether the other side should be asked.
    ///
    /// Payloads that compression does not make shorter stay as they are.
    pub fn compress(&mut self) -> bool {
        match self.compression {
            Compression::None => false,
            decided => self.compress_as(decided),
        }
    }

    #[cold]
    fn compress_as(&mut self, decided: Compression) -> bool {
        self.compression = Compression::None;
        match decided {
            Compression::None => false,
            Compression::Unknown(above) => self.has_large(above),
            Compression::Above(above) => {
                if self.has_large(above) {
                    self.pack(above);
                }
                false
            }
        }
    }

    /// The number of bytes in the batch.
    fn len(&self) -> usize {
        let large = self.inserts.iter().map(|(_, payload)| payload.len());
        self.bytes.len() + large.sum::<usize>()
    }

    fn has_large(&self, above: usize) -> bool {
        self.len() > above && self.large(above).next().is_some()
    }

    /// The headers of the packets to be compressed.
    fn large(&self, above: usize) -> impl Iterator<Item = Header> {
        self.parts()
            .map(|(head, ..)| head)
            .filter(move |head| is_large(*head, above))
    }

    fn pack(&mut self, above: usize) {
        let mut packer = Compressor::default();
        let mut batch = Self {
            bytes: Vec::with_capacity(self.bytes.len()),
            ..Self::default()
        };
        for (head, here, large) in self.parts() {
            if is_large(head, above)
                && let Some(payload) =
                    packer.pack(head.kind, here, large.map_or(&[], |large| large))
            {
                batch.push_compressed(payload);
                continue;
            }
            batch.bytes.extend_from_slice(&head.encode());
            batch.bytes.extend_from_slice(here);
            if let Some(large) = large {
                batch.inserts.push((batch.bytes.len(), large.clone()));
            }
        }
        *self = batch;
    }

    fn push_compressed(&mut self, payload: &[u8]) {
        // The compressed payload is shorter than the original, whose length is a u32.
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let head = Header::new(PacketType::COMPRESSED, length).encode();
        self.bytes.extend_from_slice(&head);
        if payload.len() <= COPIED {
            self.bytes.extend_from_slice(payload);
        } else {
            let payload = Bytes::copy_from_slice(payload);
            self.inserts.push((self.bytes.len(), payload));
        }
    }
}

fn is_large(head: Header, above: usize) -> bool {
    head.length as usize > above && Compressed::may_hold(head.kind)
}
