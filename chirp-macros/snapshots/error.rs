const MISSING: u16 = 404;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
#[non_exhaustive]
pub enum Error {
    #[error("tired")]
    #[chirp(code = 0x11)]
    Tired,
    #[error("{a} and {b:?}")]
    #[chirp(code = 18)]
    Both { a: i64, b: Vec<u8> },
    #[error("{0:?}")]
    #[chirp(code = 19)]
    Tuple(Option<String>),
    #[error("there is no {key}")]
    #[chirp(code = MISSING)]
    Missing {
        #[chirp(data)]
        key: String,
    },
    #[error("modified")]
    #[chirp(code = 20, jsonrpc = -32801)]
    Modified(u8),
    #[error("cancelled")]
    #[chirp(jsonrpc = -32800)]
    Cancelled,
    #[error("plain")]
    #[chirp(code = 0)]
    Plain,
    #[error(transparent)]
    #[chirp(other)]
    Other(chirp::packet::ErrorData),
}
