use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use chirp_runtime::channel::{Channel, Endpoint, Incoming, Listener, OtherAddress, Scheme};

#[cfg(feature = "websocket")]
use super::Framing;
use super::address::{AddressError, JsonRpcAddress, Transport};
use super::{Dialect, JsonRpc};

/// The prefixes of addresses, and the dialects that they stand for. `None` is the dialect of the settings.
const PREFIXES: [(&str, Option<Dialect>); 4] = [
    ("jsonrpc", None),
    ("lsp", Some(Dialect::Lsp)),
    ("mcp", Some(Dialect::Mcp)),
    ("acp", Some(Dialect::Acp)),
];

impl JsonRpc {
    /// Returns the schemes of all addresses of JSON-RPC peers, for `.schemes(..)` of
    /// [`PeerBuilder`](chirp_runtime::peer::PeerBuilder::schemes),
    /// [`ServerBuilder`](chirp_runtime::server::ServerBuilder::schemes) or
    /// [`NodeBuilder`](chirp_runtime::node::NodeBuilder::schemes).
    ///
    /// They are `jsonrpc+` with these settings, and `lsp+`, `mcp+` and `acp+` with these limits and the conventions of that
    /// protocol, each with a transport after it: `stdio:`, `exec:program args`, `unix:///path`, `tcp://host:port`,
    /// `inproc://name`, `fd:3,4`, `ws://host/path` and `wss://host/path`. The last two need the feature `websocket`, and
    /// `stdio:`, `exec:` and `fd:` the feature `process`.
    pub fn schemes(&self) -> impl Iterator<Item = (String, Arc<dyn Scheme>)> + use<> {
        let settings = self.clone();
        PREFIXES.into_iter().flat_map(move |(prefix, dialect)| {
            let settings = match dialect {
                None => settings.clone(),
                Some(dialect) => {
                    let settings = settings.clone().dialect(dialect);
                    settings.framing(dialect.framing())
                }
            };
            let scheme: Arc<dyn Scheme> = Arc::new(settings);
            let transports = JsonRpcAddress::TRANSPORTS.into_iter();
            transports.map(move |transport| (format!("{prefix}+{transport}"), Arc::clone(&scheme)))
        })
    }
}

/// Connects to and listens on addresses such as `jsonrpc+tcp://127.0.0.1:9000` and `jsonrpc+exec:program args`: a prefix up to
/// the first `+`, and the address of a transport.
///
/// An address may have settings of its own, `framing=lines` or `content-length`, and `dialect=plain`, `lsp`, `mcp` or `acp`, which
/// includes its framing. They are a query at the end, `jsonrpc+unix:///run/x.sock?dialect=lsp`, or words before a program,
/// `jsonrpc+exec:dialect=lsp rust-analyzer`.
#[async_trait]
impl Scheme for JsonRpc {
    async fn connect(&self, address: &OtherAddress) -> io::Result<Channel> {
        let address = JsonRpcAddress::parse(address)?;
        let channel = match &address.transport {
            Transport::Endpoint(endpoint) => endpoint.connect().await?,
            Transport::WebSocket(address) => self.connect_web_socket(address).await?,
        };
        Ok(address.settings(self).channel(channel))
    }

    async fn listen(&self, address: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        let address = JsonRpcAddress::parse(address)?;
        let inner = match &address.transport {
            Transport::Endpoint(endpoint) => endpoint.listen().await?,
            Transport::WebSocket(address) => self.listen_web_socket(address).await?,
        };
        let endpoint = address.of_listener(inner.endpoint())?;
        let settings = address.settings(self);
        Ok(Box::new(JsonRpcListener {
            inner,
            endpoint,
            settings,
        }))
    }

    /// Nodes do not speak JSON-RPC, and `exec:` starts programs.
    fn is_discoverable(&self) -> bool {
        false
    }
}

#[cfg(feature = "websocket")]
impl JsonRpc {
    /// Sets how this side connects to and listens on addresses with `ws://` and `wss://`: origins and hosts, tokens, TLS.
    #[must_use]
    pub fn websocket(mut self, settings: crate::websocket::WebSocket) -> Self {
        self.websocket = settings;
        self
    }

    /// Creates a service that answers WebSocket handshakes of JSON-RPC peers in a program of hyper or axum, and the listener of
    /// its connections: see [`WebSocket::service`](crate::websocket::WebSocket::service).
    pub fn service(&self) -> (crate::websocket::WebSocketService, Box<dyn Listener>) {
        let (service, inner) = self.websocket.service_of_lines();
        let listener = JsonRpcListener {
            endpoint: inner.endpoint().clone(),
            inner: Box::new(inner),
            settings: self.clone().framing(Framing::Lines),
        };
        (service, Box::new(listener))
    }

    async fn connect_web_socket(&self, address: &OtherAddress) -> io::Result<Channel> {
        self.websocket.connect_lines(address).await
    }

    async fn listen_web_socket(&self, address: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        self.websocket.listen_lines(address).await
    }
}

#[cfg(not(feature = "websocket"))]
#[expect(clippy::unused_async, reason = "same signature as with the feature")]
impl JsonRpc {
    async fn connect_web_socket(&self, _: &OtherAddress) -> io::Result<Channel> {
        Err(no_web_socket())
    }

    async fn listen_web_socket(&self, _: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        Err(no_web_socket())
    }
}

#[cfg(not(feature = "websocket"))]
fn no_web_socket() -> io::Error {
    let text = "not supported: ws:// and wss:// need the feature `websocket` of the crate chirp";
    io::Error::new(io::ErrorKind::Unsupported, text)
}

/// Accepts channels to JSON-RPC peers.
struct JsonRpcListener {
    inner: Box<dyn Listener>,
    endpoint: Endpoint,
    settings: JsonRpc,
}

#[async_trait]
impl Listener for JsonRpcListener {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        let channel = self.inner.accept().await?;
        Ok(self.settings.channel(channel))
    }

    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        let Some(incoming) = self.inner.incoming().await? else {
            return Ok(None);
        };
        let settings = self.settings.clone();
        Ok(Some(incoming.map(move |channel| settings.channel(channel))))
    }
}

impl From<AddressError> for io::Error {
    fn from(error: AddressError) -> Self {
        io::Error::new(io::ErrorKind::InvalidInput, error)
    }
}
