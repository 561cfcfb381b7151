use std::io;

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
}
