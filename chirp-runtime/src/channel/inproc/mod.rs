//! Streams and addresses within this process: `inproc://name`.
//!
//! Names are the process's, as ports are the machine's: a listener takes one and frees it when it is dropped.
//! No system call is made, and nothing can be seen from outside.

mod flow;
mod listener;
mod registry;
mod stream;

use std::error::Error;
use std::io;

pub use listener::InprocListener;
pub use stream::{InprocReader, InprocStream, InprocWriter};

/// Why there is no connection to a name within this process, or no listener.
///
/// It is inside the `io::Error` that says so: [`of`](Self::of) finds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InprocError {
    /// Names are not empty. [`InvalidInput`](io::ErrorKind::InvalidInput).
    #[error("an address in this process is inproc://name, and the name is missing")]
    Nameless,
    /// Somebody listens on that name. [`AddrInUse`](io::ErrorKind::AddrInUse).
    #[error("cannot listen on inproc://{name}: somebody in this process does already")]
    InUse {
        /// The name.
        name: String,
    },
    /// Nobody listens on that name, or not any more.
    /// [`ConnectionRefused`](io::ErrorKind::ConnectionRefused).
    #[error("cannot connect to inproc://{name}: nobody in this process listens")]
    Refused {
        /// The name.
        name: String,
    },
    /// The listener does not keep up. Trying again later may succeed.
    /// [`ResourceBusy`](io::ErrorKind::ResourceBusy).
    #[error("cannot connect to inproc://{name}: {backlog} wait to be accepted already")]
    QueueFull {
        /// The name.
        name: String,
        /// How many may wait.
        backlog: usize,
    },
}

impl InprocError {
    /// What an error says about a name within this process, if it does.
    pub fn of(error: &io::Error) -> Option<&Self> {
        let error: &(dyn Error + 'static) = error.get_ref()?;
        error.downcast_ref()
    }

    /// Whether the same may succeed later, without anybody's doing.
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
