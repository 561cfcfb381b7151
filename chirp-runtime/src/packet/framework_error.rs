use std::ops::RangeInclusive;

use super::ErrorData;

/// The codes of service errors that the framework keeps for itself (PROTOCOL.md, "Framework errors").
pub const FRAMEWORK_ERROR_CODES: RangeInclusive<u16> = 0xC700..=0xC7FF;

/// What begins the auxiliary data of a framework error. A code alone proves nothing: a service of
/// another library may use any.
const MARK: [u8; 2] = [0xC7, 0x45];

/// Why the framework, and not the method, failed a call.
///
/// It travels as an ordinary service error, with a text that any peer can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameworkError {
    /// The callee runs as many calls as it is willing to. The method did not run.
    #[error("busy: too many calls are running")]
    Overloaded,
    /// The callee is closing the connection. The method did not run.
    #[error("shutting down")]
    ShuttingDown,
    /// The handler panicked; the callee's log has the message, under this number.
    #[error("the handler panicked (reference {reference:016x})")]
    Panicked {
        /// An opaque number that the callee's log line repeats.
        reference: u64,
    },
    /// The call's deadline passed at the callee.
    #[error("deadline exceeded")]
    DeadlineExceeded,
    /// The parameters are not what the method takes. The method did not run.
    #[error("the arguments could not be decoded")]
    InvalidArguments,
    /// A packet was over the receiver's payload limit. The method did not run.
    #[error("too large: the limit is {limit} bytes")]
    TooLarge {
        /// The receiver's payload limit, in bytes.
        limit: u64,
    },
    /// The call needs something that the callee does not offer.
    #[error("unsupported")]
    Unsupported,
    /// The handler let go of the call without an answer.
    #[error("the handler gave no answer")]
    NoReply,
    /// The method ran, and its result could not be encoded.
    #[error("the result could not be encoded")]
    InvalidResult,
    /// The parameters name a stream that did not come with them, or one twice. The method did not run.
    #[error("the arguments name a stream that is not there")]
    UnknownStream,
    /// The caller may not call this method, or any that there is not. The method did not run.
    #[error("not allowed")]
    PermissionDenied,
    /// Something that a later version of the framework says.
    #[error("framework error {code:04x}")]
    Other {
        /// The service error's code.
        code: u16,
    },
}

impl FrameworkError {
    /// The service error's code.
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
            }
    }

    /// The error data that says this, with more to the text when there is more to say.
    pub fn to_error_data(self, detail: &str) -> ErrorData {
        let mut data = MARK.to_vec();
        match self {
            Self::Panicked { reference: number } | Self::TooLarge { limit: number } => {
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

    /// The code of the fault that encoded error data speaks of, if it comes from a framework: without its text, which is
    /// not looked at.
    pub(crate) fn code_in(bytes: &[u8]) -> Option<u16> {
        let (&[c0, c1, l0, l1], rest) = bytes.split_first_chunk()?;
        let data = rest.get(usize::from(u16::from_be_bytes([l0, l1]))..)?;
        let code = u16::from_be_bytes([c0, c1]);
        (data.starts_with(&MARK) && FRAMEWORK_ERROR_CODES.contains(&code)).then_some(code)
    }

    /// The fault that error data speaks of, if it comes from a framework at all.
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
            _ => Self::Other { code: error.code },
        })
    }
}

impl From<FrameworkError> for ErrorData {
    fn from(reason: FrameworkError) -> Self {
        reason.to_error_data("")
    }
}
