/// The reason why the input cannot be split into messages any more. The connection ends with it, since the start of the next
/// message is unknown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// The header fields of a message are longer than the limit.
    #[error("the header fields of a JSON-RPC message are longer than {limit} bytes")]
    HeadTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A line of the header fields has no colon. Usually the other program has printed a text to its standard output.
    #[error("expected a header field such as `Content-Length: 52` and received {line:?}")]
    NoField {
        /// The beginning of the line.
        line: String,
    },
    /// The header fields contain no length.
    #[error("the header fields of a JSON-RPC message contain no Content-Length")]
    NoLength,
    /// The length is not a number, or has more than 19 digits.
    #[error("invalid Content-Length of a JSON-RPC message: {value:?}")]
    InvalidLength {
        /// The beginning of the value.
        value: String,
    },
    /// The header fields contain two different lengths.
    #[error("two Content-Length fields of a JSON-RPC message differ: {first} and {second}")]
    TwoLengths {
        /// The first length.
        first: u64,
        /// The other length.
        second: u64,
    },
    /// The input ended inside of a message.
    #[error("the input ended inside of a JSON-RPC message: {missing}")]
    Truncated {
        /// The part that is missing.
        missing: &'static str,
    },
}
