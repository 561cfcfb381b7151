use std::collections::{HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, Id, JoinSet};

use super::AcceptError;
use crate::channel::{Channel, Endpoint, Incoming};
use crate::peer::{Task, guard};

/// What is on the way to become a channel, each in a task of its own. Those that take too long are given up,
/// and where there are too many the oldest is.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    running: JoinSet<Result<Channel, AcceptError>>,
    /// In order of arrival. Those that have ended are in it until they would be the oldest.
    begun: VecDeque<(AbortHandle, Option<Endpoint>)>,
    /// Those that have been told to stop. Whatever becomes of them, they are no channels any more.
    given_up: HashSet<Id>,
}

impl Handshakes {
    /// How many there are that have not been given up.
    pub(super) fn count(&self) -> usize {
        self.running.len() - self.given_up.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

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
                    format!("it was not finished in {time:?}"),
                ))),
            }
        });
        self.begun
            .push_back((self.running.spawn(handshake), remote));
    }

    /// Gives up the one that began first, if there is one.
    pub(super) fn give_up_oldest(&mut self) -> Option<AcceptError> {
        while let Some((handshake, remote)) = self.begun.pop_front() {
            if !handshake.is_finished() {
                handshake.abort();
                self.given_up.insert(handshake.id());
                return Some(AcceptError::MadeRoom { remote });
            }
        }
        None
    }

    /// What became of the next one that has ended; `None` where somebody has been told already. Pending when
    /// there is none. Safe to drop.
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
                    error: Arc::new(io::Error::other("it panicked")),
                }),
            ),
        };
        (!self.given_up.remove(&id)).then_some(finished)
    }
}
