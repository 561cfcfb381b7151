use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::peer::connection::ConnectionCore;
use crate::peer::connection::reader::ReaderTask;
use crate::peer::monitoring::HANDLER_WATCHDOG;
use crate::sync::{AtomicBool, AtomicU64, Mutex};

/// The reader of a connection while it runs handlers in place of the dispatcher.
///
/// A handler may block its thread, and the reader with it. So the reader leaves its state here before, and takes it
/// back afterwards. If the [watchdog](HANDLER_WATCHDOG) finds that this takes too long, it moves the state to a new task,
/// which goes on reading and revokes the batch of the blocked handler.
#[derive(Default)]
pub(in crate::peer) struct ReaderInPlace {
    /// An odd number while the reader is inside of a handler: the number of its stay. Changed under the lock of `parked`.
    stay: AtomicU64,
    /// The watchdog observes the connection.
    watched: AtomicBool,
    parked: Mutex<Option<ParkedReader>>,
}

/// A reader that is inside of a handler.
struct ParkedReader {
    stay: u64,
    reader: Box<ReaderTask>,
}

impl ReaderInPlace {
    /// Returns the number of the reader's stay, which is odd while it is inside of a handler.
    pub(in crate::peer) fn stay(&self) -> u64 {
        self.stay.load(Ordering::SeqCst)
    }

    /// Stops the observation, unless the reader is inside of a handler. Returns `true` if it has stopped.
    pub(in crate::peer) fn stop_watching(&self) -> bool {
        self.watched.store(false, Ordering::SeqCst);
        // A reader that enters after this adds the connection to the watchdog again.
        self.stay().is_multiple_of(2) || self.watched.swap(true, Ordering::SeqCst)
    }

    /// Parks the reader. Returns the number of its stay.
    fn enter(&self, connection: &Arc<ConnectionCore>, reader: Box<ReaderTask>) -> u64 {
        let mut parked = self.parked.lock();
        let stay = self.stay.load(Ordering::Relaxed) + 1;
        *parked = Some(ParkedReader { stay, reader });
        self.stay.store(stay, Ordering::SeqCst);
        drop(parked);
        if !self.watched.load(Ordering::SeqCst) && !self.watched.swap(true, Ordering::SeqCst) {
            HANDLER_WATCHDOG.watch(connection);
        }
        stay
    }

    /// Takes the reader of this stay, unless another task has taken it.
    pub(super) fn leave(&self, stay: u64) -> Option<Box<ReaderTask>> {
        let mut parked = self.parked.lock();
        let ParkedReader { reader, .. } = parked.take_if(|parked| parked.stay == stay)?;
        self.stay.store(stay + 1, Ordering::SeqCst);
        Some(reader)
    }
}

/// The reader's stay inside of handlers. If the program's channel panics there, the reader is dropped, which ends the
/// session.
pub(super) struct Stay<'a> {
    connection: &'a ConnectionCore,
    number: u64,
}

impl<'a> Stay<'a> {
    /// Parks the reader.
    pub(super) fn begin(connection: &'a Arc<ConnectionCore>, reader: Box<ReaderTask>) -> Self {
        Self {
            connection,
            number: connection.in_place.enter(connection, reader),
        }
    }

    /// Returns the reader, unless another task has taken it over.
    pub(super) fn end(&mut self) -> Option<Box<ReaderTask>> {
        self.connection.in_place.leave(self.number)
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        drop(self.end());
    }
}
