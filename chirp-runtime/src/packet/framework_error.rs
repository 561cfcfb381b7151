use std::ops::RangeInclusive;

use super::ErrorData;

/// The service error codes that are reserved for the framework (PROTOCOL.md, "Framework errors").
pub const FRAMEWORK_ERROR_CODES: RangeInclusive<u16> = 0xC700..=0xC7FF;

/// The marker at the start of a framework error's auxiliary data. The code alone is no proof, since services
/// of other libraries may use any code.
const MARK: [u8; 2] = [0xC7, 0x45];

/// The reason why the framework, rather than the method, failed a call.
///
/// Sent as an ordinary service error, with a message that any peer can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameworkError {
    /// The callee runs as many calls as its limit allows. The method did not run.
    #[error("busy: too many calls are running")]
    Overloaded,
    /// The callee is closing the connection. The method did not run.
    #[error("shutting down")]
    ShuttingDown,
    /// The handler panicked. The callee's log has the panic message next to `reference`.
    #[error("the handler panicked (reference {reference:016x})")]
    Panicked {
        /// An opaque number that is also in the callee's log line.
        reference: u64,
    },
    /// The call's deadline passed at the callee.
    #[error("deadline exceeded")]
    DeadlineExceeded,
    /// The arguments could not be decoded. The method did not run.
    #[error("the arguments could not be decoded")]
    InvalidArguments,
    /// The packet exceeded the receiver's payload limit. The method did not run.
    #[error("too large: the limit is {limit} bytes")]
    TooLarge {
        /// The receiver's payload limit, in bytes.
        limit: u64,
    },
    /// The call needs a feature that the callee does not support.
    #[error("unsupported")]
    Unsupported,
    /// The handler dropped the call without replying.
    #[error("the handler returned no response")]
    NoReply,
    /// The method ran, but its result could not be encoded.
    #[error("the result could not be encoded")]
    InvalidResult,
    /// The arguments name a stream that was not sent with them, or name a stream twice. The method did not run.
    #[error("the arguments refer to a stream that was not sent")]
    UnknownStream,
    /// The caller may not call this method. The error is the same for methods that do not exist. The method
    /// did not run.
    #[error("not allowed")]
    PermissionDenied,
    /// The call's metadata exceeded the callee's limit. The method did not run.
    #[error("metadata too large: the limit is {limit} bytes")]
    MetadataTooLarge {
        /// The callee's limit, in bytes.
        limit: u64,
    },
    /// An error defined by a later version of the framework.
    #[error("framework error {code:04x}")]
    Other {
        /// The service error's code.
        code: u16,
    },
}

impl FrameworkError {
    /// Returns the service error code.
    pub fn code(self) -> u16 {
        FRAMEWORK_ERROR_CODES.start()
            + match self {
                Self::Other { code } => return code,
                Self::Overloaded => 0,
                Self::ShuttingDown => 1,
                Self::Panicked { .. } => 2,
                Self::DeadlineExceeded => 3,
                Self::InvalidArguments => 4,
                Self::TooLarge { .. } => 5,
                Self::Unsupported => 6,
                Self::NoReply => 7,
                Self::InvalidResult => 8,
                Self::UnknownStream => 9,
                Self::PermissionDenied => 10,
                Self::MetadataTooLarge { .. } => 11,
            }
    }

    /// Converts the reason to a service error. A non-empty `detail` is appended to the message.
    pub fn to_error_data(self, detail: &str) -> ErrorData {
        let mut data = MARK.to_vec();
        match self {
            Self::Panicked { reference: number }
            | Self::TooLarge { limit: number }
            | Self::MetadataTooLarge { limit: number } => {
                data.extend_from_slice(&number.to_be_bytes());
            }
            _ => {}
        }
        let message = if detail.is_empty() {
            self.to_string()
        } else {
            format!("{self}: {detail}")
        };
        ErrorData::new(self.code(), message).with_data(data)
    }

    /// Returns the code of an encoded service error if a framework sent it. Does not read the message.
    pub(crate) fn code_in(bytes: &[u8]) -> Option<u16> {
        let (&[c0, c1, l0, l1], rest) = bytes.split_first_chunk()?;
        let data = rest.get(usize::from(u16::from_be_bytes([l0, l1]))..)?;
        let code = u16::from_be_bytes([c0, c1]);
        (data.starts_with(&MARK) && FRAMEWORK_ERROR_CODES.contains(&code)).then_some(code)
    }

    /// Returns the reason in a service error. Returns `None` for an error that no framework sent.
    pub fn from_error_data(error: &ErrorData) -> Option<Self> {
        let detail = error.data.strip_prefix(&MARK)?;
        if !FRAMEWORK_ERROR_CODES.contains(&error.code) {
            return None;
        }
        let number = || {
            detail
                .first_chunk()
                .map_or(0, |bytes| u64::from_be_bytes(*bytes))
        };
        Some(match error.code - FRAMEWORK_ERROR_CODES.start() {
            0 => Self::Overloaded,
            1 => Self::ShuttingDown,
            2 => Self::Panicked {
                reference: number(),
            },
            3 => Self::DeadlineExceeded,
            4 => Self::InvalidArguments,
            5 => Self::TooLarge { limit: number() },
            6 => Self::Unsupported,
            7 => Self::NoReply,
            8 => Self::InvalidResult,
            9 => Self::UnknownStream,
            10 => Self::PermissionDenied,
            11 => Self::MetadataTooLarge { limit: number() },
            _ => Self::Other { code: error.code },
        })
    }
}

impl From<FrameworkError> for ErrorData {
    fn from(reason: FrameworkError) -> Self {
        reason.to_error_data("")
    }
}
