use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::health_watch::HealthWatch;
use super::reconnecting_peer::{ReconnectCore, SHUTTING_DOWN};
use super::{ReconnectConfig, ReconnectState};
use crate::channel::Connector;
use crate::peer::{Backoff, CONNECT_TIME, ConnectionCounters, Peer, PeerBuilder, guard};

/// The task of a [`ReconnectingPeer`](super::ReconnectingPeer): connects, watches the connection and connects
/// again.
pub(super) struct ConnectLoop {
    core: Arc<ReconnectCore>,
    builder: PeerBuilder,
    connector: Box<dyn Connector>,
    reconnect: ReconnectConfig,
    time: Duration,
}

impl ConnectLoop {
    pub(super) fn new(
        core: Arc<ReconnectCore>,
        builder: PeerBuilder,
        connector: Box<dyn Connector>,
        reconnect: ReconnectConfig,
    ) -> Self {
        Self {
            time: builder.connect_timeout.unwrap_or(CONNECT_TIME),
            core,
            builder,
            connector,
            reconnect,
        }
    }

    /// Connects again and again until the client is closed.
    pub(super) async fn run(self) {
        let core = Arc::clone(&self.core);
        let connecting = self.connect_forever();
        tokio::select! {
            biased;
            () = core.closing.notified() => {}
            () = connecting => {}
        }
        // From here on, only calls in progress keep the connection open.
        drop(core.take());
    }

    async fn connect_forever(self) {
        let core = &self.core;
        let mut backoff = Backoff::new(self.reconnect.first_pause, self.reconnect.longest_pause);
        let mut attempts = 0;
        let mut is_first = true;
        let mut reason = None;
        loop {
            attempts += 1;
            core.change(ReconnectState::Connecting {
                attempt: attempts,
                reason: reason.take(),
            });
            let again = !mem::replace(&mut is_first, false);
            if again {
                self.count(|connections| connections.reconnect_attempts += 1);
            }
            let why: Arc<str> = match self.connect().await {
                Ok(peer) => match self.serve(peer, again, &mut attempts, &mut backoff).await {
                    // A server that shuts down is known to be replaced. One that says so at once is not worth a hurry.
                    Ok(LeftConnection::Draining { settled: true }) => {
                        reason = Some(SHUTTING_DOWN.into());
                        continue;
                    }
                    Ok(left) => left.reason(),
                    Err(error) => error.to_string().into(),
                },
                Err(error) => error.to_string().into(),
            };
            let pause = backoff.pause();
            #[cfg(feature = "tracing")]
            tracing::info!(attempt = attempts + 1, ?pause, reason = %why, "reconnecting");
            core.change(ReconnectState::Waiting {
                attempts,
                pause,
                reason: Arc::clone(&why),
            });
            reason = Some(why);
            tokio::time::sleep(pause).await;
        }
    }

    fn count(&self, step: impl FnOnce(&mut ConnectionCounters)) {
        if let Some(metrics) = self.builder.shared_metrics() {
            metrics.count(step);
        }
    }

    /// Opens a connection.
    async fn connect(&self) -> io::Result<Peer> {
        let connects = guard::run("the connector", async { self.connector.connect().await });
        let channel = timeout(self.time, connects)
            .await
            .map_err(|_| self.timed_out("connecting"))???;
        // The connection ends with its last handle even if it serves methods: nothing else would end it.
        let started = self
            .builder
            .start_each(channel, false, true, &mut |_, _| Ok(()));
        started.map_err(io::Error::other)
    }

    /// Runs the `on_connect` hook on a connection.
    async fn prepare(&self, peer: &Peer) -> io::Result<()> {
        let Some(on_connect) = &self.reconnect.on_connect else {
            return Ok(());
        };
        let hook = guard::run("the on_connect hook", async {
            on_connect(peer.clone()).await
        });
        timeout(self.time, hook)
            .await
            .map_err(|_| self.timed_out("the on_connect hook"))??
            .map_err(io::Error::other)
    }

    fn timed_out(&self, what: &str) -> io::Error {
        let text = format!("{what} timed out after {:?}", self.time);
        io::Error::new(io::ErrorKind::TimedOut, text)
    }

    /// Makes a connection available for calls while its other side is serving, until it ends or the other side shuts down.
    /// Returns the reason. `again` tells that it is not the first connection. Fails if the `on_connect` hook fails.
    async fn serve(
        &self,
        peer: Peer,
        again: bool,
        attempts: &mut u32,
        backoff: &mut Backoff,
    ) -> io::Result<LeftConnection> {
        let core = &self.core;
        let began = Instant::now();
        let mut close_on_drop = CloseOnDrop(Some(peer.clone()));
        let service = self.reconnect.health.as_ref();
        let mut health = service.map(|service| HealthWatch::new(&peer, service));
        let mut left = std::pin::pin!(peer.left());
        let reason = loop {
            let not_serving = match &mut health {
                Some(health) => tokio::select! {
                    biased;
                    reason = &mut left => break reason,
                    // The questions pass the program's layers.
                    changed = guard::run("the check of health", health.changed()) => changed,
                },
                None if close_on_drop.0.is_some() => Ok(None),
                None => break left.await,
            };
            let prepared = match not_serving {
                Ok(Some(reason)) => {
                    core.suspend(&peer, reason);
                    continue;
                }
                // Not while the other side is not serving: the hook calls it.
                Ok(None) if close_on_drop.0.is_some() => self.prepare(&peer).await,
                Ok(None) => Ok(()),
                Err(panicked) => Err(panicked.into()),
            };
            if let Err(error) = prepared {
                core.leave(false);
                return Err(error);
            }
            if close_on_drop.0.take().is_some() && again {
                self.count(|connections| connections.reconnects += 1);
            }
            *attempts = 0;
            core.connected(&peer);
        };
        let settled = began.elapsed() >= self.reconnect.longest_pause;
        // A connection that ends at once without any packet does not count as a success.
        let has_received = peer.metrics().counters.packets_received > 0;
        if has_received || settled {
            backoff.reset();
        }
        core.leave(reason.is_none());
        Ok(match reason {
            Some(reason) => LeftConnection::Ended(reason.to_string()),
            None => LeftConnection::Draining { settled },
        })
    }
}

/// Why a connection is no longer used.
enum LeftConnection {
    /// It has ended, for this reason.
    Ended(String),
    /// The other side shuts down. `settled` tells whether the connection had lasted for longer than a pause.
    Draining { settled: bool },
}

impl LeftConnection {
    fn reason(self) -> Arc<str> {
        match self {
            Self::Ended(reason) => reason.into(),
            Self::Draining { .. } => SHUTTING_DOWN.into(),
        }
    }
}

/// Fails waiting calls however the task ends, including a runtime that shuts down and a connector that panics.
impl Drop for ConnectLoop {
    fn drop(&mut self) {
        self.core.close();
    }
}

/// Closes a connection that has not become available for calls.
struct CloseOnDrop(Option<Peer>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.iter().for_each(Peer::close);
    }
}
