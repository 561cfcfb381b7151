use std::fmt;
use std::io;
use std::pin::Pin;

use async_trait::async_trait;

use super::{Channel, Endpoint};

/// Accepts channels on an address.
#[async_trait]
pub trait Listener: Send {
    /// Returns the address. If the port was given as 0, the address has the port that the system chose.
    fn endpoint(&self) -> &Endpoint;

    /// Waits for the next channel.
    ///
    /// Implementations must be cancel safe: dropping the future must not lose a channel.
    ///
    /// # Errors
    ///
    /// Returns the reason why one channel could not be accepted. A later call may succeed.
    ///
    async fn accept(&mut self) -> io::Result<Channel>;

    /// Waits for the next connection, which may still need a handshake to become a channel. Returns `None` when the
    /// listener is exhausted. A server calls this method, so that it can accept other connections during a
    /// handshake.
    ///
    /// The default implementation calls [`accept`](Self::accept). A listener with handshakes overrides this method,
    /// and completes the handshake in `accept`.
    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        self.accept()
            .await
            .map(|channel| Some(Incoming::from(channel)))
    }
}

type ChannelFuture = Pin<Box<dyn Future<Output = io::Result<Channel>> + Send>>;

/// A channel, or a handshake that produces one.
pub struct Incoming {
    remote: Option<Endpoint>,
    state: IncomingState,
}

enum IncomingState {
    Ready(Box<Channel>),
    Unfinished(ChannelFuture),
}

impl Incoming {
    /// Wraps a handshake that produces a channel. `remote` is the address of the other side, if it has one.
    /// Dropping the value abandons the handshake.
    pub fn unfinished(
        remote: Option<Endpoint>,
        handshake: impl Future<Output = io::Result<Channel>> + Send + 'static,
    ) -> Self {
        Self {
            remote,
            state: IncomingState::Unfinished(Box::pin(handshake)),
        }
    }

    /// Returns the address of the other side, if it has one.
    pub fn remote(&self) -> Option<&Endpoint> {
        self.remote.as_ref()
    }

    /// Completes the handshake. This method has no time limit; dropping the future abandons the handshake.
    ///
    /// # Errors
    ///
    /// Returns the reason why the handshake failed.
    pub async fn finish(self) -> io::Result<Channel> {
        match self.state {
            IncomingState::Ready(channel) => Ok(*channel),
            IncomingState::Unfinished(handshake) => handshake.await,
        }
    }

    /// Changes the channel, after the handshake if there is one.
    #[must_use]
    pub fn map(self, change: impl FnOnce(Channel) -> Channel + Send + 'static) -> Self {
        match self.state {
            IncomingState::Ready(channel) => Self {
                remote: self.remote,
                state: IncomingState::Ready(Box::new(change(*channel))),
            },
            IncomingState::Unfinished(handshake) => {
                Self::unfinished(self.remote, async move { Ok(change(handshake.await?)) })
            }
        }
    }

    /// Returns the channel if no handshake is left.
    pub(crate) fn ready(self) -> Result<Channel, Self> {
        match self.state {
            IncomingState::Ready(channel) => Ok(*channel),
            IncomingState::Unfinished(_) => Err(self),
        }
    }

    /// Adds a step after the handshake.
    pub(crate) fn and_then<F>(self, more: impl FnOnce(Channel) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<Channel>> + Send + 'static,
    {
        let remote = self.remote.clone();
        Self::unfinished(remote, async move { more(self.finish().await?).await })
    }
}

impl From<Channel> for Incoming {
    fn from(channel: Channel) -> Self {
        Self {
            remote: channel.remote().cloned(),
            state: IncomingState::Ready(Box::new(channel)),
        }
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("remote", &self.remote)
            .field("ready", &matches!(self.state, IncomingState::Ready(_)))
            .finish()
    }
}
