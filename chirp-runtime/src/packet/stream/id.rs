use std::fmt;

const OTHERS: u32 = 1 << 31;

/// The id of a stream in a packet: a number, and whether the packet's sender or its receiver opened the stream.
///
/// Each stream therefore has two ids, one in the packets of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(pub(super) u32);

impl StreamId {
    /// The highest stream number.
    pub const MAX_NUMBER: u32 = OTHERS - 1;

    /// Creates the id of a stream that the sender of the packet opened.
    pub fn of_sender(number: u32) -> Self {
        Self(number & Self::MAX_NUMBER)
    }

    /// Creates the id of a stream that the receiver of the packet opened.
    pub fn of_receiver(number: u32) -> Self {
        Self(number | OTHERS)
    }

    /// Returns the stream's number among those that the same side opened. Numbers start at 1.
    pub fn number(self) -> u32 {
        self.0 & Self::MAX_NUMBER
    }

    /// Returns whether the sender of the packet opened the stream.
    pub fn is_of_sender(self) -> bool {
        self.0 & OTHERS == 0
    }

    /// Creates an id from the first four payload bytes of an oversized packet.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(super) fn to_be_bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }

    pub(super) fn from_be_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(bytes))
    }
}

/// `own 5` for a stream that the packet's sender opened, `other's 5` for a stream that its receiver opened.
impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = if self.is_of_sender() {
            "own"
        } else {
            "other's"
        };
        write!(f, "{whose} {}", self.number())
    }
}
