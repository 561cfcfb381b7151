use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{CallSite, MethodName, Reply};
use crate::channel::Endpoint;
use crate::packet::{ErrorData, FrameworkError, PacketError, PacketType};
use crate::session::LimitOwner;

/// Why a call failed.
///
/// The variants are ordered by who is to blame: first this side, then time, then the other side, then
/// the connection. Their text contains that of the error inside, so that none has a
/// [`source`](std::error::Error::source).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The arguments could not be encoded. Nothing was sent.
    #[error("the arguments could not be encoded: {0}")]
    Encode(String),
    /// The method's name does not fit in a packet. Nothing was sent.
    #[error("method name too long: {len} bytes, at most 255")]
    NameTooLong {
        /// The name's length, in bytes.
        len: usize,
    },
    /// The method's name begins with `chirp.`, and such names are the framework's. Nothing was sent.
    #[error("names that begin `chirp.` belong to the framework")]
    ReservedName,
    /// A packet type below 128, or from `0xC700` to `0xC70F`, is the protocol's. Nothing was sent.
    #[error("packet type {kind} belongs to the protocol", kind = kind.0)]
    ReservedType {
        /// The type.
        kind: PacketType,
    },
    /// A packet is over somebody's payload limit. The method did not run, unless it is the answer that
    /// was too large for us.
    #[error("the {what} is over {whose} payload limit of {limit} bytes (`Limits::max_payload`)")]
    TooLarge {
        /// The packet that is too large.
        what: PacketRole,
        /// The side that has this limit.
        whose: LimitOwner,
        /// The limit, in bytes.
        limit: u64,
    },
    /// More calls are pending on this connection than this side allows. Nothing was sent.
    #[error(
        "too many calls are pending on this connection: our limit is {limit} (`Limits::max_pending_calls`)"
    )]
    TooManyPending {
        /// The limit.
        limit: usize,
    },
    /// There is no connection, and none came about while the call waited for one. Nothing was sent.
    #[error("there is no connection: {0}")]
    NotConnected(Arc<str>),
    /// The call's own time was over before an answer came. The method may have run.
    #[error("deadline exceeded{}", .site.between(": ", ""))]
    DeadlineExceeded {
        /// The call.
        site: CallSite,
    },
    /// The callee says that the call was cancelled. The method may have run. A handler of the Go implementation
    /// whose own call was cancelled says so too, of a call that nobody cancelled.
    #[error("the call was cancelled")]
    Cancelled,
    /// The callee says that it has no such method. A handler of the Go implementation whose own call met an unknown
    /// method says so too, after it has run.
    #[error("unknown method{}", .site.between(" ", ""))]
    UnknownMethod {
        /// The call.
        site: CallSite,
    },
    /// The callee says that the call's id was in use. It never is, so one of the two ends is broken. The
    /// method may have run: the callee interrupts both calls of one id.
    #[error("the other side says that the request id was in use")]
    DuplicateRequest,
    /// The callee's framework refused the call or gave it up.
    #[error("{}{message}", .site.between("", ": "))]
    Rejected {
        /// Why.
        reason: FrameworkError,
        /// The same, in the callee's words.
        message: String,
        /// The call.
        site: CallSite,
    },
    /// The method failed, and not with an error that its signature names.
    #[error("{0}")]
    Remote(ErrorData),
    /// The method failed, and the text of its error is not UTF-8, as the protocol demands. The connection goes on.
    /// The error is here with U+FFFD in place of the bytes that are not.
    #[error("malformed error data: the text is not UTF-8: {0}")]
    MalformedErrorData(ErrorData),
    /// The answer is not what the method returns. The method ran.
    #[error("the answer could not be decoded: {0}")]
    Decode(String),
    /// The connection ended first.
    #[error("the connection ended: {0}")]
    ConnectionLost(ConnectionError),
}

impl CallError {
    /// The error that a service error's data stands for.
    pub(super) fn from_error_data(error: ErrorData) -> Self {
        match FrameworkError::from_error_data(&error) {
            Some(FrameworkError::DeadlineExceeded) => Self::deadline_exceeded(),
            Some(FrameworkError::TooLarge { limit }) => Self::TooLarge {
                what: PacketRole::Request,
                whose: LimitOwner::OtherSide,
                limit,
            },
            Some(reason) => Self::rejected(reason, error.message),
            None => Self::Remote(error),
        }
    }

    pub(super) fn deadline_exceeded() -> Self {
        Self::DeadlineExceeded {
            site: CallSite::default(),
        }
    }

    pub(super) fn unknown_method() -> Self {
        Self::UnknownMethod {
            site: CallSite::default(),
        }
    }

    pub(super) fn rejected(reason: FrameworkError, message: String) -> Self {
        Self::Rejected {
            reason,
            message,
            site: CallSite::default(),
        }
    }

    /// The same error, which says which call it is about, if it does not say so already.
    pub(super) fn at(mut self, method: &MethodName, peer: Option<&Endpoint>) -> Self {
        if let Self::DeadlineExceeded { site }
        | Self::UnknownMethod { site }
        | Self::Rejected { site, .. } = &mut self
            && !site.is_known()
        {
            *site = CallSite::new(method, peer);
        }
        self
    }

    /// The same error, which does not say which call it is about.
    pub(super) fn without_site(mut self) -> Self {
        if let Self::DeadlineExceeded { site }
        | Self::UnknownMethod { site }
        | Self::Rejected { site, .. } = &mut self
        {
            *site = CallSite::default();
        }
        self
    }

    /// Whether the method may have run, wholly or in part.
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::Encode(_)
            | Self::NameTooLong { .. }
            | Self::ReservedName
            | Self::ReservedType { .. }
            | Self::TooManyPending { .. }
            | Self::NotConnected(_)
            | Self::TooLarge {
                what: PacketRole::Request | PacketRole::Custom,
                ..
            } => false,
            Self::Rejected { reason, .. } => !matches!(
                reason,
                FrameworkError::Overloaded
                    | FrameworkError::ShuttingDown
                    | FrameworkError::InvalidArguments
                    | FrameworkError::Unsupported
                    | FrameworkError::PermissionDenied
            ),
            _ => true,
        }
    }

    /// Whether the method provably did not run, so that making the call again cannot run it twice. Whether that is
    /// likely to help is another question: see [`is_transient`](Self::is_transient).
    pub fn is_safe_to_retry(&self) -> bool {
        !self.may_have_run()
    }

    /// Whether the cause may pass by itself, so that the same call may succeed later or on a new connection. The method
    /// may have run all the same: unless it is idempotent, retry only if
    /// [`is_safe_to_retry`](Self::is_safe_to_retry) is `true` as well.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::TooManyPending { .. }
            | Self::NotConnected(_)
            | Self::DeadlineExceeded { .. }
            | Self::ConnectionLost(_) => true,
            Self::Rejected { reason, .. } => matches!(
                reason,
                FrameworkError::Overloaded | FrameworkError::ShuttingDown
            ),
            _ => false,
        }
    }
}

impl From<CallError> for Reply {
    fn from(error: CallError) -> Self {
        Self::Error(error.into())
    }
}

/// What a packet that is too large was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketRole {
    /// A request.
    Request,
    /// The answer to a request.
    Answer,
    /// A packet of one of the application's own types.
    Custom,
}

impl fmt::Display for PacketRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Custom => "packet",
        })
    }
}

/// Why a connection ended.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// This side closed it.
    #[error("closed by this side")]
    ClosedHere,
    /// The other side closed it, between packets.
    #[error("closed by the other side")]
    ClosedByPeer,
    /// The other side sent bytes that are not Chirp v0.
    #[error("protocol error: {0}")]
    Protocol(PacketError),
    /// The handler of the application's packets failed or panicked.
    #[error("the handler of packets of type {kind} failed: {message}", kind = kind.0)]
    PacketHandler {
        /// Whose handler.
        kind: PacketType,
        /// What it said.
        message: String,
    },
    /// A packet of the application's was over this side's payload limit.
    #[error("a packet of type {kind} has {length} bytes, over our payload limit of {limit}", kind = kind.0)]
    PacketTooLarge {
        /// Its type.
        kind: PacketType,
        /// How long it is, in bytes.
        length: u32,
        /// The limit.
        limit: u64,
    },
    /// The application's packets came faster than they were handled, while this side could not stop
    /// reading because it waited for answers itself.
    #[error(
        "the other side sends packets faster than they are handled: {held} bytes are held (`Limits::max_handler_bytes`)"
    )]
    Flooded {
        /// How many bytes.
        held: usize,
    },
    /// The other side left too many cancelled calls without an answer.
    #[error(
        "the other side does not answer cancelled calls: {abandoned} are open (`Limits::max_unanswered_cancels`)"
    )]
    Unresponsive {
        /// How many.
        abandoned: usize,
    },
    /// The other side goes on asking and does not read what it is answered.
    #[error(
        "the other side does not read its answers: {unsent} bytes wait to be written (`Limits::max_write_buffer`)"
    )]
    NotReading {
        /// How many bytes wait.
        unsent: usize,
    },
    /// The other side took no bytes for too long.
    #[error(
        "the other side does not read: no progress in {seconds} s (`Limits::progress_timeout`)"
    )]
    Stalled {
        /// How long this side waited, in seconds.
        seconds: u64,
    },
    /// The channel failed.
    #[error("channel failure: {0}")]
    Channel(Arc<io::Error>),
    /// The other side gave no sign of life.
    #[error("the other side is silent: nothing came for {silent:?}")]
    KeepAlive {
        /// For how long, at the least.
        silent: Duration,
    },
    /// The other side began a packet and does not go on.
    #[error(
        "a packet that has begun does not go on: less than 64 KiB came in {seconds} s (`Limits::progress_timeout`)"
    )]
    Unfinished {
        /// How long this side waited, in seconds.
        seconds: u64,
    },
    /// The runtime that served the connection was shut down.
    #[error("the runtime that served the connection has stopped")]
    RuntimeStopped,
}

impl ConnectionError {
    /// Whether one of the two sides ended the connection on purpose and in order.
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::ClosedHere | Self::ClosedByPeer)
    }

    /// Whether the other side may still read what is written.
    pub(super) fn may_have_reader(&self) -> bool {
        !matches!(
            self,
            Self::Channel(_)
                | Self::Stalled { .. }
                | Self::NotReading { .. }
                | Self::KeepAlive { .. }
                | Self::RuntimeStopped
        )
    }
}

/// By variant and content. Two errors of channels are equal if they have one kind and one text.
impl PartialEq for ConnectionError {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Channel(one), Self::Channel(other)) if one.kind() != other.kind() => false,
            // The text has all that is in a variant.
            _ => {
                std::mem::discriminant(self) == std::mem::discriminant(other)
                    && self.to_string() == other.to_string()
            }
        }
    }
}

impl From<PacketError> for ConnectionError {
    fn from(error: PacketError) -> Self {
        Self::Protocol(error)
    }
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        Self::Channel(Arc::new(error))
    }
}
