use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use super::accept_loop::AcceptLoop;
use super::handle::ServerShared;
use super::listeners::Listeners;
use super::{Connection, Connections, ServerBuilder, ServerHandle};
use crate::channel::{Endpoint, EndpointError, Incoming, Listener};
use crate::peer::{ConnectError, Task, guard};

/// Listeners, and a peer for each connection that comes from them.
///
/// It listens from [`bind`](ServerBuilder::bind) on, and accepts while it [runs](Self::run_until).
pub struct Server {
    listeners: Listeners,
    handle: ServerHandle,
    given: mpsc::Receiver<Incoming>,
    open: Open,
}

/// The connections of a server. Without their server there will be no more.
struct Open(Arc<ServerShared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Server {
    /// Begins to describe a server.
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

    /// Listens on another address, too.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: that the address cannot be read or is in use.
    pub async fn also_bind<A>(self, address: A) -> Result<Self, ConnectError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        let endpoint = address.try_into().map_err(EndpointError::from)?;
        let tls = self.handle.shared.builder().tls.clone();
        Ok(self.also_listen(endpoint.listen_with(tls.as_ref()).await?))
    }

    /// Serves the channels that come from another listener, too.
    #[must_use]
    pub fn also_listen(mut self, listener: Box<dyn Listener>) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Where it listens; with port 0, the port that was found. Of several addresses, the first.
    ///
    /// # Panics
    ///
    /// When it listens nowhere.
    pub fn endpoint(&self) -> &Endpoint {
        let first = self.endpoints().next();
        first.expect("a server that was built without a listener has no address")
    }

    /// Everywhere that it listens.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.listeners.endpoints()
    }

    /// What can be done with the server while it runs: handing connections over, changing what later ones
    /// are served with.
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// The connections as they come, for a server that calls those who connected to it.
    pub fn incoming(&self) -> Connections {
        self.handle.incoming()
    }

    /// The connections that are alive now, in order of arrival.
    pub fn connections(&self) -> Vec<Connection> {
        self.handle.connections()
    }

    /// Accepts connections for ever, or until no more can come: when what it listens on gives one connection
    /// and no more (`stdio:`) or it listens nowhere, no [handle](Self::handle) is left, and the last
    /// connection has ended.
    pub async fn run(self) {
        self.serve(Arc::default()).await;
    }

    /// As [`run`](Self::run), and no longer than until `shutdown` is ready. Then nothing is accepted, requests
    /// that come are refused, and the handlers that run have [`grace`](ServerBuilder::shutdown_timeout) to answer.
    ///
    /// An accept that fails, because files have run out for one, is tried again after a pause.
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

    /// Runs until it is told to `stop`. What is in the box is compiled once and not where it is called.
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
        // What is left now are the handles of others.
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
                    // The last listener is exhausted. Whether that is the end is for the loop's condition.
                    None => {}
                },
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
