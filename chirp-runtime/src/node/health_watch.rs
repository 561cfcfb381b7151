use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::health::{HealthClient, HealthStatus};
use crate::peer::{Backoff, CallError, Peer};
use crate::stream::Receiver;

/// The time that the other side has to answer a check.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// The pauses after a failure. At least half of each is waited: the other side is asked at most once a second.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Follows whether a service of the other side of a connection is serving.
///
/// A side without `chirp.health` is serving. If a question fails otherwise, the last state stays, and the side is asked again
/// after a pause: the connection itself is watched by others.
pub(super) struct HealthWatch {
    client: HealthClient,
    service: Arc<str>,
    next: Next,
    pauses: Backoff,
    /// The last state that was returned.
    last: Option<HealthStatus>,
}

/// The way in which the next state is learnt.
enum Next {
    /// Ask for the state, which a plain v0 peer can answer, too.
    Check,
    Open,
    Receive(Box<Receiver<HealthStatus>>),
    Pause,
    /// The other side tells no state.
    Nothing,
}

impl HealthWatch {
    pub(super) fn new(peer: &Peer, service: &Arc<str>) -> Self {
        Self {
            client: HealthClient::new(peer),
            service: Arc::clone(service),
            next: Next::Check,
            pauses: Backoff::new(FIRST_PAUSE, LONGEST_PAUSE),
            last: None,
        }
    }

    /// Returns the first state, and then each change: `None` if the service is serving, and otherwise the reason why it gets
    /// no calls.
    ///
    /// Not cancel safe: a state may be lost.
    pub(super) async fn changed(&mut self) -> Option<Arc<str>> {
        loop {
            let found = match &mut self.next {
                Next::Check => self.check().await,
                Next::Open => {
                    let opening = self.client.watch(&self.service).timeout(ANSWER_TIME);
                    let opened = opening.await.map(Box::new);
                    self.next = opened.map_or(Next::Pause, Next::Receive);
                    continue;
                }
                Next::Receive(watched) => {
                    let Some(Ok(status)) = watched.recv().await else {
                        self.next = Next::Pause;
                        continue;
                    };
                    self.pauses.reset();
                    Ok(status)
                }
                Next::Pause => {
                    sleep(self.pauses.pause()).await;
                    self.next = Next::Check;
                    continue;
                }
                Next::Nothing => std::future::pending().await,
            };
            let status = match found {
                Ok(status) => status,
                Err(_) if self.last.is_some() => continue,
                Err(error) => {
                    self.last = Some(HealthStatus::Unknown);
                    let what = self.what();
                    return Some(format!("the state of {what} is not known: {error}").into());
                }
            };
            if self.last.replace(status) != Some(status) {
                let is_serving = status == HealthStatus::Serving;
                return (!is_serving).then(|| format!("{} is {status}", self.what()).into());
            }
        }
    }

    /// Asks for the state, and decides what comes next.
    async fn check(&mut self) -> Result<HealthStatus, CallError> {
        match self.client.check(&self.service).timeout(ANSWER_TIME).await {
            Ok(status) => {
                self.next = Next::Open;
                Ok(status)
            }
            Err(CallError::UnknownMethod { .. }) => {
                self.next = Next::Nothing;
                Ok(HealthStatus::Serving)
            }
            Err(error) => {
                self.next = Next::Pause;
                Err(error)
            }
        }
    }

    fn what(&self) -> String {
        if self.service.is_empty() {
            return "the other side".to_owned();
        }
        format!("the service {:?}", self.service)
    }
}
