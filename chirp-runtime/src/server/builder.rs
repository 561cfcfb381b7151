use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{AcceptError, Connection, Server};
use crate::channel::{self, Channel, Endpoint, EndpointError, Listener, Scheme, SchemeTable};
use crate::health::Health;
use crate::packet::FrameworkError;
use crate::peer::guard::{self, Panicked};
use crate::peer::{
    AccessPolicy, ConnectError, ConnectionError, Handler, Layer, Peer, PeerBuilder, Reply, Request,
    RouteError, Router, SharedMetrics, Task,
};
use crate::service::Service;
use crate::session::{Limits, Negotiation};

/// The default shutdown timeout.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// The default limits on the number and the duration of handshakes.
const MAX_HANDSHAKES: usize = 256;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

type Register = dyn Fn(&Peer, &mut Router) -> Result<(), RouteError> + Send + Sync;
type OnConnect = dyn Fn(&Connection) + Send + Sync;
type OnDisconnect = dyn Fn(&Connection, &ConnectionError) + Send + Sync;
type OnAcceptError = dyn Fn(&AcceptError) + Send + Sync;
type HandshakeHook = dyn Fn(Channel) -> Task<io::Result<Channel>> + Send + Sync;

/// Configures a server: its services, addresses, hooks and limits.
#[derive(Clone)]
pub struct ServerBuilder {
    peers: PeerBuilder,
    each: Vec<Arc<Register>>,
    pub(super) on_connect: Option<Arc<OnConnect>>,
    pub(super) on_disconnect: Option<Arc<OnDisconnect>>,
    pub(super) on_accept_error: Option<Arc<OnAcceptError>>,
    pub(super) handshake: Option<Arc<HandshakeHook>>,
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
            max_handshakes: MAX_HANDSHAKES,
            handshake_time: HANDSHAKE_TIMEOUT,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
        }
    }
}

impl ServerBuilder {
    /// Serves the methods of a service on every connection.
    ///
    /// If two services have a method of the same name, [`bind`](Self::bind) fails and names both.
    #[must_use]
    pub fn service(self, service: impl Service) -> Self {
        self.configure_peers(|peers| peers.service(service))
    }

    /// Creates a service for each connection, with the peer to call back, and serves its methods.
    ///
    /// If a method name is already taken, every call over the connection fails with [`FrameworkError::Unsupported`], and
    /// [`on_accept_error`](Self::on_accept_error) and the log report [`AcceptError::Duplicate`]. If `make` panics, the
    /// connection is closed and [`on_accept_error`](Self::on_accept_error) is called.
    #[must_use]
    pub fn service_with<S, F>(self, make: F) -> Self
    where
        S: Service,
        F: Fn(&Peer) -> S + Send + Sync + 'static,
    {
        self.routes_with(move |peer, router| make(peer).register(router))
    }

    /// Serves one method on every connection, by its name ([`PeerBuilder::handle`]).
    ///
    /// # Panics
    ///
    /// Panics if the name is longer than 255 bytes or begins with `chirp.`.
    #[must_use]
    pub fn handle(self, name: impl AsRef<[u8]>, handler: impl Handler) -> Self {
        self.configure_peers(|peers| peers.handle(name, handler))
    }

    /// Serves all methods that are not served otherwise.
    #[must_use]
    pub fn fallback(self, handler: impl Handler) -> Self {
        self.configure_peers(|peers| peers.fallback(handler))
    }

    /// Sets the policy that decides which identities may call which methods ([`PeerBuilder::access`]).
    #[must_use]
    pub fn access(self, access: AccessPolicy) -> Self {
        self.configure_peers(|peers| peers.access(access))
    }

    /// Adds a layer around all handlers, on every connection ([`PeerBuilder::layer`]). The connections share it, so that
    /// a limit in it holds for all of them together.
    #[must_use]
    pub fn layer(self, layer: impl Layer) -> Self {
        self.configure_peers(|peers| peers.layer(layer))
    }

    /// Answers peers that ask for the states of services ([`PeerBuilder::health`]). While the server shuts down, every
    /// service is not serving.
    #[must_use]
    pub fn health(self, health: &Health) -> Self {
        self.configure_peers(|peers| peers.health(health))
    }

    /// Turns on the JSON names and the description of methods ([`PeerBuilder::reflect`]).
    #[cfg(feature = "reflect")]
    #[must_use]
    pub fn reflect(self) -> Self {
        self.configure_peers(PeerBuilder::reflect)
    }

    /// Sets the limits of each connection.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.configure_peers(|peers| peers.limits(limits))
    }

    /// Sets when connections ask the other side for its extensions ([`PeerBuilder::negotiation`]).
    #[must_use]
    pub fn negotiation(self, negotiation: Negotiation) -> Self {
        self.configure_peers(|peers| peers.negotiation(negotiation))
    }

    /// Sets the metadata keys that calls inherit which are made within other calls
    /// ([`PeerBuilder::inherit_metadata`]).
    #[must_use]
    pub fn inherit_metadata<K: Into<String>>(self, keys: impl IntoIterator<Item = K>) -> Self {
        self.configure_peers(|peers| peers.inherit_metadata(keys))
    }

    /// Connects the spans of calls with a tracing system ([`PeerBuilder::propagator`]).
    #[cfg(feature = "tracing")]
    #[must_use]
    pub fn propagator(self, propagator: impl crate::peer::Propagator) -> Self {
        self.configure_peers(|peers| peers.propagator(propagator))
    }

    /// Compresses payloads larger than `bytes` on connections whose other side supports it
    /// ([`PeerBuilder::compress_above`]).
    #[cfg(feature = "lz4")]
    #[must_use]
    pub fn compress_above(self, bytes: usize) -> Self {
        self.configure_peers(|peers| peers.compress_above(bytes))
    }

    /// Limits the memory of all connections together, in bytes ([`PeerBuilder::memory_budget`]).
    #[must_use]
    pub fn memory_budget(self, bytes: usize) -> Self {
        self.configure_peers(|peers| peers.memory_budget(bytes))
    }

    /// Changes the configuration of the peers, for settings that this builder does not have.
    #[must_use]
    pub fn configure_peers(mut self, change: impl FnOnce(PeerBuilder) -> PeerBuilder) -> Self {
        self.peers = change(self.peers);
        self
    }

    /// Registers handlers for each connection, with the peer to call back. An error or a panic closes the
    /// connection and is passed to [`on_accept_error`](Self::on_accept_error).
    #[must_use]
    pub fn routes_with<F>(mut self, register: F) -> Self
    where
        F: Fn(&Peer, &mut Router) -> Result<(), RouteError> + Send + Sync + 'static,
    {
        self.each.push(Arc::new(register));
        self
    }

    /// Sets a hook that is called for each connection before anything is read from it. It must not block. A panic
    /// closes the connection ([`AcceptError::Panicked`]).
    #[must_use]
    pub fn on_connect(mut self, hook: impl Fn(&Connection) + Send + Sync + 'static) -> Self {
        self.on_connect = Some(Arc::new(hook));
        self
    }

    /// Sets a hook that is called with each connection that has ended, and the reason. It must not block. A panic
    /// is logged.
    #[must_use]
    pub fn on_disconnect(
        mut self,
        hook: impl Fn(&Connection, &ConnectionError) + Send + Sync + 'static,
    ) -> Self {
        self.on_disconnect = Some(Arc::new(hook));
        self
    }

    /// Sets a hook that is called when a connection could not be established, or was closed to make room. It must
    /// not block. A panic is logged. With the feature `tracing`, the error is also logged as a warning.
    #[must_use]
    pub fn on_accept_error(mut self, hook: impl Fn(&AcceptError) + Send + Sync + 'static) -> Self {
        self.on_accept_error = Some(Arc::new(hook));
        self
    }

    /// Limits the number of connections, unfinished handshakes included. The default is unlimited, apart from the
    /// limits of the operating system.
    ///
    /// At the limit, a new connection replaces the oldest unfinished handshake or the oldest connection that has
    /// never sent anything, so that idle connections cannot keep others out. If there is neither, new connections
    /// wait to be accepted. The same happens when file descriptors run out.
    #[must_use]
    pub fn max_connections(mut self, max: usize) -> Self {
        self.max_connections = max.max(1);
        self
    }

    /// Sets a function that is called with each channel before its peer starts, for example to ask for a password
    /// or to encrypt the channel. It replaces a function that was set before. An error or a panic closes the
    /// connection.
    ///
    /// Other connections are accepted and served in the meantime. [`max_handshakes`](Self::max_handshakes) and
    /// [`handshake_timeout`](Self::handshake_timeout) limit handshakes.
    #[must_use]
    pub fn handshake<F, Fut>(mut self, handshake: F) -> Self
    where
        F: Fn(Channel) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<Channel>> + Send + 'static,
    {
        self.handshake = Some(Arc::new(move |channel| Box::pin(handshake(channel))));
        self
    }

    /// Sets the TLS configuration for addresses `tls://host:port` ([`TlsServer`](channel::TlsServer)). The limits
    /// on handshakes apply. The function of [`handshake`](Self::handshake) runs after the TLS handshake. Needs the
    /// feature `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: channel::TlsServer) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Registers a transport for addresses that begin with `name:`, such as `ws` ([`PeerBuilder::scheme`]). An invalid name
    /// is an error of [`bind`](Self::bind).
    #[must_use]
    pub fn scheme(self, name: &str, scheme: impl Scheme) -> Self {
        self.configure_peers(|peers| peers.scheme(name, scheme))
    }

    /// Registers several transports, each under its name, as [`scheme`](Self::scheme) does.
    #[must_use]
    pub fn schemes<N: AsRef<str>>(
        self,
        schemes: impl IntoIterator<Item = (N, Arc<dyn Scheme>)>,
    ) -> Self {
        self.configure_peers(|peers| peers.schemes(schemes))
    }

    /// Limits the number of concurrent handshakes. The default is 256. A new handshake beyond the limit ends the
    /// oldest.
    #[must_use]
    pub fn max_handshakes(mut self, max: usize) -> Self {
        self.max_handshakes = max.max(1);
        self
    }

    /// Limits the duration of a handshake. The default is 10 s.
    #[must_use]
    pub fn handshake_timeout(mut self, time: Duration) -> Self {
        self.handshake_time = time;
        self
    }

    /// Sets how long a shutdown waits for running handlers, and then for clients to read their answers and close.
    /// The default is 10 s. A Chirp client closes as soon as it has read everything.
    #[must_use]
    pub fn shutdown_timeout(mut self, shutdown_timeout: Duration) -> Self {
        self.shutdown_timeout = shutdown_timeout;
        self
    }

    /// Creates the server and listens on an address. Use [`Server::also_bind`] for further addresses.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError`] if the address is invalid or in use, or if two services have a method of the same
    /// name.
    pub async fn bind<A>(self, address: A) -> Result<Server, ConnectError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        self.bind_to(address.try_into().map_err(EndpointError::from))
            .await
    }

    /// As [`bind`](Self::bind), but not generic. Boxed, so that the future is compiled once.
    fn bind_to(
        self,
        endpoint: Result<Endpoint, EndpointError>,
    ) -> Task<Result<Server, ConnectError>> {
        Box::pin(async move { self.build()?.also_bind_to(endpoint?).await })
    }

    /// Creates the server with a listener of any kind. Two services with a method of the same name are reported
    /// when a connection is accepted.
    pub fn listen(self, listener: Box<dyn Listener>) -> Server {
        Server::new(self).also_listen(listener)
    }

    /// Creates a server without an address. It serves connections that are passed to
    /// [`ServerHandle::serve_connection`](super::ServerHandle::serve_connection), and ends when the last handle is
    /// dropped.
    ///
    /// # Errors
    ///
    /// Returns [`RouteError`] if two services have a method of the same name.
    pub fn build(self) -> Result<Server, RouteError> {
        self.check()?;
        Ok(Server::new(self))
    }

    /// Checks that no two services have a method of the same name.
    pub(super) fn check(&self) -> Result<(), RouteError> {
        self.peers.check()
    }

    /// Returns the schemes of addresses.
    pub(super) fn scheme_table(&self) -> &SchemeTable {
        &self.peers.schemes
    }

    /// Returns the metrics of the server's connections.
    pub(super) fn shared_metrics(&self) -> Option<&SharedMetrics> {
        self.peers.shared_metrics()
    }

    /// Starts the peer of a new connection, and calls `began` with it before anything is read. A panic in a hook
    /// closes the connection.
    pub(super) fn start(
        &self,
        channel: Channel,
        began: &mut dyn FnMut(&Peer) -> Result<(), Panicked>,
    ) -> Result<(), AcceptError> {
        let remote = channel.remote().cloned();
        let (mut panicked, mut conflict) = (None, None);
        // A server without services still keeps its connections, to call the other sides.
        let started = self
            .peers
            .start_each(channel, true, false, &mut |peer, serving| {
                let registered = guard::call("the routes_with hook", || {
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
                    // Nothing has been read yet.
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
            .field("shutdown_timeout", &self.shutdown_timeout)
            .finish_non_exhaustive()
    }
}
