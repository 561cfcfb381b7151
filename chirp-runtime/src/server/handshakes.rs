use std::collections::{HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, Id, JoinSet};

use super::AcceptError;
use crate::channel::{Channel, Endpoint, Incoming};
use crate::peer::{Task, guard};

/// Handshakes in progress, each in a task of its own, with limits on their number and duration.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    running: JoinSet<Result<Channel, AcceptError>>,
    /// In order of arrival. Finished handshakes are removed when they become the oldest.
    begun: VecDeque<(AbortHandle, Option<Endpoint>)>,
    /// Aborted handshakes, whose results are ignored.
    aborted: HashSet<Id>,
}

impl Handshakes {
    /// Returns the number of handshakes that are not aborted.
    pub(super) fn count(&self) -> usize {
        self.running.len() - self.aborted.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// Starts a handshake with a time limit.
    pub(super) fn begin(&mut self, incoming: Incoming, time: Duration) {
        let remote = incoming.remote().cloned();
        let from = remote.clone();
        let handshake: Task<_> = Box::pin(async move {
            let failed = |error| AcceptError::Handshake {
                remote: from,
                error: Arc::new(error),
            };
            let handshake = guard::run("a handshake", incoming.finish());
            match tokio::time::timeout(time, handshake).await {
                Ok(finished) => finished
                    .unwrap_or_else(|panicked| Err(panicked.into()))
                    .map_err(failed),
                Err(_) => Err(failed(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("timed out after {time:?}"),
                ))),
            }
        });
        self.begun
            .push_back((self.running.spawn(handshake), remote));
    }

    /// Aborts the oldest handshake, if there is one.
    pub(super) fn abort_oldest(&mut self) -> Option<AcceptError> {
        while let Some((handshake, remote)) = self.begun.pop_front() {
            if !handshake.is_finished() {
                handshake.abort();
                self.aborted.insert(handshake.id());
                return Some(AcceptError::MadeRoom { remote });
            }
        }
        None
    }

    /// Waits for the next handshake to end. Returns `None` if it was aborted, which has been reported already.
    /// Never resolves if there is none. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Result<Channel, AcceptError>> {
        let Some(ended) = self.running.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let (id, finished) = match ended {
            Ok((id, finished)) => (id, finished),
            Err(error) => (
                error.id(),
                Err(AcceptError::Handshake {
                    remote: None,
                    error: Arc::new(io::Error::other("the handshake panicked")),
                }),
            ),
        };
        (!self.aborted.remove(&id)).then_some(finished)
    }
}
