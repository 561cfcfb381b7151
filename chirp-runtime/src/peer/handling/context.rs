use std::sync::Arc;
use std::time::Instant;

use tokio::time::Instant as Deadline;

use crate::channel::Identity;
use crate::peer::calling::caller::CallTarget;
use crate::peer::connection::ConnectionCore;
use crate::peer::{Caller, ConnectionStats, Extensions, PeerState};
use crate::session::InboundCallId;

/// What a handler is told about the call it handles.
///
/// A method of a service asks for it with an argument of type `&CallContext`, which is not sent.
#[derive(Clone, Debug)]
pub struct CallContext {
    caller: Caller,
    values: Extensions,
    run: Option<InboundCallId>,
    deadline: Option<Deadline>,
}

impl CallContext {
    pub(in crate::peer) fn new(
        caller: Caller,
        values: Extensions,
        run: Option<InboundCallId>,
    ) -> Self {
        Self {
            caller,
            values,
            run,
            deadline: None,
        }
    }

    pub(in crate::peer) fn within(mut self, deadline: Option<Deadline>) -> Self {
        self.deadline = deadline;
        self
    }

    /// When the call must have ended, if its caller gave it a time and said so. It does once it knows that
    /// this side wants to know ([`Negotiation`](crate::session::Negotiation)). The handler is interrupted
    /// then, and the caller is told.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.map(Deadline::into_std)
    }

    /// Waits until nobody waits for the call's answer: it was cancelled, or the connection has ended.
    ///
    /// The handler itself need not ask, since its future is dropped then. It is for work that the handler
    /// has handed over to something else. Made through [`Caller::local`], it never comes.
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

    /// Waits until this side's end of the connection drains ([`PeerState::Draining`](crate::peer::PeerState)), or has
    /// ended: the server shuts down, for example. The handler has until the end of the shutdown timeout to answer; one
    /// that sends items for ever finishes its stream. Safe to drop. For a call in this process it never comes.
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
        match &self.caller.0 {
            CallTarget::Remote(link) => Some(Arc::clone(link.connection())),
            CallTarget::Routed(_) | CallTarget::Local(..) | CallTarget::Nobody => None,
        }
    }

    /// Who makes this call, as far as the channel has made sure of it: nothing that a message says has a part in
    /// it. Made through [`Caller::local`], it is [`Identity::Anonymous`].
    pub fn identity(&self) -> &Identity {
        match &self.caller.0 {
            CallTarget::Remote(link) => &link.connection().identity,
            CallTarget::Routed(_) | CallTarget::Local(..) | CallTarget::Nobody => {
                &Identity::Anonymous
            }
        }
    }

    /// The value of this type that the program gives its handlers
    /// ([`PeerBuilder::extension`](crate::peer::PeerBuilder::extension)).
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.values.get()
    }

    /// The peer that made this call. Clients made from it call back over the same connection:
    /// `PluginClient::new(cx.caller())`.
    ///
    /// It does not keep the connection alive: once that ends, calls through it fail.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}
