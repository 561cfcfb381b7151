use std::error::Error;
use std::fmt;

use crate::codec::{CodecId, ServiceError};
use crate::packet::{ErrorData, FrameworkError};
use crate::peer::{CallError, ConnectionError};
use crate::session::{Ending, LimitOwner};

/// Why a stream broke off. It is the last that is told of it, behind the items that came.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// An item could not be encoded. It was not sent, and the stream was broken off.
    #[error("an item could not be encoded: {0}")]
    Encode(String),
    /// An item is over a payload limit. It was not sent, and the stream was broken off.
    #[error(
        "an item is over {whose} payload limit: it may have {limit} bytes (`Limits::max_payload`)"
    )]
    TooLarge {
        /// The side that has this limit.
        whose: LimitOwner,
        /// How long an item may be, in bytes.
        limit: u64,
    },
    /// What came is no such item. The stream was broken off.
    #[error("an item could not be decoded: {0}")]
    Decode(String),
    /// The time that this side gave it was over: for one item, or for all.
    #[error("no {what} came within the time for it")]
    TimedOut {
        /// What was waited for.
        what: TimeLimit,
    },
    /// The half was not used in a call, an answer or an item: the value that it was in was dropped, or never sent.
    #[error("the other half was dropped before the stream began")]
    NeverSent,
    /// This sender has been closed as a `Sink`, and an item was sent after that.
    #[error("the stream was finished before the item was sent")]
    Finished,
    /// The other half was dropped without an end, or the call that the stream belongs to was cancelled.
    #[error("the stream was cancelled")]
    Cancelled,
    /// The other side did not take the stream up: it dropped the half unseen, or had too many.
    #[error("the stream was not taken up{}", text(.0))]
    Refused(ErrorData),
    /// Whoever sends the items broke it off, and says why.
    #[error("{0}")]
    Failed(ErrorData),
    /// The other side's framework broke it off.
    #[error("{message}")]
    Framework {
        /// Why.
        reason: FrameworkError,
        /// The same, in the other side's words.
        message: String,
    },
    /// It is said to be complete, and is not.
    #[error("stream incomplete: received {received} of {sent} items")]
    Incomplete {
        /// How many items came.
        received: u64,
        /// How many were sent.
        sent: u64,
    },
    /// The call that it belongs to failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The call that it belongs to is over.
    #[error("the call that the stream belongs to is over")]
    CallEnded,
    /// The connection ended first.
    #[error("the connection ended: {0}")]
    ConnectionLost(ConnectionError),
}

/// What a receiver waits for only so long.
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

/// For methods that fail when a stream of theirs does. At the caller it is [`StreamError::Failed`] with the same text, or
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

/// As it travels, when what failed is passed on.
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
