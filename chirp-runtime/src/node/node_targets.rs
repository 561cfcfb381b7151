//! Calls from a node to many others.

use std::sync::Arc;

use super::gather::Address;
use super::node_entry::NodeEntry;
use super::{Node, NodePeer, Targets};
use crate::peer::{AsCaller, CallError};

impl Node {
    /// Returns the nodes that are connected, as targets for calls. This node is not among them: see [`Targets::and`]. Nodes
    /// that are not serving are left out, if [health is required](super::NodeBuilder::require_health).
    ///
    /// ```
    /// # mod chirp { pub use chirp_runtime::{node::*, peer::*}; }
    /// use std::time::Duration;
    ///
    /// use chirp::{Call, Node};
    ///
    /// # async fn gather(node: Node, load: Call<u64>) {
    /// let answers = node.all().gather(load).timeout(Duration::from_secs(5)).await;
    /// println!("{} nodes have answered", answers.len());
    /// # }
    /// ```
    pub fn all(&self) -> Targets {
        self.matching_entries(|_| true)
    }

    /// Returns nodes by their names, as targets for calls. Each name counts once.
    ///
    /// A node that is not connected fails at once, with [`CallError::NotConnected`] or [`CallError::UnknownNode`]. Calls
    /// that should wait for a link are made with [`Node::peer`], which can be a target, too:
    /// `Targets::new([("beta", node.peer("beta"))])`.
    pub fn some<N: Into<Arc<str>>>(&self, names: impl IntoIterator<Item = N>) -> Targets {
        let mut wanted: Vec<Arc<str>> = Vec::new();
        for name in names {
            let name = name.into();
            if !wanted.contains(&name) {
                wanted.push(name);
            }
        }
        let core = Arc::clone(self.core());
        Targets::lookup(move || {
            let address = |name: &Arc<str>| match core.known_entry(name) {
                Some(entry) => entry.address(),
                None => Address {
                    name: Arc::clone(name),
                    caller: Err(CallError::UnknownNode(Arc::clone(name))),
                },
            };
            wanted.iter().map(address).collect()
        })
    }

    /// Returns the connected nodes for which `is_wanted` returns `true`, as targets for calls. The condition is checked for
    /// each group.
    ///
    /// ```
    /// # mod chirp { pub use chirp_runtime::{node::*, peer::*}; }
    /// use chirp::Node;
    ///
    /// # fn choose(node: Node) {
    /// let in_europe = node.matching(|peer| {
    ///     let link = peer.info().link;
    ///     link.is_some_and(|link| link.labels.get("zone") == Some("eu"))
    /// });
    /// # }
    /// ```
    pub fn matching(
        &self,
        is_wanted: impl Fn(&NodePeer) -> bool + Send + Sync + 'static,
    ) -> Targets {
        let core = Arc::clone(self.core());
        self.matching_entries(move |entry| is_wanted(&NodePeer::new(&core, Arc::clone(entry))))
    }

    fn matching_entries(
        &self,
        is_wanted: impl Fn(&Arc<NodeEntry>) -> bool + Send + Sync + 'static,
    ) -> Targets {
        let core = Arc::clone(self.core());
        Targets::lookup(move || {
            let entries = core.entries().into_iter();
            let connected = entries.filter_map(|entry| {
                let peer = entry.current()?;
                is_wanted(&entry).then(|| Address {
                    name: Arc::clone(&entry.name),
                    caller: Ok(peer.as_caller()),
                })
            });
            connected.collect()
        })
    }
}

impl NodeEntry {
    /// Returns the caller of the current link, or the reason why there is none.
    fn address(&self) -> Address {
        let found = self.peer_for_call();
        let found = found.unwrap_or_else(|| Err(CallError::NotConnected(self.reason())));
        Address {
            name: Arc::clone(&self.name),
            caller: found.map(|peer| peer.as_caller()),
        }
    }
}
