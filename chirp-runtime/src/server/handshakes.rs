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
    /// In order of arrival. A handle keeps the memory of its task, so it is removed as soon as the handshake has ended.
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
        if self.aborted.remove(&id) {
            return None;
        }
        self.begun.retain(|(handshake, _)| handshake.id() != id);
        Some(finished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel;

    const TIME: Duration = Duration::from_secs(10);

    fn incoming() -> Incoming {
        let (channel, _) = channel::memory();
        Incoming::from(channel).and_then(|channel| async { Ok(channel) })
    }

    #[tokio::test]
    async fn nothing_is_kept_of_handshakes_that_have_ended() {
        let mut handshakes = Handshakes::default();
        for _ in 0..100 {
            for _ in 0..3 {
                handshakes.begin(incoming(), TIME);
            }
            assert!(handshakes.abort_oldest().is_some());
            let mut finished = 0;
            while !handshakes.is_empty() {
                finished += usize::from(handshakes.next().await.is_some());
            }
            assert_eq!(finished, 2);
            assert!(handshakes.begun.is_empty() && handshakes.aborted.is_empty());
        }
    }
}
