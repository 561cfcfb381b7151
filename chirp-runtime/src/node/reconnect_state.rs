use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The connection state of a [`ReconnectingPeer`](super::ReconnectingPeer).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReconnectState {
    /// An attempt to connect is in progress.
    Connecting {
        /// The number of attempts since the last connection, from 1.
        attempt: u32,
        /// The reason why the last attempt failed or the last connection ended. `None` for the first attempt.
        reason: Option<Arc<str>>,
    },
    /// Connected: calls are sent.
    Connected,
    /// Connected, but the other side says that it is not serving ([`ReconnectConfig::health`]). Calls in progress go on, and
    /// new ones wait.
    ///
    /// [`ReconnectConfig::health`]: super::ReconnectConfig::health
    NotServing {
        /// The reason: the service, and its state.
        reason: Arc<str>,
    },
    /// Not connected. The next attempt follows after a pause.
    Waiting {
        /// The number of attempts since the last connection.
        attempts: u32,
        /// The length of the pause.
        pause: Duration,
        /// The reason why the last attempt failed or the last connection ended.
        reason: Arc<str>,
    },
    /// Closed by this side. The client does not connect again.
    Closed,
}

impl fmt::Display for ReconnectState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting {
                reason: Some(reason),
                ..
            }
            | Self::NotServing { reason }
            | Self::Waiting { reason, .. } => f.write_str(reason),
            Self::Connecting { .. } => f.write_str("connecting for the first time"),
            Self::Connected => f.write_str("connected"),
            Self::Closed => f.write_str("closed by this side"),
        }
    }
}
