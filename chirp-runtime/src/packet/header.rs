use std::fmt;

use super::PacketError;

/// The protocol number of Chirp v0. Packets with another number are discarded.
pub const PROTOCOL: u8 = 0;

const MAGIC: u8 = 0xC7;

/// The first eight bytes of each packet: magic `c7`, protocol number, packet type, payload length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The protocol number: [`PROTOCOL`] in all packets that this library sends.
    pub protocol: u8,
    /// The packet's type.
    pub kind: PacketType,
    /// The length of the payload that follows, in bytes.
    pub length: u32,
}

impl Header {
    /// The length of an encoded header, in bytes.
    pub const LEN: usize = 8;

    /// Creates the header of a Chirp v0 packet.
    pub fn new(kind: PacketType, length: u32) -> Self {
        Self {
            protocol: PROTOCOL,
            kind,
            length,
        }
    }

    /// Encodes the header.
    pub fn encode(self) -> [u8; Self::LEN] {
        let [t0, t1] = self.kind.0.to_be_bytes();
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        [MAGIC, self.protocol, t0, t1, l0, l1, l2, l3]
    }

    /// Decodes a header.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Magic`] if the first byte is not `c7`.
    pub fn decode(bytes: [u8; Self::LEN]) -> Result<Self, PacketError> {
        let [magic, protocol, t0, t1, l0, l1, l2, l3] = bytes;
        Self::check_first(magic)?;
        Ok(Self {
            protocol,
            kind: PacketType(u16::from_be_bytes([t0, t1])),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
        })
    }

    /// Checks the first byte of a packet.
    pub(crate) fn check_first(byte: u8) -> Result<(), PacketError> {
        if byte != MAGIC {
            return Err(PacketError::Magic(byte));
        }
        Ok(())
    }
}

/// The type of a packet.
///
/// Types below 128 belong to the protocol, `0xC700` to `0xC70F` to its extensions, and all others to the application.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PacketType(pub u16);

impl PacketType {
    /// Calls a method.
    pub const REQUEST: Self = Self(2);
    /// Cancels a call: the caller no longer needs the result and asks for the response now.
    pub const CANCEL: Self = Self(3);
    /// Answers a call.
    pub const RESPONSE: Self = Self(4);

    /// Carries information about the call that follows. An extension.
    pub const CALL_CONTEXT: Self = Self(0xC700);
    /// Carries items of a stream. An extension, like the three other stream packets.
    pub const STREAM_ITEMS: Self = Self(0xC701);
    /// Grants credit to the sending sides of streams.
    pub const STREAM_CREDIT: Self = Self(0xC702);
    /// Ends a stream.
    pub const STREAM_END: Self = Self(0xC703);
    /// Calls a method without expecting a response. An extension.
    pub const ONE_WAY: Self = Self(0xC704);
    /// Contains another packet, compressed. An extension.
    pub const COMPRESSED: Self = Self(0xC705);
    /// Says that its sender takes no new calls and will close the connection. An extension.
    pub const GOING_AWAY: Self = Self(0xC706);
    /// Opens the streams that the following packet carries.
    pub const STREAM_OPEN: Self = Self(0xC707);

    /// Returns whether this is one of the four stream packets.
    pub fn is_of_streams(self) -> bool {
        matches!(
            self,
            Self::STREAM_ITEMS | Self::STREAM_CREDIT | Self::STREAM_END | Self::STREAM_OPEN
        )
    }

    /// Returns whether the type belongs to the application: 128 and above, except `0xC700` to `0xC70F`.
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
            Self::GOING_AWAY => f.write_str("GoingAway"),
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
