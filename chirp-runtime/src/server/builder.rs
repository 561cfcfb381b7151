use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{AcceptError, Connection, Server};
use crate::channel::{self, Channel, Endpoint, EndpointError, Listener};
use crate::packet::FrameworkError;
use crate::peer::guard::{self, Panicked};
use crate::peer::{
    AccessPolicy, ConnectError, ConnectionError, Handler, Peer, PeerBuilder, Reply, Request,
    RouteError, Router, Task,
};
use crate::service::Service;
use crate::session::Limits;

/// How long a server waits for its handlers when it ends, unless told otherwise.
const GRACE: Duration = Duration::from_secs(10);

/// How many handshakes may be under way, and how long each may take, unless told otherwise.
const HANDSHAKES: usize = 256;
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

type Register = dyn Fn(&Peer, &mut Router) -> Result<(), RouteError> + Send + Sync;
type OnConnect = dyn Fn(&Connection) + Send + Sync;
type OnDisconnect = dyn Fn(&Connection, &ConnectionError) + Send + Sync;
type OnAcceptError = dyn Fn(&AcceptError) + Send + Sync;
type Shake = dyn Fn(Channel) -> Task<io::Result<Channel>> + Send + Sync;

/// What a server serves, to whom it listens, and what it allows.
#[derive(Clone)]
pub struct ServerBuilder {
    peers: PeerBuilder,
    each: Vec<Arc<Register>>,
    pub(super) on_connect: Option<Arc<OnConnect>>,
    pub(super) on_disconnect: Option<Arc<OnDisconnect>>,
    pub(super) on_accept_error: Option<Arc<OnAcceptError>>,
    pub(super) handshake: Option<Arc<Shake>>,
    pub(super) tls: Option<channel::secure::ServerTls>,
    pub(super) max_connections: usize,
    pub(super) max_handshakes: usize,
    pub(super) handshake_time: Duration,
    pub(super) shutdown_timeout: Duration,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        Self {
            peers: PeerBuilder::default(),
            each: Vec::new(),
            on_connect: None,
            on_disconnect: None,
            on_accept_error: None,
            handshake: None,
            tls: None,
            max_connections: usize::MAX,
            max_handshakes: HANDSHAKES,
            handshake_time: HANDSHAKE_TIME,
            shutdown_timeout: GRACE,
        }
    }
}

impl ServerBuilder {
    /// Serves the methods of a service on every connection.
    ///
    /// When two services claim one name, [`bind`](Self::bind) fails and says who they are.
    #[must_use]
    pub fn service(self, service: impl Service) -> Self {
        self.configure_peers(|peers| peers.service(service))
    }

    /// Serves the methods of a service that is made anew for each connection, with its peer to call back.
    ///
    /// When one of its names is taken, every call over the connection is answered with
    /// [`FrameworkError::Unsupported`], and [`on_accept_error`](Self::on_accept_error) and the log have
    /// [`AcceptError::Duplicate`].
    #[must_use]
    pub fn service_with<S, F>(self, make: F) -> Self
    where
        S: Service,
        F: Fn(&Peer) -> S + Send + Sync + 'static,
    {
        self.routes_with(move |peer, router| make(peer).register(router))
    }

    /// Serves one method by its name on every connection ([`PeerBuilder::handle`]).
    ///
    /// # Panics
    ///
    /// When the name is over 255 bytes or begins with `chirp.`.
    #[must_use]
    pub fn handle(self, name: impl AsRef<[u8]>, handler: impl Handler) -> Self {
        self.configure_peers(|peers| peers.handle(name, handler))
    }

    /// Serves every method that nothing else serves.
    #[must_use]
    pub fn fallback(self, handler: impl Handler) -> Self {
        self.configure_peers(|peers| peers.fallback(handler))
    }

    /// Lets nobody call what `access` does not let them ([`PeerBuilder::access`]).
    #[must_use]
    pub fn access(self, access: AccessPolicy) -> Self {
        self.configure_peers(|peers| peers.access(access))
    }

    /// Changes what a connection may hold and how long it may wait.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.configure_peers(|peers| peers.limits(limits))
    }

    /// Compresses what is larger than `bytes`, on connections whose other side does, too
    /// ([`PeerBuilder::compress_above`]).
    #[cfg(feature = "lz4")]
    #[must_use]
    pub fn compress_above(self, bytes: usize) -> Self {
        self.configure_peers(|peers| peers.compress_above(bytes))
    }

    /// How many bytes all connections may hold together ([`PeerBuilder::memory_budget`]).
    #[must_use]
    pub fn memory_budget(self, bytes: usize) -> Self {
        self.configure_peers(|peers| peers.memory_budget(bytes))
    }

    /// Changes what every connection's peer is made of.
    #[must_use]
    pub fn configure_peers(mut self, change: impl FnOnce(PeerBuilder) -> PeerBuilder) -> Self {
        self.peers = change(self.peers);
        self
    }

    /// Registers handlers that are made anew for each connection, with its peer to call back.
    #[must_use]
    pub fn routes_with<F>(mut self, register: F) -> Self
    where
        F: Fn(&Peer, &mut Router) -> Result<(), RouteError> + Send + Sync + 'static,
    {
        self.each.push(Arc::new(register));
        self
    }

    /// Does something with each connection, before anything is read from it. It must not block. A panic closes the
    /// connection ([`AcceptError::Panicked`]).
    #[must_use]
    pub fn on_connect(mut self, hook: impl Fn(&Connection) + Send + Sync + 'static) -> Self {
        self.on_connect = Some(Arc::new(hook));
        self
    }

    /// Does something with each connection that has ended, and the reason. It must not block. A panic is logged.
    #[must_use]
    pub fn on_disconnect(
        mut self,
        hook: impl Fn(&Connection, &ConnectionError) + Send + Sync + 'static,
    ) -> Self {
        self.on_disconnect = Some(Arc::new(hook));
        self
    }

    /// Does something with each connection that did not come about or had to make room, and the reason. It
    /// must not block. With the feature `tracing` the log has it, too. A panic is logged.
    #[must_use]
    pub fn on_accept_error(mut self, hook: impl Fn(&AcceptError) + Send + Sync + 'static) -> Self {
        self.on_accept_error = Some(Arc::new(hook));
        self
    }

    /// How many connections there may be at once, those with an unfinished handshake included; no limit but
    /// the operating system's unless set.
    ///
    /// When there are so many and another comes, the oldest of those that have never said anything is closed
    /// to make room, so that they cannot keep others out. The same happens when files have run out. Where all
    /// have said something, others wait to be accepted.
    #[must_use]
    pub fn max_connections(mut self, max: usize) -> Self {
        self.max_connections = max.max(1);
        self
    }

    /// Does something with each channel before its peer begins, in place of what was done before: it may ask
    /// for a password, or make an encrypted channel of it. A failure ends the connection.
    ///
    /// Others are accepted and served meanwhile. See [`max_handshakes`](Self::max_handshakes) and
    /// [`handshake_timeout`](Self::handshake_timeout).
    #[must_use]
    pub fn handshake<F, Fut>(mut self, handshake: F) -> Self
    where
        F: Fn(Channel) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Channel>> + Send + 'static,
    {
        self.handshake = Some(Arc::new(move |channel| Box::pin(handshake(channel))));
        self
    }

    /// Who this server is at addresses `tls://host:port`, and whom it lets in ([`TlsServer`](channel::TlsServer)).
    /// Its handshakes are looked after as those of [`handshake`](Self::handshake) are, which comes after them.
    /// Needs the feature `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: channel::TlsServer) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How many handshakes may be under way at once: 256 unless changed. When another comes, the oldest is
    /// given up.
    #[must_use]
    pub fn max_handshakes(mut self, max: usize) -> Self {
        self.max_handshakes = max.max(1);
        self
    }

    /// How long a handshake may take: 10 s unless changed.
    #[must_use]
    pub fn handshake_timeout(mut self, time: Duration) -> Self {
        self.handshake_time = time;
        self
    }

    /// How long the end of the server waits for handlers that run, and then for the clients to read their answers and to
    /// close: 10 s unless changed. A client that is a peer of Chirp closes as soon as it has read everything.
    #[must_use]
    pub fn shutdown_timeout(mut self, shutdown_timeout: Duration) -> Self {
        self.shutdown_timeout = shutdown_timeout;
        self
    }

    /// Listens on an address; on others as well with [`Server::also_bind`].
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: that the address cannot be read or is in use, or that two services claim one
    /// method.
    pub async fn bind<A>(self, address: A) -> Result<Server, ConnectError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        self.build()?.also_bind(address).await
    }

    /// Serves the channels that come from a listener of any kind.
    pub fn listen(self, listener: Box<dyn Listener>) -> Server {
        Server::new(self).also_listen(listener)
    }

    /// A server that listens nowhere yet. It serves what is handed over with
    /// [`ServerHandle::serve_connection`](super::ServerHandle::serve_connection), and ends when no handle is left.
    ///
    /// # Errors
    ///
    /// [`RouteError`] when two services claim one method.
    pub fn build(self) -> Result<Server, RouteError> {
        self.check()?;
        Ok(Server::new(self))
    }

    /// Whether connections can be served at all.
    pub(super) fn check(&self) -> Result<(), RouteError> {
        self.peers.check()
    }

    /// Starts the peer of a new connection. `began` is given it before anything is read. A panic in what the program
    /// does with it closes it.
    pub(super) fn start(
        &self,
        channel: Channel,
        began: &mut dyn FnMut(&Peer) -> Result<(), Panicked>,
    ) -> Result<(), AcceptError> {
        let remote = channel.remote().cloned();
        let (mut panicked, mut conflict) = (None, None);
        // A server that serves nothing still keeps its connections, to call the other sides.
        let started = self.peers.start_each(channel, true, &mut |peer, serving| {
            let registered = guard::call("a hook that makes handlers", || {
                if self.each.is_empty() {
                    return Ok(());
                }
                let router = serving.router_mut();
                let mut each = self.each.iter();
                each.try_for_each(|register| register(peer, router))
            });
            let ready = match registered {
                Ok(registered) => {
                    if let Err(error) = registered {
                        // The client is told by an answer: this version of the protocol has no other way.
                        let mut router = Router::default();
                        router.fallback(not_served);
                        *serving.router_mut() = router;
                        conflict = Some(error);
                    }
                    began(peer)
                }
                Err(panicked) => Err(panicked),
            };
            if let Err(panic) = ready {
                panicked = Some(panic);
                // Before anything is read.
                peer.close();
            }
            Ok(())
        });
        started?;
        match (panicked, conflict) {
            (None, None) => Ok(()),
            (None, Some(error)) => Err(error.into()),
            (Some(panicked), _) => Err(AcceptError::Panicked {
                remote,
                message: panicked.to_string(),
            }),
        }
    }
}

/// Answers the calls of a connection whose services claim one name.
async fn not_served(_: Request) -> Reply {
    let detail =
        "the services for this connection have names in conflict, which the server's log shows";
    FrameworkError::Unsupported.to_error_data(detail).into()
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("peers", &self.peers)
            .field("grace", &self.shutdown_timeout)
            .finish_non_exhaustive()
    }
}
