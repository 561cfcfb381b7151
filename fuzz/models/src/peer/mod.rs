use std::io;

use crate::channel::FailureKind;
use crate::session::Fatal;

pub(crate) mod client;
pub(crate) mod connection;
#[path = "../../../../chirp-runtime/src/peer/guard.rs"]
pub(crate) mod guard;
pub(crate) mod monitoring;
#[cfg(test)]
mod schedules;
pub(crate) mod server;
mod sleeper;
pub(crate) mod stream;

#[cfg(test)]
mod demand_model;
#[cfg(test)]
mod effects_model;
#[cfg(test)]
mod mailbox_model;
#[cfg(test)]
mod pending_call_model;
#[cfg(test)]
mod stalled_handler_model;
#[cfg(test)]
mod submit_queue_model;
#[cfg(test)]
mod write_state_model;

/// Why a connection has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionError {
    ClosedHere,
    ClosedByPeer,
    RuntimeStopped,
    Stalled { seconds: u64 },
    Channel(String),
}

impl ConnectionError {
    fn failure_kind(&self) -> Option<FailureKind> {
        None
    }

    fn may_have_reader(&self) -> bool {
        !matches!(self, Self::Channel(_) | Self::Stalled { .. })
    }
}

impl std::fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        Self::Channel(error.to_string())
    }
}

impl From<Fatal> for ConnectionError {
    fn from(fatal: Fatal) -> Self {
        Self::Channel(format!("{fatal:?}"))
    }
}
