use std::sync::Arc;
use std::time::Duration;

use chirp_runtime::peer::CallError;
use thiserror::Error;

/// A request cannot be tracked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrackError {
    /// A request with this ID is open.
    #[error("a request with the ID \"{id}\" is open")]
    Duplicate {
        /// The ID.
        id: Arc<str>,
    },
    /// As many requests are open as the tracker may have.
    #[error("{limit} requests are open, which is the limit (Tracker::max_requests)")]
    Full {
        /// The limit.
        limit: usize,
    },
    /// The tracker refuses requests and waits for those that are open.
    #[error("the tracker is stopping")]
    Stopping,
    /// The tracker has stopped.
    #[error("the tracker has stopped")]
    Stopped,
}

/// A tracked request has ended without a result.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TrackedError<E> {
    /// The response is this error.
    #[error(transparent)]
    Failed(E),
    /// No response came within the time limit.
    #[error("no response within {timeout:?}")]
    TimedOut {
        /// The time limit of the request.
        timeout: Duration,
    },
    /// The request is no longer tracked.
    #[error("the request was removed from its tracker")]
    Removed,
    /// A group of requests has ended before the response, for example by the time limit of `Gather::timeout`.
    #[error(transparent)]
    Group(CallError),
}

impl<E> From<CallError> for TrackedError<E> {
    fn from(error: CallError) -> Self {
        Self::Group(error)
    }
}
