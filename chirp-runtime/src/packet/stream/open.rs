use super::StreamId;
use crate::packet::{Header, PacketError, PacketType};

const TO_OPENER: u8 = 1;
const BOUND: u8 = 2;
const RESULT: u8 = 4;

/// Opens streams, of which the carrier that follows speaks.
#[derive(Clone, Copy, Debug)]
pub struct StreamOpen;

/// One stream that is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// The number that its opener gave it: from 1 to [`StreamId::MAX_NUMBER`].
    pub number: u32,
    /// Whether its items go to the side that opened it; else they come from there.
    pub to_opener: bool,
    /// Whether it lives within the call that follows.
    pub bound: bool,
    /// Whether it is the result of that call.
    pub result: bool,
    /// The codec of its items, by number: below [`CODECS`](Self::CODECS).
    pub codec: u8,
    /// How much credit its sending side begins with, in bytes.
    pub window: u32,
}

impl StreamEntry {
    /// How many codecs there are: they are numbered from 0 (PROTOCOL.md, "Codec numbers").
    pub const CODECS: u8 = 5;

    const LEN: usize = 10;

    fn encode(self) -> [u8; Self::LEN] {
        let flag = |is: bool, flag| if is { flag } else { 0 };
        let flags =
            flag(self.to_opener, TO_OPENER) | flag(self.bound, BOUND) | flag(self.result, RESULT);
        let [n0, n1, n2, n3] = StreamId::of_sender(self.number).to_be_bytes();
        let [w0, w1, w2, w3] = self.window.to_be_bytes();
        [n0, n1, n2, n3, flags, self.codec, w0, w1, w2, w3]
    }

    fn decode(bytes: [u8; Self::LEN]) -> Result<Self, &'static str> {
        let [n0, n1, n2, n3, flags, codec, w0, w1, w2, w3] = bytes;
        let id = StreamId::from_be_bytes([n0, n1, n2, n3]);
        if !id.is_of_sender() || id.number() == 0 {
            return Err("a stream's number is not from 1 to 2^31 - 1");
        }
        if flags & !(TO_OPENER | BOUND | RESULT) != 0 {
            return Err("there is no such flag");
        }
        if flags & RESULT != 0 && flags != TO_OPENER | BOUND | RESULT {
            return Err("a result goes to the caller, within the call");
        }
        if codec >= Self::CODECS {
            return Err("there is no such codec");
        }
        Ok(Self {
            number: id.number(),
            to_opener: flags & TO_OPENER != 0,
            bound: flags & BOUND != 0,
            result: flags & RESULT != 0,
            codec,
            window: u32::from_be_bytes([w0, w1, w2, w3]),
        })
    }
}

impl StreamOpen {
    /// How many streams one packet opens at most.
    pub const MAX_ENTRIES: usize = 1024;

    /// How long the packet's payload becomes.
    pub fn payload_len(entries: usize) -> usize {
        entries * StreamEntry::LEN
    }

    /// Appends the packet. Entries beyond [`MAX_ENTRIES`](Self::MAX_ENTRIES) are cut, so that it is never
    /// malformed.
    pub fn encode(out: &mut Vec<u8>, entries: &[StreamEntry]) {
        let entries = &entries[..entries.len().min(Self::MAX_ENTRIES)];
        // Ten kilobytes at the most.
        let length = u32::try_from(Self::payload_len(entries.len())).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::STREAM_OPEN, length).encode());
        for entry in entries {
            out.extend_from_slice(&entry.encode());
        }
    }

    /// Reads the payload of the packet. Whether its numbers are free and its windows allowed depends on the
    /// streams there are, and is not looked at.
    ///
    /// # Errors
    ///
    /// [`PacketError::Stream`] when there are no entries, too many of them, part of one, or one with
    /// something that does not exist.
    pub fn decode(payload: &[u8]) -> Result<Vec<StreamEntry>, PacketError> {
        let (entries, rest) = payload.as_chunks();
        let invalid = |what| PacketError::Stream {
            kind: PacketType::STREAM_OPEN,
            what,
        };
        if !rest.is_empty() {
            return Err(invalid("an entry is truncated"));
        }
        if entries.is_empty() || entries.len() > Self::MAX_ENTRIES {
            return Err(invalid("it opens 1 to 1,024 streams"));
        }
        let entries = entries.iter().map(|entry| StreamEntry::decode(*entry));
        entries.collect::<Result<_, _>>().map_err(invalid)
    }
}
