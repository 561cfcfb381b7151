use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::peer::client::caller::ConnectionRef;
use crate::peer::connection::ConnectionCore;
use crate::peer::stream::consumer::Consumer;
use crate::peer::stream::mailbox::Mailbox;
use crate::peer::stream::producer::Producer;
use crate::peer::{ConnectionError, StreamError};
use crate::session::{Ending, StreamKey};

/// The common part of both stream halves: this half's mailbox, and the way to the other half.
pub(in crate::peer) struct HalfState {
    pub(in crate::peer) mailbox: Arc<Mailbox>,
    pub(in crate::peer) way: Peering,
}

/// The way to the other half.
pub(in crate::peer) enum Peering {
    /// A session. A stream that was refused has no key.
    Remote(ConnectionRef, Option<StreamKey>),
    /// Within this process: the mailbox of the other half, and the cost of the items that have not been consumed.
    Local(Arc<Mailbox>, Arc<AtomicUsize>),
}

/// The maximum cost of the items between two halves in this process, in bytes, exceeded by one item at most.
pub(in crate::peer) const HELD: usize = 64 << 10;

impl HalfState {
    pub(in crate::peer) fn error_of(&self, ending: Ending) -> Option<StreamError> {
        let error = match ending {
            Ending::Finished => return None,
            Ending::Closed => StreamError::ConnectionLost(self.closed_because()),
            other => other.into(),
        };
        Some(error)
    }

    /// Returns the connection. `None` within this process.
    pub(in crate::peer) fn connection(&self) -> Option<&Arc<ConnectionCore>> {
        match &self.way {
            Peering::Remote(link, _) => Some(link.connection()),
            Peering::Local(..) => None,
        }
    }

    /// Waits until one of the two sides of the connection shuts down. Within this process it never returns.
    pub(in crate::peer) async fn draining(&self) {
        match self.connection() {
            Some(connection) => connection.draining().await,
            None => std::future::pending().await,
        }
    }

    /// Returns the mailboxes of both halves, if they are in this process.
    pub(in crate::peer) fn both(&self) -> Option<[Arc<Mailbox>; 2]> {
        match &self.way {
            Peering::Local(other, _) => Some([Arc::clone(&self.mailbox), Arc::clone(other)]),
            Peering::Remote(..) => None,
        }
    }

    fn closed_because(&self) -> ConnectionError {
        match &self.way {
            Peering::Remote(link, _) => link.connection().reason(),
            Peering::Local(..) => ConnectionError::ClosedHere,
        }
    }
}

/// Creates the two halves of a stream within this process.
pub(in crate::peer) fn local() -> (Producer, Consumer) {
    let (ours, theirs) = (Arc::<Mailbox>::default(), Arc::<Mailbox>::default());
    let held = Arc::<AtomicUsize>::default();
    let producer = Producer::of(HalfState {
        mailbox: Arc::clone(&ours),
        way: Peering::Local(Arc::clone(&theirs), Arc::clone(&held)),
    });
    let consumer = Consumer::of(HalfState {
        mailbox: theirs,
        way: Peering::Local(ours, held),
    });
    (producer, consumer)
}

/// Returns the remaining room, in bytes.
pub(in crate::peer) fn room(held: &AtomicUsize) -> u64 {
    HELD.saturating_sub(held.load(Ordering::Acquire)) as u64
}
