use std::fmt;
use std::sync::{Arc, MutexGuard};

use tokio::sync::mpsc;

use super::connections::Registry;
use super::{Connection, Connections, ServerBuilder};
use crate::channel::Incoming;
use crate::peer::{RouteError, guard};
use crate::sync::Mutex;

/// The number of connections that may wait in `serve_connection`.
const QUEUED_CONNECTIONS: usize = 16;

/// A handle of a running server. Clones refer to the same server.
#[derive(Clone)]
pub struct ServerHandle {
    pub(super) shared: Arc<ServerShared>,
    give: mpsc::Sender<Incoming>,
}

/// State shared by a server and its handles.
pub(super) struct ServerShared {
    pub(super) registry: Arc<Registry>,
    builder: Mutex<Arc<ServerBuilder>>,
    /// Serializes updates, which call code of the program.
    updates: Mutex<()>,
}

impl ServerShared {
    pub(super) fn builder(&self) -> Arc<ServerBuilder> {
        Arc::clone(&self.lock())
    }

    /// Ends the streams of connections and drops the services.
    pub(super) fn close(&self) {
        self.registry.close();
        self.replace(ServerBuilder::default());
    }

    fn replace(&self, builder: ServerBuilder) {
        let old = std::mem::replace(&mut *self.lock(), Arc::new(builder));
        guard::discard(old);
    }

    fn lock(&self) -> MutexGuard<'_, Arc<ServerBuilder>> {
        self.builder.lock()
    }
}

impl ServerHandle {
    pub(super) fn new(builder: ServerBuilder) -> (Self, mpsc::Receiver<Incoming>) {
        let (give, given) = mpsc::channel(QUEUED_CONNECTIONS);
        let shared = Arc::new(ServerShared {
            registry: Arc::default(),
            builder: Mutex::new(Arc::new(builder)),
            updates: Mutex::default(),
        });
        (Self { shared, give }, given)
    }

    /// Serves a connection that was established elsewhere: a channel, or an [`Incoming`] with a handshake. Limits
    /// and hooks apply as to accepted connections. Waits while the server has no room.
    ///
    /// Dropping the future drops the connection, unless the server has received it.
    ///
    /// # Errors
    ///
    /// Returns the connection if the server has ended.
    pub async fn serve_connection(&self, connection: impl Into<Incoming>) -> Result<(), Incoming> {
        let sent = self.give.send(connection.into()).await;
        sent.map_err(|error| error.0)
    }

    /// Changes the configuration for later connections. Existing connections and the addresses of the server are
    /// not affected.
    ///
    /// # Errors
    ///
    /// Returns [`RouteError`] if two services have a method of the same name. The configuration is then unchanged.
    pub fn update(
        &self,
        change: impl FnOnce(ServerBuilder) -> ServerBuilder,
    ) -> Result<(), RouteError> {
        let _turn = self.shared.updates.lock();
        let changed = change(ServerBuilder::clone(&self.shared.builder()));
        changed.check()?;
        if !self.give.is_closed() {
            self.shared.replace(changed);
        }
        Ok(())
    }

    /// Returns a stream of the connections, as [`Server::incoming`](super::Server::incoming) does.
    pub fn incoming(&self) -> Connections {
        Connections::new(Arc::clone(&self.shared.registry))
    }

    /// Returns the active connections, in order of arrival.
    pub fn connections(&self) -> Vec<Connection> {
        self.shared.registry.list()
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").finish_non_exhaustive()
    }
}
