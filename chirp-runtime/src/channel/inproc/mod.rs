//! Streams and addresses within this process: `inproc://name`.
//!
//! Names belong to the process as ports belong to a machine: a listener takes a name and frees it when it is
//! dropped. No system call is made, and nothing is visible outside the process.

mod flow;
mod listener;
mod registry;
mod stream;

use std::error::Error;
use std::io;

pub use listener::InprocListener;
pub use stream::{InprocReader, InprocStream, InprocWriter};

/// The reason why connecting to or listening on a name within this process failed.
///
/// Travels inside an `io::Error`; [`of`](Self::of) extracts it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InprocError {
    /// The name is empty. [`InvalidInput`](io::ErrorKind::InvalidInput).
    #[error("the name is missing: write an in-process address as inproc://name")]
    Nameless,
    /// The name has a listener already. [`AddrInUse`](io::ErrorKind::AddrInUse).
    #[error("cannot listen on inproc://{name}: the name is in use in this process")]
    InUse {
        /// The name.
        name: String,
    },
    /// No listener has the name, or the listener was dropped.
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    #[error("cannot connect to inproc://{name}: no listener in this process")]
    Refused {
        /// The name.
        name: String,
    },
    /// Too many connections wait to be accepted. A later attempt may succeed.
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy).
    #[error(
        "cannot connect to inproc://{name}: {backlog} connections wait to be accepted (the limit)"
    )]
    QueueFull {
        /// The name.
        name: String,
        /// The maximum number of waiting connections.
        backlog: usize,
    },
}

impl InprocError {
    /// Extracts the `InprocError` inside an `io::Error`, if there is one.
    pub fn of(error: &io::Error) -> Option<&Self> {
        let error: &(dyn Error + 'static) = error.get_ref()?;
        error.downcast_ref()
    }

    /// Returns `true` if a later attempt may succeed without further action.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::QueueFull { .. })
    }
}

impl From<InprocError> for io::Error {
    fn from(error: InprocError) -> Self {
        let kind = match &error {
            InprocError::Nameless => io::ErrorKind::InvalidInput,
            InprocError::InUse { .. } => io::ErrorKind::AddrInUse,
            InprocError::Refused { .. } => io::ErrorKind::ConnectionRefused,
            InprocError::QueueFull { .. } => io::ErrorKind::ResourceBusy,
        };
        Self::new(kind, error)
    }
}
