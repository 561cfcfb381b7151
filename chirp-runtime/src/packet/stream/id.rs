use std::fmt;

const OTHERS: u32 = 1 << 31;

/// Which stream a packet speaks of: a number, and whether the side that sends the packet opened the stream or
/// the side that receives it did. So one stream has two ids, one in the packets of each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamId(pub(super) u32);

impl StreamId {
    /// The highest number there is.
    pub const MAX_NUMBER: u32 = OTHERS - 1;

    /// A stream that the sender of the packet opened.
    pub fn of_sender(number: u32) -> Self {
        Self(number & Self::MAX_NUMBER)
    }

    /// A stream that the receiver of the packet opened.
    pub fn of_receiver(number: u32) -> Self {
        Self(number | OTHERS)
    }

    /// Its number among those that the same side opened. No stream has number 0.
    pub fn number(self) -> u32 {
        self.0 & Self::MAX_NUMBER
    }

    /// Whether the sender of the packet opened it.
    pub fn is_of_sender(self) -> bool {
        self.0 & OTHERS == 0
    }

    /// The id that four bytes at the front of a packet too large to be read stand for.
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

/// `own 5` for a stream that the packet's sender opened, `other's 5` for one that its receiver did.
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
