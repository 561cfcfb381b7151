use super::ConnectionError;

/// How far the end of sending is, which may come before the end of the connection.
#[derive(Clone, Debug, Default)]
pub(super) enum Sending {
    /// Packets are sent.
    #[default]
    Open,
    /// In order: what waits is written, then the write half is shut down. `batches` is how many batches have been
    /// written since.
    Closing { batches: usize },
    /// The write half has been shut down, in order.
    Closed,
    /// A write failed, or shutting down did not end. What waits is thrown away.
    Failed(ConnectionError),
}

impl Sending {
    /// Why no call may be made and no packet sent.
    pub(super) fn refusal(&self) -> Option<ConnectionError> {
        match self {
            Self::Open => None,
            Self::Closing { .. } | Self::Closed => Some(ConnectionError::ClosedHere),
            Self::Failed(reason) => Some(reason.clone()),
        }
    }

    /// Why the connection ends, when `reason` is why its input has ended. A side that is `draining` has asked for the end,
    /// also where the other side closes first.
    pub(super) fn reason(&self, reason: ConnectionError, draining: bool) -> ConnectionError {
        match self {
            _ if matches!(reason, ConnectionError::RuntimeStopped) => reason,
            Self::Open if draining && matches!(reason, ConnectionError::ClosedByPeer) => {
                ConnectionError::ClosedHere
            }
            Self::Open => reason,
            Self::Closing { .. } | Self::Closed => ConnectionError::ClosedHere,
            Self::Failed(failure) => failure.clone(),
        }
    }

    /// Whether the write half is still to be shut down.
    pub(super) fn is_closing(&self) -> bool {
        matches!(self, Self::Closing { .. })
    }

    /// Whether a packet that waits now will never be written.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Closed | Self::Failed(_))
    }
}
