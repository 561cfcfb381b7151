//! Servers: services as endpoints of NATS micro.

mod builder;
mod durable;
mod endpoint;
mod in_progress;
mod micro;
mod response_batch;
mod serving;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use builder::NatsServerBuilder;

use crate::error::NatsError;
use serving::{Phase, SharedServer};

/// A running server of services on a NATS cluster.
///
/// Any number of servers may have the same methods, in any number of processes: each call goes to one of them. Dropping the server
/// ends it at once, and interrupts its handlers; [`close`](Self::close) loses no request.
pub struct NatsServer {
    serving: Arc<SharedServer>,
    phase: watch::Sender<Phase>,
    /// Ends when every subscription has ended at the server of NATS.
    unsubscribed: mpsc::Receiver<()>,
    /// The tasks that receive requests.
    receivers: JoinSet<()>,
    shutdown_timeout: Duration,
}

impl NatsServer {
    /// Returns the id of this server, which listings of services show.
    pub fn id(&self) -> &str {
        &self.serving.id
    }

    /// Returns the subjects of the methods, in the order of their names.
    pub fn subjects(&self) -> Vec<String> {
        let endpoints = self.serving.endpoints.iter();
        endpoints.map(|endpoint| endpoint.subject.clone()).collect()
    }

    /// Returns the number of calls that run now.
    pub fn running_calls(&self) -> usize {
        self.serving.in_progress.count()
    }

    /// Waits until the server of NATS that this process is connected to knows every subscription, also after a connection was lost.
    /// Other servers of a cluster learn of the subscriptions a moment later.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// [`NatsError`] if there is no connection, or the server does not answer.
    pub async fn ready(&self) -> Result<(), NatsError> {
        let link = &self.serving.link;
        if !link.reconnected().await {
            return Err(NatsError::Closed);
        }
        link.round_trip().await
    }

    /// Ends the server without losing a request: it receives no new ones, runs those that were sent to it, waits until their
    /// responses have reached the server of NATS, and returns. Handlers that still run after the shutdown timeout are
    /// interrupted.
    ///
    /// # Errors
    ///
    /// [`NatsError`] if there is no connection that could carry the last responses.
    pub async fn close(mut self) -> Result<(), NatsError> {
        let link = Arc::clone(&self.serving.link);
        // The subscriptions end at the server of NATS, and go on here for what is on its way.
        self.phase.send_replace(Phase::Unsubscribing);
        let _ = self.unsubscribed.recv().await;
        let arrived = link.round_trip().await;
        self.phase.send_replace(Phase::Finishing);
        while self.receivers.join_next().await.is_some() {}
        let in_progress = &self.serving.in_progress;
        if tokio::time::timeout(self.shutdown_timeout, in_progress.none())
            .await
            .is_err()
        {
            in_progress.interrupt();
            in_progress.none().await;
        }
        arrived?;
        link.round_trip().await
    }
}

/// Interrupts the calls that still run.
impl Drop for NatsServer {
    fn drop(&mut self) {
        self.serving.in_progress.interrupt();
    }
}

impl fmt::Debug for NatsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsServer")
            .field("id", &self.serving.id)
            .field("endpoints", &self.serving.endpoints.len())
            .field("running_calls", &self.running_calls())
            .finish_non_exhaustive()
    }
}
