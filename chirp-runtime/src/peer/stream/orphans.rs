use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};

use crate::peer::connection::state::ConnectionState;
use crate::peer::stream::mailbox::Mailbox;
use crate::session::OpenedStream;
use crate::sync::Mutex;

/// Streams of the peer that were dropped before a value claimed them. The session still holds them, and their items.
///
/// They may be dropped anywhere, with or without the session's lock, so the list has a lock of its own, under which
/// nothing else happens. Dropping a list releases nothing: items may contain further streams, nested as deeply as the
/// peer likes.
#[derive(Debug, Default)]
pub(in crate::peer) struct Orphans {
    /// Whether there are any, readable without the lock.
    any: AtomicBool,
    streams: Mutex<Vec<(OpenedStream, Arc<Mailbox>)>>,
}

impl Orphans {
    pub(in crate::peer) fn put(&self, streams: &mut Vec<(OpenedStream, Arc<Mailbox>)>) {
        self.lock().append(streams);
        self.any.store(true, Ordering::Release);
    }

    pub(in crate::peer) fn has_any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    fn take(&self) -> Vec<(OpenedStream, Arc<Mailbox>)> {
        self.any.store(false, Ordering::Release);
        mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(OpenedStream, Arc<Mailbox>)>> {
        self.streams.lock()
    }
}

impl ConnectionState {
    /// Releases orphaned streams, including those in their items.
    pub(in crate::peer) fn release_orphans(&mut self) {
        while self.streams.has_orphans() {
            let orphans = self.streams.orphans().take();
            for (opened, mailbox) in orphans {
                if opened.refused {
                    continue;
                }
                if opened.spec.sends {
                    self.session.drop_sender(opened.key);
                } else {
                    self.session.drop_receiver(opened.key);
                }
                drop(self.streams.close(opened.key));
                // No task waits for an unclaimed stream. Streams in its items become the next orphans.
                drop(mailbox);
            }
        }
    }
}
