use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use chirp_runtime::channel::{Channel, Endpoint, Identity, Listener, OtherAddress, Scheme};
#[cfg(feature = "tls")]
use chirp_runtime::channel::{TlsClient, TlsRoots, TlsServer};
use http::request::Parts;

use super::WebSocketError;
use super::address::WebSocketAddress;
use super::connection::WebSocketConnection;
use super::listener::WebSocketListener;
use super::service::{self, UpgradeListener, WebSocketService};
use super::settings::Settings;
#[cfg(feature = "jsonrpc")]
use super::settings::{JSON_RPC, Subprotocol};
use super::{client, server};

/// The protocol name that both ends of `wss://` offer (ALPN).
#[cfg(feature = "tls")]
const ALPN: &[u8] = b"http/1.1";

/// The settings of WebSocket channels, for both sides, and the scheme of their addresses `ws://host:port/path` and
/// `wss://host:port/path`.
///
/// The ports 80 and 443 may be left out. Bytes travel in binary messages of the subprotocol `chirp.v0`, whose boundaries
/// mean nothing.
///
/// # Servers
///
/// A server refuses the handshakes of pages and of other hosts, unless they are listed ([`allow_origin`](Self::allow_origin),
/// [`allow_host`](Self::allow_host)): otherwise any page that the user visits could call a server on the loopback interface. A
/// refused handshake is answered with a status and a text that says why. `path` is the only path that is served; to serve
/// others beside it, see [`service`](Self::service).
///
/// ```
/// # mod chirp {
/// #     pub use chirp_runtime::{peer::PeerBuilder, server::Server};
/// #     pub use chirp_web::websocket;
/// # }
/// use chirp::Server;
/// use chirp::websocket::WebSocket;
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let settings = WebSocket::new().allow_origin("https://example.com");
/// let server = Server::builder()
///     .scheme("ws", settings)
///     .bind("ws://127.0.0.1:9000/chirp")
///     .await?;
/// # Ok(()) }
/// ```
///
/// # Clients
///
/// ```
/// # mod chirp {
/// #     pub use chirp_runtime::{peer::PeerBuilder, server::Server};
/// #     pub use chirp_web::websocket;
/// # }
/// use chirp::PeerBuilder;
/// use chirp::websocket::WebSocket;
///
/// # async fn connect() -> Result<(), Box<dyn std::error::Error>> {
/// let builder = PeerBuilder::new()
///     .scheme("ws", WebSocket::new())
///     .scheme("wss", WebSocket::new());
/// let peer = builder.connect("ws://127.0.0.1:9000/chirp").await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct WebSocket {
    pub(super) settings: Arc<Settings>,
}

impl WebSocket {
    /// Creates settings that accept connections of programs, from addresses and `localhost`, and of no page.
    pub fn new() -> Self {
        Self::default()
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Accepts handshakes of pages of an origin, such as `https://example.com` or `http://localhost:8080`. Without an origin,
    /// only programs can connect.
    #[must_use]
    pub fn allow_origin(self, origin: impl AsRef<str>) -> Self {
        self.change(|settings| settings.origins.allow_origin(origin.as_ref()))
    }

    /// Accepts handshakes that are addressed to a host name, with any port. IP addresses, `localhost` and the host name that
    /// a server is bound to are always accepted.
    #[must_use]
    pub fn allow_host(self, host: impl AsRef<str>) -> Self {
        self.change(|settings| settings.origins.allow_host(host.as_ref()))
    }

    /// Sets a token, which a client sends and a server requires. Pages send it as a further subprotocol
    /// `chirp.token.<token>`, since they cannot set headers. It is not read from the address, which appears in logs.
    #[must_use]
    pub fn token(self, token: impl Into<Arc<str>>) -> Self {
        self.change(|settings| settings.token = Some(token.into()))
    }

    /// Accepts a further token as a server. The client that sends it has the identity
    /// [`Identity::Account`].
    #[must_use]
    pub fn account(self, name: impl Into<Arc<str>>, token: impl Into<Arc<str>>) -> Self {
        self.change(|settings| settings.accounts.push((name.into(), token.into())))
    }

    /// Sets a function that decides on the identity of a client by the request of its handshake, for example by a cookie.
    /// Without an identity, the client is refused with status 401 and the text of the error. The function is called after
    /// all other checks.
    #[must_use]
    pub fn authenticate<F, Fut>(self, hook: F) -> Self
    where
        F: Fn(Parts) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Identity, String>> + Send + 'static,
    {
        self.change(|settings| {
            settings.authenticate = Some(Arc::new(move |request| Box::pin(hook(request))));
        })
    }

    /// Sets how servers at `wss://` addresses are verified. Without it, the authorities of the system are trusted. Needs the
    /// feature `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn client_tls(self, tls: TlsClient) -> Self {
        self.change(|settings| settings.client_tls = Some(tls.alpn([ALPN])))
    }

    /// Sets the certificate of a server at `wss://` addresses. Needs the feature `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn server_tls(self, tls: TlsServer) -> Self {
        self.change(|settings| settings.server_tls = Some(tls.alpn([ALPN])))
    }

    /// Creates a service that answers handshakes in a program of hyper or axum, beside other routes, and the listener of its
    /// connections, for [`Server::also_listen`](chirp_runtime::server::Server::also_listen) or
    /// [`ServerBuilder::listen`](chirp_runtime::server::ServerBuilder::listen). So all limits of the server hold.
    ///
    /// ```
    /// # mod chirp {
    /// #     pub use chirp_runtime::server::Server;
    /// #     pub use chirp_web::websocket;
    /// # }
    /// use chirp::Server;
    /// use chirp::websocket::WebSocket;
    ///
    /// # async fn serve() {
    /// let (upgrade, connections) = WebSocket::new().service();
    /// let server = Server::builder().listen(Box::new(connections));
    /// // With axum: `Router::new().route_service("/chirp", upgrade)`.
    /// server.run().await;
    /// # }
    /// ```
    pub fn service(&self) -> (WebSocketService, UpgradeListener) {
        service::service(
            Arc::clone(&self.settings),
            WebSocketConnection::into_channel,
        )
    }

    /// Creates the parts of [`service`](Self::service) for channels as those of [`connect_lines`](Self::connect_lines).
    #[cfg(feature = "jsonrpc")]
    pub(crate) fn service_of_lines(&self) -> (WebSocketService, UpgradeListener) {
        service::service(self.for_json().settings, WebSocketConnection::into_lines)
    }

    /// Performs the client side of a handshake over any channel, such as a Unix socket. The address gives the host and the
    /// path of the request.
    ///
    /// Dropping the future abandons the handshake, which has no time limit of its own.
    ///
    /// # Errors
    ///
    /// Returns the I/O error of the channel, or a [`WebSocketError`] inside an `io::Error`.
    pub async fn connect_over(
        &self,
        channel: Channel,
        address: &OtherAddress,
    ) -> io::Result<Channel> {
        let address = WebSocketAddress::parse(address)?;
        let connection = client::connect(&self.settings, channel, &address).await?;
        Ok(connection.into_channel())
    }

    /// Performs the server side of a handshake over any channel, on any path.
    ///
    /// Dropping the future abandons the handshake, which has no time limit of its own.
    ///
    /// # Errors
    ///
    /// Returns the I/O error of the channel, or a [`WebSocketError`] inside an `io::Error`.
    pub async fn accept_over(&self, channel: Channel) -> io::Result<Channel> {
        let connection = server::accept(&self.settings, channel, None).await?;
        Ok(connection.into_channel())
    }

    /// Connects to an address.
    pub(super) async fn connect_to(
        &self,
        address: &OtherAddress,
    ) -> io::Result<WebSocketConnection> {
        let parsed = WebSocketAddress::parse(address)?;
        let channel = parsed.tcp().connect().await?;
        let channel = if parsed.is_secure {
            self.encrypt(channel, &parsed.host).await?
        } else {
            channel
        };
        let mut connection = client::connect(&self.settings, channel, &parsed).await?;
        connection.info.remote = Some(Endpoint::Other(address.clone()));
        Ok(connection)
    }

    /// Connects to an address `..+ws://host/path`. Each line of the channel is a text message of JSON, so that JSON-RPC in the
    /// framing of lines is JSON-RPC over WebSocket.
    #[cfg(feature = "jsonrpc")]
    pub(crate) async fn connect_lines(&self, address: &OtherAddress) -> io::Result<Channel> {
        Ok(self.for_json().connect_to(address).await?.into_lines())
    }

    /// Listens on an address `..+ws://host/path`, for channels as those of [`connect_lines`](Self::connect_lines).
    #[cfg(feature = "jsonrpc")]
    pub(crate) async fn listen_lines(
        &self,
        address: &OtherAddress,
    ) -> io::Result<Box<dyn Listener>> {
        let into_channel = WebSocketConnection::into_lines;
        let listener = WebSocketListener::bind(&self.for_json(), address, into_channel).await?;
        Ok(Box::new(listener))
    }

    /// JSON-RPC has no subprotocol of its own, and most clients offer none.
    #[cfg(feature = "jsonrpc")]
    fn for_json(&self) -> Self {
        self.clone()
            .change(|settings| settings.subprotocol = Subprotocol::Optional(JSON_RPC))
    }

    #[cfg(feature = "tls")]
    async fn encrypt(&self, channel: Channel, host: &str) -> io::Result<Channel> {
        let tls = match &self.settings.client_tls {
            Some(tls) => tls.clone(),
            None => {
                TlsClient::new(&tokio::task::spawn_blocking(TlsRoots::system).await??).alpn([ALPN])
            }
        };
        // Certificates do not contain the zone of an address.
        let (name, _zone) = host.split_once('%').unwrap_or((host, ""));
        tls.wrap(channel, name).await
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_async, reason = "same signature as with the feature")]
    async fn encrypt(&self, _: Channel, _: &str) -> io::Result<Channel> {
        let text = "not supported: wss:// needs the feature `tls` of the crate chirp";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }
}

#[async_trait]
impl Scheme for WebSocket {
    async fn connect(&self, address: &OtherAddress) -> io::Result<Channel> {
        Ok(self.connect_to(address).await?.into_channel())
    }

    async fn listen(&self, address: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        let into_channel = WebSocketConnection::into_channel;
        let listener = WebSocketListener::bind(self, address, into_channel).await?;
        Ok(Box::new(listener))
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

/// Returns the error of a `wss://` address without a certificate.
pub(super) fn no_certificate() -> io::Error {
    let text = if cfg!(feature = "tls") {
        "no certificate to listen with on wss://: set one with `WebSocket::server_tls`"
    } else {
        "not supported: wss:// needs the feature `tls` of the crate chirp"
    };
    WebSocketError::InvalidAddress(text).into()
}
