use std::fmt;
use std::future::{Future, pending};
use std::io;
use std::mem;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chirp_runtime::channel::{Channel, Endpoint, EndpointError, Identity, Incoming, Listener};
use chirp_runtime::peer::RouteError;
use chirp_runtime::server::AcceptError;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::client_io::{ClientIo, RequestBody, ResponseState};
use super::gateway::Gateway;
use super::service::GatewayService;
use super::silent_connections::SilentConnections;
use crate::task::boxed;

/// The time for a handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The pause after a connection could not be accepted, as when descriptors are exhausted.
const PAUSE: Duration = Duration::from_millis(100);

/// The program's hook for connections that could not be accepted.
pub(super) type AcceptErrorHook = Arc<dyn Fn(&AcceptError) + Send + Sync>;

/// The connection of a request, in the extensions of requests that a [`GatewayServer`] has received. A program that nests the
/// gateway may insert it itself.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ClientInfo {
    /// The identity of the other end, as verified by the channel, such as the user at the other end of a Unix socket.
    pub identity: Identity,
    /// The address of the other end, if it has one.
    pub remote: Option<Endpoint>,
}

/// The limits of a server.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerLimits {
    pub(super) max_connections: usize,
    pub(super) header_timeout: Duration,
    pub(super) half_close_timeout: Duration,
    pub(super) write_timeout: Duration,
    pub(super) shutdown_timeout: Duration,
    pub(super) is_open: bool,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            header_timeout: Duration::from_secs(30),
            half_close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
            is_open: false,
        }
    }
}

/// The reason why a gateway does not serve an address.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// A service could not be registered.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The address cannot be read.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The address is not one of this machine alone, and callers are not authenticated.
    #[error(
        "{0} can be reached from other machines: authenticate callers (`Gateway::authenticate`), or let everybody call \
         (`Gateway::open`)"
    )]
    Open(Endpoint),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}: {1}")]
    Listen(Endpoint, io::Error),
}

/// Serves a gateway on an address of its own, with HTTP/1.
pub struct GatewayServer {
    service: GatewayService,
    limits: ServerLimits,
    on_accept_error: Option<AcceptErrorHook>,
    listener: Box<dyn Listener>,
}

impl Gateway {
    /// Listens on an address: `tcp://127.0.0.1:8080`, `http://127.0.0.1:8080` or `unix:///run/gateway.sock`. The identity of callers
    /// is that of the channel, such as the user at the other end of a Unix socket, unless [`authenticate`](Self::authenticate)
    /// says otherwise.
    ///
    /// # Errors
    ///
    /// [`BindError`] if the address is invalid or cannot be listened on, and [`BindError::Open`] if other machines can reach it
    /// and nothing authenticates callers.
    pub async fn bind(self, address: &str) -> Result<GatewayServer, BindError> {
        let address = match address.strip_prefix("http://") {
            Some(authority) => format!("tcp://{}", authority.trim_end_matches('/')),
            None => address.to_owned(),
        };
        let endpoint: Endpoint = address.parse()?;
        if !self.has_authenticate() && !self.limits.is_open && is_reachable(&endpoint) {
            return Err(BindError::Open(endpoint));
        }
        let listener = endpoint.listen().await;
        let listener = listener.map_err(|error| BindError::Listen(endpoint, error))?;
        self.serve(listener)
    }

    /// Serves a listener, whose callers the program vouches for. The identity of callers is that of their channels.
    ///
    /// # Errors
    ///
    /// [`BindError::Route`] if a service could not be registered.
    pub fn serve(self, listener: Box<dyn Listener>) -> Result<GatewayServer, BindError> {
        let limits = self.limits;
        let on_accept_error = self.on_accept_error.clone();
        Ok(GatewayServer {
            service: self.into_service()?,
            limits,
            on_accept_error,
            listener,
        })
    }
}

/// Returns `true` for an address that other machines may reach.
fn is_reachable(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Tcp { host, .. } | Endpoint::Tls { host, .. } => {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let is_local = host.parse::<IpAddr>().map_or_else(
                |_| host.eq_ignore_ascii_case("localhost"),
                |address| address.to_canonical().is_loopback(),
            );
            !is_local
        }
        _ => false,
    }
}

impl GatewayServer {
    /// Returns the address. If the port was given as 0, the address has the port that the system chose.
    pub fn endpoint(&self) -> &Endpoint {
        self.listener.endpoint()
    }

    /// Serves until the listener is exhausted.
    pub async fn run(self) {
        self.run_until(pending::<()>()).await;
    }

    /// Serves until `shutdown` completes. Then no connection is accepted any more, requests in progress are answered, and what takes
    /// longer than the [shutdown timeout](Gateway::shutdown_timeout) is cut.
    pub async fn run_until(mut self, shutdown: impl Future) {
        let mut shutdown = pin!(shutdown);
        let (stop, stopping) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut silent = SilentConnections::default();
        let hook = self.on_accept_error.clone();
        #[cfg(feature = "requests")]
        let resuming = {
            let service = self.service.clone();
            tokio::spawn(boxed(async move { service.resume_requests().await }))
        };
        // An accepted connection that waits for room.
        let mut waiting: Option<Incoming> = None;
        loop {
            let is_full = connections.len() >= self.limits.max_connections;
            if let Some(incoming) = waiting.take() {
                if is_full && !make_room(hook.as_ref(), &mut silent, &mut connections).await {
                    waiting = Some(incoming);
                } else {
                    let remote = incoming.remote().cloned();
                    let has_called = Arc::new(AtomicBool::new(false));
                    let serving = self.serve_incoming(incoming, &has_called, stopping.clone());
                    let task = connections.spawn(boxed(serving));
                    silent.push(connections.len(), task, has_called, remote);
                    continue;
                }
            }
            let has_room = waiting.is_none() && (!is_full || silent.has_any());
            tokio::select! {
                _ = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                incoming = self.listener.incoming(), if has_room => match incoming {
                    Ok(Some(incoming)) => waiting = Some(incoming),
                    Ok(None) => {
                        while connections.join_next().await.is_some() {}
                        return;
                    }
                    Err(error) => {
                        let endpoint = self.listener.endpoint().clone();
                        let error = Arc::new(error);
                        let error = AcceptError::Accept { endpoint, error };
                        report(hook.as_ref(), &error);
                        let made_room = error.is_out_of_descriptors()
                            && make_room(hook.as_ref(), &mut silent, &mut connections).await;
                        if !made_room {
                            tokio::time::sleep(PAUSE).await;
                        }
                    }
                }
            }
        }
        drop(self.listener);
        stop.send_replace(true);
        let ended = async {
            while connections.join_next().await.is_some() {}
            #[cfg(feature = "requests")]
            self.service.requests_ended().await;
        };
        // Dropping the tasks closes the connections that are left.
        let _ = tokio::time::timeout(self.limits.shutdown_timeout, ended).await;
        #[cfg(feature = "requests")]
        {
            resuming.abort();
            self.service.stop_requests();
        }
    }

    /// Returns the task of a new connection, which sets `has_called` with the first request.
    fn serve_incoming(
        &self,
        incoming: Incoming,
        has_called: &Arc<AtomicBool>,
        stopping: watch::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let (service, limits) = (self.service.clone(), self.limits);
        let (hook, has_called) = (self.on_accept_error.clone(), Arc::clone(has_called));
        async move {
            match handshake(incoming).await {
                Ok(channel) => serve(service, limits, channel, has_called, stopping).await,
                Err(error) => report(hook.as_ref(), &error),
            }
        }
    }
}

/// Closes the oldest connection that has not sent a request, and waits until there is one connection less. Returns `false` if
/// there is none to close.
async fn make_room(
    hook: Option<&AcceptErrorHook>,
    silent: &mut SilentConnections,
    connections: &mut JoinSet<()>,
) -> bool {
    let Some(made_room) = silent.close_oldest() else {
        return false;
    };
    connections.join_next().await;
    report(hook, &made_room);
    true
}

/// Tells the program why there is one connection less. A panic must not end the server.
fn report(hook: Option<&AcceptErrorHook>, error: &AcceptError) {
    let Some(hook) = hook else {
        return;
    };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| hook(error))) {
        // The payload of a panic may panic when it is dropped; then it is leaked.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            mem::forget(again);
        }
    }
}

/// Completes the handshake of a connection. Returns its channel, and the address of the other end.
async fn handshake(incoming: Incoming) -> Result<(Channel, Option<Endpoint>), AcceptError> {
    let remote = incoming.remote().cloned();
    let error = match tokio::time::timeout(HANDSHAKE, incoming.finish()).await {
        Ok(Ok(channel)) => {
            let remote = channel.remote().cloned().or(remote);
            return Ok((channel, remote));
        }
        Ok(Err(error)) => error,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    let error = Arc::new(error);
    Err(AcceptError::Handshake { remote, error })
}

/// Serves a connection.
async fn serve(
    service: GatewayService,
    limits: ServerLimits,
    (channel, remote): (Channel, Option<Endpoint>),
    has_called: Arc<AtomicBool>,
    mut stopping: watch::Receiver<bool>,
) {
    let client = Arc::new(ClientInfo {
        identity: channel.identity(),
        remote,
    });
    let core = service.core;
    let response = ResponseState::default();
    let io = ClientIo::new(
        channel,
        response.clone(),
        limits.half_close_timeout,
        limits.write_timeout,
    );
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
        has_called.store(true, Ordering::Relaxed);
        if core.settings.reads_client_info() {
            request.extensions_mut().insert(ClientInfo::clone(&client));
        }
        let guard = response.guard();
        let request = request.map(|body| RequestBody::new(body, &response));
        let (core, client) = (Arc::clone(&core), Arc::clone(&client));
        let state = response.clone();
        async move {
            let response = core.respond(Some(&client), request).await;
            if response.body().is_streamed() {
                state.allow_unread(core.settings.max_stream_time);
            }
            Ok::<_, std::convert::Infallible>(response.map(|body| body.with_guard(guard)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(io), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = &mut connection => return,
        // The sender lives as long as the server.
        _ = stopping.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    // An error concerns this connection alone, whose client knows.
    let _ = connection.await;
}

impl fmt::Debug for GatewayServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayServer")
            .field("endpoint", self.endpoint())
            .finish_non_exhaustive()
    }
}
