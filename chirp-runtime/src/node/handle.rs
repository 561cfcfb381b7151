use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::entry_state::NodeTarget;
use super::join::Leave;
use super::link_task;
use super::listen;
use super::names;
use super::node_core::{NodeCore, Stage};
use super::node_entry::LinkTag;
use super::{NodeAddress, NodeBuilder, NodeError, NodeEvents, NodeInfo, NodePeer, NodeState};
use crate::channel::Endpoint;
use crate::peer::{CallContext, PeerBuilder, Task};
use crate::service::Service;

/// The time that the other side has to answer `leave` after a disconnect, and to end its calls.
const DISCONNECT_TIME: Duration = Duration::from_secs(1);

/// A program among others of one network, which know each other by name.
///
/// A node listens on any number of addresses, and dials any number of others by name and address. Whoever dialled, both
/// nodes can call each other, over one link per pair. A link that is lost is made again. A node that only dials, behind a
/// firewall, can be called by all that it has dialled.
///
/// Nodes make themselves known when a connection begins: they *join*. A connection that has not joined may call nothing,
/// except [what is open](NodeBuilder::open_service). Nodes of different networks do not join.
///
/// Without keys, a name is a claim of the other side ([`LinkInfo::authenticated`](super::LinkInfo::authenticated)). With
/// keys or certificates, a name is proven by the channel.
///
/// ```
/// # mod chirp { pub use chirp_runtime::{node::*, peer::*, packet}; }
/// use chirp::{AsCaller, Node, Request};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let greet = |request: Request| async move { Ok::<_, chirp::packet::ErrorData>(request.into_params()) };
/// let alpha = Node::builder("alpha")
///     .network("demo")
///     .configure_peers(move |peers| peers.handle("greet", greet))
///     .listen("tcp://127.0.0.1:0")
///     .start()
///     .await?;
///
/// let address = alpha.addresses().remove(0);
/// let beta = Node::builder("beta").network("demo").connect("alpha", address).start().await?;
/// // The call waits for the link.
/// let answer = beta.peer("alpha").as_caller().call("greet", "hello").await?;
/// assert_eq!(answer, "hello");
/// assert_eq!(alpha.peers()[0].name.as_ref(), "beta");
/// # Ok(()) }
/// ```
///
/// Clones are handles of the same node. Dropping the last handle closes the node. A service that keeps a handle of its
/// own node keeps it running: call [`close`](Self::close) or [`shutdown`](Self::shutdown).
#[derive(Clone)]
pub struct Node {
    shared: Arc<NodeShared>,
}

/// Closes the node when the last handle is dropped.
struct NodeShared {
    core: Arc<NodeCore>,
}

impl Drop for NodeShared {
    fn drop(&mut self) {
        self.core.close();
    }
}

impl Node {
    /// Creates a builder of a node with this name.
    pub fn builder(name: impl Into<Arc<str>>) -> NodeBuilder {
        NodeBuilder::new(name.into())
    }

    pub(super) fn new(core: Arc<NodeCore>) -> Self {
        Self {
            shared: Arc::new(NodeShared { core }),
        }
    }

    pub(super) fn core(&self) -> &Arc<NodeCore> {
        &self.shared.core
    }

    /// Returns the name of this node.
    pub fn name(&self) -> &Arc<str> {
        self.core().name()
    }

    /// Returns the name of the network.
    pub fn network(&self) -> &str {
        &self.core().settings.network
    }

    /// Returns the addresses that this node listens on, with the actual port where it was given as 0.
    pub fn addresses(&self) -> Vec<Endpoint> {
        self.core().addresses()
    }

    /// Returns another node by its name, for calls. The name need not be known yet, but a call to a node that has not
    /// joined, and of which no address is known, fails at once with
    /// [`CallError::UnknownNode`](crate::peer::CallError::UnknownNode). To wait for nodes that dial this one,
    /// [`watch`](Self::watch) them join.
    pub fn peer(&self, name: impl AsRef<str>) -> NodePeer {
        let core = self.core();
        NodePeer::new(core, core.entry(name.as_ref()))
    }

    /// Returns the nodes that are connected, sorted by name.
    pub fn connected(&self) -> Vec<NodePeer> {
        connected(self.core())
    }

    /// Returns the number of connections to other nodes, including those that are being decided on or closed.
    pub fn connections(&self) -> usize {
        let entries = self.core().entries();
        entries.iter().map(|entry| entry.peers().len()).sum()
    }

    /// Returns all known nodes, connected or not, sorted by name.
    pub fn peers(&self) -> Vec<NodeInfo> {
        let entries = self.core().entries();
        let mut infos: Vec<_> = entries.iter().map(|entry| entry.info()).collect();
        infos.retain(|info| info.state != NodeState::Unknown);
        infos.sort_by(|one, other| one.name.cmp(&other.name));
        infos
    }

    /// Returns a receiver of what happens from now on. A receiver that falls behind is told how much it has missed.
    pub fn watch(&self) -> NodeEvents {
        self.core().events.subscribe()
    }

    /// Dials a node, now and whenever there is no link to it. Returns at once. A known name gets a further address; its
    /// addresses are tried in turn.
    ///
    /// If one of the two programs had disconnected the nodes, this side forgets that.
    ///
    /// # Errors
    ///
    /// [`NodeError`] if the name is invalid or that of this node, if the address is invalid or needs TLS settings that this
    /// node does not have, or if the node is closed or knows too many others.
    pub fn connect(
        &self,
        name: impl AsRef<str>,
        address: impl Into<NodeAddress>,
    ) -> Result<(), NodeError> {
        let endpoint = address.into().endpoint()?;
        let core = self.core();
        let target = NodeTarget {
            endpoint,
            found_by: None,
        };
        connect(core, name.as_ref(), target)
    }

    /// Allows a link to a node again that one of the two programs has disconnected, and dials its known addresses.
    ///
    /// # Errors
    ///
    /// [`NodeError::UnknownNode`], or [`NodeError::Closed`].
    pub fn reconnect(&self, name: impl AsRef<str>) -> Result<(), NodeError> {
        let core = self.core();
        if !core.is_running() {
            return Err(NodeError::Closed);
        }
        let name = name.as_ref();
        let entry = core
            .known_entry(name)
            .filter(|entry| entry.info().state != NodeState::Unknown);
        let entry = entry.ok_or_else(|| NodeError::UnknownNode { name: name.into() })?;
        entry.reconnect(core);
        Ok(())
    }

    /// Removes an address of a node. A link is not affected. If no other address is known and the node has never joined,
    /// its calls fail with [`CallError::UnknownNode`](crate::peer::CallError::UnknownNode). Returns whether the address was
    /// known.
    ///
    /// # Errors
    ///
    /// [`NodeError`] if the address is invalid.
    pub fn remove_address(
        &self,
        name: impl AsRef<str>,
        address: impl Into<NodeAddress>,
    ) -> Result<bool, NodeError> {
        let endpoint = address.into().endpoint()?;
        let entry = self.core().known_entry(name.as_ref());
        Ok(entry.is_some_and(|entry| entry.remove_addresses(|target| target.endpoint == endpoint)))
    }

    /// Ends the links to a node and refuses new ones, until this program calls [`connect`](Self::connect) or
    /// [`reconnect`](Self::reconnect). The other node is told, so that it does not dial again before its own program asks
    /// for it. Calls in progress have 1 s to end.
    ///
    /// Returns once the links have ended. Dropping the future does not stop this.
    ///
    /// # Errors
    ///
    /// [`NodeError::UnknownNode`].
    pub async fn disconnect(&self, name: impl AsRef<str>) -> Result<(), NodeError> {
        let core = self.core();
        let name = name.as_ref();
        let entry = core.known_entry(name);
        let peers = entry.and_then(|entry| entry.disconnect(core));
        let peers = peers.ok_or_else(|| NodeError::UnknownNode { name: name.into() })?;
        let mut ending = tokio::task::JoinSet::new();
        for peer in peers {
            let work: Task = Box::pin(async move {
                let disconnected = Leave::Disconnected(String::new());
                link_task::leave(&peer, disconnected, DISCONNECT_TIME).await;
                peer.shutdown(DISCONNECT_TIME).await;
            });
            ending.spawn_on(work, &core.runtime);
        }
        // A task of its own keeps the set when this future is dropped.
        let ended: Task = Box::pin(async move { while ending.join_next().await.is_some() {} });
        let _ = core.runtime.spawn(ended).await;
        Ok(())
    }

    /// Listens on a further address. Returns the actual one.
    ///
    /// # Errors
    ///
    /// [`NodeError`] if the address is invalid or in use, if it needs TLS settings that this node does not have, or if the
    /// node is closed.
    pub async fn listen(&self, address: impl Into<NodeAddress>) -> Result<Endpoint, NodeError> {
        let endpoint = address.into().endpoint()?;
        listen::start(self.core(), endpoint).await
    }

    /// Listens no more on an address, given as to [`listen`](Self::listen) or as in [`addresses`](Self::addresses). Links
    /// are not affected.
    ///
    /// # Errors
    ///
    /// [`NodeError::NotListening`], or [`NodeError`] if the address is invalid.
    pub async fn stop_listening(&self, address: impl Into<NodeAddress>) -> Result<(), NodeError> {
        let address = address.into().endpoint()?;
        let listener = self.core().take_listener(&address);
        let listener = listener.ok_or(NodeError::NotListening { address })?;
        listener.accepting.abort();
        // The listener is dropped before its task has ended.
        let _ = listener.accepting.await;
        Ok(())
    }

    /// Serves the methods of a further service, on present links too.
    ///
    /// # Errors
    ///
    /// [`NodeError::Listen`] if a method name is taken, or [`NodeError::Closed`].
    pub fn add_service(&self, service: impl Service) -> Result<(), NodeError> {
        self.configure_peers(|peers| peers.service(service))
    }

    /// Changes what joined nodes may call, on present links too. Other settings affect later links only.
    ///
    /// # Errors
    ///
    /// [`NodeError::Listen`] if a method name is taken, or [`NodeError::Closed`].
    pub fn configure_peers(
        &self,
        change: impl FnOnce(PeerBuilder) -> PeerBuilder,
    ) -> Result<(), NodeError> {
        self.core().update_serving(change)
    }

    /// Closes every link and listener at once. Calls in progress fail, waiting calls too. Services are dropped.
    pub fn close(&self) {
        self.core().close();
    }

    /// Closes the node gracefully: it accepts and dials no more, running handlers have until `bound` to answer, and then
    /// every link is closed. Returns once the node is closed, also if another task has begun to close it.
    ///
    /// Dropping the future does not stop the shutdown.
    pub async fn shutdown(&self, bound: Duration) {
        self.core().shutdown(bound).await;
    }

    /// Waits until the node is closed. Cancel safe.
    pub async fn closed(&self) {
        let mut stage = self.core().stage.subscribe();
        // The sender lives in the node.
        let _ = stage.wait_for(|stage| *stage == Stage::Closed).await;
    }
}

fn connected(core: &Arc<NodeCore>) -> Vec<NodePeer> {
    let mut entries = core.entries();
    entries.retain(|entry| entry.is_connected());
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    let peers = entries.into_iter().map(|entry| NodePeer::new(core, entry));
    peers.collect()
}

/// Dials a node on behalf of the program.
pub(super) fn connect(
    core: &Arc<NodeCore>,
    name: &str,
    target: NodeTarget,
) -> Result<(), NodeError> {
    names::check(name).map_err(|why| NodeError::InvalidName {
        name: name.into(),
        why,
    })?;
    if *name == **core.name() {
        return Err(NodeError::OwnName { name: name.into() });
    }
    if matches!(target.endpoint, Endpoint::Tls { .. }) && core.settings.client_tls.is_none() {
        return Err(NodeError::NoTls {
            address: target.endpoint,
        });
    }
    core.settings.schemes.check(&target.endpoint)?;
    if !core.is_running() {
        return Err(NodeError::Closed);
    }
    core.entry_to_connect(name)?.add_address(core, target, true);
    Ok(())
}

impl CallContext {
    /// Returns the name of the [`Node`] that makes the call. `None` if the connection has not joined as a node.
    ///
    /// Without keys or certificates, the name is a claim of the other side. [`identity`](Self::identity) tells what is
    /// proven.
    pub fn node(&self) -> Option<&str> {
        let tag = self.attachment::<LinkTag>()?;
        Some(&tag.entry.name)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core().fmt(f)
    }
}
