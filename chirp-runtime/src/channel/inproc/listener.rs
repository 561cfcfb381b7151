use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;

use super::registry::Port;
use super::{InprocError, InprocStream};
use crate::channel::{Channel, Endpoint, Listener};

/// The default number of connections that may wait to be accepted.
const BACKLOG: usize = 32;

/// A listener on a name within this process. Dropping it frees the name and refuses waiting connections.
pub struct InprocListener {
    port: Arc<Port>,
    endpoint: Endpoint,
}

impl InprocListener {
    /// Listens on a name, which may be any text that is not empty. Up to 32 connections may wait to be accepted.
    ///
    /// # Errors
    ///
    /// Returns [`InprocError::InUse`] ([`AddrInUse`](io::ErrorKind::AddrInUse)) if the name is taken, and
    /// [`InprocError::Nameless`] if it is empty.
    pub fn bind(name: &str) -> io::Result<Self> {
        Self::bind_with_backlog(name, BACKLOG)
    }

    /// Listens as [`bind`](Self::bind) does, with room for `backlog` waiting connections, and at least one.
    ///
    /// # Errors
    ///
    /// Returns [`InprocError::InUse`] ([`AddrInUse`](io::ErrorKind::AddrInUse)) if the name is taken, and
    /// [`InprocError::Nameless`] if it is empty.
    pub fn bind_with_backlog(name: &str, backlog: usize) -> io::Result<Self> {
        if name.is_empty() {
            return Err(InprocError::Nameless.into());
        }
        Ok(Self {
            port: Port::open(name, backlog.max(1))?,
            endpoint: Endpoint::Inproc(name.into()),
        })
    }

    /// Waits for the next stream. Skips connections that have been abandoned.
    ///
    /// This method is cancel safe: dropping the future loses no connection.
    pub async fn accept_stream(&mut self) -> InprocStream {
        self.port.accept().await
    }
}

#[async_trait]
impl Listener for InprocListener {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        Ok(self.accept_stream().await.into())
    }
}

impl Drop for InprocListener {
    fn drop(&mut self) {
        self.port.close();
    }
}

impl InprocStream {
    /// Connects to a name within this process. Waits until the listener accepts.
    ///
    /// Dropping the future abandons the connection, which the listener then skips.
    ///
    /// # Errors
    ///
    /// Returns [`InprocError::Refused`] if no listener has the name or the listener is dropped, and
    /// [`InprocError::QueueFull`] if too many connections are waiting to be accepted.
    pub async fn connect(name: &str) -> io::Result<Self> {
        let answer = Port::dial(name)?;
        let refused = |_| InprocError::Refused { name: name.into() };
        Ok(answer.await.map_err(refused)?)
    }
}

impl fmt::Debug for InprocListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InprocListener")
            .field(&self.endpoint)
            .finish()
    }
}
