use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use super::error::TrackedError;
use super::table::{EntryKey, TrackerTable};

/// A request of a [`Tracker`](super::Tracker): a future of its response. A request that is dropped is no longer tracked, and
/// its call, if it has one, is cancelled.
#[must_use = "a request that is dropped is no longer tracked"]
pub struct TrackedRequest<T, E> {
    pub(super) table: Arc<TrackerTable<T, E>>,
    pub(super) id: Arc<str>,
    pub(super) key: EntryKey,
    pub(super) response: oneshot::Receiver<Result<T, TrackedError<E>>>,
}

impl<T, E> TrackedRequest<T, E> {
    /// Returns the ID of the request.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl<T, E> Future for TrackedRequest<T, E> {
    type Output = Result<T, TrackedError<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(Pin::new(&mut self.response).poll(cx));
        Poll::Ready(response.unwrap_or(Err(TrackedError::Removed)))
    }
}

impl<T, E> Drop for TrackedRequest<T, E> {
    fn drop(&mut self) {
        self.table
            .end(&self.id, Some(self.key), TrackedError::Removed);
    }
}

impl<T, E> fmt::Debug for TrackedRequest<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackedRequest")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
