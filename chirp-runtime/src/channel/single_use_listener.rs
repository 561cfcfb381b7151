use std::io;

use async_trait::async_trait;

use super::{Channel, Endpoint, Incoming, Listener};

/// A listener that yields one channel, which was connected before the program started.
pub(super) struct SingleUseListener {
    endpoint: Endpoint,
    channel: Option<Channel>,
}

impl SingleUseListener {
    pub(super) fn new(endpoint: Endpoint, channel: Channel) -> Self {
        let channel = channel.with_remote(endpoint.clone());
        Self {
            endpoint,
            channel: Some(channel),
        }
    }
}

#[async_trait]
impl Listener for SingleUseListener {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        self.channel.take().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotConnected,
                "no more channels: this listener yields one channel, which has been accepted",
            )
        })
    }

    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        Ok(self.channel.take().map(Incoming::from))
    }
}
