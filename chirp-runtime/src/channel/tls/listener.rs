use std::io;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;

use super::{TlsError, TlsServer};
use crate::channel::{Channel, Endpoint, Incoming, Listener};

/// Time limit of a handshake in [`accept`](Listener::accept). A server applies its own limit to
/// [`incoming`](Listener::incoming).
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Performs a TLS handshake on each channel of another listener.
pub(in crate::channel) struct TlsListener {
    listener: Box<dyn Listener>,
    endpoint: Endpoint,
    tls: TlsServer,
    /// The handshake in progress, kept if the future of [`accept`](Listener::accept) is dropped.
    handshake: Option<TlsHandshake>,
}

type TlsHandshake = Pin<Box<dyn Future<Output = io::Result<Channel>> + Send>>;

impl TlsListener {
    pub(in crate::channel) fn new(
        listener: Box<dyn Listener>,
        tls: Option<&TlsServer>,
    ) -> io::Result<Self> {
        Ok(Self {
            endpoint: listener.endpoint().clone().over_tls(),
            listener,
            tls: tls.ok_or(TlsError::NotSetUp)?.clone(),
            handshake: None,
        })
    }
}

#[async_trait]
impl Listener for TlsListener {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        if self.handshake.is_none() {
            let channel = self.listener.accept().await?;
            let tls = self.tls.clone();
            self.handshake = Some(Box::pin(async move {
                let late = |_| {
                    let text = format!("the TLS handshake timed out after {HANDSHAKE_TIMEOUT:?}");
                    io::Error::new(io::ErrorKind::TimedOut, text)
                };
                tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.wrap(channel))
                    .await
                    .map_err(late)?
            }));
        }
        let Some(handshake) = &mut self.handshake else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let finished = handshake.await;
        self.handshake = None;
        finished
    }

    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        let Some(incoming) = self.listener.incoming().await? else {
            return Ok(None);
        };
        let tls = self.tls.clone();
        let remote = incoming.remote().cloned().map(Endpoint::over_tls);
        Ok(Some(Incoming::unfinished(remote, async move {
            tls.wrap(incoming.finish().await?).await
        })))
    }
}
