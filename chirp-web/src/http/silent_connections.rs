use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chirp_runtime::channel::Endpoint;
use chirp_runtime::server::AcceptError;
use tokio::task::AbortHandle;

/// The connections of a server that have not sent a whole head of a request yet, in order of arrival. They are closed when others
/// need room, so that they cannot keep those out.
#[derive(Debug, Default)]
pub(super) struct SilentConnections(VecDeque<SilentConnection>);

#[derive(Debug)]
struct SilentConnection {
    task: AbortHandle,
    has_called: Arc<AtomicBool>,
    remote: Option<Endpoint>,
}

impl SilentConnections {
    /// Adds a connection, of `open` that there are. `has_called` is set with its first request.
    pub(super) fn push(
        &mut self,
        open: usize,
        task: AbortHandle,
        has_called: Arc<AtomicBool>,
        remote: Option<Endpoint>,
    ) {
        // Remove the others once they are the majority, so that the cost is amortized.
        if self.0.len() > 2 * open + 32 {
            self.0.retain(SilentConnection::is_silent);
        }
        self.0.push_back(SilentConnection {
            task,
            has_called,
            remote,
        });
    }

    /// Returns `true` if there is such a connection.
    pub(super) fn has_any(&mut self) -> bool {
        while self.0.front().is_some_and(|oldest| !oldest.is_silent()) {
            self.0.pop_front();
        }
        !self.0.is_empty()
    }

    /// Closes the oldest one. Returns what to tell the program, or `None` if there is no such connection.
    pub(super) fn close_oldest(&mut self) -> Option<AcceptError> {
        if !self.has_any() {
            return None;
        }
        let oldest = self.0.pop_front()?;
        oldest.task.abort();
        let remote = oldest.remote;
        Some(AcceptError::MadeRoom { remote })
    }
}

impl SilentConnection {
    fn is_silent(&self) -> bool {
        !self.has_called.load(Ordering::Relaxed) && !self.task.is_finished()
    }
}
