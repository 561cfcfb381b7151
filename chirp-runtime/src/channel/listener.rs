use std::fmt;
use std::io;
use std::pin::Pin;

use async_trait::async_trait;

use super::{Channel, Endpoint};

/// Somewhere that channels come from.
#[async_trait]
pub trait Listener: Send {
    /// The address that it listens on; with port 0, the port that was found.
    fn endpoint(&self) -> &Endpoint;

    /// The next channel. Dropping the future loses none.
    ///
    /// An error speaks of one channel that did not come about, and a later call may succeed.
    async fn accept(&mut self) -> io::Result<Channel>;

    /// The next channel, which may have to become one first; `None` when there will be no more. This is what
    /// a server asks for: it goes on accepting while the other side is at its part of a handshake.
    ///
    /// Unless it is overridden, it is what [`accept`](Self::accept) gives. A listener with handshakes
    /// overrides it, and lets `accept` finish what it gives.
    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        self.accept()
            .await
            .map(|channel| Some(Incoming::from(channel)))
    }
}

type ChannelFuture = Pin<Box<dyn Future<Output = io::Result<Channel>> + Send>>;

/// A channel, or what is on the way to become one.
pub struct Incoming {
    remote: Option<Endpoint>,
    state: IncomingState,
}

enum IncomingState {
    Ready(Box<Channel>),
    Unfinished(ChannelFuture),
}

impl Incoming {
    /// Something that becomes a channel when both sides have done their part. `remote` is where it comes
    /// from, if that has an address. Dropping it gives it up.
    pub fn unfinished(
        remote: Option<Endpoint>,
        handshake: impl Future<Output = io::Result<Channel>> + Send + 'static,
    ) -> Self {
        Self {
            remote,
            state: IncomingState::Unfinished(Box::pin(handshake)),
        }
    }

    /// Where it comes from, if that has an address.
    pub fn remote(&self) -> Option<&Endpoint> {
        self.remote.as_ref()
    }

    /// Does what is left to do, without a bound in time. Dropping the future gives it up.
    pub async fn finish(self) -> io::Result<Channel> {
        match self.state {
            IncomingState::Ready(channel) => Ok(*channel),
            IncomingState::Unfinished(handshake) => handshake.await,
        }
    }

    /// The channel, if nothing is left to do.
    pub(crate) fn ready(self) -> Result<Channel, Self> {
        match self.state {
            IncomingState::Ready(channel) => Ok(*channel),
            IncomingState::Unfinished(_) => Err(self),
        }
    }

    /// The same, and then something more.
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
