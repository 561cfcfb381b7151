//! Accepted requests, with their progress and responses: in memory, or in a file that survives a restart.
//!
//! A change has happened when its future is ready: in a file, it is then on the disk. A future that is dropped before may or
//! may not have made its change.
#![cfg_attr(
    not(feature = "requests-store"),
    expect(
        clippy::unused_async,
        unreachable_pub,
        reason = "users open files, and files are waited for"
    )
)]

#[cfg(feature = "requests-store")]
mod byte_table;
mod encoding;
mod error;
#[cfg(feature = "requests-store")]
mod file;
mod memory;
#[cfg(feature = "requests-store")]
mod operation;
mod progress;
mod record;
#[cfg(feature = "requests-store")]
mod request_file;
mod resumption;
#[cfg(feature = "requests-store")]
mod table_key;
#[cfg(feature = "requests-store")]
mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

pub use error::StoreError;
#[cfg(feature = "requests-store")]
use file::FileStore;
use memory::MemoryStore;
pub(crate) use progress::{DeliveryAttempt, RequestChange, RequestEnd, RequestOutcome};
pub(crate) use record::{Acceptance, IdempotencyKey, RequestRecord, StoredRequest, StoredResponse};
pub(crate) use resumption::NextStep;

/// The requests that a gateway has accepted, with their progress and responses.
#[derive(Debug)]
pub struct RequestStore {
    backend: Backend,
}

#[derive(Debug)]
enum Backend {
    Memory(MemoryStore),
    #[cfg(feature = "requests-store")]
    File(FileStore),
}

impl RequestStore {
    /// Opens a file of requests, and creates the file, with the mode 0600, if there is none. The file has the format of
    /// the crate `redb`. Opening reads the whole file; the thread waits meanwhile, and also when the store is dropped, until
    /// its changes are on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`], for example if another process uses the file, or the file is damaged.
    #[cfg(feature = "requests-store")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, StoreError> {
        let store = FileStore::open(path.as_ref())?;
        Ok(Self {
            backend: Backend::File(store),
        })
    }

    /// Creates an empty store in memory.
    pub(crate) fn memory() -> Self {
        Self {
            backend: Backend::Memory(MemoryStore::default()),
        }
    }

    /// Adds a request that has not begun, unless its caller has made a request with the same idempotency key, or a request
    /// with its ID exists.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the request is not accepted.
    pub(crate) async fn accept(
        &self,
        record: Arc<RequestRecord>,
        arguments: Bytes,
    ) -> Result<Acceptance, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.accept(record, arguments)),
            #[cfg(feature = "requests-store")]
            Backend::File(store) => {
                let id = Some(record.id);
                store
                    .run(id, move |tables| tables.accept(&record, &arguments))
                    .await
            }
        }
    }

    /// Notes a change of a request. Returns `false` without a change if there is no such request, or it has finished.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the change may be lost.
    pub(crate) async fn update(
        &self,
        id: &[u8; 16],
        change: RequestChange,
    ) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.update(id, change)),
            #[cfg(feature = "requests-store")]
            Backend::File(store) => {
                let id = *id;
                store
                    .run(None, move |tables| tables.update(&id, &change))
                    .await
            }
        }
    }

    /// Returns the request with this ID.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub(crate) async fn get(&self, id: &[u8; 16]) -> Result<Option<StoredRequest>, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.get(id)),
            #[cfg(feature = "requests-store")]
            Backend::File(store) => {
                let id = *id;
                store.run(None, move |tables| tables.get(&id)).await
            }
        }
    }

    /// Returns up to `max` requests that have not finished and whose sequence number is greater than `after`, in the order in
    /// which they were accepted. Sequence numbers start at 1.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be read.
    pub(crate) async fn unfinished(
        &self,
        after: u64,
        max: usize,
    ) -> Result<Vec<StoredRequest>, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.unfinished(after, max)),
            #[cfg(feature = "requests-store")]
            Backend::File(store) => {
                store
                    .run(None, move |tables| tables.unfinished(after, max))
                    .await
            }
        }
    }

    /// Removes a request, whether it has finished or not, with its key. Returns `false` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be changed.
    pub(crate) async fn remove(&self, id: &[u8; 16]) -> Result<bool, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.remove(id)),
            #[cfg(feature = "requests-store")]
            Backend::File(store) => {
                let id = *id;
                store.run(None, move |tables| tables.remove(&id)).await
            }
        }
    }

    /// Removes up to `max` finished requests whose time has passed, and returns their number.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store cannot be changed.
    pub(crate) async fn expire(&self, now: SystemTime, max: usize) -> Result<usize, StoreError> {
        match &self.backend {
            Backend::Memory(store) => Ok(store.expire(now, max)),
            #[cfg(feature = "requests-store")]
            Backend::File(store) => store.run(None, move |tables| tables.expire(now, max)).await,
        }
    }
}
