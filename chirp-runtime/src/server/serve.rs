use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::task::JoinSet;

use super::connections::Registry;
use super::{Connection, Connections, ServerBuilder};
use crate::channel::{Channel, Endpoint, Listener};
use crate::peer::Task;

/// The first pause after an accept that failed, and the longest.
const PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A listener, and a peer for each connection that comes from it.
///
/// It listens from [`bind`](ServerBuilder::bind) on, and accepts while it [runs](Self::run_until).
pub struct Server {
    builder: ServerBuilder,
    listener: Box<dyn Listener>,
    registry: Open,
}

/// The registry of a server. Without its server it will have no more connections.
struct Open(Arc<Registry>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
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
            registry: Open(registry),
        }
    }

    /// Where it listens; with port 0, the port that was found.
    pub fn endpoint(&self) -> &Endpoint {
        self.listener.endpoint()
    }

    /// The connections as they come, for a server that calls those who connected to it.
    pub fn connections(&self) -> Connections {
        Connections::new(Arc::clone(&self.registry.0))
    }

    /// The connections that are alive now, in order of arrival.
    pub fn list(&self) -> Vec<Connection> {
        self.registry.0.list()
    }

    /// Accepts connections for ever.
    pub async fn run(self) {
        self.serve(Arc::default()).await;
    }

    /// Accepts connections until `shutdown` is ready. Then nothing is accepted, requests that come are
    /// refused, and the handlers that run have [`grace`](ServerBuilder::grace) to answer.
    ///
    /// An accept that fails, because files have run out for one, is tried again after a pause.
    ///
    /// Dropping the future closes the listener and every connection at once.
    pub async fn run_until(self, shutdown: impl Future) {
        let stop = Arc::new(Notify::new());
        let mut serving = self.serve(Arc::clone(&stop));
        let mut shutdown = pin!(async {
            shutdown.await;
            stop.notify_one();
        });
        let mut stopping = false;
        poll_fn(|cx| {
            stopping = stopping || shutdown.as_mut().poll(cx).is_ready();
            serving.as_mut().poll(cx)
        })
        .await;
    }

    /// Serves until it is told to `stop`. What is in the box is compiled once and not where it is called.
    fn serve(mut self, stop: Arc<Notify>) -> Task {
        Box::pin(async move {
            let mut peers = JoinSet::new();
            self.accept_until(stop.notified(), &mut peers).await;
            self.end(peers).await;
        })
    }

    /// Accepts connections until `shutdown` is ready.
    async fn accept_until(&mut self, shutdown: Notified<'_>, peers: &mut JoinSet<()>) {
        let mut shutdown = pin!(shutdown);
        let mut pause = PAUSE;
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut shutdown => return,
                accepted = self.listener.accept() => accepted,
                Some(_) = peers.join_next(), if !peers.is_empty() => continue,
            };
            match accepted {
                Ok(channel) => {
                    pause = PAUSE;
                    self.begin(channel, peers);
                    while peers.try_join_next().is_some() {}
                }
                Err(error) if is_of_one_connection(&error) => report(&error),
                Err(error) => {
                    report(&error);
                    tokio::select! {
                        () = &mut shutdown => return,
                        () = tokio::time::sleep(pause) => {}
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Ends the connections in order, and waits for those who watch over them.
    async fn end(self, mut peers: JoinSet<()>) {
        let Self {
            builder,
            listener,
            registry,
        } = self;
        drop(listener);
        registry.0.close();
        let mut ending = JoinSet::new();
        for connection in registry.0.list() {
            let shutdown: Task = Box::pin(async move {
                connection.peer.shutdown(builder.grace).await;
            });
            ending.spawn(shutdown);
        }
        ending.join_all().await;
        // A hook that panicked has said so on its own.
        while peers.join_next().await.is_some() {}
    }

    /// Starts a connection's peer, and watches over it until it ends.
    fn begin(&self, channel: Channel, peers: &mut JoinSet<()>) {
        let registry = &self.registry.0;
        let number = registry.next_number();
        let endpoint = channel.remote().cloned();
        let mut begun = None;
        let started = self.builder.start(channel, &mut |peer| {
            let connection = Connection {
                number,
                peer: peer.clone(),
                endpoint: endpoint.clone(),
            };
            if let Some(hook) = &self.builder.on_connect {
                hook(&connection);
            }
            registry.insert(connection.clone());
            begun = Some(Live {
                registry: Arc::clone(registry),
                connection,
            });
        });
        if let Err(duplicate) = started {
            report(&io::Error::other(duplicate));
        }
        let Some(live) = begun else { return };
        let on_end = self.builder.on_end.clone();
        let watch: Task = Box::pin(async move {
            let reason = live.connection.peer.closed().await;
            live.registry.remove(live.connection.number);
            if let Some(hook) = on_end {
                hook(&live.connection, &reason);
            }
        });
        peers.spawn(watch);
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

/// Whether an accept failed because of the one connection that it would have given.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
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
