use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::backoff::Backoff;
use super::reconnecting_peer::{ReconnectCore, SHUTTING_DOWN};
use super::{ReconnectConfig, ReconnectState};
use crate::channel::Connector;
use crate::peer::{CONNECT_TIME, Peer, PeerBuilder, guard};

/// What connects, again and again, in a task of its own.
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

    /// Connects until it is closed.
    pub(super) async fn run(self) {
        let core = Arc::clone(&self.core);
        let forever = self.connect_for_ever();
        tokio::select! {
            biased;
            () = core.closing.notified() => {}
            () = forever => {}
        }
        // Calls that are under way keep the connection, and nothing else does.
        drop(core.take());
    }

    async fn connect_for_ever(self) {
        let core = &self.core;
        let mut backoff = Backoff::new(self.reconnect.first_pause, self.reconnect.longest_pause);
        let mut attempts = 0;
        let mut reason = None;
        loop {
            attempts += 1;
            core.change(ReconnectState::Connecting {
                attempt: attempts,
                reason: reason.take(),
            });
            let why: Arc<str> = match self.connect().await {
                Ok(peer) => {
                    attempts = 0;
                    let reason = self.watch(&peer, &mut backoff).await;
                    core.take();
                    reason.into()
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

    /// A new connection, over which calls may go.
    async fn connect(&self) -> io::Result<Peer> {
        let late = |what| move |_| io::Error::new(io::ErrorKind::TimedOut, what);
        let connects = guard::run("the connector", async { self.connector.connect().await });
        let channel = timeout(self.time, connects)
            .await
            .map_err(late("nobody answered in time"))???;
        // It goes with its handles, whether it serves anything or not: nobody else would end it.
        let started = self.builder.start_each(channel, false, &mut |_, _| Ok(()));
        let peer = started.map_err(io::Error::other)?;
        if let Some(on_connect) = &self.reconnect.on_connect {
            let mut unprepared = UnpreparedPeer(Some(peer.clone()));
            let prepares = guard::run("what prepares connections", async {
                on_connect(peer.clone()).await
            });
            timeout(self.time, prepares)
                .await
                .map_err(late("it was not prepared in time"))??
                .map_err(io::Error::other)?;
            unprepared.0 = None;
        }
        Ok(peer)
    }

    /// Lets calls go over a connection until it ends, or is left. Gives the reason.
    async fn watch(&self, peer: &Peer, backoff: &mut Backoff) -> String {
        let began = Instant::now();
        self.core.connected(peer);
        let reason = match peer.left().await {
            Some(reason) => reason.to_string(),
            None => SHUTTING_DOWN.to_owned(),
        };
        // One that ends as soon as it has begun, with nothing said, is as good as none.
        let heard = peer.metrics().counters.packets_received > 0;
        if heard || began.elapsed() >= self.reconnect.longest_pause {
            backoff.reset();
        }
        reason
    }
}

/// Whatever becomes of the task, of its runtime or of the connector, those who wait are told.
impl Drop for ConnectLoop {
    fn drop(&mut self) {
        self.core.close();
    }
}

/// A connection that nobody may use yet.
struct UnpreparedPeer(Option<Peer>);

impl Drop for UnpreparedPeer {
    fn drop(&mut self) {
        self.0.iter().for_each(Peer::close);
    }
}
