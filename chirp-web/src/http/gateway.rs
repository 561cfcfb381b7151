use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chirp_runtime::peer::{AccessPolicy, AsCaller, Caller, RouteError, Router};
use chirp_runtime::server::AcceptError;
use chirp_runtime::service::Service;

use super::authenticate::Authenticate;
use super::server::{AcceptErrorHook, ServerLimits};
use super::service::GatewayService;
use super::settings::Settings;
use super::target::Target;

/// The targets and settings of a gateway, which offers methods over HTTP.
///
/// ```
/// # mod chirp { pub use chirp_web::http; pub use chirp_runtime::*; }
/// use chirp::http::Gateway;
///
/// # fn example(peer: chirp_runtime::peer::Peer) -> Result<(), chirp_runtime::peer::RouteError> {
/// let service = Gateway::new().target(&peer).into_service()?;
/// // In a program of axum: Router::new().nest_service("/api", service)
/// # Ok(()) }
/// ```
#[must_use]
pub struct Gateway {
    settings: Settings,
    pub(super) limits: ServerLimits,
    pub(super) on_accept_error: Option<AcceptErrorHook>,
    services: Router,
    /// The first error of registering a service.
    error: Option<RouteError>,
    targets: Vec<Caller>,
}

impl Default for Gateway {
    fn default() -> Self {
        let mut services = Router::default();
        services.reflect();
        Self {
            settings: Settings::default(),
            limits: ServerLimits::default(),
            on_accept_error: None,
            services,
            error: None,
            targets: Vec::new(),
        }
    }
}

impl Gateway {
    /// Creates a gateway without targets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers the methods of a service in this process. They are called without a connection.
    pub fn service(mut self, service: impl Service) -> Self {
        if let Err(error) = service.register(&mut self.services) {
            self.error.get_or_insert(error);
        }
        self
    }

    /// Offers the methods of a peer, which needs reflection (`PeerBuilder::reflect`). The gateway asks for its description when it
    /// is first used, and again every 30 s at most. Of methods of one name, that of the target that was added first is
    /// offered, and services in this process come before targets.
    pub fn target(mut self, target: &impl AsCaller) -> Self {
        self.targets.push(target.as_caller());
        self
    }

    /// Accepts requests for a host of this name, on any port. Addresses and `localhost` are always accepted. A browser that
    /// is made to believe that a name of a foreign page is the address of this server is thereby refused.
    pub fn allow_host(mut self, name: &str) -> Self {
        self.settings.origins.allow_host(name);
        self
    }

    /// Accepts requests from web pages of an origin, such as `https://app.example.com`. By default only pages that this server
    /// itself has sent may call.
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.settings.origins.allow_origin(origin);
        self
    }

    /// Finds out who sends a request. Without this, every caller is
    /// [`Identity::Anonymous`](chirp_runtime::channel::Identity::Anonymous).
    pub fn authenticate(mut self, authenticate: impl Authenticate) -> Self {
        self.settings.authenticate = Some(Arc::new(authenticate));
        self
    }

    /// Sets who may call which methods. By default everybody may call all. Targets see the gateway as their caller, so rules
    /// for callers of the gateway belong here.
    pub fn access(mut self, access: AccessPolicy) -> Self {
        self.settings.access = Some(access);
        self
    }

    /// Accepts metadata with these keys, from headers such as `Chirp-Metadata-Tenant`. Keys are in lower case. A request with
    /// other metadata has the response 400. By default all keys are accepted, but none if the gateway
    /// [authenticates](Self::authenticate) senders, since services may rely on metadata that says who the sender is.
    pub fn allow_metadata<K: Into<String>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        let keys = keys.into_iter().map(Into::into);
        self.settings.metadata.get_or_insert_default().extend(keys);
        self
    }

    /// Sets the largest body of a request that is read whole, in bytes. 4 MiB by default. A larger one has the response 413.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.settings.max_body = bytes;
        self
    }

    /// Sets how many calls may be in progress at once. 1,024 by default. Another one has the response 503 with `Retry-After`.
    pub fn max_concurrent_calls(mut self, calls: usize) -> Self {
        self.settings.max_concurrent_calls = calls;
        self
    }

    /// Sets the time limit of calls whose request sets none. 30 s by default. A call that takes longer has the response 504. The
    /// limit of the request or of the gateway holds instead of a deadline that the service states.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = timeout;
        self
    }

    /// Sets the longest time that a request may set, with `Chirp-Timeout`. 5 minutes by default. A longer one is shortened.
    pub fn max_timeout(mut self, timeout: Duration) -> Self {
        self.settings.max_timeout = timeout;
        self
    }

    /// Sets the longest time of a call whose result is a stream, or that is sent a stream. 1 hour by default. A request may set a
    /// shorter time.
    pub fn max_stream_time(mut self, time: Duration) -> Self {
        self.settings.max_stream_time = time;
        self
    }

    /// Lets methods that are marked as idempotent be called with GET and HEAD, with arguments in the query. Off by default: a
    /// browser sends GET requests for pages of other sites, and before a person has asked for them.
    pub fn allow_get(mut self) -> Self {
        self.settings.allow_get = true;
        self
    }

    /// Accepts requests whose responses come later: with the header `Chirp-Respond-To`, posted to that URL, or with `Prefer:
    /// respond-async`, kept at `/requests/<id>`. Off by default.
    ///
    /// The requests run while the service lives: their tasks end when its last clone is dropped.
    #[cfg(feature = "requests")]
    pub fn requests(mut self, requests: crate::requests::DeferredRequests) -> Self {
        self.settings.requests = Some(requests);
        self
    }

    /// Leaves out the page at `/` that lists methods and calls them.
    pub fn without_page(mut self) -> Self {
        self.settings.has_page = false;
        self
    }

    /// Sets the URL at which callers reach the gateway, such as `https://example.com/api`. By default URLs in responses have the host
    /// of the request, or the Unix socket of the gateway; a gateway that is nested below a path, or behind a proxy, needs the public
    /// URL.
    #[cfg(feature = "requests")]
    pub fn public_url(mut self, url: &str) -> Self {
        self.settings.public_url = Some(url.trim_end_matches('/').to_owned());
        self
    }

    /// Serves streams at URLs, below `/streams/`. Callers of methods that return streams may ask for URLs (`Chirp-Stream: url`), and
    /// the program may offer streams of its own with a clone. Whoever knows a URL can read its stream, once.
    #[cfg(feature = "requests")]
    pub fn stream_urls(mut self, urls: crate::requests::StreamUrls) -> Self {
        self.settings.stream_urls = Some(urls);
        self
    }

    /// Lets callers name a byte stream by its URL, as in `{"data": {"url": "https://files.example.com/a"}}`, at these hosts. The gateway
    /// fetches the bytes as the method takes them. By default callers may name streams of this gateway alone
    /// ([`stream_urls`](Self::stream_urls)).
    #[cfg(feature = "requests")]
    pub fn fetch_from(self, destinations: crate::requests::Destinations) -> Self {
        self.fetch_with(crate::requests::OutgoingClient::new(destinations))
    }

    /// As [`fetch_from`](Self::fetch_from), with a client that has limits or authorities of certificates of its own.
    #[cfg(feature = "requests")]
    pub fn fetch_with(mut self, client: crate::requests::OutgoingClient) -> Self {
        self.settings.fetcher = Some(client);
        self
    }

    /// Lets [`bind`](Self::bind) listen on addresses that other machines can reach although nothing authenticates callers.
    pub fn open(mut self) -> Self {
        self.limits.is_open = true;
        self
    }

    /// Sets how many connections a [`GatewayServer`](super::GatewayServer) has at once. 1,024 by default. At the limit, and
    /// when file descriptors run out, a new connection replaces the oldest one that has not sent a request, so that silent connections
    /// cannot keep others out. If there is none, new connections wait until there is room.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.max_connections = connections.max(1);
        self
    }

    /// Sets how long a [`GatewayServer`](super::GatewayServer) waits for the head of a request, also between two requests. 30 s by
    /// default. Then the connection is closed.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.limits.header_timeout = timeout;
        self
    }

    /// Sets how long a [`GatewayServer`](super::GatewayServer) goes on with a response after its caller has closed its half of the
    /// connection. 5 s by default. Such a caller may still wait for the response, or may have gone away; after this time the
    /// call is cancelled.
    pub fn half_close_timeout(mut self, timeout: Duration) -> Self {
        self.limits.half_close_timeout = timeout;
        self
    }

    /// Sets how long a [`GatewayServer`](super::GatewayServer) waits for a caller that does not read its response. 30 s by default.
    /// Then the connection is closed. A stream may be left unread for [`max_stream_time`](Self::max_stream_time) before.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.limits.write_timeout = timeout;
        self
    }

    /// Sets how long a [`GatewayServer`](super::GatewayServer) waits for requests in progress when it shuts down. 10 s by default.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.limits.shutdown_timeout = timeout;
        self
    }

    /// Sets a hook that a [`GatewayServer`](super::GatewayServer) calls when a connection could not be accepted, for example because
    /// file descriptors have run out, when a handshake failed, and when a connection that had not sent a request was closed to make
    /// room. The server goes on, after a pause if the listener failed. The hook must not block. A panic of the hook concerns nothing
    /// else.
    pub fn on_accept_error(mut self, hook: impl Fn(&AcceptError) + Send + Sync + 'static) -> Self {
        self.on_accept_error = Some(Arc::new(hook));
        self
    }

    pub(super) fn has_authenticate(&self) -> bool {
        self.settings.authenticate.is_some()
    }

    /// Returns the service that answers requests.
    ///
    /// # Errors
    ///
    /// [`RouteError`] if a service could not be registered, for example because two services have a method of one name.
    pub fn into_service(self) -> Result<GatewayService, RouteError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut targets = Vec::with_capacity(self.targets.len() + 1);
        if !self.services.is_empty() {
            targets.push(Target::new(Caller::local(self.services), true));
        }
        let others = self.targets.into_iter();
        targets.extend(others.map(|caller| Target::new(caller, false)));
        Ok(GatewayService::new(self.settings, targets))
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("services", &self.services)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}
