//! Discovery of addresses.

mod address_list;
#[cfg(feature = "mdns")]
mod mdns;
mod task;

use async_trait::async_trait;

pub use address_list::AddressList;
#[cfg(feature = "mdns")]
pub use mdns::Mdns;
pub(super) use task::spawn;

use crate::channel::Endpoint;

/// A source of addresses of nodes: a list, the local network, or a registry of a program's own.
///
/// A node dials what its discoveries find, as if the program had called [`Node::connect`](super::Node::connect). It does
/// not dial a node that one of the two programs has disconnected. What a discovery says proves nothing: the node at an
/// address must have the name, and prove it if keys are used. Addresses that start a program (`exec:`) or are part of
/// this process (`stdio:`, `fd:`) are ignored.
///
/// ```
/// # mod chirp { pub use chirp_runtime::node::*; }
/// use chirp::{AddressList, Node};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let list = AddressList::new();
/// let node = Node::builder("alpha").discovery(list.clone()).start().await?;
/// list.set("beta", ["tcp://127.0.0.1:4555"])?;
/// # Ok(()) }
/// ```
#[async_trait]
pub trait Discovery: Send + 'static {
    /// Begins: `node` is the node that asks, to be announced to others if the discovery does so. Called once, before
    /// [`next`](Self::next).
    fn begin(&mut self, node: &Announcement) {
        let _ = node;
    }

    /// Waits for the next change. Returns `None` if there will be no more; what has been found stays known.
    ///
    /// The node starts as soon as this method waits for the first time. So nodes that are reported at once are known from
    /// the start: calls wait for a link to them, in place of failing with
    /// [`CallError::UnknownNode`](crate::peer::CallError::UnknownNode).
    ///
    /// Must be cancel safe.
    async fn next(&mut self) -> Option<Discovered>;
}

/// The name, network and addresses of a node, for discoveries that announce it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Announcement {
    /// The name of the node.
    pub name: String,
    /// The name of its network.
    pub network: String,
    /// The addresses that it listens on at its start.
    pub addresses: Vec<Endpoint>,
}

impl Announcement {
    pub(super) fn new(name: &str, network: &str, addresses: Vec<Endpoint>) -> Self {
        Self {
            name: name.to_owned(),
            network: network.to_owned(),
            addresses,
        }
    }
}

/// A change that a [`Discovery`] reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Discovered {
    /// These are the addresses of a node, in place of those that the same discovery has reported before.
    Found {
        /// The name of the node.
        name: String,
        /// Its addresses. At most 16 are used.
        addresses: Vec<Endpoint>,
    },
    /// The node has no address any more. A link to it stays.
    Lost {
        /// The name of the node.
        name: String,
    },
}
