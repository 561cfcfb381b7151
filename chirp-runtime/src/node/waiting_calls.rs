use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::peer::{CallError, Found, Task};

/// The calls of a client that wait for a connection. Their number is limited, and so is the time of those that have no
/// timeout of their own.
pub(super) struct WaitingCalls {
    runtime: Handle,
    max_wait: Duration,
    limit: usize,
    count: AtomicUsize,
}

impl WaitingCalls {
    /// Creates the limits of a client on the current runtime. `limit` is that of pending calls of a connection.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime.
    pub(super) fn new(max_wait: Duration, limit: usize) -> Arc<Self> {
        Self::on(Handle::current(), max_wait, limit)
    }

    /// Creates the limits of a client on a runtime.
    pub(super) fn on(runtime: Handle, max_wait: Duration, limit: usize) -> Arc<Self> {
        Arc::new(Self {
            runtime,
            max_wait,
            limit,
            count: AtomicUsize::new(0),
        })
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(super) fn max_wait(&self) -> Duration {
        self.max_wait
    }

    /// Waits for `ready` on behalf of a call, which may have a time limit of its own; otherwise it fails with the error
    /// of `late` after `max_wait`.
    pub(super) fn wait(
        self: &Arc<Self>,
        is_timed: bool,
        ready: impl Future<Output = Result<Found, CallError>> + Send + 'static,
        late: impl FnOnce() -> CallError + Send + 'static,
    ) -> Task<Result<Found, CallError>> {
        // The caller may run in another runtime, or in none.
        let entered = self.runtime.enter();
        let max_wait = (!is_timed).then(|| tokio::time::sleep(self.max_wait));
        drop(entered);
        let waiting = Arc::clone(self);
        Box::pin(async move {
            let _waiting = WaitingCall::begin(&waiting)?;
            let Some(max_wait) = max_wait else {
                return ready.await;
            };
            tokio::select! {
                biased;
                found = ready => found,
                () = max_wait => Err(late()),
            }
        })
    }
}

/// Counts a waiting call.
struct WaitingCall<'a>(&'a AtomicUsize);

impl<'a> WaitingCall<'a> {
    fn begin(waiting: &'a WaitingCalls) -> Result<Self, CallError> {
        let begun = Self(&waiting.count);
        if waiting.count.fetch_add(1, Ordering::Relaxed) >= waiting.limit {
            return Err(CallError::TooManyPending {
                limit: waiting.limit,
            });
        }
        Ok(begun)
    }
}

impl Drop for WaitingCall<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
