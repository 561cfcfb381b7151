use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{CallSite, MethodName, Reply};
use crate::channel::{Endpoint, FailureKind};
use crate::packet::{ErrorData, FrameworkError, MetadataError, PacketError, PacketType};
use crate::session::LimitOwner;

/// The error of a call.
///
/// The variants are ordered by their origin: this side, time, the peer, the connection. The
/// message contains the text of the inner error, so that no variant has a [`source`](std::error::Error::source).
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The arguments could not be encoded. Nothing was sent.
    #[error("the arguments could not be encoded: {0}")]
    Encode(String),
    /// The method name does not fit into a packet. Nothing was sent.
    #[error("method name too long: {len} bytes, at most 255")]
    NameTooLong {
        /// The length of the name, in bytes.
        len: usize,
    },
    /// The method name begins with `chirp.`, which is reserved for the framework. Nothing was sent.
    #[error("method names that begin with `chirp.` are reserved for the framework")]
    ReservedName,
    /// The call's metadata cannot be sent. Nothing was sent.
    #[error("{0}")]
    Metadata(MetadataError),
    /// The packet type is below 128, or from `0xC700` to `0xC70F`, and belongs to the protocol. Nothing was sent.
    #[error("packet type {kind} is reserved for the protocol", kind = kind.0)]
    ReservedType {
        /// The packet type.
        kind: PacketType,
    },
    /// A packet is over a payload limit. The method did not run, unless the packet is the response.
    #[error("{what} too large: {whose} payload limit is {limit} bytes (`Limits::max_payload`)")]
    TooLarge {
        /// The packet that exceeds the limit.
        what: PacketRole,
        /// The side that set the limit.
        whose: LimitOwner,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The connection has as many pending calls as this side allows. Nothing was sent.
    #[error(
        "too many pending calls on this connection: the limit is {limit} (`Limits::max_pending_calls`)"
    )]
    TooManyPending {
        /// The limit.
        limit: usize,
    },
    /// There is no connection, and none was made while the call waited for one. Nothing was sent.
    #[error("not connected: {0}")]
    NotConnected(Arc<str>),
    /// No node of this name is known: it has not joined, and no address of it is known. Nothing was sent, and the call
    /// did not wait.
    #[error("unknown node \"{0}\": it has not joined, and no address of it is known")]
    UnknownNode(Arc<str>),
    /// The client is unbound ([`Caller::unbound`](super::Caller::unbound)): its calls are templates for groups of
    /// targets. Nothing was sent.
    #[error(
        "the client is unbound: its calls are templates (`Call::gather`), and cannot be sent by themselves"
    )]
    Unbound,
    /// The call cannot be sent to several targets. Nothing was sent.
    #[error("the call cannot be sent to several targets: {0}")]
    NotTemplate(TemplateError),
    /// The answers that a group of calls collects are over the group's limit. The method has run.
    #[error("the answers of the group are over its limit of {limit} bytes (`Gather::max_bytes`)")]
    GroupTooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The call's timeout passed before a response arrived. The method may have run.
    #[error("deadline exceeded{}", .site.between(": ", ""))]
    DeadlineExceeded {
        /// The call.
        site: CallSite,
    },
    /// The callee reported that the call was cancelled. The method may have run. A handler of the Go implementation
    /// reports this too if a call of its own was cancelled.
    #[error("the call was cancelled")]
    Cancelled,
    /// The callee has no such method. A handler of the Go implementation reports this too if a call of its own met an
    /// unknown method, and then the method has run.
    #[error("unknown method{}", .site.between(" ", ""))]
    UnknownMethod {
        /// The call.
        site: CallSite,
    },
    /// The callee reported that the call's id was in use. Ids are never reused early, so one of the two implementations
    /// is broken. The method may have run: the callee interrupts both calls of one id.
    #[error("the peer reports that the request id was in use")]
    DuplicateRequest,
    /// The callee's framework rejected the call or gave it up.
    #[error("{}{message}", .site.between("", ": "))]
    Rejected {
        /// The reason.
        reason: FrameworkError,
        /// The callee's message.
        message: String,
        /// The call.
        site: CallSite,
    },
    /// The method failed with an error that its signature does not name.
    #[error("{0}")]
    Remote(ErrorData),
    /// The method failed, and the text of its error is not UTF-8 as the protocol requires. The connection continues.
    /// Invalid bytes are replaced by U+FFFD.
    #[error("malformed error data: the text is not UTF-8: {0}")]
    MalformedErrorData(ErrorData),
    /// The result could not be decoded. The method has run.
    #[error("the answer could not be decoded: {0}")]
    Decode(String),
    /// The connection ended before a response arrived.
    #[error("the connection ended: {0}")]
    ConnectionLost(ConnectionError),
}

impl CallError {
    /// Returns the number of bytes that the peer's part of the error holds.
    pub(super) fn held_bytes(&self) -> usize {
        match self {
            Self::Remote(data) | Self::MalformedErrorData(data) => data.encoded_len(),
            Self::Rejected { message, .. } => message.len(),
            _ => 0,
        }
    }

    /// Converts the error data of a service error, for transports that receive them.
    pub fn from_error_data(error: ErrorData) -> Self {
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

    pub(crate) fn deadline_exceeded() -> Self {
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

    /// Returns `true` if the call was not sent, or did not run, because one of the two sides is shutting down.
    pub(super) fn is_going_away(&self) -> bool {
        matches!(
            self,
            Self::Rejected {
                reason: FrameworkError::ShuttingDown,
                ..
            }
        )
    }

    /// Adds the call to the error, unless the error has one.
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

    /// Removes the call from the error.
    pub(super) fn without_site(mut self) -> Self {
        if let Self::DeadlineExceeded { site }
        | Self::UnknownMethod { site }
        | Self::Rejected { site, .. } = &mut self
        {
            *site = CallSite::default();
        }
        self
    }

    /// Returns `true` if the method may have run, completely or in part.
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::Encode(_)
            | Self::NameTooLong { .. }
            | Self::ReservedName
            | Self::ReservedType { .. }
            | Self::Metadata(_)
            | Self::TooManyPending { .. }
            | Self::NotConnected(_)
            | Self::UnknownNode(_)
            | Self::Unbound
            | Self::NotTemplate(_)
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
                    | FrameworkError::MetadataTooLarge { .. }
            ),
            _ => true,
        }
    }

    /// Returns `true` if the method provably did not run, so that repeating the call cannot run it twice. Whether a
    /// retry is likely to succeed is a separate question: see [`is_transient`](Self::is_transient).
    pub fn is_safe_to_retry(&self) -> bool {
        !self.may_have_run()
    }

    /// Returns `true` if the cause may pass by itself, so that the same call may succeed later or on a new connection.
    /// The method may have run nevertheless: unless it is idempotent, retry only if
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

/// The reason why a call cannot be sent to several targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The call has been sent.
    #[error("it has been sent")]
    Sent,
    /// The arguments contain stream halves, which belong to one call.
    #[error(
        "its arguments have streams, which belong to one call (`Gather::each` makes a call for each target)"
    )]
    HasStreams,
    /// The call's error has been mapped, which is done once.
    #[error("its error has been mapped: map the errors of the answers instead")]
    ErrorMapped,
}

/// The purpose of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketRole {
    /// A request.
    Request,
    /// A response.
    Answer,
    /// An application packet.
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

/// The reason why a connection ended.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// This side closed the connection.
    #[error("closed by this side")]
    ClosedHere,
    /// The peer closed the connection, between packets.
    #[error("closed by the other side")]
    ClosedByPeer,
    /// The peer sent bytes that are not Chirp v0.
    #[error("protocol error: {0}")]
    Protocol(PacketError),
    /// The handler of an application packet failed or panicked.
    #[error("the handler of packets of type {kind} failed: {message}", kind = kind.0)]
    PacketHandler {
        /// The packet type.
        kind: PacketType,
        /// The handler's error.
        message: String,
    },
    /// An application packet was over this side's payload limit.
    #[error("packet of type {kind} too large: {length} bytes, our payload limit is {limit}", kind = kind.0)]
    PacketTooLarge {
        /// The packet type.
        kind: PacketType,
        /// The payload length, in bytes.
        length: u32,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Application packets arrived faster than they were handled, while this side could not pause reading because it
    /// waited for responses.
    #[error(
        "the peer sends packets faster than they are handled: {held} bytes are held (`Limits::max_handler_bytes`)"
    )]
    Flooded {
        /// The bytes held.
        held: usize,
    },
    /// The peer left too many cancelled calls unanswered.
    #[error(
        "the peer does not answer cancelled calls: {abandoned} are unanswered (`Limits::max_unanswered_cancels`)"
    )]
    Unresponsive {
        /// The number of such calls.
        abandoned: usize,
    },
    /// The peer keeps sending requests but does not read the responses.
    #[error(
        "the peer does not read responses: {unsent} bytes wait to be written (`Limits::max_write_buffer`)"
    )]
    NotReading {
        /// The bytes that wait to be written.
        unsent: usize,
    },
    /// The peer accepted no bytes for too long.
    #[error(
        "write stalled: the peer accepted less than 64 KiB in {seconds} s (`Limits::progress_timeout`)"
    )]
    Stalled {
        /// The time without progress, in seconds.
        seconds: u64,
    },
    /// The channel failed.
    #[error("channel failure: {0}")]
    Channel(Arc<io::Error>),
    /// The peer showed no sign of life.
    #[error("keep-alive timeout: nothing was received for {silent:?}")]
    KeepAlive {
        /// The minimum time without a packet.
        silent: Duration,
    },
    /// The peer stopped in the middle of a packet.
    #[error(
        "read stalled in the middle of a packet: less than 64 KiB in {seconds} s (`Limits::progress_timeout`)"
    )]
    Unfinished {
        /// The time without progress, in seconds.
        seconds: u64,
    },
    /// The runtime of the connection was shut down.
    #[error("the runtime that served the connection has stopped")]
    RuntimeStopped,
}

impl ConnectionError {
    /// Returns `true` if one of the two sides closed the connection gracefully.
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::ClosedHere | Self::ClosedByPeer)
    }

    /// Returns the kind of failure that the other side should be told, if there is one.
    pub(super) fn failure_kind(&self) -> Option<FailureKind> {
        match self {
            Self::ClosedHere | Self::ClosedByPeer | Self::Channel(_) | Self::RuntimeStopped => None,
            Self::Protocol(_) => Some(FailureKind::Protocol),
            Self::PacketTooLarge { .. } => Some(FailureKind::TooLarge),
            Self::PacketHandler { .. } => Some(FailureKind::Internal),
            Self::Flooded { .. }
            | Self::Unresponsive { .. }
            | Self::NotReading { .. }
            | Self::Stalled { .. }
            | Self::KeepAlive { .. }
            | Self::Unfinished { .. } => Some(FailureKind::Policy),
        }
    }

    /// Returns `true` if the peer may still read what is written.
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
