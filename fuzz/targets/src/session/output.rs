use std::collections::HashMap;

use bytes::BufMut;
use chirp_runtime::packet::{
    IncomingPacket, PacketDecoder, PacketType, RequestPacket, ResponsePacket,
};

/// The output of a session, as its other side reads it.
pub(super) struct Output {
    decoder: PacketDecoder,
    /// The number of answers that may still come for each id of a request.
    owed: HashMap<u32, u64>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            decoder: PacketDecoder::new(usize::MAX),
            owed: HashMap::new(),
        }
    }

    /// Notes a request that was sent.
    pub(super) fn owe(&mut self, id: u32) {
        *self.owed.entry(id).or_default() += 1;
    }

    /// Reads bytes, and checks that they are packets, and that no request has more answers than one.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut room = self.decoder.buffer();
            let piece = room.remaining_mut().min(bytes.len());
            room.put_slice(&bytes[..piece]);
            bytes = &bytes[piece..];
            self.decoder.note_read(piece);
            while let Some(packet) = self
                .decoder
                .decode_with(|_| true)
                .expect("all output is valid")
            {
                self.check(packet);
            }
        }
    }

    fn check(&mut self, packet: IncomingPacket) {
        let IncomingPacket::Packet { kind, payload } = packet else {
            panic!("{packet:?} is no packet of Chirp");
        };
        match kind {
            PacketType::REQUEST => drop(RequestPacket::decode(payload).expect("a request")),
            PacketType::RESPONSE => {
                let response = ResponsePacket::decode(payload).expect("a response");
                let owed = self.owed.entry(response.id).or_default();
                assert!(
                    *owed > 0,
                    "a second answer to {}: {response:?}",
                    response.id
                );
                *owed -= 1;
            }
            _ => {}
        }
    }
}
