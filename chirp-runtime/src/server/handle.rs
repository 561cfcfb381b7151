use std::fmt;
use std::sync::{Arc, MutexGuard};

use tokio::sync::mpsc;

use super::connections::Registry;
use super::{Connection, Connections, ServerBuilder};
use crate::channel::Incoming;
use crate::peer::{RouteError, guard};
use crate::sync::Mutex;

/// How many connections may wait to be taken over.
const HANDED_OVER: usize = 16;

/// What can be done with a server while it runs. Cloning gives another handle of the same server.
#[derive(Clone)]
pub struct ServerHandle {
    pub(super) shared: Arc<ServerShared>,
    give: mpsc::Sender<Incoming>,
}

/// What a server and its handles share.
pub(super) struct ServerShared {
    pub(super) registry: Arc<Registry>,
    builder: Mutex<Arc<ServerBuilder>>,
    /// Held while the builder is changed, by code that is not ours.
    updates: Mutex<()>,
}

impl ServerShared {
    pub(super) fn builder(&self) -> Arc<ServerBuilder> {
        Arc::clone(&self.lock())
    }

    /// There will be no more connections, and what would serve them is let go.
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
        let (give, given) = mpsc::channel(HANDED_OVER);
        let shared = Arc::new(ServerShared {
            registry: Arc::default(),
            builder: Mutex::new(Arc::new(builder)),
            updates: Mutex::default(),
        });
        (Self { shared, give }, given)
    }

    /// Hands over a connection that came about elsewhere: a channel, or one that has a handshake before it.
    /// It is treated as one that was accepted, limits and hooks included. Waits while the server has no room
    /// for more. Dropping the future drops the connection, unless it has been taken over.
    ///
    /// # Errors
    ///
    /// The connection, when the server has ended.
    pub async fn serve_connection(&self, connection: impl Into<Incoming>) -> Result<(), Incoming> {
        let sent = self.give.send(connection.into()).await;
        sent.map_err(|error| error.0)
    }

    /// Changes what connections are served with from now on; those that are there keep what they have.
    /// Where the server listens is not affected.
    ///
    /// # Errors
    ///
    /// [`RouteError`] when two services claim one name. Then nothing has changed.
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

    /// The connections as they come ([`Server::connections`](super::Server::incoming)).
    pub fn incoming(&self) -> Connections {
        Connections::new(Arc::clone(&self.shared.registry))
    }

    /// The connections that are alive now, in order of arrival.
    pub fn connections(&self) -> Vec<Connection> {
        self.shared.registry.list()
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").finish_non_exhaustive()
    }
}
