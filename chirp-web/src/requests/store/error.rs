use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// A store of requests cannot be used.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be read or written, for example because the disk is full.
    #[error("cannot use the file of requests {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        error: Arc<io::Error>,
    },
    /// Another process has opened the file, or another gateway in this process.
    #[error("the file of requests {} is in use: give each gateway a file of its own", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a file of requests, or is damaged.
    #[error("{} is not a file of requests, or is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The damage that was found.
        reason: Arc<str>,
    },
    /// The file was written in a format that this version does not know.
    #[error(
        "the file of requests {} has format {found}, this version reads format {known}", path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// The format of the file.
        found: u64,
        /// The format that this version reads and writes.
        known: u64,
    },
    /// The store has been closed.
    #[error("the store of requests has been closed")]
    Closed,
}
