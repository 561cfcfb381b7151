use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use tokio::runtime::Handle;

use super::connection::Connection;
use super::reader::Reader;
use super::serving::Serving;
use super::writer::{Sink, Writer};
use super::{CallContext, DuplicateMethod, Handler, Peer, Router, Values};
use crate::channel::{Channel, Endpoint, EndpointError};
use crate::packet::PacketType;
use crate::session::{Limits, Session};

/// What a peer serves and what it allows. One builder makes any number of peers; a change affects those
/// made after it.
#[derive(Clone, Debug, Default)]
pub struct PeerBuilder {
    serving: Arc<Serving>,
    limits: Limits,
    refused: Option<DuplicateMethod>,
}

impl PeerBuilder {
    /// A builder of peers that serve nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves one method by its name, in place of whatever served it.
    ///
    /// # Panics
    ///
    /// When the name is over 255 bytes or begins with `chirp.`.
    #[must_use]
    pub fn handle(self, name: impl AsRef<[u8]>, handler: impl Handler) -> Self {
        self.routes(|router| {
            router.handle(name, handler);
            Ok(())
        })
    }

    /// Serves every method that nothing else serves.
    #[must_use]
    pub fn fallback(self, handler: impl Handler) -> Self {
        self.routes(|router| {
            router.fallback(handler);
            Ok(())
        })
    }

    /// Takes packets of a type of the application's own: see [`Router::handle_packet`].
    ///
    /// # Panics
    ///
    /// When the type is below 128 or from `0xC700` to `0xC70F`.
    #[must_use]
    pub fn handle_packet<F, Fut, E>(self, kind: PacketType, handler: F) -> Self
    where
        F: Fn(CallContext, Bytes) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.routes(|router| {
            router.handle_packet(kind, handler);
            Ok(())
        })
    }

    /// Gives every handler a value, in place of any of its type: [`CallContext::value`] takes it out.
    #[must_use]
    pub fn value<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        Arc::make_mut(&mut self.serving).values.insert(value);
        self
    }

    /// Prepares the values of each call, after those that are the same for all. It must not block.
    #[must_use]
    pub fn values_each(mut self, prepare: impl Fn(&mut Values) + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.serving).prepare = Some(Arc::new(prepare));
        self
    }

    /// Registers whatever `register` registers. The first refusal is kept, and is given when a peer is
    /// made.
    #[must_use]
    pub fn routes(
        mut self,
        register: impl FnOnce(&mut Router) -> Result<(), DuplicateMethod>,
    ) -> Self {
        if let Err(duplicate) = register(&mut Arc::make_mut(&mut self.serving).router) {
            self.refused.get_or_insert(duplicate);
        }
        self
    }

    /// Changes what a connection may hold and how long it may wait.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether peers can be made at all.
    pub(crate) fn check(&self) -> Result<(), DuplicateMethod> {
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// Starts a peer on a channel: its tasks run on the current runtime.
    ///
    /// # Errors
    ///
    /// [`DuplicateMethod`] when two services claim one name.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O enabled.
    pub fn start(&self, channel: impl Into<Channel>) -> Result<Peer, DuplicateMethod> {
        self.start_each(channel.into(), !self.serving.router.is_empty(), |_, _| {
            Ok(())
        })
    }

    /// As [`start`](Self::start), with handlers that are made for this peer alone: `register` is given
    /// it before anything is read. `serves` says whether the peer serves anything.
    ///
    /// # Errors
    ///
    /// [`DuplicateMethod`] when two services claim one name.
    pub(crate) fn start_each(
        &self,
        channel: Channel,
        serves: bool,
        register: impl FnOnce(&Peer, &mut Served) -> Result<(), DuplicateMethod>,
    ) -> Result<Peer, DuplicateMethod> {
        self.check()?;
        let remote = channel.remote().cloned();
        let credentials = channel.credentials();
        let (reader, writer) = channel.into_split();
        let runtime = Handle::current();
        let session = Session::new(self.limits.clone());
        let connection = Arc::new(Connection::new(
            session,
            Sink::new(writer),
            runtime.clone(),
            remote,
            credentials,
        ));
        let peer = Peer::new(Arc::clone(&connection), serves);
        let mut routes = Served(Arc::clone(&self.serving));
        register(&peer, &mut routes)?;
        {
            let mut state = connection.lock();
            // It may have been closed already; then nothing would let its services go.
            if state.end.is_none() {
                state.serving = Some(routes.0);
            }
        }
        runtime.spawn(Writer::new(Arc::clone(&connection)));
        connection.start_dispatcher();
        runtime.spawn(Reader::new(connection, reader).run());
        Ok(peer)
    }

    /// Connects to an address and starts a peer there.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: that the address cannot be read, or who refused.
    pub async fn connect<A>(&self, address: A) -> Result<Peer, ConnectError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        let endpoint = address.try_into().map_err(EndpointError::from)?;
        let channel = endpoint.connect().await?;
        Ok(self.start(channel)?)
    }
}

/// What a peer that is being made will serve; copied only if it is changed.
pub(crate) struct Served(Arc<Serving>);

impl Served {
    pub(crate) fn router_mut(&mut self) -> &mut Router {
        &mut Arc::make_mut(&mut self.0).router
    }
}

/// Connects to an address. The peer serves nothing; one that does is made with a [`PeerBuilder`].
///
/// # Errors
///
/// [`ConnectError`]: that the address cannot be read, or who refused.
pub async fn connect<A>(address: A) -> Result<Peer, ConnectError>
where
    A: TryInto<Endpoint>,
    EndpointError: From<A::Error>,
{
    PeerBuilder::new().connect(address).await
}

/// Why there is no connection, or no listener.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Two services claim one method name.
    #[error(transparent)]
    Duplicate(#[from] DuplicateMethod),
    /// The address cannot be read.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The operating system refused; the text names the address.
    #[error(transparent)]
    Io(#[from] io::Error),
}
