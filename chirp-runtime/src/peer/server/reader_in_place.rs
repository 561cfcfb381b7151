use std::sync::Arc;

use crate::peer::connection::ConnectionCore;
use crate::peer::connection::reader::ReaderTask;
use crate::sync::Mutex;

/// The reader of a connection while it runs handlers in place of the dispatcher.
///
/// A handler may block its thread, and the reader with it. So the reader leaves its state here before, and takes it
/// back afterwards. If the watchdog finds that this takes too long, it moves the state to a new task, which goes on reading
/// and revokes the batch of the blocked handler.
#[derive(Default)]
pub(in crate::peer) struct ReaderInPlace {
    parked: Mutex<Option<ParkedReader>>,
}

/// A reader that is inside of a handler.
struct ParkedReader {
    stay: u64,
    reader: Box<ReaderTask>,
}

impl ConnectionCore {
    /// Parks the reader. Returns the number of its stay.
    fn park_reader(self: &Arc<Self>, reader: Box<ReaderTask>) -> u64 {
        let mut parked = self.in_place.parked.lock();
        let stay = self.stays.begin();
        *parked = Some(ParkedReader { stay, reader });
        drop(parked);
        self.stays.observe(self);
        stay
    }

    /// Takes the reader of this stay, unless another task has taken it.
    pub(super) fn unpark_reader(&self, stay: u64) -> Option<Box<ReaderTask>> {
        let mut parked = self.in_place.parked.lock();
        let ParkedReader { reader, .. } = parked.take_if(|parked| parked.stay == stay)?;
        self.stays.end(stay);
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
            number: connection.park_reader(reader),
        }
    }

    /// Returns the reader, unless another task has taken it over.
    pub(super) fn end(&mut self) -> Option<Box<ReaderTask>> {
        self.connection.unpark_reader(self.number)
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        drop(self.end());
    }
}
