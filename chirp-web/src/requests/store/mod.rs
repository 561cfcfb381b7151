//! Accepted requests, with their progress and responses: in memory, or in a file that survives a restart.
//!
//! A change has happened when its future is ready: in a file, it is then on the disk. A future that is dropped before may or
//! may not have made its change.

mod error;
mod memory;
mod progress;
mod record;
mod resumption;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

pub use error::StoreError;
use memory::MemoryStore;
pub(crate) use progress::{
    DeliveryAttempt, RequestChange, RequestEnd, RequestOutcome, RequestProgress,
};
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
}

impl RequestStore {
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
        }
    }
}
