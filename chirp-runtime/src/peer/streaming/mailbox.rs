use std::collections::VecDeque;
use std::mem;
use std::sync::MutexGuard;
use std::task::{Poll, Waker};

use crate::packet::Items;
use crate::peer::streaming::inbound_streams::{InboundStreams, UnboundStreams};
use crate::session::Ending;
use crate::sync::Mutex;

/// What the half of a stream that this side holds is told, and who waits for it.
///
/// It has a lock of its own, which the half shares with the reader alone.
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

/// The streams that came with items, and with which: counted from 0.
pub(in crate::peer) type ItemStreamQueue = VecDeque<(u64, ItemStreams)>;

/// The streams that came with an item.
#[derive(Debug)]
pub(in crate::peer) enum ItemStreams {
    Unbound(UnboundStreams),
    /// In this process they are there already.
    Bound(Box<InboundStreams>),
}

/// What a consumer finds.
pub(in crate::peer) enum MailboxEvent {
    /// What it was given has items now.
    Items,
    Ending(Ending),
}

impl Mailbox {
    /// Of a stream that ended before it began.
    pub(in crate::peer) fn ended(ending: Ending) -> Self {
        let mailbox = Self::default();
        mailbox.lock().ending = Some(ending);
        mailbox
    }

    /// Its sending side has begun. Gives whom to wake, as all that put something here do.
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

    /// An item carries streams. It is put here next.
    pub(in crate::peer) fn put_carried(&self, item: u64, carry: ItemStreams) {
        self.lock().carried.push_back((item, carry));
    }

    pub(in crate::peer) fn end(&self, ending: Ending) -> Option<Waker> {
        let mut inner = self.lock();
        inner.ending.get_or_insert(ending);
        inner.waker.take()
    }

    /// It may be sent again.
    pub(in crate::peer) fn ready(&self) -> Option<Waker> {
        self.lock().waker.take()
    }

    /// Wakes `waker` when there is something new; it has been cloned outside of every lock.
    pub(in crate::peer) fn wait(&self, waker: Waker) {
        let old = self.lock().waker.replace(waker);
        drop(old);
    }

    /// Takes everything that came, into what is empty; the ending only when there is nothing else.
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

    /// As [`take`](Self::take). With nothing, `waker` waits.
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

    /// How the stream ended, if it did.
    pub(in crate::peer) fn ending(&self) -> Option<Ending> {
        self.lock().ending.clone()
    }

    /// Whether there has been a sign of its sending side, other than the end of what it belongs to, or that it was
    /// not taken up: then the answer says why.
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

    /// Everything that came, which is not wanted any more: the streams of items, and the rest.
    pub(in crate::peer) fn clear(&self) -> (ItemStreamQueue, impl Sized + use<>) {
        let mut inner = self.lock();
        let carried = mem::take(&mut inner.carried);
        (carried, (mem::take(&mut inner.items), inner.waker.take()))
    }

    fn lock(&self) -> MutexGuard<'_, MailboxState> {
        self.0.lock()
    }
}
