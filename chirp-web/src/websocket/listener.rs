use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chirp_runtime::channel::{Channel, Endpoint, Incoming, Listener, OtherAddress};

use super::address::WebSocketAddress;
use super::connection::WebSocketConnection;
use super::server;
use super::settings::Settings;
use super::web_socket::{WebSocket, no_certificate};

/// Time limit of a handshake in [`accept`](Listener::accept). A server applies its own limit to
/// [`incoming`](Listener::incoming).
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the channel of a connection.
type IntoChannel = fn(WebSocketConnection) -> Channel;

/// Performs a WebSocket handshake on each connection to a TCP port.
pub(super) struct WebSocketListener {
    tcp: Box<dyn Listener>,
    endpoint: Endpoint,
    handshake: Arc<ServerHandshake>,
    /// The handshake in progress, kept if the future of [`accept`](Listener::accept) is dropped.
    unfinished: Option<Pin<Box<dyn Future<Output = io::Result<Channel>> + Send>>>,
}

struct ServerHandshake {
    settings: Arc<Settings>,
    is_secure: bool,
    path: String,
    into_channel: IntoChannel,
}

impl WebSocketListener {
    pub(super) async fn bind(
        socket: &WebSocket,
        address: &OtherAddress,
        into_channel: IntoChannel,
    ) -> io::Result<Self> {
        let parsed = WebSocketAddress::parse(address)?;
        #[cfg(feature = "tls")]
        let has_certificate = socket.settings.server_tls.is_some();
        #[cfg(not(feature = "tls"))]
        let has_certificate = false;
        if parsed.is_secure && !has_certificate {
            return Err(no_certificate());
        }
        let tcp = parsed.tcp().listen().await?;
        let mut settings = Arc::clone(&socket.settings);
        Arc::make_mut(&mut settings)
            .origins
            .allow_host(&parsed.host);
        let Endpoint::Tcp { port, .. } = tcp.endpoint() else {
            return Err(io::Error::other("the listener has no port"));
        };
        let bound = WebSocketAddress {
            port: port.clone(),
            ..parsed.clone()
        };
        let text = format!(
            "{}://{}{}",
            address.scheme(),
            bound.authority(),
            parsed.target
        );
        Ok(Self {
            endpoint: text.parse().map_err(io::Error::other)?,
            tcp,
            handshake: Arc::new(ServerHandshake {
                settings,
                is_secure: parsed.is_secure,
                path: parsed.path().to_owned(),
                into_channel,
            }),
            unfinished: None,
        })
    }
}

impl ServerHandshake {
    async fn perform(&self, channel: Channel) -> io::Result<Channel> {
        let channel = if self.is_secure {
            self.encrypt(channel).await?
        } else {
            channel
        };
        let path = Some(&*self.path);
        let connection = server::accept(&self.settings, channel, path).await?;
        Ok((self.into_channel)(connection))
    }

    #[cfg(feature = "tls")]
    async fn encrypt(&self, channel: Channel) -> io::Result<Channel> {
        match &self.settings.server_tls {
            Some(tls) => tls.wrap(channel).await,
            None => Err(no_certificate()),
        }
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "same signature as with the feature")]
    async fn encrypt(&self, _: Channel) -> io::Result<Channel> {
        Err(no_certificate())
    }
}

#[async_trait]
impl Listener for WebSocketListener {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        if self.unfinished.is_none() {
            let channel = self.tcp.accept().await?;
            let handshake = Arc::clone(&self.handshake);
            self.unfinished = Some(Box::pin(async move {
                let late = |_| {
                    let text =
                        format!("the WebSocket handshake timed out after {HANDSHAKE_TIMEOUT:?}");
                    io::Error::new(io::ErrorKind::TimedOut, text)
                };
                tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake.perform(channel))
                    .await
                    .map_err(late)?
            }));
        }
        let Some(unfinished) = &mut self.unfinished else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let finished = unfinished.await;
        self.unfinished = None;
        finished
    }

    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        let Some(incoming) = self.tcp.incoming().await? else {
            return Ok(None);
        };
        let handshake = Arc::clone(&self.handshake);
        let remote = incoming.remote().cloned();
        Ok(Some(Incoming::unfinished(remote, async move {
            handshake.perform(incoming.finish().await?).await
        })))
    }
}
