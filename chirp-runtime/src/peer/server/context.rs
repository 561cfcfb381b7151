use std::sync::Arc;
use std::time::Instant;

use tokio::time::Instant as Deadline;

use crate::channel::{Endpoint, Identity};
use crate::packet::{CallInfo, Metadata, TraceContext};
use crate::peer::connection::ConnectionCore;
use crate::peer::propagation::Propagation;
use crate::peer::{Caller, ConnectionStats, Extensions, PeerState};
use crate::session::InboundCallId;

/// The context of a call, for its handler.
///
/// A method of a service receives the context through an argument of type `&CallContext`, which is not sent.
#[derive(Clone, Debug)]
pub struct CallContext {
    caller: Caller,
    extensions: Extensions,
    run: Option<InboundCallId>,
    deadline: Option<Deadline>,
    /// The trace and the metadata, if the caller sent any.
    info: Option<Arc<CallInfo>>,
}

static NO_METADATA: Metadata = Metadata::EMPTY;

impl CallContext {
    pub(in crate::peer) fn new(
        caller: Caller,
        extensions: Extensions,
        run: Option<InboundCallId>,
    ) -> Self {
        Self {
            caller,
            extensions,
            run,
            deadline: None,
            info: None,
        }
    }

    pub(in crate::peer) fn within(mut self, deadline: Option<Deadline>) -> Self {
        self.deadline = deadline;
        self
    }

    #[cfg(feature = "reflect")]
    pub(in crate::peer) fn limit(&mut self, deadline: Deadline) {
        self.deadline = Some(deadline);
    }

    pub(in crate::peer) fn received(mut self, info: Option<Arc<CallInfo>>) -> Self {
        self.info = info;
        self
    }

    /// Returns the metadata that the caller sent with the call ([`Call::metadata`](crate::peer::Call::metadata)).
    pub fn metadata(&self) -> &Metadata {
        let info = self.info.as_deref();
        info.map_or(&NO_METADATA, |info| &info.metadata)
    }

    /// Returns the trace that the call belongs to, if the caller sent one.
    pub fn trace(&self) -> Option<&TraceContext> {
        self.info.as_deref()?.trace.as_ref()
    }

    pub(in crate::peer) fn call_info(&self) -> Option<&Arc<CallInfo>> {
        self.info.as_ref()
    }

    pub(in crate::peer) fn time_limit(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Returns what calls inherit that are made within this one.
    pub(in crate::peer) fn propagation(&self) -> Option<Arc<Propagation>> {
        match self.connection() {
            Some(connection) => connection.propagation.clone(),
            // A call in this process was given it with its context.
            None => self.extension::<Arc<Propagation>>().cloned(),
        }
    }

    /// Returns the call's deadline, if the caller set one and sent it. Deadlines are sent once both sides have
    /// negotiated extensions ([`PeerBuilder::negotiation`](crate::peer::PeerBuilder::negotiation)). At the deadline the
    /// handler is interrupted, and the caller gets an error.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.map(Deadline::into_std)
    }

    /// Waits until the response is not wanted any more: the call was cancelled, or the connection has ended.
    ///
    /// The handler itself is dropped then. This is for work that the handler has handed over to another task. For a
    /// call through [`Caller::local`] it never returns.
    ///
    /// Cancel safe.
    pub async fn cancelled(&self) {
        let (Some(connection), Some(run)) = (self.connection(), self.run) else {
            return std::future::pending().await;
        };
        loop {
            let told = connection.interrupts.notified();
            if !connection.wants(run) {
                return;
            }
            told.await;
        }
    }

    /// Waits until one of the two sides shuts down ([`PeerState::Draining`](crate::peer::PeerState)), or the connection has
    /// ended: the server shuts down, for example. The handler has until the end of the shutdown timeout to answer; one
    /// that sends items forever finishes its stream. For a call in this process it never returns.
    ///
    /// Cancel safe.
    pub async fn draining(&self) {
        let Some(connection) = self.connection() else {
            return std::future::pending().await;
        };
        let mut state = connection.watch();
        drop(connection);
        // The sender is gone only with the connection.
        let _ = state
            .wait_for(|state| !matches!(state, PeerState::Open))
            .await;
    }

    /// Returns `true` if one of the two sides of the connection shuts down. `false` for a call in this process.
    pub fn is_draining(&self) -> bool {
        self.connection()
            .is_some_and(|connection| connection.is_draining())
    }

    /// The number of the connection among those of its [`Server`](crate::server::Server)
    /// ([`Connection::number`](crate::server::Connection::number)). `None` for a connection that no server accepted.
    pub fn connection_number(&self) -> Option<u64> {
        self.connection()?.number.get().copied()
    }

    /// How busy the connection is. `None` for a call in this process.
    pub fn connection_stats(&self) -> Option<ConnectionStats> {
        Some(self.connection()?.stats())
    }

    pub(in crate::peer) fn run(&self) -> Option<InboundCallId> {
        self.run
    }

    pub(in crate::peer) fn connection(&self) -> Option<Arc<ConnectionCore>> {
        let link = self.caller.connection_ref()?;
        Some(Arc::clone(link.connection()))
    }

    /// Returns the identity of the caller, as verified by the channel. Nothing in a message influences it. For a call
    /// through [`Caller::local`] it is the one that the program gave to the call
    /// ([`Call::identity`](crate::peer::Call::identity)), or [`Identity::Anonymous`].
    pub fn identity(&self) -> &Identity {
        match self.caller.connection_ref() {
            Some(link) => link.connection().identity(),
            None => self.extension().unwrap_or(&Identity::Anonymous),
        }
    }

    /// Returns the address of the caller. A connection that was given as a channel may have none, and so has a call in
    /// this process.
    pub fn remote(&self) -> Option<&Endpoint> {
        self.caller.connection_ref()?.connection().remote()
    }

    /// Returns the extension of this type that the program gives its handlers
    /// ([`PeerBuilder::extension`](crate::peer::PeerBuilder::extension)).
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.extensions.get()
    }

    pub(in crate::peer) fn insert_extension<T: Send + Sync + 'static>(&mut self, value: T) {
        self.extensions.insert(value);
    }

    /// Returns the value that a higher layer keeps with the connection.
    pub(crate) fn attachment<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let connection = self.caller.connection_ref()?.connection();
        connection.known_rare()?.attachment.get()?.downcast_ref()
    }

    /// Returns a caller for the peer that made this call. Clients created from it call back over the same connection:
    /// `PluginClient::new(cx.caller())`.
    ///
    /// The caller does not keep the connection open: calls through it fail once the connection has ended.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}
