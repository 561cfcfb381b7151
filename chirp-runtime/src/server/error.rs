use std::io;
use std::sync::Arc;

use crate::channel::Endpoint;
use crate::peer::RouteError;

/// The reason why a connection could not be established, or was closed to make room. The server continues.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// Accepting failed, because of one connection or because this process has run out of file descriptors. The
    /// server tries again after a pause.
    #[error("cannot accept a connection on {endpoint}: {error}")]
    Accept {
        /// The address of the listener.
        endpoint: Endpoint,
        /// The error of the listener.
        error: Arc<io::Error>,
    },
    /// A handshake failed, panicked or timed out.
    #[error("handshake {}failed: {error}", from(.remote.as_ref()))]
    Handshake {
        /// The address of the other side, if it has one.
        remote: Option<Endpoint>,
        /// The reason. Its kind is [`TimedOut`](io::ErrorKind::TimedOut) if the handshake timed out.
        error: Arc<io::Error>,
    },
    /// A handshake or a connection that had sent nothing was closed, because a limit was reached and another
    /// connection arrived.
    #[error("idle connection {}closed to make room for another", from(.remote.as_ref()))]
    MadeRoom {
        /// The address of the other side, if it has one.
        remote: Option<Endpoint>,
    },
    /// A hook panicked while a connection started. The connection is closed.
    #[error("connection {}closed: {message}", from(.remote.as_ref()))]
    Panicked {
        /// The address of the other side, if it has one.
        remote: Option<Endpoint>,
        /// The hook and its panic message.
        message: String,
    },
    /// Two services that are created for each connection have a method of the same name, or a name is invalid. The
    /// connection stays open, and every call over it fails with
    /// [`FrameworkError::Unsupported`](crate::packet::FrameworkError::Unsupported).
    #[error(transparent)]
    Duplicate(#[from] RouteError),
}

impl AcceptError {
    /// Returns `true` if accepting failed because this process or the system has run out of file descriptors.
    pub fn is_out_of_descriptors(&self) -> bool {
        // `ENFILE` and `EMFILE`, which have the same numbers on all Unix systems.
        matches!(self, Self::Accept { error, .. } if matches!(error.raw_os_error(), Some(23 | 24)))
    }
}

fn from(remote: Option<&Endpoint>) -> String {
    remote.map_or_else(String::new, |remote| format!("from {remote} "))
}
