use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::{mpsc, oneshot};

use super::error::StoreError;
use super::operation::{Operation, TypedOperation};
use super::request_file::RequestFile;
use super::tables::{TableFailure, Tables};

/// The number of operations that may wait for the thread. Further ones wait for room.
const MAX_WAITING: usize = 1024;

/// Requests in a file. One thread makes all operations: those that wait are made in one transaction, so that many accepted
/// requests share a synchronization of the disk.
pub(super) struct FileStore {
    path: Arc<Path>,
    /// `None` while the store is dropped.
    operations: Option<mpsc::Sender<Box<dyn Operation>>>,
    thread: Option<JoinHandle<()>>,
}

impl FileStore {
    /// Opens a file, and creates it if there is none.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let file = RequestFile::open(path)?;
        let (operations, waiting) = mpsc::channel(MAX_WAITING);
        let thread = thread::Builder::new().name("chirp-requests".into());
        let thread = thread.spawn(move || run(file, waiting));
        let thread = thread.map_err(|error: io::Error| StoreError::Io {
            path: path.to_path_buf(),
            error: Arc::new(error),
        })?;
        Ok(Self {
            path: path.into(),
            operations: Some(operations),
            thread: Some(thread),
        })
    }

    /// Makes an operation, and returns its result when it is on the disk. `accepts` is the ID of the request that the
    /// operation accepts.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        accepts: Option<[u8; 16]>,
        run: impl FnMut(&mut Tables<'_>) -> Result<T, TableFailure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, result) = oneshot::channel();
        let operation = Box::new(TypedOperation {
            run,
            accepts,
            path: Arc::clone(&self.path),
            value: None,
            reply,
        });
        let operations = self.operations.as_ref().ok_or(StoreError::Closed)?;
        let sent = operations.send(operation).await;
        sent.map_err(|_| StoreError::Closed)?;
        result.await.unwrap_or(Err(StoreError::Closed))
    }
}

fn run(mut file: RequestFile, mut waiting: mpsc::Receiver<Box<dyn Operation>>) {
    let mut batch = Vec::new();
    while waiting.blocking_recv_many(&mut batch, MAX_WAITING) > 0 {
        file.commit(std::mem::take(&mut batch));
    }
    file.close();
}

impl Drop for FileStore {
    /// Waits until the operations that were asked for have been made, and the file is closed: it can then be opened again.
    fn drop(&mut self) {
        self.operations = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
