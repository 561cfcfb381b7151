//! The ends of operations that are not a right answer.

use std::io;

use chirp::packet::FrameworkError;
use chirp::{CallError, ItemError, MethodError, StreamError};

use crate::service::WorkError;

/// The reason why an operation did not end with a right answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A wrong answer, or an answer that must not be.
    Wrong(String),
    /// A call ended with an error.
    Call(CallError),
    /// A stream ended with an error.
    Stream(StreamError),
    /// The time of a call was over before its server ran again.
    NoConnectionInTime,
}

/// The kind of a connection, which decides on the errors that may occur.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// Lasts for the whole run.
    Lasting,
    /// Is lost now and then, since its server starts again.
    Restarted,
}

impl Failure {
    /// Returns the name of the kind of error if it may occur on such a connection, or else what is wrong.
    pub(crate) fn judge(&self, link: Link) -> Result<&'static str, String> {
        let kind = match self {
            Self::Wrong(what) => return Err(what.clone()),
            Self::Call(error) => call(error),
            Self::Stream(error) => stream(error),
            Self::NoConnectionInTime => Some("no connection in time"),
        };
        match kind {
            Some(kind) if link == Link::Restarted => Ok(kind),
            _ => Err(self.text()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Wrong(what) => what.clone(),
            Self::Call(error) => format!("call failed: {error}: {error:?}"),
            Self::Stream(error) => format!("stream failed: {error}: {error:?}"),
            Self::NoConnectionInTime => "no connection in time".to_owned(),
        }
    }
}

/// Returns the kind of an error that the restart of a server explains.
fn call(error: &CallError) -> Option<&'static str> {
    match error {
        CallError::ConnectionLost(_) => Some("connection lost"),
        CallError::Rejected {
            reason: FrameworkError::ShuttingDown,
            ..
        } => Some("shutting down"),
        CallError::Rejected {
            reason: FrameworkError::NoReply,
            ..
        } => Some("no reply"),
        CallError::Cancelled => Some("cancelled by the server"),
        _ => None,
    }
}

fn stream(error: &StreamError) -> Option<&'static str> {
    match error {
        StreamError::Cancelled => Some("stream cancelled"),
        StreamError::CallEnded => Some("call of the stream ended"),
        StreamError::ConnectionLost(_) => Some("connection of the stream lost"),
        StreamError::Framework {
            reason: FrameworkError::ShuttingDown,
            ..
        } => Some("stream shut down"),
        StreamError::Call(error) => call(error),
        // The error of the other side, told as a text.
        StreamError::Failed(_) => Some("stream failed at the other side"),
        _ => None,
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        Self::Stream(error)
    }
}

impl From<MethodError<StreamError>> for Failure {
    fn from(error: MethodError<StreamError>) -> Self {
        match error {
            MethodError::Handler(error) => Self::Stream(error),
            MethodError::Call(error) => Self::Call(error),
        }
    }
}

impl From<ItemError<StreamError>> for Failure {
    fn from(error: ItemError<StreamError>) -> Self {
        match error {
            ItemError::Handler(error) | ItemError::Stream(error) => Self::Stream(error),
        }
    }
}

impl From<MethodError<WorkError>> for Failure {
    fn from(error: MethodError<WorkError>) -> Self {
        match error {
            // A call of the handler that failed: what the handler's side saw of the connection's end.
            MethodError::Handler(WorkError::NotAnswered { reason }) => Self::Stream(
                StreamError::Failed(chirp::packet::ErrorData::new(0, reason)),
            ),
            MethodError::Handler(error) => Self::Wrong(format!("the method failed: {error}")),
            MethodError::Call(error) => Self::Call(error),
        }
    }
}

impl From<MethodError<io::Error>> for Failure {
    fn from(error: MethodError<io::Error>) -> Self {
        match error {
            MethodError::Handler(error) => Self::from(error),
            MethodError::Call(error) => Self::Call(error),
        }
    }
}

/// The error of a byte stream is that of the stream inside, or a text from the other side.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref();
        match inner.and_then(|inner| inner.downcast_ref::<StreamError>()) {
            Some(error) => Self::Stream(error.clone()),
            None => Self::Stream(StreamError::Failed(chirp::packet::ErrorData::new(
                0,
                error.to_string(),
            ))),
        }
    }
}
