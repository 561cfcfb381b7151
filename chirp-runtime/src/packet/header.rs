use std::fmt;

use super::PacketError;

/// The protocol number of Chirp v0. Packets that name another are discarded.
pub const PROTOCOL: u8 = 0;

const MAGIC: u8 = 0xC7;

/// The first eight bytes of every packet: `c7`, protocol, type, length of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The protocol number; [`PROTOCOL`] in everything this library sends.
    pub protocol: u8,
    /// What the payload is.
    pub kind: PacketType,
    /// How many bytes of payload follow.
    pub length: u32,
}

impl Header {
    /// The length of an encoded header, in bytes.
    pub const LEN: usize = 8;

    /// The header of a packet of the protocol spoken here.
    pub fn new(kind: PacketType, length: u32) -> Self {
        Self {
            protocol: PROTOCOL,
            kind,
            length,
        }
    }

    /// The header as it stands on the wire.
    pub fn encode(self) -> [u8; Self::LEN] {
        let [t0, t1] = self.kind.0.to_be_bytes();
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        [MAGIC, self.protocol, t0, t1, l0, l1, l2, l3]
    }

    /// Reads a header.
    ///
    /// # Errors
    ///
    /// [`PacketError::Magic`] when the first byte is not `c7`.
    pub fn decode(bytes: [u8; Self::LEN]) -> Result<Self, PacketError> {
        let [magic, protocol, t0, t1, l0, l1, l2, l3] = bytes;
        Self::check_first(magic)?;
        Ok(Self {
            protocol,
            kind: PacketType(u16::from_be_bytes([t0, t1])),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        })
    }

    /// Whether a packet may begin with this byte.
    pub(super) fn check_first(byte: u8) -> Result<(), PacketError> {
        if byte != MAGIC {
            return Err(PacketError::Magic(byte));
        }
        Ok(())
    }
}

/// What the payload of a packet is.
///
/// Types below 128 belong to the protocol, `0xC700` to `0xC70F` to its extensions, and the others to
/// the application.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PacketType(pub u16);

impl PacketType {
    /// A call of a method.
    pub const REQUEST: Self = Self(2);
    /// The caller no longer wants an answer's value, and wants the answer now.
    pub const CANCEL: Self = Self(3);
    /// The answer to a call.
    pub const RESPONSE: Self = Self(4);

    /// What the caller says of the call that follows: an extension.
    pub const CALL_CONTEXT: Self = Self(0xC700);
    /// Items of a stream: an extension, as the three that follow.
    pub const STREAM_ITEMS: Self = Self(0xC701);
    /// More credit for the sending sides of streams.
    pub const STREAM_CREDIT: Self = Self(0xC702);
    /// The end of a stream.
    pub const STREAM_END: Self = Self(0xC703);
    /// A call that wants no answer.
    pub const ONE_WAY: Self = Self(0xC704);
    /// Another packet, compressed.
    pub const COMPRESSED: Self = Self(0xC705);
    /// The streams that what follows carries.
    pub const STREAM_OPEN: Self = Self(0xC707);

    /// Whether it is one of the four packets of streams.
    pub fn is_of_streams(self) -> bool {
        matches!(
            self,
            Self::STREAM_ITEMS | Self::STREAM_CREDIT | Self::STREAM_END | Self::STREAM_OPEN
        )
    }

    /// Whether the type is the application's own: 128 and up, but for `0xC700` to `0xC70F`.
    pub fn is_custom(self) -> bool {
        self.0 >= 128 && !(0xC700..=0xC70F).contains(&self.0)
    }
}

impl fmt::Debug for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::REQUEST => f.write_str("Request"),
            Self::CANCEL => f.write_str("Cancel"),
            Self::RESPONSE => f.write_str("Response"),
            Self::CALL_CONTEXT => f.write_str("CallContext"),
            Self::STREAM_ITEMS => f.write_str("StreamItems"),
            Self::STREAM_CREDIT => f.write_str("StreamCredit"),
            Self::STREAM_END => f.write_str("StreamEnd"),
            Self::ONE_WAY => f.write_str("OneWay"),
            Self::COMPRESSED => f.write_str("Compressed"),
            Self::STREAM_OPEN => f.write_str("StreamOpen"),
            Self(other) => write!(f, "PacketType({other})"),
        }
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
