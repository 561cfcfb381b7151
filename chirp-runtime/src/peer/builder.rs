use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;

#[cfg(feature = "tracing")]
use super::Propagator;
use super::client::layer_chain::ClientLayers;
use super::connection::reader::ReaderTask;
use super::connection::writer::{Sink, WriterTask};
use super::connection::{ConnectionCore, Origin, random_nonce};
use super::monitoring::budget::Budget;
use super::monitoring::observe::Observer;
use super::monitoring::{keep_alive, log};
use super::propagation::Propagation;
use super::server::serving::Serving;
use super::shared_config::SharedConfig;
use super::task;
use super::{
    AccessPolicy, CallContext, ClientLayer, ConnectionError, Extensions, Handler, KeepAlive, Layer,
    ObservedPacket, Peer, RouteError, Router, SharedMetrics,
};
use crate::channel::{self, Channel, Scheme, SchemeTable};
use crate::packet::PacketType;
use crate::session::{Limits, Negotiation, Session};

/// Returns a channel around another one. The second argument tells whether this side made the connection.
#[cfg(feature = "record")]
pub(crate) type WrapChannel = Arc<dyn Fn(Channel, bool) -> Channel + Send + Sync>;

/// The services and limits of the peers that it makes. One builder makes any number of peers; a change affects the
/// peers made after it.
#[derive(Clone, Default)]
pub struct PeerBuilder {
    serving: Arc<Serving>,
    /// The limits, and how extensions are negotiated. Shared with the sessions of peers.
    session: SharedConfig,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) connect_timeout: Option<Duration>,
    observer: Option<Observer>,
    metrics: Option<SharedMetrics>,
    client_layers: Option<ClientLayers>,
    budget: Option<Arc<Budget>>,
    propagation: Option<Arc<Propagation>>,
    pub(crate) tls: Option<channel::secure::ClientTls>,
    pub(crate) schemes: SchemeTable,
    #[cfg(feature = "record")]
    wrap_channel: Option<WrapChannel>,
    refused: Option<RouteError>,
}

impl PeerBuilder {
    /// Creates a builder of peers that serve nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a handler for one method name, and replaces the handler that was registered before.
    ///
    /// # Panics
    ///
    /// If the name is longer than 255 bytes or begins with `chirp.`.
    #[must_use]
    pub fn handle(self, name: impl AsRef<[u8]>, handler: impl Handler) -> Self {
        self.routes(|router| {
            router.handle(name, handler);
            Ok(())
        })
    }

    /// Registers the handler of every method name that has no handler of its own.
    #[must_use]
    pub fn fallback(self, handler: impl Handler) -> Self {
        self.routes(|router| {
            router.fallback(handler);
            Ok(())
        })
    }

    /// Restricts calls to those that `access` allows: see [`Router::access`].
    #[must_use]
    pub fn access(self, access: AccessPolicy) -> Self {
        self.routes(|router| {
            router.access(access);
            Ok(())
        })
    }

    /// Adds a layer around all handlers, those that are registered later included: see [`Layer`] and [`Router::layer`].
    #[must_use]
    pub fn layer(self, layer: impl Layer) -> Self {
        self.routes(|router| {
            router.layer(layer);
            Ok(())
        })
    }

    /// Registers a handler for packets of one of the application's own types: see [`Router::handle_packet`].
    ///
    /// # Panics
    ///
    /// If the type is below 128 or from `0xC700` to `0xC70F`.
    #[must_use]
    pub fn handle_packet<F, Fut, E>(self, kind: PacketType, handler: F) -> Self
    where
        F: Fn(CallContext, Bytes) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.routes(|router| {
            router.handle_packet(kind, handler);
            Ok(())
        })
    }

    /// Gives every handler a value, which replaces any other value of its type: [`CallContext::extension`] returns it.
    #[must_use]
    pub fn extension<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        Arc::make_mut(&mut self.serving).extensions.insert(value);
        self
    }

    /// Calls `per_call` for each call, to set extensions in addition to those of [`extension`](Self::extension). It must
    /// not block.
    #[must_use]
    pub fn extensions_with(
        mut self,
        per_call: impl Fn(&mut Extensions) + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.serving).per_call = Some(Arc::new(per_call));
        self
    }

    /// Registers services with `register`. The first error is kept, and returned when a peer is made.
    #[must_use]
    pub fn routes(mut self, register: impl FnOnce(&mut Router) -> Result<(), RouteError>) -> Self {
        if let Err(duplicate) = register(&mut Arc::make_mut(&mut self.serving).router) {
            self.refused.get_or_insert(duplicate);
        }
        self
    }

    /// Returns the limits of each connection.
    pub(crate) fn session_limits(&self) -> &Limits {
        self.session.limits()
    }

    /// Sets the limits of each connection.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.session.change().limits = limits;
        self
    }

    /// Enables keep-alive. Off by default.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: KeepAlive) -> Self {
        self.keep_alive = Some(keep_alive);
        self
    }

    /// Sets the timeout of [`connect`](Self::connect). The default is 10 s.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// Sets how servers at `tls://host:port` addresses are verified, and how this side identifies itself to them
    /// ([`TlsClient`](channel::TlsClient)). By default, the system's certificate authorities are trusted and this side
    /// is anonymous. Requires the feature `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: channel::TlsClient) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Registers a transport for addresses that begin with `name:`, such as `ws`, and replaces the one that was registered
    /// before. [`connect`](Self::connect) and the clients that this builder makes use it.
    ///
    /// A name is a letter, followed by letters, digits, `+`, `-` and `.`, in upper or lower case; `tcp`, `tls`, `unix`,
    /// `inproc`, `exec`, `stdio` and `fd` are built in and cannot be replaced. An invalid name is an error where the builder
    /// is given an address, whatever its scheme.
    #[must_use]
    pub fn scheme(mut self, name: &str, scheme: impl Scheme) -> Self {
        self.schemes.insert(name, Arc::new(scheme));
        self
    }

    /// Registers several transports, each under its name, as [`scheme`](Self::scheme) does.
    #[must_use]
    pub fn schemes<N: AsRef<str>>(
        mut self,
        schemes: impl IntoIterator<Item = (N, Arc<dyn Scheme>)>,
    ) -> Self {
        for (name, scheme) in schemes {
            self.schemes.insert(name.as_ref(), scheme);
        }
        self
    }

    /// Calls `observer` with every packet of every peer: see [`Peer::set_packet_observer`].
    #[must_use]
    pub fn on_packet(
        mut self,
        observer: impl Fn(&ObservedPacket<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Sets when peers ask the other side for its extensions. By default, the side that connected asks when the
    /// connection starts ([`Negotiation::Connecting`]). A peer that is [started](Self::start) on a channel has not
    /// connected.
    #[must_use]
    pub fn negotiation(mut self, negotiation: Negotiation) -> Self {
        self.session.change().negotiation = negotiation;
        self
    }

    /// Sets the metadata keys that calls inherit which are made [within](crate::peer::Call::within) calls of these peers,
    /// in addition to those set before. Without keys, calls inherit the deadline and the trace alone.
    ///
    /// ```
    /// # use chirp_runtime::peer as chirp;
    /// let builder = chirp::PeerBuilder::new().inherit_metadata(["tenant", "request-id"]);
    /// ```
    #[must_use]
    pub fn inherit_metadata<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        let inherited = &mut Arc::make_mut(self.propagation.get_or_insert_default()).inherited;
        inherited.extend(keys.into_iter().map(|key| key.into().into_boxed_str()));
        self
    }

    /// Connects the spans of calls with a tracing system: see [`Propagator`]. Requires the feature `tracing`.
    #[cfg(feature = "tracing")]
    #[must_use]
    pub fn propagator(mut self, propagator: impl Propagator) -> Self {
        let propagation = Arc::make_mut(self.propagation.get_or_insert_default());
        propagation.propagator = Some(Arc::new(propagator));
        self
    }

    /// Compresses parameters, results and stream items larger than `bytes` with LZ4, if that makes the packet smaller.
    /// Off by default; requires the feature `lz4`.
    ///
    /// Compression is used when both sides enable it, each with its own threshold. Nothing waits for the negotiation: a
    /// side that does not know the peer's extensions asks for them when it has a large payload, and sends that payload
    /// uncompressed ([`Negotiation`]). All limits apply to uncompressed sizes.
    ///
    /// Compression pays off if the connection is slower than the processor. On one machine it costs more time than it
    /// saves. It also reveals something about the contents to an observer of encrypted packet lengths: do not put a
    /// secret into one packet with data that an attacker chooses.
    #[cfg(feature = "lz4")]
    #[must_use]
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.session.change().compress_above = Some(bytes);
        self
    }

    /// Limits the memory of all peers of this builder together, in bytes, in addition to the [`Limits`] of each: the
    /// parameters of running calls, and output that waits to be written. Above the limit each peer pauses reading or
    /// rejects calls with *busy*, as at its own limits. Unlimited by default.
    #[must_use]
    pub fn memory_budget(mut self, bytes: usize) -> Self {
        self.budget = Some(Arc::new(Budget::new(bytes)));
        self
    }

    /// Adds a layer around all calls that are made through the peers: see [`ClientLayer`]. Callbacks of handlers
    /// ([`CallContext::caller`]) are such calls.
    #[must_use]
    pub fn client_layer(mut self, layer: impl ClientLayer) -> Self {
        self.client_layers = Some(ClientLayers::with(self.client_layers.as_ref(), layer));
        self
    }

    /// Wraps the channel of every peer.
    #[cfg(feature = "record")]
    pub(crate) fn wrap_channels(mut self, wrap: WrapChannel) -> Self {
        self.wrap_channel = Some(wrap);
        self
    }

    /// Adds the metrics of every peer to `metrics`.
    #[must_use]
    pub fn metrics(mut self, metrics: &SharedMetrics) -> Self {
        self.metrics = Some(metrics.clone());
        self
    }

    /// Returns the metrics that the peers of this builder share.
    pub(crate) fn shared_metrics(&self) -> Option<&SharedMetrics> {
        self.metrics.as_ref()
    }

    /// Returns what the peers of this builder serve.
    pub(super) fn serving(&self) -> Arc<Serving> {
        Arc::clone(&self.serving)
    }

    /// Replaces what the peers of this builder serve by what those of `other` do.
    pub(crate) fn serving_as(mut self, other: &Self) -> Self {
        self.serving = Arc::clone(&other.serving);
        self
    }

    /// Returns the error that was kept when a service could not be registered.
    pub(crate) fn check(&self) -> Result<(), RouteError> {
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// Starts a peer on a channel. Its tasks run on the current runtime.
    ///
    /// # Errors
    ///
    /// [`RouteError`] if a service could not be registered, for example because two services have a method of one name.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O enabled.
    pub fn start(&self, channel: impl Into<Channel>) -> Result<Peer, RouteError> {
        self.start_channel(channel.into())
    }

    /// As [`start`](Self::start), but not generic, so that this large function is compiled once.
    #[inline(never)]
    pub(super) fn start_channel(&self, channel: Channel) -> Result<Peer, RouteError> {
        let serves = !self.serving.router.is_empty();
        self.start_each(channel, serves, false, &mut |_, _| Ok(()))
    }

    /// As [`start`](Self::start), on a channel that this side connected.
    pub(super) fn start_connected(&self, channel: Channel) -> Result<Peer, RouteError> {
        let serves = !self.serving.router.is_empty();
        self.start_each(channel, serves, true, &mut |_, _| Ok(()))
    }

    /// As [`start`](Self::start), with handlers made for this peer alone: `register` is called with the peer before
    /// anything is read. `serves` tells whether the peer serves anything, `connected` whether this side made the
    /// connection.
    ///
    /// # Errors
    ///
    /// [`RouteError`] if a service could not be registered.
    pub(crate) fn start_each(
        &self,
        mut channel: Channel,
        serves: bool,
        connected: bool,
        register: &mut dyn FnMut(&Peer, &mut SharedServing) -> Result<(), RouteError>,
    ) -> Result<Peer, RouteError> {
        self.check()?;
        #[cfg(feature = "record")]
        if let Some(wrap) = &self.wrap_channel {
            channel = wrap(channel, connected);
        }
        let origin = Origin {
            remote: channel.remote().cloned(),
            credentials: channel.credentials(),
            identity: channel.identity(),
        };
        let hello = channel.hello();
        let on_failure = channel.take_failure_hook();
        let is_socket = channel.is_socket();
        let (reader, writer) = channel.into_split();
        let runtime = Handle::current();
        let mut session = Session::with_shared(self.session.share());
        if let Some(hello) = hello {
            session.assume_hello(hello);
        }
        if self.session.get().negotiation.asks_at_start(connected) {
            // If the limits leave no room even for this call, there are no extensions.
            session.ask_hello(random_nonce()).ok();
        }
        let mut connection =
            ConnectionCore::new(session, Sink::new(writer), runtime.clone(), origin);
        // The task that a worker wakes last waits for that worker, which a handler may block. Other channels wake tasks when
        // they are read or written: the other side's, a recorder, or what the program likes.
        connection.starts_in_place = is_socket || !connection.can_take_over;
        connection.observer = self.observer.clone().into();
        connection.observed = self.observer.is_some().into();
        connection.metrics.clone_from(&self.metrics);
        connection.client_layers.clone_from(&self.client_layers);
        connection.budget.clone_from(&self.budget);
        connection.propagation.clone_from(&self.propagation);
        let connection = Arc::new_cyclic(|this| {
            connection.this = Weak::clone(this);
            connection
        });
        if let Some(metrics) = &self.metrics {
            metrics.join(&connection);
        }
        let peer = Peer::new(Arc::clone(&connection), serves);
        let mut routes = SharedServing {
            serving: Arc::clone(&self.serving),
            is_held: false,
        };
        if let Err(duplicate) = register(&peer, &mut routes) {
            connection.end(ConnectionError::ClosedHere);
            return Err(duplicate);
        }
        {
            let mut state = connection.lock();
            // If the connection has been closed already, nothing would free its services.
            if state.end.is_none() && !routes.is_held {
                state.serving = Some(routes.serving);
                state.serve_requests();
            }
        }
        task::spawn(
            &runtime,
            WriterTask::new(Arc::clone(&connection), on_failure),
        );
        if let Some(keep_alive) = self.keep_alive {
            let watch = keep_alive::watch(Arc::clone(&connection), keep_alive);
            task::spawn(&runtime, watch);
        }
        log::connected(&connection);
        task::spawn(
            &runtime,
            ReaderTask::run(ReaderTask::new(connection, reader)),
        );
        Ok(peer)
    }
}

/// The services of a peer under construction, copied on the first change.
pub(crate) struct SharedServing {
    serving: Arc<Serving>,
    is_held: bool,
}

impl SharedServing {
    pub(crate) fn router_mut(&mut self) -> &mut Router {
        &mut Arc::make_mut(&mut self.serving).router
    }

    /// Holds requests until [`Peer::serve_as`] is called. The session accepts as many as it would run.
    pub(crate) fn hold(&mut self) {
        self.is_held = true;
    }
}

impl fmt::Debug for PeerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerBuilder")
            .field("serving", &self.serving)
            .field("limits", self.session_limits())
            .field("keep_alive", &self.keep_alive)
            .field("observed", &self.observer.is_some())
            .finish_non_exhaustive()
    }
}
