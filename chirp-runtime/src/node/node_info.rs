use std::sync::Arc;
use std::time::{Duration, Instant};

use super::labels::Labels;
use crate::channel::{Endpoint, Identity};

/// A node as another node knows it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeInfo {
    /// Its name.
    pub name: Arc<str>,
    /// Whether it is connected.
    pub state: NodeState,
    /// The addresses at which it is dialled.
    pub addresses: Vec<Endpoint>,
    /// The link that calls use. `None` if the node is not connected.
    pub link: Option<LinkInfo>,
}

/// The connection of a node to another.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LinkInfo {
    /// The address of the other side, if it has one.
    pub address: Option<Endpoint>,
    /// This side dialled.
    pub dialled: bool,
    /// When the link was made.
    pub since: Instant,
    /// The last measured round-trip time.
    pub rtt: Option<Duration>,
    /// The verified identity of the other side.
    pub identity: Identity,
    /// The name was proven by a key or a certificate. Otherwise it is a claim of the other side.
    pub authenticated: bool,
    /// The labels of the other node.
    pub labels: Labels,
    /// The random number of the other process.
    pub incarnation: u64,
}

/// Whether a node is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeState {
    /// Neither has it joined, nor is an address known.
    Unknown,
    /// It can be called.
    Connected,
    /// It is connected, but gets no new calls, since it says that the service of
    /// [`NodeBuilder::require_health`](super::NodeBuilder::require_health) is not serving.
    NotServing {
        /// The reason: the service, and its state.
        reason: Arc<str>,
    },
    /// An attempt to connect is in progress.
    Connecting {
        /// The number of attempts since it was connected, from 1.
        attempt: u32,
    },
    /// It is not connected. It is dialled again after a pause, or is expected to dial.
    Waiting {
        /// Why it is not connected.
        reason: Arc<str>,
    },
    /// One of the two programs has disconnected the nodes. Neither dials until its own program connects again.
    Disconnected {
        /// The program that disconnected them, and why.
        reason: Arc<str>,
    },
}
