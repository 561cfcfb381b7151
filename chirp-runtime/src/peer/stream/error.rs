use std::error::Error;
use std::fmt;

use crate::codec::{CodecId, ServiceError};
use crate::packet::{ErrorData, FrameworkError};
use crate::peer::{CallError, ConnectionError};
use crate::session::{Ending, LimitOwner};

/// The error of a stream. It follows the items that were received, and nothing follows it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// An item could not be encoded. It was not sent, and the stream was aborted.
    #[error("an item could not be encoded: {0}")]
    Encode(String),
    /// An item is over a payload limit. It was not sent, and the stream was aborted.
    #[error("item too large: {whose} payload limit is {limit} bytes (`Limits::max_payload`)")]
    TooLarge {
        /// The side that set the limit.
        whose: LimitOwner,
        /// The maximum length of an item, in bytes.
        limit: u64,
    },
    /// A received item could not be decoded. The stream was aborted.
    #[error("an item could not be decoded: {0}")]
    Decode(String),
    /// The time limit that this side set has passed, for one item or for all.
    #[error("no {what} was received within its time limit")]
    TimedOut {
        /// What was waited for.
        what: TimeLimit,
    },
    /// The half was not used in a call, a response or an item: the value that contained it was dropped, or never sent.
    #[error("the other half was dropped before the stream began")]
    NeverSent,
    /// This sender has been closed as a `Sink`, and an item was sent after that.
    #[error("the stream was finished before the item was sent")]
    Finished,
    /// The other half was dropped without an end, or the call that the stream belongs to was cancelled.
    #[error("the stream was cancelled")]
    Cancelled,
    /// The peer did not accept the stream: it dropped its half unused, or had too many streams.
    #[error("the stream was not accepted{}", text(.0))]
    Refused(ErrorData),
    /// The sender aborted the stream, for this reason.
    #[error("{0}")]
    Failed(ErrorData),
    /// The peer's framework aborted the stream.
    #[error("{message}")]
    Framework {
        /// The reason.
        reason: FrameworkError,
        /// The peer's message.
        message: String,
    },
    /// The sender finished the stream, but items are missing.
    #[error("stream incomplete: received {received} of {sent} items")]
    Incomplete {
        /// The number of items received.
        received: u64,
        /// The number of items sent.
        sent: u64,
    },
    /// The call that the stream belongs to failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The call that the stream belongs to has ended.
    #[error("the call that the stream belongs to has ended")]
    CallEnded,
    /// The connection ended first.
    #[error("the connection ended: {0}")]
    ConnectionLost(ConnectionError),
}

/// The part of a receive that a time limit applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeLimit {
    /// The next item: [`Receiver::item_timeout`](crate::stream::Receiver::item_timeout).
    Item,
    /// The end of the stream: [`Receiver::timeout`](crate::stream::Receiver::timeout).
    End,
}

impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Item => "item",
            Self::End => "end",
        })
    }
}

fn text(error: &ErrorData) -> String {
    match &error.message[..] {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

impl From<Ending> for StreamError {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Incomplete {
                received: came,
                sent,
            } => Self::Incomplete {
                received: came,
                sent,
            },
            Ending::Failed(error) => match FrameworkError::from_error_data(&error) {
                Some(reason) => Self::Framework {
                    reason,
                    message: error.message,
                },
                None => Self::Failed(error),
            },
            Ending::Cancelled => Self::Cancelled,
            Ending::Refused(error) => Self::Refused(error),
            Ending::Finished | Ending::Answered => Self::CallEnded,
            Ending::Closed => Self::ConnectionLost(ConnectionError::ClosedHere),
        }
    }
}

/// For methods that fail if one of their streams fails. The caller gets [`StreamError::Failed`] with the same text, or
/// [`StreamError::Framework`].
impl ServiceError for StreamError {
    fn to_error_data(&self, _: CodecId) -> ErrorData {
        self.clone().into()
    }

    fn from_error_data(error: &ErrorData, _: CodecId) -> Option<Self> {
        Some(Ending::Failed(error.clone()).into())
    }

    fn as_error(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}

/// Converts the error for forwarding.
impl From<StreamError> for ErrorData {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Failed(error) => error,
            StreamError::Call(error) => error.into(),
            StreamError::Framework { reason, message } => Self {
                message,
                ..Self::from(reason)
            },
            StreamError::Encode(reason) => FrameworkError::InvalidResult.to_error_data(&reason),
            other => Self::from(other.to_string()),
        }
    }
}
