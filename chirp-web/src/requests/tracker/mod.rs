mod error;
mod table;
mod timer;
mod tracked_request;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chirp_runtime::peer::Call;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use error::{TrackError, TrackedError};
use table::{TrackerState, TrackerTable};
pub use tracked_request::TrackedRequest;

/// The time limit of requests that are tracked without one of their own.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(1);

const MAX_REQUESTS: usize = 10_000;

/// Open requests by their IDs, each with a time limit: responses that come later and elsewhere are matched to those who wait.
///
/// A request ends once: by a response, by its time limit, by [`remove`](Self::remove), or when its [`TrackedRequest`] is dropped.
/// A later response is dropped. Clones of a tracker have the same requests.
///
/// ```
/// # mod chirp { pub use chirp_runtime::{node::*, peer::*}; pub use chirp_web::requests; }
/// use chirp::Gather;
/// use chirp::requests::{TrackError, Tracker};
///
/// # async fn example() -> Result<(), TrackError> {
/// let tracker = Tracker::<u32, String>::new();
/// let (one, two) = (tracker.track("one")?, tracker.track("two")?);
///
/// // Where the responses arrive:
/// assert!(tracker.respond("two", Ok(2)));
/// assert!(tracker.respond("one", Err("out of stock".into())));
/// assert!(!tracker.respond("one", Ok(1)), "the second response is dropped");
///
/// // A group of requests:
/// let answers = Gather::new().add("one", one).add("two", two).await;
/// assert_eq!(answers.len(), 2);
/// # Ok(()) }
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(example()).unwrap();
/// ```
pub struct Tracker<T, E> {
    table: Arc<TrackerTable<T, E>>,
    timeout: Duration,
    max_requests: usize,
}

impl<T: Send + 'static, E: Send + 'static> Tracker<T, E> {
    /// Creates a tracker without requests.
    pub fn new() -> Self {
        Self {
            table: Arc::default(),
            timeout: DEFAULT_TIMEOUT,
            max_requests: MAX_REQUESTS,
        }
    }

    /// Sets the time limit of requests that are tracked without one, 1 minute by default, for this clone of the tracker.
    #[must_use]
    pub fn default_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how many requests may be open when this clone of the tracker is asked for another one. 10,000 by default.
    #[must_use]
    pub fn max_requests(mut self, requests: usize) -> Self {
        self.max_requests = requests;
        self
    }

    /// Tracks a request until its response or the default time limit. Track a request before it is sent: its response may be
    /// faster than the sender.
    ///
    /// # Errors
    ///
    /// [`TrackError`] if the ID is in use, the tracker is full, or it is stopping or has stopped.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn track(&self, id: impl Into<Arc<str>>) -> Result<TrackedRequest<T, E>, TrackError> {
        self.track_for(id, self.timeout)
    }

    /// Tracks a request until its response or this time limit, like [`track`](Self::track).
    ///
    /// # Errors
    ///
    /// As for [`track`](Self::track).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn track_for(
        &self,
        id: impl Into<Arc<str>>,
        timeout: Duration,
    ) -> Result<TrackedRequest<T, E>, TrackError> {
        let id = id.into();
        let (sender, response) = oneshot::channel();
        let deadline = Instant::now().checked_add(timeout);
        let key = self
            .table
            .insert(&id, sender, (timeout, deadline), self.max_requests)?;
        timer::ensure(&self.table);
        Ok(TrackedRequest {
            table: Arc::clone(&self.table),
            id,
            key,
            response,
        })
    }

    /// Makes a call and tracks it under an ID until its result or this time limit. When the request ends in another way, the
    /// call is cancelled, and its handler is told.
    ///
    /// # Errors
    ///
    /// As for [`track`](Self::track). The call is then not made.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn call(
        &self,
        id: impl Into<Arc<str>>,
        call: Call<T, E>,
        timeout: Duration,
    ) -> Result<TrackedRequest<T, E>, TrackError> {
        let request = self.track_for(id, timeout)?;
        let table = Arc::clone(&self.table);
        let (id, key) = (Arc::clone(&request.id), request.key);
        let task = tokio::spawn(async move {
            let result = call.await;
            table.complete(&id, Some(key), result);
        });
        self.table.attach(&request.id, key, task.abort_handle());
        Ok(request)
    }

    /// Completes a request. Returns `false` if it is not open, for example because its time limit has passed: the response is
    /// then dropped.
    pub fn respond(&self, id: &str, response: Result<T, E>) -> bool {
        self.table.complete(id, None, response)
    }

    /// Ends a request with [`TrackedError::Removed`]. Returns `false` if it is not open.
    pub fn remove(&self, id: &str) -> bool {
        self.table.end(id, None, TrackedError::Removed)
    }

    /// Returns `true` if a request with this ID is open.
    pub fn contains(&self, id: &str) -> bool {
        self.table.contains(id)
    }

    /// Returns the number of open requests.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns `true` if no request is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Refuses further requests, and waits until every open one has its response or has reached its time limit. Stopping a
    /// tracker that is stopping waits, too; one that has stopped returns at once.
    ///
    /// If the future is dropped, the tracker refuses requests all the same.
    pub async fn stop(&self) {
        self.table.stop().await;
    }

    /// Accepts requests again after [`stop`](Self::stop). A tracker that accepts requests is left as it is.
    ///
    /// # Errors
    ///
    /// [`TrackError::Stopping`] if a request is still open that `stop` waits for.
    pub fn start(&self) -> Result<(), TrackError> {
        self.table.start()
    }

    /// Returns `true` if the tracker accepts requests.
    pub fn is_running(&self) -> bool {
        self.table.state() == TrackerState::Running
    }
}

impl<T: Send + 'static, E: Send + 'static> Default for Tracker<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> Clone for Tracker<T, E> {
    fn clone(&self) -> Self {
        Self {
            table: Arc::clone(&self.table),
            timeout: self.timeout,
            max_requests: self.max_requests,
        }
    }
}

impl<T, E> fmt::Debug for Tracker<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker")
            .field("len", &self.table.len())
            .field("state", &self.table.state())
            .field("timeout", &self.timeout)
            .field("max_requests", &self.max_requests)
            .finish()
    }
}
