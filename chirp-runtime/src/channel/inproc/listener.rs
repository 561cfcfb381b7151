use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;

use super::registry::Port;
use super::{InprocError, InprocStream};
use crate::channel::{Channel, Endpoint, Listener};

/// How many may wait to be accepted, unless told otherwise.
const BACKLOG: usize = 32;

/// Listens on a name within this process. Dropping it frees the name and refuses those who wait.
pub struct InprocListener {
    port: Arc<Port>,
    endpoint: Endpoint,
}

impl InprocListener {
    /// Listens on a name, any text that is not empty. 32 may wait to be accepted.
    ///
    /// # Errors
    ///
    /// [`InprocError::InUse`], as [`AddrInUse`](io::ErrorKind::AddrInUse).
    pub fn bind(name: &str) -> io::Result<Self> {
        Self::bind_with_backlog(name, BACKLOG)
    }

    /// As [`bind`](Self::bind), where `backlog` may wait to be accepted, and at least one.
    ///
    /// # Errors
    ///
    /// [`InprocError::InUse`], as [`AddrInUse`](io::ErrorKind::AddrInUse).
    pub fn bind_with_backlog(name: &str, backlog: usize) -> io::Result<Self> {
        if name.is_empty() {
            return Err(InprocError::Nameless.into());
        }
        Ok(Self {
            port: Port::open(name, backlog.max(1))?,
            endpoint: Endpoint::Inproc(name.into()),
        })
    }

    /// The next stream. Those who gave up waiting are passed over. Safe to drop: that loses nobody.
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
    /// Connects to a name within this process, and waits until the listener accepts. Safe to drop: the
    /// listener passes over those who gave up.
    ///
    /// # Errors
    ///
    /// At once, [`InprocError::Refused`] when nobody listens and [`InprocError::QueueFull`] when too many
    /// wait already; and `Refused` when the listener goes.
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
