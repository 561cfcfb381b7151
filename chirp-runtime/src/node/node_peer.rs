use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::node_core::NodeCore;
use super::node_entry::NodeEntry;
use super::{NodeInfo, NodeState};
use crate::peer::{AsCaller, CallError, Caller, ConnectionSource, Found, Peer, Task};

/// Another node, by its name: calls use the current link to it.
///
/// Create generated clients from it as from a [`Peer`]. Without a link, a call waits: until its own timeout or deadline,
/// or else for [`NodeBuilder::max_wait`](super::NodeBuilder::max_wait). Calls of [`fail_fast`](Self::fail_fast) do not
/// wait. A call fails
///
/// - with [`CallError::NotConnected`] if no link was made in time, or if one of the two programs has disconnected the
///   nodes;
/// - with [`CallError::UnknownNode`], at once, if the node has never joined and no address of it is known.
///
/// As with a [`ReconnectingPeer`](super::ReconnectingPeer), a call that was rejected because the other side is shutting
/// down, or that was not sent, is sent again on the next link; an idempotent one also if its link was lost.
///
/// A `NodePeer` does not keep the node: its calls fail once the [`Node`](super::Node) is closed.
#[derive(Clone)]
pub struct NodePeer {
    link: Arc<NodeLink>,
}

impl NodePeer {
    pub(super) fn new(core: &Arc<NodeCore>, entry: Arc<NodeEntry>) -> Self {
        Self {
            link: Arc::new(NodeLink {
                core: Arc::clone(core),
                entry,
                fails_fast: core.settings.fails_fast,
            }),
        }
    }

    /// Returns the name of the node.
    pub fn name(&self) -> &Arc<str> {
        &self.link.entry.name
    }

    /// Returns `true` if there is a link.
    pub fn is_connected(&self) -> bool {
        self.link.entry.is_connected()
    }

    /// Returns what is known of the node.
    pub fn info(&self) -> NodeInfo {
        self.link.entry.info()
    }

    /// Returns whether the node is connected.
    pub fn state(&self) -> NodeState {
        self.info().state
    }

    /// Waits until there is a link, and returns its peer. Cancel safe.
    ///
    /// # Errors
    ///
    /// [`CallError::UnknownNode`] or [`CallError::NotConnected`] if there will be none.
    pub async fn ready(&self) -> Result<Peer, CallError> {
        self.link.entry.ready().await
    }

    /// Returns the peer of the current link, if there is one and the node is serving
    /// ([`NodeBuilder::require_health`](super::NodeBuilder::require_health)).
    pub fn peer(&self) -> Option<Peer> {
        self.link.entry.current()
    }

    /// Returns a caller whose calls fail at once if there is no link.
    pub fn fail_fast(&self) -> Caller {
        Caller::routed(Arc::new(NodeLink {
            core: Arc::clone(&self.link.core),
            entry: Arc::clone(&self.link.entry),
            fails_fast: true,
        }))
    }
}

impl AsCaller for NodePeer {
    fn as_caller(&self) -> Caller {
        Caller::routed(Arc::clone(&self.link) as _)
    }
}

impl fmt::Debug for NodePeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodePeer")
            .field("name", self.name())
            .field("state", &self.state())
            .finish()
    }
}

/// The links to a node, as a source of connections.
struct NodeLink {
    core: Arc<NodeCore>,
    entry: Arc<NodeEntry>,
    fails_fast: bool,
}

impl NodeLink {
    fn not_connected(&self) -> CallError {
        CallError::NotConnected(self.entry.reason())
    }
}

impl ConnectionSource for NodeLink {
    fn current(&self) -> Option<Found> {
        self.entry.current().map(Found::from)
    }

    fn ready(&self, is_timed: bool) -> Task<Result<Found, CallError>> {
        if self.fails_fast {
            let found = self.entry.peer_for_call();
            let found = found.unwrap_or_else(|| Err(self.not_connected()));
            return Box::pin(std::future::ready(found.map(Found::from)));
        }
        let (entry, late) = (Arc::clone(&self.entry), Arc::clone(&self.entry));
        let ready = async move { entry.ready().await.map(Found::from) };
        let late = move || CallError::NotConnected(late.reason());
        self.entry.waiting.wait(is_timed, ready, late)
    }

    fn max_wait(&self) -> Duration {
        self.core.settings.max_wait
    }

    fn reason(&self) -> Arc<str> {
        self.entry.reason()
    }

    fn runtime(&self) -> &Handle {
        &self.core.runtime
    }
}

impl fmt::Debug for NodeLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.entry.name)
    }
}
