use super::PacketType;

/// Bytes that violate the Chirp v0 packet format.
///
/// Every variant is protocol fatal and ends the connection, because the two sides no longer agree on where
/// packets begin or which calls are pending.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// A packet does not begin with `c7`. The value is the byte found instead.
    #[error("invalid protocol magic: expected c7, got {0:02x}{hint}", hint = hint(*.0))]
    Magic(u8),
    /// There is text where a packet should begin.
    #[error(
        "invalid protocol magic: expected c7, got {first:02x}: this is not Chirp but {text:?} ({reason})"
    )]
    NotChirp {
        /// The first byte received.
        first: u8,
        /// The received text, or its beginning.
        text: String,
        /// The likely cause.
        reason: &'static str,
    },
    /// The channel ended inside a header.
    #[error("short packet header: the channel ended after {got} of 8 bytes")]
    ShortHeader {
        /// The number of header bytes received.
        got: usize,
    },
    /// The channel ended inside a payload.
    #[error("short payload: the channel ended {missing} bytes before the end of a packet")]
    ShortPayload {
        /// The number of missing payload bytes.
        missing: u64,
    },
    /// A payload ended inside a field.
    #[error("invalid {kind} packet: {field} is truncated (needs {needs} bytes, has {has})")]
    Truncated {
        /// The packet's type.
        kind: PacketType,
        /// The truncated field.
        field: &'static str,
        /// The field's length in bytes.
        needs: usize,
        /// The number of bytes left for the field.
        has: usize,
    },
    /// The payload of a Cancel packet is not exactly four bytes long. The value is its length.
    #[error("invalid Cancel packet: its payload is {0} bytes, not 4")]
    CancelLength(u32),
    /// A Response has an undefined result code.
    #[error("invalid Response packet: result code {0} does not exist")]
    ResultCode(u8),
    /// A `CallContext` packet is malformed.
    #[error("invalid CallContext packet: {0}")]
    CallContext(&'static str),
    /// A `CallContext` packet was followed by a packet other than a call.
    #[error("invalid CallContext packet: expected a call to follow, got a {0} packet")]
    ContextWithoutCall(PacketType),
    /// A stream packet is malformed or inconsistent with the state of its stream.
    #[error("invalid {kind} packet: {what}")]
    Stream {
        /// The packet's type.
        kind: PacketType,
        /// The violated rule.
        what: &'static str,
    },
    /// A `StreamOpen` packet was followed by a packet that cannot carry streams.
    #[error(
        "invalid StreamOpen packet: expected a packet that carries streams to follow, got a {0} packet"
    )]
    StreamCarrier(PacketType),
    /// A compressed packet is malformed or does not hold what it declares.
    #[error("invalid Compressed packet: {0}")]
    Compressed(&'static str),
    /// The data of a service error is malformed.
    #[error("invalid error data: {0}")]
    ErrorData(&'static str),
}

/// Explains a likely cause for this first byte.
fn hint(byte: u8) -> &'static str {
    match byte {
        // The record types of a TLS alert and of a TLS handshake.
        0x15 | 0x16 => " (a TLS record): one side uses TLS and the other does not",
        _ => "",
    }
}
