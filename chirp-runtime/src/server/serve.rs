use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::connections::Registry;
use super::{Connection, Connections, ServerBuilder};
use crate::channel::{Channel, Endpoint, Listener};

/// The first pause after an accept that failed, and the longest.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A listener, and a peer for each connection that comes from it.
///
/// It listens from [`bind`](ServerBuilder::bind) on, and accepts while it [runs](Self::run_until).
pub struct Server {
    builder: ServerBuilder,
    listener: Box<dyn Listener>,
    registry: Arc<Registry>,
}

impl Server {
    /// Begins to describe a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    pub(super) fn new(
        builder: ServerBuilder,
        listener: Box<dyn Listener>,
        registry: Arc<Registry>,
    ) -> Self {
        Self {
            builder,
            listener,
            registry,
        }
    }

    /// Where it listens; with port 0, the port that was found.
    pub fn endpoint(&self) -> &Endpoint {
        self.listener.endpoint()
    }

    /// The connections as they come, for a server that calls those who connected to it.
    pub fn connections(&self) -> Connections {
        Connections::new(Arc::clone(&self.registry))
    }

    /// The connections that are alive now, in order of arrival.
    pub fn list(&self) -> Vec<Connection> {
        self.registry.list()
    }

    /// Accepts connections for ever.
    pub async fn run(self) {
        self.run_until(std::future::pending::<()>()).await;
    }

    /// Accepts connections until `shutdown` is ready. Then nothing is accepted, requests that come are
    /// refused, and the handlers that run have [`grace`](ServerBuilder::grace) to answer.
    ///
    /// An accept that fails, because files have run out for one, is tried again after a pause.
    ///
    /// Dropping the future closes the listener and every connection at once.
    pub async fn run_until(mut self, shutdown: impl Future) {
        let mut shutdown = pin!(shutdown);
        let mut peers = JoinSet::new();
        let mut pause = PAUSE;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = &mut shutdown => break,
                accepted = self.listener.accept() => accepted,
                Some(_) = peers.join_next(), if !peers.is_empty() => continue,
            };
            match accepted {
                Ok(channel) => {
                    pause = PAUSE;
                    self.begin(channel, &mut peers);
                }
                Err(error) => {
                    report(&error);
                    tokio::select! {
                        _ = &mut shutdown => break,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        let Self {
            builder,
            listener,
            registry,
        } = self;
        drop(listener);
        registry.close();
        let mut ending = JoinSet::new();
        for connection in registry.list() {
            ending.spawn(async move { connection.peer.shutdown(builder.grace).await });
        }
        ending.join_all().await;
        peers.join_all().await;
    }

    /// Starts a connection's peer, and watches over it until it ends.
    fn begin(&self, channel: Channel, peers: &mut JoinSet<()>) {
        let endpoint = channel.remote().cloned();
        let peer = match self.builder.start(channel) {
            Ok(peer) => peer,
            Err(duplicate) => return report(&io::Error::other(duplicate)),
        };
        let connection = Connection {
            number: self.registry.next_number(),
            peer,
            endpoint,
        };
        if let Some(hook) = &self.builder.on_connect {
            hook(&connection);
        }
        self.registry.insert(connection.clone());
        let live = Live {
            registry: Arc::clone(&self.registry),
            connection,
        };
        let on_end = self.builder.on_end.clone();
        peers.spawn(async move {
            let reason = live.connection.peer.closed().await;
            if let Some(hook) = on_end {
                hook(&live.connection, &reason);
            }
        });
    }
}

/// A connection in the registry. It leaves when it ends, and is closed when the server is dropped.
struct Live {
    registry: Arc<Registry>,
    connection: Connection,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.connection.peer.close();
        self.registry.remove(self.connection.number);
    }
}

fn report(error: &io::Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!("a connection was not accepted: {error}");
    #[cfg(not(feature = "tracing"))]
    let _ = error;
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("endpoint", self.endpoint())
            .finish_non_exhaustive()
    }
}
