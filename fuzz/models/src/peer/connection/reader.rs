use crate::sync::{Condvar, Mutex};

/// The state of the reader task.
#[derive(Debug)]
pub(in crate::peer) struct ReaderTask;

/// The reader that has been taken over from a blocked handler.
#[derive(Default)]
pub(in crate::peer) struct TakenReader {
    reader: Mutex<Option<Box<ReaderTask>>>,
    changed: Condvar,
}

impl TakenReader {
    pub(in crate::peer) fn send(&self, reader: Box<ReaderTask>) {
        let old = self.reader.lock().replace(reader);
        assert!(old.is_none(), "there is one reader");
        self.changed.notify_all();
    }

    /// Waits for the reader.
    pub(in crate::peer) fn receive(&self) -> Box<ReaderTask> {
        let mut reader = self.reader.lock();
        loop {
            if let Some(reader) = reader.take() {
                return reader;
            }
            reader = self.changed.wait(reader).unwrap();
        }
    }

    pub(in crate::peer) fn take(&self) -> Option<Box<ReaderTask>> {
        self.reader.lock().take()
    }
}
