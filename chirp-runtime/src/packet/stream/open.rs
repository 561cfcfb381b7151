use super::StreamId;
use crate::packet::{Header, PacketError, PacketType};

const TO_OPENER: u8 = 1;
const BOUND: u8 = 2;
const RESULT: u8 = 4;

/// Opens the streams that the following packet carries.
#[derive(Clone, Copy, Debug)]
pub struct StreamOpen;

/// A stream to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamEntry {
    /// The number that the opener assigned, from 1 to [`StreamId::MAX_NUMBER`].
    pub number: u32,
    /// Whether items go to the opener, rather than come from it.
    pub to_opener: bool,
    /// Whether the stream belongs to the call that follows.
    pub bound: bool,
    /// Whether the stream is the result of the call that follows.
    pub result: bool,
    /// The number of the items' codec, below [`CODECS`](Self::CODECS).
    pub codec: u8,
    /// The initial credit of the sending side, in bytes.
    pub window: u32,
}

impl StreamEntry {
    /// The number of codecs, which are numbered from 0 (PROTOCOL.md, "Codec numbers").
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
            return Err("stream number out of range (1 to 2^31 - 1)");
        }
        if flags & !(TO_OPENER | BOUND | RESULT) != 0 {
            return Err("unknown stream flag");
        }
        if flags & RESULT != 0 && flags != TO_OPENER | BOUND | RESULT {
            return Err("a result stream must be bound to the call and go to the caller");
        }
        if codec >= Self::CODECS {
            return Err("unknown codec number");
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
    /// The maximum number of streams that one packet opens.
    pub const MAX_ENTRIES: usize = 1024;

    /// Returns the payload length of a packet with this number of entries, in bytes.
    pub fn payload_len(entries: usize) -> usize {
        entries * StreamEntry::LEN
    }

    /// Appends the packet to `out`. Entries beyond [`MAX_ENTRIES`](Self::MAX_ENTRIES) are cut, so that the
    /// packet is never malformed.
    pub fn encode(out: &mut Vec<u8>, entries: &[StreamEntry]) {
        let entries = &entries[..entries.len().min(Self::MAX_ENTRIES)];
        // At most ten kilobytes.
        let length = u32::try_from(Self::payload_len(entries.len())).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::STREAM_OPEN, length).encode());
        for entry in entries {
            out.extend_from_slice(&entry.encode());
        }
    }

    /// Decodes the payload of a `StreamOpen` packet. Does not check whether the numbers are free and the
    /// windows permitted, since that depends on the session.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Stream`] if there are no entries or more than
    /// [`MAX_ENTRIES`](Self::MAX_ENTRIES), or if an entry is truncated or has an invalid number, flag or
    /// codec.
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
            return Err(invalid("the number of entries is not from 1 to 1,024"));
        }
        let entries = entries.iter().map(|entry| StreamEntry::decode(*entry));
        entries.collect::<Result<_, _>>().map_err(invalid)
    }
}
