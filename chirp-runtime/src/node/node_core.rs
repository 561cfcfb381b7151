use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::join::{JoinRequest, Joined, VERSION};
use super::labels::Labels;
use super::names::KnownKeys;
use super::node_entry::NodeEntry;
use super::node_event::EventQueue;
use super::waiting_calls::WaitingCalls;
use super::{NodeError, NodeEvent, Refusal, RefusalReason};
use crate::channel::{Endpoint, SchemeTable, secure};
use crate::peer::{PeerBuilder, Task, guard};
use crate::server::ServerHandle;
use crate::sync::Mutex;

/// The settings of a node.
#[derive(Debug)]
pub(super) struct NodeSettings {
    pub(super) name: Arc<str>,
    pub(super) network: String,
    pub(super) labels: Labels,
    pub(super) known: KnownKeys,
    /// The first and the longest pause between attempts to connect.
    pub(super) backoff: (Duration, Duration),
    /// The pause after an attempt that was refused.
    pub(super) refused_pause: Duration,
    pub(super) max_wait: Duration,
    pub(super) fails_fast: bool,
    pub(super) max_waiting: usize,
    pub(super) max_nodes: usize,
    pub(super) max_joins: u32,
    pub(super) join_timeout: Duration,
    /// The service that another node must serve to get calls.
    pub(super) required_health: Option<Arc<str>>,
    pub(super) connect_timeout: Duration,
    pub(super) ping_interval: Duration,
    /// Connections that have not joined may stay: services are open to them.
    pub(super) has_guests: bool,
    pub(super) client_tls: Option<secure::ClientTls>,
    pub(super) server_tls: Option<secure::ServerTls>,
    pub(super) schemes: SchemeTable,
    /// Certificates, in contrast to keys, are valid for the names of nodes.
    pub(super) has_certificates: bool,
}

/// The stage of a node's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Running,
    ShuttingDown,
    Closed,
}

/// State shared by the handles, the tasks and the links of a node.
pub(super) struct NodeCore {
    pub(super) settings: NodeSettings,
    /// A random number of this process.
    pub(super) incarnation: u64,
    pub(super) runtime: Handle,
    sequence: AtomicU64,
    link_ids: AtomicU64,
    pub(super) events: EventQueue,
    pub(super) stage: watch::Sender<Stage>,
    state: Mutex<CoreState>,
    /// The services that joined nodes may call. `None` once the node is closed, so that services are freed.
    serving: Mutex<Option<PeerBuilder>>,
}

struct CoreState {
    nodes: HashMap<Arc<str>, Arc<NodeEntry>>,
    listeners: Vec<ActiveListener>,
    discoveries: Vec<AbortHandle>,
    server: Option<(ServerHandle, AbortHandle)>,
    joins: JoinBudget,
    /// The number of nodes at which those that are not in use are forgotten.
    next_sweep: usize,
}

impl CoreState {
    /// Forgets nodes that have gone, and that nothing in this process refers to.
    fn forget_nodes(&mut self) {
        let may_forget =
            |entry: &Arc<NodeEntry>| Arc::strong_count(entry) == 1 && entry.is_forgettable();
        self.nodes.retain(|_, entry| !may_forget(entry));
    }
}

/// A listener and the task that accepts its connections.
pub(super) struct ActiveListener {
    /// The address that was asked for.
    pub(super) asked: Endpoint,
    /// The actual address.
    pub(super) endpoint: Endpoint,
    pub(super) accepting: JoinHandle<()>,
}

/// The joins that may still be accepted within the current second.
struct JoinBudget {
    since: Instant,
    count: u32,
}

impl NodeCore {
    pub(super) fn new(settings: NodeSettings, serving: PeerBuilder, incarnation: u64) -> Self {
        let next_sweep = settings.max_nodes;
        Self {
            settings,
            incarnation,
            runtime: Handle::current(),
            sequence: AtomicU64::new(0),
            link_ids: AtomicU64::new(0),
            events: EventQueue::default(),
            stage: watch::Sender::new(Stage::Running),
            state: Mutex::new(CoreState {
                nodes: HashMap::new(),
                listeners: Vec::new(),
                discoveries: Vec::new(),
                server: None,
                joins: JoinBudget {
                    since: Instant::now(),
                    count: 0,
                },
                next_sweep,
            }),
            serving: Mutex::new(Some(serving)),
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.settings.name
    }

    pub(super) fn is_running(&self) -> bool {
        *self.stage.borrow() == Stage::Running
    }

    pub(super) fn next_link(&self) -> u64 {
        self.link_ids.fetch_add(1, Ordering::Relaxed)
    }

    /// Returns the parameters of a join, with the next sequence number.
    pub(super) fn join_request(&self, to: &str) -> JoinRequest {
        JoinRequest {
            version: VERSION,
            name: self.name().to_string(),
            network: self.settings.network.clone(),
            to: to.to_owned(),
            incarnation: self.incarnation,
            sequence: self.sequence.fetch_add(1, Ordering::Relaxed) + 1,
            features: 0,
            labels: self.settings.labels.clone(),
        }
    }

    /// Returns what this node tells a node that joins it.
    pub(super) fn joined(&self) -> Joined {
        Joined {
            version: VERSION,
            name: self.name().to_string(),
            network: self.settings.network.clone(),
            incarnation: self.incarnation,
            features: 0,
            labels: self.settings.labels.clone(),
        }
    }

    /// Returns the entry of a name, which is created for the program or for a join.
    pub(super) fn entry(&self, name: &str) -> Arc<NodeEntry> {
        let mut state = self.lock();
        if state.nodes.len() >= state.next_sweep && !state.nodes.contains_key(name) {
            state.forget_nodes();
            // Further off if much is in use, so that sweeps are rare.
            state.next_sweep = self.settings.max_nodes.max(2 * state.nodes.len());
        }
        self.entry_in(&mut state, name)
    }

    fn entry_in(&self, state: &mut CoreState, name: &str) -> Arc<NodeEntry> {
        if let Some(entry) = state.nodes.get(name) {
            return Arc::clone(entry);
        }
        let name: Arc<str> = name.into();
        let settings = &self.settings;
        let (runtime, limit) = (self.runtime.clone(), settings.max_waiting);
        let waiting = WaitingCalls::on(runtime, settings.max_wait, limit);
        // The stage changes before the entries are told: an entry is either told, or finds the stage changed.
        let entry = NodeEntry::new(Arc::clone(&name), waiting, !self.is_running());
        let entry = Arc::new(entry);
        state.nodes.insert(name, Arc::clone(&entry));
        entry
    }

    pub(super) fn known_entry(&self, name: &str) -> Option<Arc<NodeEntry>> {
        self.lock().nodes.get(name).cloned()
    }

    pub(super) fn entries(&self) -> Vec<Arc<NodeEntry>> {
        self.lock().nodes.values().cloned().collect()
    }

    /// Returns the entry of a node that joins, if the limits allow another one.
    pub(super) fn entry_of_join(&self, name: &str) -> Result<Arc<NodeEntry>, Refusal> {
        let limit = self.settings.max_nodes;
        self.entry_within(name).ok_or_else(|| {
            let text = format!("too many nodes: the limit is {limit}");
            Refusal::new(RefusalReason::TooManyNodes, text)
        })
    }

    /// Returns the entry of a node to connect to.
    pub(super) fn entry_to_connect(&self, name: &str) -> Result<Arc<NodeEntry>, NodeError> {
        let limit = self.settings.max_nodes;
        self.entry_within(name)
            .ok_or(NodeError::TooManyNodes { limit })
    }

    fn entry_within(&self, name: &str) -> Option<Arc<NodeEntry>> {
        let limit = self.settings.max_nodes;
        let mut state = self.lock();
        if let Some(entry) = state.nodes.get(name) {
            return Some(Arc::clone(entry));
        }
        if state.nodes.len() >= limit {
            state.forget_nodes();
        }
        (state.nodes.len() < limit).then(|| self.entry_in(&mut state, name))
    }

    /// Counts a join. Returns `false` if there were too many within a second.
    pub(super) fn admits_join(&self) -> bool {
        let max = self.settings.max_joins;
        let now = Instant::now();
        let joins = &mut self.lock().joins;
        if now.duration_since(joins.since) >= Duration::from_secs(1) {
            *joins = JoinBudget {
                since: now,
                count: 0,
            };
        }
        joins.count = joins.count.saturating_add(1);
        joins.count <= max
    }

    pub(super) fn publish(&self, event: NodeEvent) {
        self.events.push(event);
        self.events.send();
    }

    pub(super) fn serving(&self) -> Option<PeerBuilder> {
        self.serving.lock().clone()
    }

    /// Runs `with` with the services, which do not change meanwhile.
    pub(super) fn with_serving(&self, with: impl FnOnce(&PeerBuilder)) {
        if let Some(builder) = &*self.serving.lock() {
            with(builder);
        }
    }

    /// Changes the services of joined nodes, present and future.
    pub(super) fn update_serving(
        &self,
        change: impl FnOnce(PeerBuilder) -> PeerBuilder,
    ) -> Result<(), NodeError> {
        let mut serving = self.serving.lock();
        let Some(builder) = &*serving else {
            return Err(NodeError::Closed);
        };
        let changed = change(builder.clone());
        changed.check()?;
        for entry in self.entries() {
            for peer in entry.joined_peers() {
                peer.serve_as(&changed);
            }
        }
        let old = serving.replace(changed);
        drop(serving);
        guard::discard(old);
        Ok(())
    }

    /// Keeps a listener. Returns it if the node does not run any more.
    pub(super) fn add_listener(&self, listener: ActiveListener) -> Result<(), ActiveListener> {
        let mut state = self.lock();
        if !self.is_running() {
            return Err(listener);
        }
        state.listeners.push(listener);
        Ok(())
    }

    /// Keeps the task of a discovery.
    pub(super) fn add_discovery(&self, task: AbortHandle) {
        self.lock().discoveries.push(task);
    }

    pub(super) fn take_listener(&self, address: &Endpoint) -> Option<ActiveListener> {
        let listeners = &mut self.lock().listeners;
        let at = listeners
            .iter()
            .position(|known| known.endpoint == *address || known.asked == *address)?;
        Some(listeners.swap_remove(at))
    }

    pub(super) fn addresses(&self) -> Vec<Endpoint> {
        let state = self.lock();
        let listeners = state.listeners.iter();
        listeners.map(|known| known.endpoint.clone()).collect()
    }

    pub(super) fn set_server(&self, handle: ServerHandle, task: AbortHandle) {
        self.lock().server = Some((handle, task));
    }

    pub(super) fn server(&self) -> Option<ServerHandle> {
        let state = self.lock();
        state.server.as_ref().map(|(handle, _)| handle.clone())
    }

    /// Moves to a later stage. Returns `false` if the node is there already.
    pub(super) fn advance(&self, to: Stage) -> bool {
        self.stage.send_if_modified(|stage| {
            let is_later = to > *stage;
            if is_later {
                *stage = to;
            }
            is_later
        })
    }

    /// Accepts and dials no more. Returns the tasks of the listeners, which end soon.
    fn stop(&self) -> Vec<JoinHandle<()>> {
        let (listeners, discoveries) = {
            let mut state = self.lock();
            let listeners = std::mem::take(&mut state.listeners);
            (listeners, std::mem::take(&mut state.discoveries))
        };
        for discovery in discoveries {
            discovery.abort();
        }
        for entry in self.entries() {
            entry.stop();
        }
        let ending = listeners.into_iter().map(|listener| {
            listener.accepting.abort();
            listener.accepting
        });
        ending.collect()
    }

    /// Closes every connection at once, and frees the services.
    pub(super) fn close(&self) {
        self.advance(Stage::ShuttingDown);
        drop(self.stop());
        for entry in self.entries() {
            for peer in entry.close() {
                peer.close();
            }
        }
        let server = self.lock().server.take();
        if let Some((_, task)) = server {
            task.abort();
        }
        self.events.close();
        let serving = self.serving.lock().take();
        guard::discard(serving);
        self.advance(Stage::Closed);
    }

    /// Starts to close every connection gracefully, unless that has begun, and waits until the node is closed.
    pub(super) async fn shutdown(self: &Arc<Self>, bound: Duration) {
        if self.advance(Stage::ShuttingDown) {
            let core = Arc::clone(self);
            let work: Task = Box::pin(async move { core.drain(bound).await });
            // A task of its own: dropping this future does not stop it.
            self.runtime.spawn(work);
        }
        let mut stage = self.stage.subscribe();
        // The sender lives in `self`.
        let _ = stage.wait_for(|stage| *stage == Stage::Closed).await;
    }

    async fn drain(&self, bound: Duration) {
        let listeners = self.stop();
        let mut peers: Vec<_> = self
            .entries()
            .iter()
            .flat_map(|entry| entry.peers())
            .collect();
        let guests = self.server().map(|server| server.connections());
        let guests = guests.into_iter().flatten();
        peers.extend(guests.map(|connection| connection.peer));
        let mut ending = tokio::task::JoinSet::new();
        for peer in peers {
            let work: Task = Box::pin(async move {
                peer.shutdown(bound).await;
            });
            ending.spawn(work);
        }
        while ending.join_next().await.is_some() {}
        for listener in listeners {
            // Its address is free once it has been dropped.
            let _ = listener.await;
        }
        self.close();
    }

    fn lock(&self) -> MutexGuard<'_, CoreState> {
        self.state.lock()
    }
}

/// Closes the node when its server's task is dropped, as with the runtime: nothing else would fail the waiting calls.
pub(super) struct CloseOnStop(pub(super) Weak<NodeCore>);

impl Drop for CloseOnStop {
    fn drop(&mut self) {
        if let Some(core) = self.0.upgrade() {
            core.close();
        }
    }
}

impl fmt::Debug for NodeCore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("name", self.name())
            .field("network", &self.settings.network)
            .field("stage", &*self.stage.borrow())
            .finish_non_exhaustive()
    }
}
