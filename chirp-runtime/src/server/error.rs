use std::io;
use std::sync::Arc;

use crate::channel::Endpoint;
use crate::peer::RouteError;

/// Why a connection did not come about, or made room for another. The server goes on.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// Accepting failed: because of the one connection that it would have given, or because this process has
    /// no file left for one. Then it is tried again after a pause.
    #[error("a connection to {endpoint} was not accepted: {error}")]
    Accept {
        /// Where the server listens.
        endpoint: Endpoint,
        /// Why.
        error: Arc<io::Error>,
    },
    /// A handshake failed, or took too long.
    #[error("a connection {}failed in its handshake: {error}", from(.remote.as_ref()))]
    Handshake {
        /// Where it came from, if that has an address.
        remote: Option<Endpoint>,
        /// Why. [`TimedOut`](io::ErrorKind::TimedOut) when it took too long.
        error: Arc<io::Error>,
    },
    /// A connection on which nothing had come yet was closed, since there were too many and another came.
    #[error("a silent connection {}made room for another", from(.remote.as_ref()))]
    MadeRoom {
        /// Where it came from, if that has an address.
        remote: Option<Endpoint>,
    },
    /// A hook of the program's panicked: `on_connect`, or what makes a connection's own handlers. The connection is
    /// closed.
    #[error("a connection {}was closed: {message}", from(.remote.as_ref()))]
    Panicked {
        /// Where it came from, if that has an address.
        remote: Option<Endpoint>,
        /// Which hook it was, and what it said.
        message: String,
    },
    /// Two services that are made for each connection claim one name. The connection stays, and every call over it is
    /// answered with [`FrameworkError::Unsupported`](crate::packet::FrameworkError::Unsupported).
    #[error(transparent)]
    Duplicate(#[from] RouteError),
}

fn from(remote: Option<&Endpoint>) -> String {
    remote.map_or_else(String::new, |remote| format!("from {remote} "))
}
