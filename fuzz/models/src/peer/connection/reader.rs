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

/// The stays of dispatchers that were found to take too long.
#[derive(Default)]
pub(in crate::peer) struct Recoveries {
    stays: Mutex<Vec<u64>>,
    changed: Condvar,
}

impl Recoveries {
    pub(in crate::peer) fn send(&self, stay: u64) {
        self.stays.lock().push(stay);
        self.changed.notify_all();
    }

    /// Waits until this stay is recovered from, and returns how often it was.
    pub(in crate::peer) fn wait_for(&self, stay: u64) -> usize {
        let mut stays = self.stays.lock();
        while !stays.contains(&stay) {
            stays = self.changed.wait(stays).unwrap();
        }
        stays.iter().filter(|found| **found == stay).count()
    }
}
