use std::io;

use async_trait::async_trait;

use super::Channel;

/// Somewhere that can be connected to, again and again: an [`Endpoint`](super::Endpoint), or a closure that
/// gives a channel each time it is called. A panic counts as a failure: it is tried again.
#[async_trait]
pub trait Connector: Send + Sync {
    /// A new channel. Dropping the future gives it up.
    async fn connect(&self) -> io::Result<Channel>;
}

#[async_trait]
impl<F, Fut> Connector for F
where
    F: Fn() -> Fut + Send + Sync,
    Fut: Future<Output = io::Result<Channel>> + Send,
{
    async fn connect(&self) -> io::Result<Channel> {
        self().await
    }
}
