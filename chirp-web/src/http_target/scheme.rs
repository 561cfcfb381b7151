use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
#[cfg(feature = "tls")]
use chirp_runtime::channel::TlsClient;
use chirp_runtime::channel::{Channel, Endpoint, Listener, OtherAddress, Scheme, memory};
use chirp_runtime::peer::PeerBuilder;
use http::HeaderValue;

use super::connection::HttpConnection;
use super::hooked_call::ResponseHook;
use super::url::base_url;
use crate::outgoing::OutgoingClient;
use crate::requests::HookReceiver;
use crate::task::boxed;

/// The scheme of peers behind a gateway ([`Gateway`](crate::http::Gateway)): `http://host:port/prefix`, `https://host/prefix`, and
/// `http+unix://%2Frun%2Fgateway.sock/prefix` for one on a Unix socket.
///
/// A peer that is connected to such an address calls the methods of the gateway: each call is a request of HTTP with its
/// deadline, its trace and its metadata, and the response has the result, the error or the stream. So clients that speak JSON
/// (`ArithClient::new(&peer).with_json()`), [`JsonCaller`](chirp_runtime::dynamic::JsonCaller), proxies and gateways work as with any other
/// peer. Calls of services whose codec is not `Json` must be made by their JSON names.
///
/// Connecting reads the description of the gateway, so an address without a gateway is an error. Nothing can be called back over
/// such an address, and it cannot be listened on.
///
/// ```
/// # mod chirp { pub use chirp_runtime::peer::*; pub use chirp_web::requests; }
/// use chirp::requests::HttpTarget;
///
/// # async fn example() -> Result<(), chirp::ConnectError> {
/// let peer = chirp::PeerBuilder::new()
///     .schemes(HttpTarget::new().schemes())
///     .connect("http://127.0.0.1:8080")
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct HttpTarget {
    pub(super) client: OutgoingClient,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) timeout: Duration,
    pub(super) max_stream_time: Duration,
    pub(super) max_response: usize,
    pub(super) hook: Option<ResponseHook>,
}

impl HttpTarget {
    /// The schemes of addresses.
    const SCHEMES: [&str; 3] = ["http", "https", "http+unix"];

    /// Creates the settings of connections.
    pub fn new() -> Self {
        Self {
            client: OutgoingClient::anywhere(),
            authorization: None,
            timeout: Duration::from_mins(6),
            max_stream_time: Duration::from_hours(1),
            max_response: 16 << 20,
            hook: None,
        }
    }

    /// Returns the schemes with these settings, for `.schemes(..)` of [`PeerBuilder`](PeerBuilder::schemes) and
    /// [`NodeBuilder`](chirp_runtime::node::NodeBuilder::schemes).
    pub fn schemes(&self) -> impl Iterator<Item = (&'static str, Arc<dyn Scheme>)> + use<> {
        let scheme: Arc<dyn Scheme> = Arc::new(self.clone());
        Self::SCHEMES
            .into_iter()
            .map(move |name| (name, Arc::clone(&scheme)))
    }

    /// Sends a token with each request: `Authorization: Bearer <token>`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if the token cannot be in a header.
    pub fn token(mut self, token: &str) -> io::Result<Self> {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value = value.map_err(|_| {
            let text = "a token consists of printable ASCII characters";
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    /// Sets the longest time of a call without streams. 6 minutes by default, more than a gateway allows by default. The deadline of
    /// a call counts, too.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Asks the gateway to post responses to a receiver, which it reaches at the URL `base`, instead of keeping a connection for each
    /// call: a [deferred request](crate::requests::DeferredRequests). The calls of clients are as before, and may take as long as
    /// [`max_stream_time`](Self::max_stream_time). A call that is dropped is cancelled at the gateway. Calls with streams and one-way
    /// calls are made in the ordinary way.
    #[must_use]
    pub fn respond_to(mut self, receiver: &HookReceiver, base: &str) -> Self {
        self.hook = Some(ResponseHook {
            receiver: receiver.clone(),
            base: base.to_owned(),
        });
        self
    }

    /// Sets the longest time of a call with streams. 1 hour by default.
    #[must_use]
    pub fn max_stream_time(mut self, time: Duration) -> Self {
        self.max_stream_time = time;
        self
    }

    /// Sets the largest result, item and description, in bytes. 16 MiB by default.
    #[must_use]
    pub fn max_response(mut self, bytes: usize) -> Self {
        self.max_response = bytes;
        self
    }

    /// Sets the time for resolving a name, connecting and the handshake of TLS together. 10 s by default.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.client = self.client.connect_timeout(timeout);
        self
    }

    /// Sets how servers of `https://` are verified. By default, their certificates must be signed by an authority that the system
    /// trusts. Needs the feature `tls`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: TlsClient) -> Self {
        self.client = self.client.tls(tls);
        self
    }
}

#[async_trait]
impl Scheme for HttpTarget {
    async fn connect(&self, address: &OtherAddress) -> io::Result<Channel> {
        let base = base_url(address.as_str())?;
        let connection = HttpConnection::open(self.clone(), base).await?;
        let (near, far) = memory();
        let builder = PeerBuilder::new().fallback(connection);
        let near = builder.start(near).map_err(io::Error::other)?;
        // The peer of the other end of the channel decides how long this one lives.
        tokio::spawn(boxed(async move {
            near.closed().await;
        }));
        Ok(far.with_remote(Endpoint::Other(address.clone())))
    }

    async fn listen(&self, address: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        let text = format!("cannot listen on {address}: `Gateway::bind` serves HTTP");
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }

    /// Nodes join in packets of Chirp.
    fn is_discoverable(&self) -> bool {
        false
    }
}

impl Default for HttpTarget {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HttpTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTarget")
            .field("token", &self.authorization.is_some())
            .finish_non_exhaustive()
    }
}
