use std::io;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::handle::ServerShared;
use super::handshakes::Handshakes;
use super::idle_connections::IdleConnections;
use super::{AcceptError, Connection};
use crate::channel::{Channel, Endpoint, Incoming};
use crate::peer::{Task, guard};

/// The state of a running server.
pub(super) struct AcceptLoop {
    shared: Arc<ServerShared>,
    pub(super) handshakes: Handshakes,
    /// One task for each connection, which waits for its end.
    pub(super) watches: JoinSet<()>,
    idle: IdleConnections,
    /// An accepted connection that waits for room.
    pub(super) waiting: Option<Incoming>,
}

impl AcceptLoop {
    pub(super) fn new(shared: Arc<ServerShared>) -> Self {
        Self {
            shared,
            handshakes: Handshakes::default(),
            watches: JoinSet::new(),
            idle: IdleConnections::default(),
            waiting: None,
        }
    }

    /// Returns whether there is no connection, no handshake and nothing waiting.
    pub(super) fn is_idle(&self) -> bool {
        self.watches.is_empty() && self.handshakes.is_empty() && self.waiting.is_none()
    }

    /// Returns whether another connection can be accepted: the limit is not reached, or a handshake or an idle
    /// connection can be closed.
    pub(super) fn has_room(&mut self) -> bool {
        let builder = self.shared.builder();
        self.shared.registry.len() + self.handshakes.count() < builder.max_connections
            || self.handshakes.count() > 0
            || self.idle.oldest(&self.shared.registry).is_some()
    }

    /// Starts the waiting connection if there is room.
    pub(super) fn take_waiting(&mut self) {
        if self.waiting.is_some()
            && self.has_room()
            && let Some(incoming) = self.waiting.take()
        {
            self.take(incoming);
        }
    }

    /// Starts a connection, or its handshake, and closes another one if a limit is reached.
    fn take(&mut self, incoming: Incoming) {
        let builder = self.shared.builder();
        if self.shared.registry.len() + self.handshakes.count() >= builder.max_connections {
            self.make_room();
        }
        let incoming = match builder.handshake.clone() {
            Some(handshake) => incoming.and_then(move |channel| handshake(channel)),
            None => incoming,
        };
        match incoming.ready() {
            Ok(channel) => self.begin(channel),
            Err(incoming) => {
                if self.handshakes.count() >= builder.max_handshakes {
                    let aborted = self.handshakes.abort_oldest();
                    if let Some(error) = aborted {
                        self.count_refused();
                        self.report(&error);
                    }
                }
                self.handshakes.begin(incoming, builder.handshake_time);
            }
        }
    }

    /// Reports a failed accept. If file descriptors have run out, closes an idle connection.
    pub(super) fn failed(&mut self, endpoint: Endpoint, error: io::Error) {
        let error = Arc::new(error);
        let error = AcceptError::Accept { endpoint, error };
        if error.is_out_of_descriptors() {
            self.make_room();
        }
        self.report(&error);
    }

    /// Closes the oldest unfinished handshake or, if there is none, the oldest idle connection.
    fn make_room(&mut self) {
        if let Some(error) = self.handshakes.abort_oldest() {
            self.count_refused();
            return self.report(&error);
        }
        let registry = &self.shared.registry;
        if let Some(connection) = self.idle.oldest(registry) {
            connection.peer.close();
            registry.remove(connection.number);
            self.report(&AcceptError::MadeRoom {
                remote: connection.endpoint,
            });
        }
    }

    /// Starts the peer of a connection, and a task that waits for its end.
    pub(super) fn begin(&mut self, channel: Channel) {
        let builder = self.shared.builder();
        let number = self.shared.registry.next_number();
        let endpoint = channel.remote().cloned();
        let mut begun = None;
        let start = || {
            builder.start(channel, &mut |peer| {
                peer.set_number(number);
                let connection = Connection {
                    number,
                    peer: peer.clone(),
                    identity: peer.identity().clone(),
                    endpoint: endpoint.clone(),
                };
                if let Some(hook) = &builder.on_connect {
                    guard::call("the on_connect hook", || hook(&connection))?;
                }
                self.shared.registry.insert(connection.clone());
                begun = Some(ActiveConnection {
                    shared: Arc::clone(&self.shared),
                    connection,
                });
                Ok(())
            })
        };
        // A rejected connection drops values of the program here, which may panic.
        let started = guard::call("a hook of a new connection", start);
        let started = started.unwrap_or_else(|panicked| {
            Err(AcceptError::Panicked {
                remote: endpoint.clone(),
                message: panicked.to_string(),
            })
        });
        if let Err(error) = started {
            self.report(&error);
        }
        let Some(active) = begun else { return };
        if let Some(metrics) = builder.shared_metrics() {
            metrics.count(|connections| connections.accepted += 1);
        }
        self.idle.push(number, &self.shared.registry);
        let on_disconnect = builder.on_disconnect.clone();
        let watch: Task = Box::pin(async move {
            let reason = active.connection.peer.closed().await;
            active.shared.registry.remove(active.connection.number);
            if let Some(hook) = on_disconnect {
                let _ = guard::call("the on_disconnect hook", || {
                    hook(&active.connection, &reason);
                });
                guard::discard(hook);
            }
        });
        self.watches.spawn(watch);
    }

    /// Ends all connections gracefully, within the shutdown timeout.
    pub(super) async fn end(self) {
        let Self {
            shared,
            handshakes,
            mut watches,
            idle: _,
            waiting,
        } = self;
        guard::discard((handshakes, waiting));
        let shutdown_timeout = shared.builder().shutdown_timeout;
        let mut ending = JoinSet::new();
        for connection in shared.registry.list() {
            let shutdown: Task = Box::pin(async move {
                connection.peer.shutdown(shutdown_timeout).await;
            });
            ending.spawn(shutdown);
        }
        ending.join_all().await;
        // A panic of a hook has been logged already.
        while watches.join_next().await.is_some() {}
    }

    /// Counts a connection that was closed before it was accepted.
    fn count_refused(&self) {
        if let Some(metrics) = self.shared.builder().shared_metrics() {
            metrics.count(|connections| connections.refused += 1);
        }
    }

    pub(super) fn report(&self, error: &AcceptError) {
        #[cfg(feature = "tracing")]
        match error {
            // Anybody who can reach the port causes these.
            AcceptError::Handshake { .. } | AcceptError::MadeRoom { .. } => {
                tracing::info!("refused: {error}");
            }
            _ => tracing::warn!("{error}"),
        }
        if matches!(
            error,
            AcceptError::Handshake { .. } | AcceptError::Panicked { .. }
        ) {
            self.count_refused();
        }
        if let Some(hook) = &self.shared.builder().on_accept_error {
            let _ = guard::call("the on_accept_error hook", || hook(error));
        }
    }
}

/// An entry in the registry. Dropping it closes the connection and removes the entry.
struct ActiveConnection {
    shared: Arc<ServerShared>,
    connection: Connection,
}

impl Drop for ActiveConnection {
    fn drop(&mut self) {
        self.connection.peer.close();
        self.shared.registry.remove(self.connection.number);
    }
}
