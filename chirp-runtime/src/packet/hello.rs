use std::fmt;

/// The method by which two peers tell each other which extensions they support.
pub const HELLO_METHOD: &str = "chirp.hello";

const ASK: [u8; 5] = [0xC7, b'H', b'E', b'L', b'O'];
const ANSWER: [u8; 5] = [0xC7, b'O', b'L', b'E', b'H'];

/// One side's description of itself in `chirp.hello` (PROTOCOL.md, "`chirp.hello`").
///
/// A peer without extensions may still answer calls of any method: with an echo of the parameters, a constant
/// or a recorded answer. So that such an answer is not mistaken for a hello, the answer has another magic
/// than the question and contains the question's nonce plus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The latest revision of the extensions that this side knows.
    pub revision: u16,
    /// The extensions that this side supports.
    pub extensions: ExtensionFlags,
    /// The largest packet payload that this side accepts, in bytes.
    pub payload_limit: u32,
    /// The maximum number of inbound calls that this side runs at once.
    pub running_limit: u32,
}

impl Hello {
    /// The length of an encoded hello, in bytes. Later revisions append to it.
    pub const LEN: usize = 31;

    /// The revision that this library implements.
    pub const REVISION: u16 = 1;

    /// Encodes the parameters of a `chirp.hello` call.
    pub fn encode_question(&self, nonce: u64) -> Vec<u8> {
        self.encode(ASK, nonce)
    }

    /// Decodes the parameters of a `chirp.hello` call into the nonce and the caller's hello. Returns `None`
    /// for other bytes.
    pub fn decode_question(bytes: &[u8]) -> Option<(u64, Self)> {
        Self::decode(ASK, bytes)
    }

    /// Encodes the answer to a question with this nonce.
    pub fn encode_answer(&self, nonce: u64) -> Vec<u8> {
        self.encode(ANSWER, nonce.wrapping_add(1))
    }

    /// Decodes the answer to a question with this nonce. Returns `None` for other bytes.
    pub fn decode_answer(bytes: &[u8], nonce: u64) -> Option<Self> {
        let (answered, hello) = Self::decode(ANSWER, bytes)?;
        (answered == nonce.wrapping_add(1) && hello.revision <= Self::REVISION).then_some(hello)
    }

    fn encode(&self, magic: [u8; 5], nonce: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        out.extend_from_slice(&magic);
        out.extend_from_slice(&nonce.to_be_bytes());
        out.extend_from_slice(&self.revision.to_be_bytes());
        out.extend_from_slice(&self.extensions.0.to_be_bytes());
        out.extend_from_slice(&self.payload_limit.to_be_bytes());
        out.extend_from_slice(&self.running_limit.to_be_bytes());
        out
    }

    fn decode(magic: [u8; 5], bytes: &[u8]) -> Option<(u64, Self)> {
        let bytes = bytes.strip_prefix(&magic)?;
        let (nonce, bytes) = bytes.split_first_chunk()?;
        let (revision, bytes) = bytes.split_first_chunk()?;
        let (extensions, bytes) = bytes.split_first_chunk()?;
        let (payload_limit, bytes) = bytes.split_first_chunk()?;
        let running_limit = bytes.first_chunk()?;
        let hello = Self {
            revision: u16::from_be_bytes(*revision),
            extensions: ExtensionFlags(u64::from_be_bytes(*extensions)),
            payload_limit: u32::from_be_bytes(*payload_limit),
            running_limit: u32::from_be_bytes(*running_limit),
        };
        // Revision 0 was never used.
        (hello.revision > 0).then_some((u64::from_be_bytes(*nonce), hello))
    }
}

/// A set of protocol extensions: bit *n* stands for packet type `0xC700 + n`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtensionFlags(pub u64);

impl ExtensionFlags {
    /// No extension: plain Chirp v0.
    pub const NONE: Self = Self(0);

    /// Call contexts, which carry deadlines.
    pub const CALL_CONTEXT: Self = Self(1);

    /// One-way requests.
    pub const ONE_WAY: Self = Self(1 << 4);

    /// Compressed packets.
    pub const COMPRESSION: Self = Self(1 << 5);

    /// The handshake by which a connection is closed without losing calls.
    pub const GOING_AWAY: Self = Self(1 << 6);

    /// Streams: all four stream packets together.
    pub const STREAMS: Self = Self(0b1000_1110);

    /// Returns whether every extension in `other` is in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the union of this set and `other`.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for ExtensionFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extensions({:#b})", self.0)
    }
}
