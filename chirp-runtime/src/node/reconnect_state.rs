use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where a [`ReconnectingPeer`](super::ReconnectingPeer) client stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconnectState {
    /// It is connecting.
    Connecting {
        /// For the how many-th time since there was a connection, from 1.
        attempt: u32,
        /// Why the last attempt failed, or the last connection ended.
        reason: Option<Arc<str>>,
    },
    /// There is a connection, and calls go.
    Connected,
    /// There is none. After a pause it connects again.
    Waiting {
        /// How many times it has tried since there was a connection.
        attempts: u32,
        /// How long the pause is.
        pause: Duration,
        /// Why the last attempt failed, or the connection ended.
        reason: Arc<str>,
    },
    /// It was closed, and connects no more.
    Closed,
}

impl fmt::Display for ReconnectState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting {
                reason: Some(reason),
                ..
            }
            | Self::Waiting { reason, .. } => f.write_str(reason),
            Self::Connecting { .. } => f.write_str("connecting for the first time"),
            Self::Connected => f.write_str("connected"),
            Self::Closed => f.write_str("closed by this side"),
        }
    }
}
