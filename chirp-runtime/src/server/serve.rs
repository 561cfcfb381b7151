use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::accept_loop::AcceptLoop;
use super::handle::ServerShared;
use super::listeners::Listeners;
use super::{Connection, Connections, ServerBuilder, ServerHandle};
use crate::channel::{Endpoint, EndpointError, Incoming, Listener};
use crate::peer::{ConnectError, Task, guard};

/// The maximum number of connections that are accepted after a shutdown has begun.
const MAX_LAST_ACCEPTS: usize = 4096;

/// The time to find a connection that waits to be accepted.
const LAST_ACCEPT: Duration = Duration::from_millis(1);

/// A server: listeners, and one peer for each connection.
///
/// The server listens from [`bind`](ServerBuilder::bind) on, and accepts connections while it [runs](Self::run).
pub struct Server {
    listeners: Listeners,
    handle: ServerHandle,
    given: mpsc::Receiver<Incoming>,
    open: Open,
}

/// Ends the streams of connections when the server is dropped.
struct Open(Arc<ServerShared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Server {
    /// Creates a builder.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    pub(super) fn new(builder: ServerBuilder) -> Self {
        let (handle, given) = ServerHandle::new(builder);
        Self {
            listeners: Listeners::default(),
            open: Open(Arc::clone(&handle.shared)),
            handle,
            given,
        }
    }

    /// Listens on another address as well.
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError`] if the address is invalid or in use.
    pub async fn also_bind<A>(self, address: A) -> Result<Self, ConnectError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        let endpoint = address.try_into().map_err(EndpointError::from)?;
        self.also_bind_to(endpoint).await
    }

    /// As [`also_bind`](Self::also_bind), but not generic. Boxed, so that the future is compiled once.
    pub(super) fn also_bind_to(self, endpoint: Endpoint) -> Task<Result<Self, ConnectError>> {
        Box::pin(async move {
            let builder = self.handle.shared.builder();
            builder.scheme_table().check(&endpoint)?;
            let listens = endpoint.listen_with(builder.tls.as_ref(), builder.scheme_table());
            let listener = guard::run("a scheme", listens).await;
            Ok(self.also_listen(listener.map_err(io::Error::from)??))
        })
    }

    /// Accepts connections from another listener as well.
    #[must_use]
    pub fn also_listen(mut self, listener: Box<dyn Listener>) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Returns the address of the server, with the actual port if it was given as 0. With several addresses,
    /// returns the first.
    ///
    /// # Panics
    ///
    /// Panics if the server has no address.
    pub fn endpoint(&self) -> &Endpoint {
        let first = self.endpoints().next();
        first.expect("the server has no address: it was created without a listener")
    }

    /// Returns all addresses of the server.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.listeners.endpoints()
    }

    /// Returns a handle to use while the server runs.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Returns a stream of the connections, for a server that calls its clients.
    pub fn incoming(&self) -> Connections {
        self.handle.incoming()
    }

    /// Returns the active connections, in order of arrival.
    pub fn connections(&self) -> Vec<Connection> {
        self.handle.connections()
    }

    /// Accepts and serves connections. Returns when no more can arrive and the last one has ended: all listeners
    /// are exhausted (`stdio:` yields one connection) or there are none, and no [handle](Self::handle) is left.
    pub async fn run(self) {
        self.serve(Arc::default()).await;
    }

    /// Accepts and serves connections until `shutdown` completes. Then accepts no more, rejects new requests, and
    /// gives running handlers the [`shutdown_timeout`](ServerBuilder::shutdown_timeout) to answer.
    ///
    /// A failed accept, for example because file descriptors have run out, is repeated after a pause.
    ///
    /// Dropping the future closes the listeners and every connection at once.
    pub async fn run_until(self, shutdown: impl Future) {
        let stop = Arc::new(Notify::new());
        let mut serving = self.serve(Arc::clone(&stop));
        let mut shutdown = pin!(async {
            shutdown.await;
            stop.notify_one();
        });
        let mut stopping = false;
        poll_fn(|cx| {
            stopping = stopping || shutdown.as_mut().poll(cx).is_ready();
            serving.as_mut().poll(cx)
        })
        .await;
    }

    /// Runs until `stop` is notified. Boxed so that the future is compiled once, and not in each crate that calls
    /// this function.
    fn serve(self, stop: Arc<Notify>) -> Task {
        Box::pin(self.accept_until(stop))
    }

    async fn accept_until(self, stop: Arc<Notify>) {
        let Self {
            mut listeners,
            handle,
            mut given,
            open,
        } = self;
        // From here on, only the handles of the program count.
        drop(handle);
        let mut running = AcceptLoop::new(Arc::clone(&open.0));
        let mut shutdown = pin!(stop.notified());
        let mut is_given = true;
        while is_given || !listeners.is_empty() || !running.is_idle() {
            running.take_waiting();
            let has_room = running.waiting.is_none() && running.has_room();
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_) = running.watches.join_next(), if !running.watches.is_empty() => {}
                finished = running.handshakes.next(), if !running.handshakes.is_empty() => match finished {
                    Some(Ok(channel)) => running.begin(channel),
                    Some(Err(error)) => running.report(&error),
                    None => {}
                },
                incoming = given.recv(), if is_given && has_room => match incoming {
                    Some(incoming) => running.waiting = Some(incoming),
                    None => is_given = false,
                },
                accepted = listeners.next(), if has_room && !listeners.is_empty() => match accepted {
                    Some(Ok(incoming)) => running.waiting = Some(incoming),
                    Some(Err((endpoint, error))) => running.failed(endpoint, error),
                    // The last listener is exhausted. The condition of the loop decides whether that is the end.
                    None => {}
                },
            }
        }
        // Connections in a listener's queue exist for their other side, whose calls would be lost.
        for _ in 0..MAX_LAST_ACCEPTS {
            let queued = tokio::time::timeout(LAST_ACCEPT, listeners.next());
            match queued.await {
                Ok(Some(Ok(incoming))) if running.has_room() => {
                    running.waiting = Some(incoming);
                    running.take_waiting();
                }
                _ => break,
            }
        }
        guard::discard((listeners, given));
        open.0.registry.close();
        running.end().await;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}
