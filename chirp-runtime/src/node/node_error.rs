use std::sync::Arc;

use crate::channel::{Endpoint, EndpointError};
use crate::peer::{ConnectError, RouteError};

/// The reason why a node could not be started or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The text is not the name of a node or network.
    #[error("invalid name {name:?}: {why}")]
    InvalidName {
        /// The text.
        name: String,
        /// The fault of the name.
        why: String,
    },
    /// The name is that of this node.
    #[error("{name:?} is the name of this node: a node does not connect to itself")]
    OwnName {
        /// The name.
        name: Arc<str>,
    },
    /// The labels of this node are too long, too many, or two have the same key.
    #[error("invalid labels: {0}")]
    Labels(String),
    /// The address is invalid, or its scheme is not known.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The address has no scheme, and would be taken for the path of a Unix socket.
    #[error(
        "address {address:?} has no scheme: write tcp://host:port, or ./{address} for the path of a Unix socket"
    )]
    NoScheme {
        /// The address.
        address: String,
    },
    /// The address needs TLS settings, and the node has none.
    #[error(
        "{address} needs keys or certificates: use `NodeBuilder::keys` or `NodeBuilder::certificates`"
    )]
    NoTls {
        /// The address.
        address: Endpoint,
    },
    /// Listening failed, or a service could not be registered.
    #[error(transparent)]
    Listen(#[from] ConnectError),
    /// No node of this name is known.
    #[error("unknown node {name:?}: it has not joined, and no address of it is known")]
    UnknownNode {
        /// The name.
        name: Arc<str>,
    },
    /// The node does not listen on this address.
    #[error("the node does not listen on {address}")]
    NotListening {
        /// The address.
        address: Endpoint,
    },
    /// The node is connected to, or knows addresses of, as many nodes as it allows.
    #[error("too many nodes: the limit is {limit} (`NodeBuilder::max_nodes`)")]
    TooManyNodes {
        /// The limit.
        limit: usize,
    },
    /// The node is closed.
    #[error("the node is closed")]
    Closed,
}

impl From<RouteError> for NodeError {
    fn from(error: RouteError) -> Self {
        Self::Listen(error.into())
    }
}
