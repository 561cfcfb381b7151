use std::fmt;

/// The method by which two peers tell each other which extensions they accept.
pub const HELLO_METHOD: &str = "chirp.hello";

/// Names that begin so belong to the framework and are refused to users.
pub const RESERVED_PREFIX: &str = "chirp.";

const ASK: [u8; 5] = [0xC7, b'H', b'E', b'L', b'O'];
const ANSWER: [u8; 5] = [0xC7, b'O', b'L', b'E', b'H'];

/// What one side says of itself in `chirp.hello` (PROTOCOL.md, "`chirp.hello`").
///
/// A peer that knows nothing of extensions may still answer any method: with an echo of the parameters,
/// with a constant, with an answer it once recorded. So the answer begins with another magic than the
/// question, and repeats its nonce plus one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The latest revision of the extensions that this side knows.
    pub revision: u16,
    /// The extensions that this side accepts.
    pub extensions: ExtensionFlags,
    /// The largest packet payload that this side accepts, in bytes.
    pub payload_limit: u32,
    /// How many inbound calls this side runs at once.
    pub running_limit: u32,
}

impl Hello {
    /// The length of an encoded hello, in bytes. Later revisions append to it.
    pub const LEN: usize = 31;

    /// The revision that this library speaks.
    pub const REVISION: u16 = 1;

    /// The parameters of the call `chirp.hello`.
    pub fn encode_question(&self, nonce: u64) -> Vec<u8> {
        self.encode(ASK, nonce)
    }

    /// Reads the parameters of the call `chirp.hello`: the nonce, and what the caller says of itself.
    /// `None` when they are not such parameters.
    pub fn decode_question(bytes: &[u8]) -> Option<(u64, Self)> {
        Self::decode(ASK, bytes)
    }

    /// The answer to a question that carried `nonce`.
    pub fn encode_answer(&self, nonce: u64) -> Vec<u8> {
        self.encode(ANSWER, nonce.wrapping_add(1))
    }

    /// Reads the answer to a question that carried `nonce`. `None` when the bytes are anything else.
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
        // There was no revision 0.
        (hello.revision > 0).then_some((u64::from_be_bytes(*nonce), hello))
    }
}

/// A set of protocol extensions: bit *n* stands for packet type `0xC700 + n`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ExtensionFlags(pub u64);

impl ExtensionFlags {
    /// No extension: plain Chirp v0.
    pub const NONE: Self = Self(0);

    /// The context of a call: its deadline.
    pub const CALL_CONTEXT: Self = Self(1);

    /// Packets that travel compressed.
    pub const COMPRESSION: Self = Self(1 << 5);

    /// Streams: their items, credit, end and opening, all four or none.
    pub const STREAMS: Self = Self(0b1000_1110);

    /// Whether every extension of `other` is in this set.
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The extensions of this set and of `other`.
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
