use std::io;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::reconnecting_peer::{ReconnectCore, SHUTTING_DOWN};
use super::{ReconnectConfig, ReconnectState};
use crate::channel::Connector;
use crate::health::{HealthClient, HealthStatus};
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
                Ok(peer) => {
                    if again {
                        self.count(|connections| connections.reconnects += 1);
                    }
                    attempts = 0;
                    let left = self.watch(&peer, &mut backoff).await;
                    core.take();
                    // A server that shuts down is known to be replaced. One that says so at once is not worth a hurry.
                    if let LeftConnection::Draining { settled: true } = left {
                        reason = Some(SHUTTING_DOWN.into());
                        continue;
                    }
                    left.reason()
                }
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

    /// Opens a connection and runs the `on_connect` hook on it.
    async fn connect(&self) -> io::Result<Peer> {
        let limit = self.time;
        let timed_out = |what: &'static str| {
            move |_| {
                let text = format!("{what} timed out after {limit:?}");
                io::Error::new(io::ErrorKind::TimedOut, text)
            }
        };
        let connects = guard::run("the connector", async { self.connector.connect().await });
        let channel = timeout(limit, connects)
            .await
            .map_err(timed_out("connecting"))???;
        // The connection ends with its last handle even if it serves methods: nothing else would end it.
        let started = self
            .builder
            .start_each(channel, false, true, &mut |_, _| Ok(()));
        let peer = started.map_err(io::Error::other)?;
        if let Some(service) = &self.reconnect.health {
            let mut close_on_drop = CloseOnDrop(Some(peer.clone()));
            // The call passes the program's layers.
            let check = guard::run("the check of health", async {
                HealthClient::new(&peer).check(service).timeout(limit).await
            });
            let status = check.await?.map_err(io::Error::other)?;
            if status != HealthStatus::Serving {
                let what = if service.is_empty() {
                    "the other side".to_owned()
                } else {
                    format!("the service {service:?}")
                };
                return Err(io::Error::other(format!("{what} is {status}")));
            }
            close_on_drop.0 = None;
        }
        if let Some(on_connect) = &self.reconnect.on_connect {
            let mut close_on_drop = CloseOnDrop(Some(peer.clone()));
            let hook = guard::run("the on_connect hook", async {
                on_connect(peer.clone()).await
            });
            timeout(limit, hook)
                .await
                .map_err(timed_out("the on_connect hook"))??
                .map_err(io::Error::other)?;
            close_on_drop.0 = None;
        }
        Ok(peer)
    }

    /// Makes a connection available for calls until it ends or the other side shuts down. Returns the reason.
    async fn watch(&self, peer: &Peer, backoff: &mut Backoff) -> LeftConnection {
        let began = Instant::now();
        self.core.connected(peer);
        let reason = peer.left().await;
        let settled = began.elapsed() >= self.reconnect.longest_pause;
        // A connection that ends at once without any packet does not count as a success.
        let has_received = peer.metrics().counters.packets_received > 0;
        if has_received || settled {
            backoff.reset();
        }
        match reason {
            Some(reason) => LeftConnection::Ended(reason.to_string()),
            None => LeftConnection::Draining { settled },
        }
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
