use super::PacketType;

/// Bytes that are not Chirp v0. Each of these is protocol fatal: the two ends no longer agree on where
/// packets begin or which calls are pending, so the connection ends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// A packet must begin with `c7`.
    #[error("invalid protocol magic: expected c7, got {0:02x}{hint}", hint = hint(*.0))]
    Magic(u8),
    /// Text was found where a packet should begin.
    #[error(
        "invalid protocol magic: expected c7, got {first:02x}: this is not Chirp but {text:?} ({reason})"
    )]
    NotChirp {
        /// The first byte.
        first: u8,
        /// What came, as text, or the beginning of it.
        text: String,
        /// What it is likely to be.
        reason: &'static str,
    },
    /// The channel ended inside a header.
    #[error("short packet header: the channel ended after {got} of 8 bytes")]
    ShortHeader {
        /// How many bytes of the header had come.
        got: usize,
    },
    /// The channel ended inside a payload.
    #[error("short payload: the channel ended {missing} bytes before the end of a packet")]
    ShortPayload {
        /// How many bytes of the payload had not come.
        missing: u64,
    },
    /// A payload ended inside one of its fields.
    #[error("invalid {kind} packet: {field} is truncated (needs {needs} bytes, has {has})")]
    Truncated {
        /// The packet's type.
        kind: PacketType,
        /// The field that was cut short.
        field: &'static str,
        /// How many bytes the field needs.
        needs: usize,
        /// How many there were.
        has: usize,
    },
    /// A Cancel packet's payload is four bytes, no more.
    #[error("invalid Cancel packet: its payload is {0} bytes, not 4")]
    CancelLength(u32),
    /// A Response carried a result code that does not exist.
    #[error("invalid Response packet: result code {0} does not exist")]
    ResultCode(u8),
    /// The context of a call is malformed.
    #[error("invalid CallContext packet: {0}")]
    CallContext(&'static str),
    /// The context of a call was not followed by the call.
    #[error("a CallContext packet was followed by a {0}")]
    Carrier(PacketType),
    /// A packet of a stream is malformed, or says what cannot be.
    #[error("invalid {kind} packet: {what}")]
    Stream {
        /// The packet's type.
        kind: PacketType,
        /// What is wrong.
        what: &'static str,
    },
    /// The opening of streams was not followed by what carries them.
    #[error("a StreamOpen packet was followed by a {0}")]
    StreamCarrier(PacketType),
    /// A compressed packet does not hold what it says.
    #[error("invalid Compressed packet: {0}")]
    Compressed(&'static str),
    /// The data of a service error was not error data.
    #[error("invalid error data: {0}")]
    ErrorData(&'static str),
}

/// What it may be instead that begins with this byte.
fn hint(byte: u8) -> &'static str {
    match byte {
        // An alert, and the beginning of a handshake.
        0x15 | 0x16 => ", as TLS begins: one side uses it and the other does not",
        _ => "",
    }
}
