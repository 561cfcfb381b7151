use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::error::StoreError;
use super::tables::{TableFailure, Tables};

/// An operation on the tables of a file, whose result is told when it is on the disk.
pub(super) trait Operation: Send {
    /// Makes the operation. An error is one of the whole transaction.
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), TableFailure>;

    /// Returns the ID of the request that the operation accepts.
    fn accepts(&self) -> Option<[u8; 16]>;

    /// Tells the result.
    fn complete(self: Box<Self>, committed: Result<(), StoreError>);
}

/// An operation with a result of one type.
pub(super) struct TypedOperation<F, T> {
    pub(super) run: F,
    pub(super) accepts: Option<[u8; 16]>,
    /// The file, for errors.
    pub(super) path: Arc<Path>,
    pub(super) value: Option<Result<T, StoreError>>,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Operation for TypedOperation<F, T>
where
    F: FnMut(&mut Tables<'_>) -> Result<T, TableFailure> + Send,
    T: Send,
{
    fn apply(&mut self, tables: &mut Tables<'_>) -> Result<(), TableFailure> {
        let value = match (self.run)(tables) {
            // Other operations on other requests go on.
            Err(TableFailure::Damaged(reason)) => Err(StoreError::Damaged {
                path: self.path.to_path_buf(),
                reason: reason.into(),
            }),
            result => Ok(result?),
        };
        self.value = Some(value);
        Ok(())
    }

    fn accepts(&self) -> Option<[u8; 16]> {
        self.accepts
    }

    fn complete(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { value, reply, .. } = *self;
        let result = committed.and_then(|()| value.unwrap_or(Err(StoreError::Closed)));
        // The caller may have gone away.
        let _ = reply.send(result);
    }
}
