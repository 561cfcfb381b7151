use std::io;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::handle::ServerShared;
use super::handshakes::Handshakes;
use super::idle_connections::IdleConnections;
use super::listeners::is_for_want_of_files;
use super::{AcceptError, Connection};
use crate::channel::{Channel, Endpoint, Incoming};
use crate::peer::{Task, guard};

/// What a server that runs has to do with.
pub(super) struct AcceptLoop {
    shared: Arc<ServerShared>,
    pub(super) handshakes: Handshakes,
    /// Each waits for the end of a connection.
    pub(super) watches: JoinSet<()>,
    silent: IdleConnections,
    /// What has come and is not taken yet: there may be no room any more.
    pub(super) waiting: Option<Incoming>,
}

impl AcceptLoop {
    pub(super) fn new(shared: Arc<ServerShared>) -> Self {
        Self {
            shared,
            handshakes: Handshakes::default(),
            watches: JoinSet::new(),
            silent: IdleConnections::default(),
            waiting: None,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.watches.is_empty() && self.handshakes.is_empty() && self.waiting.is_none()
    }

    /// Whether another connection may come: there is room, or one that can make room.
    pub(super) fn has_room(&mut self) -> bool {
        let builder = self.shared.builder();
        self.shared.registry.len() + self.handshakes.count() < builder.max_connections
            || self.handshakes.count() > 0
            || self.silent.oldest(&self.shared.registry).is_some()
    }

    pub(super) fn take_waiting(&mut self) {
        if self.waiting.is_some()
            && self.has_room()
            && let Some(incoming) = self.waiting.take()
        {
            self.take(incoming);
        }
    }

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
                    let given_up = self.handshakes.give_up_oldest();
                    if let Some(error) = given_up {
                        self.report(&error);
                    }
                }
                self.handshakes.begin(incoming, builder.handshake_time);
            }
        }
    }

    /// An accept has failed. Where it is for want of files, there may be one that is not needed.
    pub(super) fn failed(&mut self, endpoint: Endpoint, error: io::Error) {
        if is_for_want_of_files(&error) {
            self.make_room();
        }
        let error = Arc::new(error);
        self.report(&AcceptError::Accept { endpoint, error });
    }

    /// Gives up the oldest of those that have not said anything, if there is one. A handshake that is not
    /// finished has said less than any connection.
    fn make_room(&mut self) {
        if let Some(error) = self.handshakes.give_up_oldest() {
            return self.report(&error);
        }
        let registry = &self.shared.registry;
        if let Some(connection) = self.silent.oldest(registry) {
            connection.peer.close();
            registry.remove(connection.number);
            self.report(&AcceptError::MadeRoom {
                remote: connection.endpoint,
            });
        }
    }

    /// Starts a connection's peer, and watches over it until it ends.
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
                    guard::call("on_connect", || hook(&connection))?;
                }
                self.shared.registry.insert(connection.clone());
                begun = Some(ActiveConnection {
                    shared: Arc::clone(&self.shared),
                    connection,
                });
                Ok(())
            })
        };
        // What a refused connection was to be served with is the program's, and is dropped here.
        let started = guard::call("a new connection", start);
        let started = started.unwrap_or_else(|panicked| {
            Err(AcceptError::Panicked {
                remote: endpoint.clone(),
                message: panicked.to_string(),
            })
        });
        if let Err(error) = started {
            self.report(&error);
        }
        let Some(live) = begun else { return };
        self.silent.push(number, &self.shared.registry);
        let on_disconnect = builder.on_disconnect.clone();
        let watch: Task = Box::pin(async move {
            let reason = live.connection.peer.closed().await;
            live.shared.registry.remove(live.connection.number);
            if let Some(hook) = on_disconnect {
                let _ = guard::call("on_end", || hook(&live.connection, &reason));
                guard::discard(hook);
            }
        });
        self.watches.spawn(watch);
    }

    /// Nothing more comes: ends what there is, in order, within the time that is set.
    pub(super) async fn end(self) {
        let Self {
            shared,
            handshakes,
            mut watches,
            silent: _,
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
        // A hook that panicked has said so on its own.
        while watches.join_next().await.is_some() {}
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
        if let Some(hook) = &self.shared.builder().on_accept_error {
            let _ = guard::call("on_refused", || hook(error));
        }
    }
}

/// A connection in the registry. It leaves when it ends, and is closed when the server is dropped.
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
