use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::peer::calling::caller::ConnectionRef;
use crate::peer::streaming::consumer::Consumer;
use crate::peer::streaming::mailbox::Mailbox;
use crate::peer::streaming::producer::Producer;
use crate::peer::{ConnectionError, StreamError};
use crate::session::{Ending, StreamKey};

/// What both halves of a stream have: what this one is told, and the way to the other.
pub(in crate::peer) struct HalfState {
    pub(in crate::peer) mailbox: Arc<Mailbox>,
    pub(in crate::peer) way: Peering,
}

/// The way to the other half.
pub(in crate::peer) enum Peering {
    /// A session. There is no key of a stream that was refused.
    Remote(ConnectionRef, Option<StreamKey>),
    /// This process: what the other half is told, and what the items cost that it has not taken.
    Local(Arc<Mailbox>, Arc<AtomicUsize>),
}

/// How much two halves in this process hold between them, in what items cost, overshot by one item.
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

    /// What ends the stream for both of its halves, if they are in this process.
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

/// Two halves of one stream, both in this process.
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

/// How much more may be held.
pub(in crate::peer) fn room(held: &AtomicUsize) -> u64 {
    HELD.saturating_sub(held.load(Ordering::Acquire)) as u64
}
