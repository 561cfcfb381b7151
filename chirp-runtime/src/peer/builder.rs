use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::connection::ConnectionCore;
use super::handling::serving::Serving;
use super::monitoring::budget::Budget;
use super::monitoring::observe::Observer;
use super::monitoring::{keep_alive, log};
use super::reader::ReaderTask;
use super::task;
use super::writer::{Sink, WriterTask};
use super::{
    AccessPolicy, CallContext, ConnectionError, Extensions, Handler, KeepAlive, ObservedPacket,
    Peer, RouteError, Router, SharedMetrics,
};
use crate::channel::{self, Channel};
use crate::packet::PacketType;
use crate::session::{Limits, Negotiation, Session};

/// What a peer serves and what it allows. One builder makes any number of peers; a change affects those
/// made after it.
#[derive(Clone, Default)]
pub struct PeerBuilder {
    serving: Arc<Serving>,
    pub(crate) limits: Limits,
    pub(crate) keep_alive: Option<KeepAlive>,
    pub(crate) connect_timeout: Option<Duration>,
    observer: Option<Observer>,
    metrics: Option<SharedMetrics>,
    budget: Option<Arc<Budget>>,
    pub(crate) tls: Option<channel::secure::ClientTls>,
    #[cfg(feature = "lz4")]
    compress_above: Option<usize>,
    refused: Option<RouteError>,
}

impl PeerBuilder {
    /// A builder of peers that serve nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves one method by its name, in place of whatever served it.
    ///
    /// # Panics
    ///
    /// When the name is over 255 bytes or begins with `chirp.`.
    #[must_use]
    pub fn handle(self, name: impl AsRef<[u8]>, handler: impl Handler) -> Self {
        self.routes(|router| {
            router.handle(name, handler);
            Ok(())
        })
    }

    /// Serves every method that nothing else serves.
    #[must_use]
    pub fn fallback(self, handler: impl Handler) -> Self {
        self.routes(|router| {
            router.fallback(handler);
            Ok(())
        })
    }

    /// Lets nobody call what `access` does not let them: see [`Router::access`].
    #[must_use]
    pub fn access(self, access: AccessPolicy) -> Self {
        self.routes(|router| {
            router.access(access);
            Ok(())
        })
    }

    /// Takes packets of a type of the application's own: see [`Router::handle_packet`].
    ///
    /// # Panics
    ///
    /// When the type is below 128 or from `0xC700` to `0xC70F`.
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

    /// Gives every handler a value, in place of any of its type: [`CallContext::extension`] takes it out.
    #[must_use]
    pub fn extension<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        Arc::make_mut(&mut self.serving).values.insert(value);
        self
    }

    /// Prepares the values of each call, after those that are the same for all. It must not block.
    #[must_use]
    pub fn extensions_with(
        mut self,
        prepare: impl Fn(&mut Extensions) + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.serving).prepare = Some(Arc::new(prepare));
        self
    }

    /// Registers whatever `register` registers. The first refusal is kept, and is given when a peer is
    /// made.
    #[must_use]
    pub fn routes(mut self, register: impl FnOnce(&mut Router) -> Result<(), RouteError>) -> Self {
        if let Err(duplicate) = register(&mut Arc::make_mut(&mut self.serving).router) {
            self.refused.get_or_insert(duplicate);
        }
        self
    }

    /// Changes what a connection may hold and how long it may wait.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Watches over connections that are silent. Off unless set.
    #[must_use]
    pub fn keep_alive(mut self, keep_alive: KeepAlive) -> Self {
        self.keep_alive = Some(keep_alive);
        self
    }

    /// How long [`connect`](Self::connect) may take: 10 s unless changed.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How servers at addresses `tls://host:port` are known, and who this side is to them
    /// ([`TlsClient`](channel::TlsClient)). Unless it is set, the authorities are those of the system, and this
    /// side is nobody known. Needs the feature `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: channel::TlsClient) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Shows every packet of every peer to `observer`: see [`Peer::set_packet_observer`].
    #[must_use]
    pub fn on_packet(
        mut self,
        observer: impl Fn(&ObservedPacket<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Compresses what is larger than `bytes`: parameters, results and stream items, as they stand in a packet's payload.
    /// It is done with LZ4, and only where it makes the packet smaller. Off unless set; needs the feature `lz4`.
    ///
    /// Both sides must have set it, each to a mark of its own. Nothing waits for that to be known: a side that does not
    /// know it asks the other when it has something large to send, which it sends as it is
    /// ([`Negotiation`]). All limits speak of what is compressed, not of what travels.
    ///
    /// It is worth it where the connection is slower than the processor. On one machine it costs more time than it
    /// saves. And it tells whoever sees the lengths of encrypted packets something about what is in them: a secret
    /// should not be in one packet with what an attacker chooses.
    #[cfg(feature = "lz4")]
    #[must_use]
    pub fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = Some(bytes);
        self
    }

    /// How many bytes all peers of this builder may hold together, beside the [`Limits`] of each: the
    /// parameters of calls that run, and what waits to be written. Beyond it each of them pauses reading,
    /// or answers *busy*, as at its own marks. Unlimited unless set.
    #[must_use]
    pub fn memory_budget(mut self, bytes: usize) -> Self {
        self.budget = Some(Arc::new(Budget::new(bytes)));
        self
    }

    /// Adds up the metrics of every peer in `metrics`.
    #[must_use]
    pub fn metrics(mut self, metrics: &SharedMetrics) -> Self {
        self.metrics = Some(metrics.clone());
        self
    }

    /// Whether peers can be made at all.
    pub(crate) fn check(&self) -> Result<(), RouteError> {
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// Starts a peer on a channel: its tasks run on the current runtime.
    ///
    /// # Errors
    ///
    /// [`RouteError`] when two services claim one name.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O enabled.
    pub fn start(&self, channel: impl Into<Channel>) -> Result<Peer, RouteError> {
        self.start_channel(channel.into())
    }

    /// As [`start`](Self::start), compiled once and not where it is called: it is much code.
    #[inline(never)]
    pub(super) fn start_channel(&self, channel: Channel) -> Result<Peer, RouteError> {
        let serves = !self.serving.router.is_empty();
        self.start_each(channel, serves, &mut |_, _| Ok(()))
    }

    /// As [`start`](Self::start), with handlers that are made for this peer alone: `register` is given
    /// it before anything is read. `serves` says whether the peer serves anything.
    ///
    /// # Errors
    ///
    /// [`RouteError`] when two services claim one name.
    pub(crate) fn start_each(
        &self,
        channel: Channel,
        serves: bool,
        register: &mut dyn FnMut(&Peer, &mut SharedServing) -> Result<(), RouteError>,
    ) -> Result<Peer, RouteError> {
        self.check()?;
        let remote = channel.remote().cloned();
        let credentials = channel.credentials();
        let identity = channel.identity();
        let (reader, writer) = channel.into_split();
        let runtime = Handle::current();
        #[cfg_attr(
            not(feature = "lz4"),
            expect(unused_mut, reason = "one feature changes it")
        )]
        let mut limits = self.limits.clone();
        #[cfg(feature = "lz4")]
        {
            limits.compress_above = self.compress_above.or(limits.compress_above);
        }
        let mut session = Session::new(limits);
        if self.limits.negotiation == Negotiation::Eager {
            // Where not even this may be sent there are no extensions.
            session.ask_hello(RandomState::new().hash_one(0)).ok();
        }
        let mut connection = ConnectionCore::new(
            session,
            Sink::new(writer),
            runtime.clone(),
            remote,
            credentials,
            identity,
        );
        connection.observer = self.observer.clone().into();
        connection.observed = self.observer.is_some().into();
        connection.metrics.clone_from(&self.metrics);
        connection.budget.clone_from(&self.budget);
        let connection = Arc::new(connection);
        if let Some(metrics) = &self.metrics {
            metrics.join(&connection);
        }
        let peer = Peer::new(Arc::clone(&connection), serves);
        let mut routes = SharedServing(Arc::clone(&self.serving));
        if let Err(duplicate) = register(&peer, &mut routes) {
            connection.end(ConnectionError::ClosedHere);
            return Err(duplicate);
        }
        {
            let mut state = connection.lock();
            // It may have been closed already; then nothing would let its services go.
            if state.end.is_none() {
                state.serving = Some(routes.0);
            }
        }
        task::spawn(&runtime, WriterTask::new(Arc::clone(&connection)));
        connection.start_dispatcher();
        if let Some(keep_alive) = self.keep_alive {
            let watch = keep_alive::watch(Arc::clone(&connection), keep_alive);
            task::spawn(&runtime, watch);
        }
        log::connected(&connection);
        task::spawn(&runtime, ReaderTask::new(connection, reader).run());
        Ok(peer)
    }
}

/// What a peer that is being made will serve; copied only if it is changed.
pub(crate) struct SharedServing(Arc<Serving>);

impl SharedServing {
    pub(crate) fn router_mut(&mut self) -> &mut Router {
        &mut Arc::make_mut(&mut self.0).router
    }
}

impl fmt::Debug for PeerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerBuilder")
            .field("serving", &self.serving)
            .field("limits", &self.limits)
            .field("keep_alive", &self.keep_alive)
            .field("observed", &self.observer.is_some())
            .finish_non_exhaustive()
    }
}
