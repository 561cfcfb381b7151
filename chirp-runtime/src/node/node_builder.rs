use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use super::entry_state::NodeTarget;
use super::labels::Labels;
use super::names::{self, KnownKeys};
use super::node_core::{CloseOnStop, NodeCore, NodeSettings};
use super::{Discovery, Node, NodeAddress, NodeError, accept, discovery, handle, listen};
#[cfg(feature = "tls")]
use crate::channel::{KeyPolicy, Keypair, TlsClient, TlsServer};
use crate::channel::{PublicKey, Scheme, secure};
use crate::health::Health;
use crate::peer::{CONNECT_TIME, PeerBuilder, Task};
use crate::server::ServerBuilder;
use crate::service::Service;

/// The default pauses between attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The default pause after a refused join.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

/// The default time that a call without a timeout waits for a link.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The default limits on the number of nodes, and of joins per second.
const MAX_NODES: usize = 1024;
const MAX_JOINS: u32 = 1024;

/// The default time for a join.
const JOIN_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that have not joined, in addition to two for each node.
const UNJOINED_CONNECTIONS: usize = 256;

type AddServices = dyn FnOnce(PeerBuilder) -> PeerBuilder + Send;

/// Configures a [`Node`].
#[must_use = "the node is made by `start`"]
#[cfg_attr(
    feature = "reflect",
    expect(clippy::struct_excessive_bools, reason = "settings of their own")
)]
pub struct NodeBuilder {
    name: Arc<str>,
    network: String,
    labels: BTreeMap<String, String>,
    invalid_labels: Option<String>,
    known: KnownKeys,
    open: PeerBuilder,
    has_guests: bool,
    services: Vec<Box<AddServices>>,
    server: Box<dyn FnOnce(ServerBuilder) -> ServerBuilder + Send>,
    listen: Vec<NodeAddress>,
    connect: Vec<(String, NodeAddress)>,
    discoveries: Vec<Box<dyn Discovery>>,
    backoff: (Duration, Duration),
    refused_pause: Duration,
    max_wait: Duration,
    fails_fast: bool,
    max_nodes: usize,
    max_joins: u32,
    join_timeout: Duration,
    health: Option<Health>,
    required_health: Option<Arc<str>>,
    #[cfg(feature = "reflect")]
    reflects: bool,
    #[cfg(feature = "tls")]
    key: Option<PublicKey>,
    client_tls: Option<secure::ClientTls>,
    server_tls: Option<secure::ServerTls>,
    has_certificates: bool,
}

impl NodeBuilder {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            network: "default".to_owned(),
            labels: BTreeMap::new(),
            invalid_labels: None,
            known: KnownKeys::new(),
            open: PeerBuilder::new(),
            has_guests: false,
            services: Vec::new(),
            server: Box::new(|server| server),
            listen: Vec::new(),
            connect: Vec::new(),
            discoveries: Vec::new(),
            backoff: (FIRST_PAUSE, LONGEST_PAUSE),
            refused_pause: REFUSED_PAUSE,
            max_wait: MAX_WAIT,
            fails_fast: false,
            max_nodes: MAX_NODES,
            max_joins: MAX_JOINS,
            join_timeout: JOIN_TIMEOUT,
            health: None,
            required_health: None,
            #[cfg(feature = "reflect")]
            reflects: false,
            #[cfg(feature = "tls")]
            key: None,
            client_tls: None,
            server_tls: None,
            has_certificates: false,
        }
    }

    /// Sets the name of the network, `default` by default. Nodes of different networks do not join.
    pub fn network(mut self, network: impl Into<String>) -> Self {
        self.network = network.into();
        self
    }

    /// Serves the methods of a service to joined nodes.
    pub fn service(self, service: impl Service) -> Self {
        self.configure_peers(|peers| peers.service(service))
    }

    /// Serves the methods of a service to every connection, also to clients that are not nodes and do not join.
    ///
    /// Connections that have not joined are then not closed.
    pub fn open_service(mut self, service: impl Service) -> Self {
        self.open = self.open.service(service);
        self.has_guests = true;
        self
    }

    /// Answers joined nodes that ask for the states of services: see [`PeerBuilder::health`]. If there are
    /// [open services](Self::open_service), other clients may ask, too.
    pub fn health(mut self, health: &Health) -> Self {
        self.health = Some(health.clone());
        self
    }

    /// Turns on the JSON names and the description of methods for joined nodes: see [`PeerBuilder::reflect`]. If there
    /// are [open services](Self::open_service), other clients may use those of open services, too.
    #[cfg(feature = "reflect")]
    pub fn reflect(mut self) -> Self {
        self.reflects = true;
        self
    }

    /// Makes no new calls to a node while it says that `service` is not serving ([`health`](Self::health)); the empty name
    /// stands for the node as a whole.
    ///
    /// The link and its calls in progress go on, and the state is [`NodeState::NotServing`](super::NodeState::NotServing). As
    /// without a link, calls to the node wait, [`Node::some`] answers with
    /// [`CallError::NotConnected`](crate::peer::CallError::NotConnected), which names the service, and [`Node::all`] and
    /// [`Node::matching`] leave the node out. [`Node::peers`] lists it.
    ///
    /// A node without `chirp.health` counts as serving; a service that a node does not know does not. The state is watched as
    /// with [`ReconnectConfig::health`](super::ReconnectConfig::health).
    pub fn require_health(mut self, service: impl Into<Arc<str>>) -> Self {
        self.required_health = Some(service.into());
        self
    }

    /// Changes the configuration of peers: handlers, access, limits, metrics and everything else that this builder does
    /// not have. Handlers and access rules apply to joined nodes.
    pub fn configure_peers(
        mut self,
        change: impl FnOnce(PeerBuilder) -> PeerBuilder + Send + 'static,
    ) -> Self {
        self.services.push(Box::new(change));
        self
    }

    /// Changes the configuration of the server that accepts connections: limits on handshakes and hooks. For services, use
    /// [`service`](Self::service) or [`open_service`](Self::open_service): those of the server end with the join.
    pub fn configure_server(
        mut self,
        change: impl FnOnce(ServerBuilder) -> ServerBuilder + Send + 'static,
    ) -> Self {
        let before = self.server;
        self.server = Box::new(|server| change(before(server)));
        self
    }

    /// Listens on an address. Any number of addresses.
    pub fn listen(mut self, address: impl Into<NodeAddress>) -> Self {
        self.listen.push(address.into());
        self
    }

    /// Dials a node ([`Node::connect`]). Any number of nodes and addresses.
    pub fn connect(mut self, name: impl Into<String>, address: impl Into<NodeAddress>) -> Self {
        self.connect.push((name.into(), address.into()));
        self
    }

    /// Dials the nodes that a discovery finds. Any number of discoveries.
    pub fn discovery(mut self, discovery: impl Discovery) -> Self {
        self.discoveries.push(Box::new(discovery));
        self
    }

    /// Adds a label, which other nodes are told. Each key may be used once.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let key = key.into();
        if self.labels.contains_key(&key) {
            let error = format!("label {key:?} occurs twice");
            self.invalid_labels.get_or_insert(error);
        }
        self.labels.insert(key, value.into());
        self
    }

    /// Says that a name belongs to the holder of a key. The name is not given to a link without that key.
    pub fn known(mut self, name: impl Into<String>, key: PublicKey) -> Self {
        self.known.insert(name.into(), key);
        self
    }

    /// Uses raw public keys for `tls://` addresses: presents the key of `keys`, and admits other nodes with a key that
    /// `policy` admits. Needs the feature `tls`.
    ///
    /// The name of a node is then the text of its key, or a name that is [`known`](Self::known).
    #[cfg(feature = "tls")]
    pub fn keys(mut self, keys: &Keypair, policy: impl Into<KeyPolicy>) -> Self {
        let policy = policy.into();
        self.client_tls = Some(TlsClient::keys(keys, policy.clone()));
        self.server_tls = Some(TlsServer::keys(keys, policy));
        self.key = Some(keys.public());
        self.has_certificates = false;
        self
    }

    /// Uses certificates for `tls://` addresses. Needs the feature `tls`.
    ///
    /// The certificate of a node must be valid for its name, whatever its address. `server` should
    /// [require](TlsServer::require_client_certificate) a certificate of nodes that dial.
    #[cfg(feature = "tls")]
    pub fn certificates(mut self, client: TlsClient, server: TlsServer) -> Self {
        self.client_tls = Some(client);
        self.server_tls = Some(server);
        self.key = None;
        self.has_certificates = true;
        self
    }

    /// Registers a transport for addresses that begin with `name:`, such as `ws` ([`PeerBuilder::scheme`]), for listening
    /// and dialling. Discoveries may find such addresses if [`Scheme::is_discoverable`] allows it.
    pub fn scheme(self, name: impl Into<String>, scheme: impl Scheme) -> Self {
        let name = name.into();
        self.configure_peers(move |peers| peers.scheme(&name, scheme))
    }

    /// Registers several transports, each under its name, as [`scheme`](Self::scheme) does.
    pub fn schemes<N: AsRef<str>>(
        self,
        schemes: impl IntoIterator<Item = (N, Arc<dyn Scheme>)>,
    ) -> Self {
        let schemes = schemes.into_iter();
        let schemes: Vec<_> = schemes
            .map(|(name, scheme)| (name.as_ref().to_owned(), scheme))
            .collect();
        self.configure_peers(|peers| peers.schemes(schemes))
    }

    /// Sets the first and the longest pause between attempts to connect, 20 ms and 5 s by default. Pauses double, and are
    /// random between half of that and the whole.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = (first, longest);
        self
    }

    /// Sets the pause after a node has refused to be joined, 5 s by default.
    pub fn refused_pause(mut self, pause: Duration) -> Self {
        self.refused_pause = pause;
        self
    }

    /// Sets how long a call without a timeout or deadline waits for a link, 30 s by default.
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Calls fail at once if there is no link, in place of waiting.
    pub fn fail_fast(mut self) -> Self {
        self.fails_fast = true;
        self
    }

    /// Limits the number of other nodes that are known, 1,024 by default. More that join are refused.
    pub fn max_nodes(mut self, max: usize) -> Self {
        self.max_nodes = max;
        self
    }

    /// Limits the number of joins that are accepted per second, 1,024 by default. More are refused, and dial again later.
    pub fn max_joins_per_second(mut self, max: u32) -> Self {
        self.max_joins = max;
        self
    }

    /// Sets how long a connection has to join, 10 s by default. Later, the connection is closed.
    pub fn join_timeout(mut self, timeout: Duration) -> Self {
        self.join_timeout = timeout;
        self
    }

    /// Starts the node: listens, and begins to dial. Nodes that cannot be reached are not an error.
    ///
    /// # Errors
    ///
    /// [`NodeError`] if a name, a label or an address is invalid, if listening fails, if two services have a method of one
    /// name, or if a `tls://` address is used without [`keys`](Self::keys) or [`certificates`](Self::certificates).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O enabled.
    pub async fn start(self) -> Result<Node, NodeError> {
        let starting: Task<Result<Node, NodeError>> = Box::pin(self.start_here());
        starting.await
    }

    async fn start_here(mut self) -> Result<Node, NodeError> {
        let listen = std::mem::take(&mut self.listen);
        let listen: Result<Vec<_>, _> = listen.into_iter().map(NodeAddress::endpoint).collect();
        let listen = listen?;
        let mut connect = Vec::new();
        for (name, address) in std::mem::take(&mut self.connect) {
            connect.push((name, address.endpoint()?));
        }
        self.check()?;
        let discoveries = std::mem::take(&mut self.discoveries);
        let node = self.build()?;
        for endpoint in listen {
            listen::start(node.core(), endpoint).await?;
        }
        for (name, endpoint) in connect {
            let target = NodeTarget {
                endpoint,
                found_by: None,
            };
            handle::connect(node.core(), &name, target)?;
        }
        for (source, discovery) in discoveries.into_iter().enumerate() {
            let (task, has_first) = discovery::spawn(node.core(), source, discovery);
            node.core().add_discovery(task);
            // Calls right after the start must not fail because of an unknown node.
            let _ = has_first.await;
        }
        Ok(node)
    }

    fn check(&self) -> Result<(), NodeError> {
        let known = self.known.keys().map(String::as_str);
        for name in [&*self.name, &*self.network].into_iter().chain(known) {
            names::check(name).map_err(|why| NodeError::InvalidName {
                name: name.to_owned(),
                why,
            })?;
        }
        #[cfg(feature = "tls")]
        if let (Ok(named), Some(key)) = (self.name.parse::<PublicKey>(), self.key)
            && (named != key || *self.name != *key.to_string())
        {
            return Err(NodeError::InvalidName {
                name: self.name.to_string(),
                why: format!("it is the text of a key, and the key of this node is {key}"),
            });
        }
        match &self.invalid_labels {
            Some(error) => Err(NodeError::Labels(error.clone())),
            None => Ok(()),
        }
    }

    /// Starts a node without addresses.
    fn build(mut self) -> Result<Node, NodeError> {
        let labels = Labels::new(self.labels).map_err(NodeError::Labels)?;
        if let (Some(health), true) = (&self.health, self.has_guests) {
            self.open = self.open.health(health);
        }
        #[cfg(feature = "reflect")]
        if self.reflects && self.has_guests {
            self.open = self.open.reflect();
        }
        self.open.check()?;
        let mut serving = self.open.clone();
        if let (Some(health), false) = (&self.health, self.has_guests) {
            serving = serving.health(health);
        }
        #[cfg(feature = "reflect")]
        if self.reflects {
            serving = serving.reflect();
        }
        for add in self.services {
            serving = add(serving);
        }
        serving.keep_alive.get_or_insert_default();
        serving = accept::serve_joined(serving);
        serving.check()?;
        // The same limits and settings before the join, with other routes.
        let gate = serving.clone().serving_as(&self.open);
        let settings = NodeSettings {
            name: self.name,
            network: self.network,
            labels,
            known: self.known,
            backoff: self.backoff,
            refused_pause: self.refused_pause,
            max_wait: self.max_wait,
            fails_fast: self.fails_fast,
            max_waiting: serving.session_limits().max_pending_calls,
            max_nodes: self.max_nodes,
            max_joins: self.max_joins,
            join_timeout: self.join_timeout,
            required_health: self.required_health,
            connect_timeout: serving.connect_timeout.unwrap_or(CONNECT_TIME),
            ping_interval: serving.keep_alive.unwrap_or_default().interval,
            has_guests: self.has_guests,
            client_tls: self.client_tls,
            server_tls: self.server_tls,
            schemes: serving.schemes.clone(),
            has_certificates: self.has_certificates,
        };
        let max_connections = settings.max_nodes.saturating_mul(2);
        let max_connections = max_connections.saturating_add(UNJOINED_CONNECTIONS);
        let incarnation = RandomState::new().hash_one(&settings.name);
        let core = Arc::new(NodeCore::new(settings, serving, incarnation));
        let server = ServerBuilder::default()
            .configure_peers(|_| gate)
            .max_connections(max_connections);
        let server = accept::admit_nodes((self.server)(server), &core).build()?;
        let handle = server.handle();
        let close_on_stop = CloseOnStop(Arc::downgrade(&core));
        let running: Task = Box::pin(async move {
            let _close_on_stop = close_on_stop;
            server.run().await;
        });
        let task = core.runtime.spawn(running).abort_handle();
        core.set_server(handle, task);
        Ok(Node::new(core))
    }
}

impl fmt::Debug for NodeBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeBuilder")
            .field("name", &self.name)
            .field("network", &self.network)
            .field("labels", &self.labels)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}
