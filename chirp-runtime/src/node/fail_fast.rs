use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::peer::{CallError, ConnectionSource, Found, RetryPolicy, Task};

/// The connections of a client, for callers that do not wait for one.
#[derive(Debug)]
pub(super) struct FailFast<S>(pub(super) Arc<S>);

impl<S: ConnectionSource> ConnectionSource for FailFast<S> {
    fn current(&self) -> Option<Found> {
        self.0.current()
    }

    fn ready(&self, _: bool) -> Task<Result<Found, CallError>> {
        let found = self.0.current();
        let found = found.ok_or_else(|| CallError::NotConnected(self.0.reason()));
        Box::pin(std::future::ready(found))
    }

    fn max_wait(&self) -> Duration {
        self.0.max_wait()
    }

    fn retry_policy(&self) -> Option<&RetryPolicy> {
        self.0.retry_policy()
    }

    fn reason(&self) -> Arc<str> {
        self.0.reason()
    }

    fn runtime(&self) -> &Handle {
        self.0.runtime()
    }
}
