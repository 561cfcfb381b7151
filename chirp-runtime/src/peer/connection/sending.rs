use crate::peer::ConnectionError;

/// The state of sending, which may end before the connection does.
#[derive(Clone, Debug, Default)]
pub(in crate::peer) enum Sending {
    /// Packets are sent.
    #[default]
    Open,
    /// This side has said that it goes away: its handlers still call, and packets are sent.
    Leaving,
    /// A graceful shutdown: queued output is written, then the write half is shut down. `batches` counts the batches written
    /// since.
    Closing { batches: usize },
    /// The write half has been shut down gracefully.
    Closed,
    /// A write failed, or the shutdown did not complete. Output is discarded.
    Failed(Box<ConnectionError>),
}

impl Sending {
    /// Returns why no call may be made and no packet sent, if so.
    pub(in crate::peer) fn refusal(&self) -> Option<ConnectionError> {
        match self {
            Self::Open | Self::Leaving => None,
            Self::Closing { .. } | Self::Closed => Some(ConnectionError::ClosedHere),
            Self::Failed(reason) => Some(ConnectionError::clone(reason)),
        }
    }

    /// Returns why the connection ends, given the reason why its input has ended. `draining`: this side has asked for the end
    /// and has served everything, so that the end is its own, even if the other side closes first.
    pub(in crate::peer) fn reason(
        &self,
        reason: ConnectionError,
        draining: bool,
    ) -> ConnectionError {
        match self {
            _ if matches!(reason, ConnectionError::RuntimeStopped) => reason,
            Self::Open | Self::Leaving
                if draining && matches!(reason, ConnectionError::ClosedByPeer) =>
            {
                ConnectionError::ClosedHere
            }
            Self::Open | Self::Leaving => reason,
            Self::Closing { .. } | Self::Closed => ConnectionError::ClosedHere,
            Self::Failed(failure) => ConnectionError::clone(failure),
        }
    }

    /// Returns `true` if packets are sent and the end of sending has not begun.
    pub(in crate::peer) fn is_open(&self) -> bool {
        matches!(self, Self::Open | Self::Leaving)
    }

    /// Returns `true` if the write half is still to be shut down.
    pub(in crate::peer) fn is_closing(&self) -> bool {
        matches!(self, Self::Closing { .. })
    }

    /// Returns `true` if queued packets will never be written.
    pub(in crate::peer) fn is_over(&self) -> bool {
        matches!(self, Self::Closed | Self::Failed(_))
    }
}
