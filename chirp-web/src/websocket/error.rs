use std::fmt;
use std::io;

use chirp_runtime::channel::FailureKind;

use super::frame::FrameError;

/// The code and the text of a Close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason {
    code: u16,
    text: Box<str>,
}

impl CloseReason {
    /// The connection has served its purpose.
    pub const NORMAL: u16 = 1000;
    /// A program ends, or a page is left.
    pub const GOING_AWAY: u16 = 1001;
    /// The other side violated the protocol of WebSocket.
    pub const PROTOCOL_ERROR: u16 = 1002;
    /// The other side sent text where binary messages are expected, or the reverse.
    pub const UNSUPPORTED_DATA: u16 = 1003;
    /// The Close frame has no code. Never sent.
    pub const NO_CODE: u16 = 1005;
    /// A text message is not UTF-8.
    pub const INVALID_TEXT: u16 = 1007;
    /// The other side did something that it may not do.
    pub const POLICY: u16 = 1008;
    /// A message is over the limit.
    pub const TOO_LARGE: u16 = 1009;

    /// This side has failed.
    pub const INTERNAL: u16 = 1011;

    /// Returns the code for a failure of the connection.
    pub(super) fn code_of(failure: FailureKind) -> u16 {
        match failure {
            FailureKind::Protocol => Self::PROTOCOL_ERROR,
            FailureKind::TooLarge => Self::TOO_LARGE,
            FailureKind::Internal => Self::INTERNAL,
            _ => Self::POLICY,
        }
    }

    pub(super) fn new(code: u16, text: &str) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    /// Returns the code, a number from 1000 to 4999.
    pub fn code(&self) -> u16 {
        self.code
    }

    /// Returns the text, at most 123 bytes. The other side chose it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns `true` for the codes that report no failure: 1000, 1001, and no code.
    pub fn is_clean(&self) -> bool {
        matches!(self.code, Self::NORMAL | Self::GOING_AWAY | Self::NO_CODE)
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}", self.code)?;
        if !self.text.is_empty() {
            write!(f, ": {}", printable(&self.text))?;
        }
        Ok(())
    }
}

/// The reason why a WebSocket could not be opened, or has ended.
///
/// Travels inside an `io::Error`, such as that of [`ConnectionError::Channel`](chirp_runtime::peer::ConnectionError::Channel);
/// [`of`](Self::of) extracts it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebSocketError {
    /// The address is not `ws://host/path` or `wss://host/path`.
    #[error("{0}")]
    InvalidAddress(&'static str),
    /// The server refused the handshake.
    #[error("the server refused the WebSocket handshake with status {status}: {}", printable(.text))]
    Rejected {
        /// The status of the answer.
        status: u16,
        /// The begin of the body of the answer, or its reason phrase. At most 512 bytes.
        text: String,
    },
    /// The server redirects to another address, which is not followed.
    #[error("the server redirects to {}: redirects are not followed, use that address", .location.escape_debug())]
    Redirected {
        /// The address, at most 512 bytes.
        location: String,
    },
    /// The other side is no HTTP server, or its answer accepts another handshake than this one.
    #[error("the other side does not speak WebSocket: {0}")]
    NotWebSocket(&'static str),
    /// The head of the HTTP message is too large.
    #[error("the head of the HTTP message is over the limit of {limit} bytes")]
    HeadTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// This side refused the handshake of a client.
    #[error("refused the handshake with status {status}: {text}")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// The text that the client received.
        text: String,
    },
    /// The other side closed the connection and reported a failure.
    #[error("the other side closed the WebSocket with {0}")]
    Closed(CloseReason),
    /// The connection ended without a Close frame: the other side, or something between, has failed.
    #[error("the connection ended without a Close frame")]
    NoClose,
    /// The other side violated the protocol. It has been told so by a Close frame.
    #[error("WebSocket protocol error: {text}")]
    Protocol {
        /// The code that this side closed the connection with.
        code: u16,
        /// The violation.
        text: String,
    },
}

/// Escapes characters that would change how a terminal shows text of the other side. Quotes stay as they are: the text is
/// often JSON.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\'' => shown.push(character),
            other => shown.extend(other.escape_debug()),
        }
    }
    shown
}

impl WebSocketError {
    /// Extracts the `WebSocketError` inside an `io::Error`, if there is one.
    pub fn of(error: &io::Error) -> Option<&Self> {
        chirp_runtime::channel::find_error(error)
    }
}

impl From<FrameError> for WebSocketError {
    fn from(error: FrameError) -> Self {
        Self::Protocol {
            code: error.close_code(),
            text: error.to_string(),
        }
    }
}

impl From<WebSocketError> for io::Error {
    fn from(error: WebSocketError) -> Self {
        let kind = match &error {
            WebSocketError::InvalidAddress(_) => io::ErrorKind::InvalidInput,
            WebSocketError::Rejected { .. }
            | WebSocketError::Redirected { .. }
            | WebSocketError::Refused { .. } => io::ErrorKind::PermissionDenied,
            WebSocketError::Closed(_) => io::ErrorKind::ConnectionAborted,
            WebSocketError::NoClose => io::ErrorKind::UnexpectedEof,
            WebSocketError::NotWebSocket(_)
            | WebSocketError::HeadTooLarge { .. }
            | WebSocketError::Protocol { .. } => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
