use std::collections::VecDeque;
use std::mem;
use std::task::{Poll, Waker};

use crate::packet::Items;
use crate::peer::stream::inbound_streams::{InboundStreams, UnboundStreams};
use crate::session::Ending;
use crate::sync::{Mutex, MutexGuard};

/// The mailbox of a stream half: received items and events, and the waker of the task that waits for them.
///
/// It has a lock of its own, shared by the half and the reader alone.
#[derive(Debug, Default)]
pub(in crate::peer) struct Mailbox(Mutex<MailboxState>);

#[derive(Debug, Default)]
struct MailboxState {
    items: VecDeque<Items>,
    carried: ItemStreamQueue,
    begun: bool,
    ending: Option<Ending>,
    waker: Option<Waker>,
}

/// The streams that came with items, with the numbers of these items, counted from 0.
pub(in crate::peer) type ItemStreamQueue = VecDeque<(u64, ItemStreams)>;

/// The streams that came with an item.
#[derive(Debug)]
pub(in crate::peer) enum ItemStreams {
    Unbound(UnboundStreams),
    /// Within this process, streams are bound from the start.
    Bound(Box<InboundStreams>),
}

/// The result of looking into a mailbox.
pub(in crate::peer) enum MailboxEvent {
    /// Items have been moved to the consumer.
    Items,
    Ending(Ending),
}

impl Mailbox {
    /// Creates the mailbox of a stream that ended before it began.
    pub(in crate::peer) fn ended(ending: Ending) -> Self {
        let mailbox = Self::default();
        mailbox.lock().ending = Some(ending);
        mailbox
    }

    /// Records that the sender has begun. As all functions that change a mailbox, it returns the waker to wake.
    pub(in crate::peer) fn begin(&self) -> Option<Waker> {
        let mut inner = self.lock();
        inner.begun = true;
        inner.waker.take()
    }

    pub(in crate::peer) fn put(&self, items: Items) -> Option<Waker> {
        let mut inner = self.lock();
        inner.begun = true;
        inner.items.push_back(items);
        inner.waker.take()
    }

    /// Adds the streams of an item that is put next.
    pub(in crate::peer) fn put_carried(&self, item: u64, carry: ItemStreams) {
        self.lock().carried.push_back((item, carry));
    }

    pub(in crate::peer) fn end(&self, ending: Ending) -> Option<Waker> {
        let mut inner = self.lock();
        inner.ending.get_or_insert(ending);
        inner.waker.take()
    }

    /// Records that more items may be sent.
    pub(in crate::peer) fn ready(&self) -> Option<Waker> {
        self.lock().waker.take()
    }

    /// Registers a waker. It must have been cloned outside of every lock.
    pub(in crate::peer) fn wait(&self, waker: Waker) {
        let old = self.lock().waker.replace(waker);
        drop(old);
    }

    /// Moves all items into empty queues. Returns the ending only if there are no items.
    fn take(
        &self,
        items: &mut VecDeque<Items>,
        carried: &mut ItemStreamQueue,
    ) -> Option<MailboxEvent> {
        let mut inner = self.lock();
        if inner.items.is_empty() {
            return inner.ending.clone().map(MailboxEvent::Ending);
        }
        mem::swap(&mut inner.items, items);
        carried.append(&mut inner.carried);
        Some(MailboxEvent::Items)
    }

    /// As [`take`](Self::take). Registers `waker` if there is nothing.
    pub(in crate::peer) fn poll_take(
        &self,
        items: &mut VecDeque<Items>,
        carried: &mut ItemStreamQueue,
        waker: &Waker,
    ) -> Poll<MailboxEvent> {
        if let Some(found) = self.take(items, carried) {
            return Poll::Ready(found);
        }
        self.wait(waker.clone());
        match self.take(items, carried) {
            Some(found) => Poll::Ready(found),
            None => Poll::Pending,
        }
    }

    /// Returns how the stream ended, if it did.
    pub(in crate::peer) fn ending(&self) -> Option<Ending> {
        self.lock().ending.clone()
    }

    /// Returns `true` if anything from the sender has arrived. The end of the call or the connection, and a refusal, do
    /// not count: the response explains those.
    pub(in crate::peer) fn has_begun(&self) -> bool {
        let inner = self.lock();
        let over = |ending: &Ending| {
            !matches!(
                ending,
                Ending::Answered | Ending::Closed | Ending::Refused(_)
            )
        };
        inner.begun || inner.ending.as_ref().is_some_and(over)
    }

    /// Takes everything that is not wanted any more: the streams of items, and the rest.
    pub(in crate::peer) fn clear(&self) -> (ItemStreamQueue, impl Sized + use<>) {
        let mut inner = self.lock();
        let carried = mem::take(&mut inner.carried);
        (carried, (mem::take(&mut inner.items), inner.waker.take()))
    }

    fn lock(&self) -> MutexGuard<'_, MailboxState> {
        self.0.lock()
    }
}
