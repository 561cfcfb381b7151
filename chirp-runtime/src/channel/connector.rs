use std::io;

use async_trait::async_trait;

use super::Channel;

/// Opens channels to one destination, as often as needed. Implemented by [`Endpoint`](super::Endpoint) and by
/// closures that return a channel. A panic counts as a failed attempt, which the client repeats.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Opens a new channel.
    ///
    /// Dropping the future abandons the attempt.
    ///
    /// # Errors
    ///
    /// Returns the reason why the attempt failed. A reconnecting client tries again after a pause.
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
