use std::sync::Arc;
use std::time::Instant;

use tokio::time::Instant as Deadline;

use crate::channel::Identity;
use crate::peer::client::caller::CallTarget;
use crate::peer::connection::ConnectionCore;
use crate::peer::{Caller, Extensions};
use crate::session::InboundCallId;

/// The context of a call, for its handler.
///
/// A method of a service receives the context through an argument of type `&CallContext`, which is not sent.
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

    /// Returns the call's deadline, if the caller set one and sent it. Deadlines are sent once both sides have
    /// negotiated extensions; see [`Negotiation`](crate::session::Negotiation). At the deadline the handler is
    /// interrupted, and the caller gets an error.
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

    pub(in crate::peer) fn run(&self) -> Option<InboundCallId> {
        self.run
    }

    pub(in crate::peer) fn connection(&self) -> Option<Arc<ConnectionCore>> {
        match &self.caller.0 {
            CallTarget::Remote(link) => Some(Arc::clone(link.connection())),
            CallTarget::Routed(_) | CallTarget::Local(..) | CallTarget::Nobody => None,
        }
    }

    /// Returns the identity of the caller, as verified by the channel. Nothing in a message influences it. For a call
    /// through [`Caller::local`] it is [`Identity::Anonymous`].
    pub fn identity(&self) -> &Identity {
        match &self.caller.0 {
            CallTarget::Remote(link) => &link.connection().identity,
            CallTarget::Routed(_) | CallTarget::Local(..) | CallTarget::Nobody => {
                &Identity::Anonymous
            }
        }
    }

    /// Returns the extension of this type that the program gives its handlers
    /// ([`PeerBuilder::extension`](crate::peer::PeerBuilder::extension)).
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.values.get()
    }

    /// Returns a caller for the peer that made this call. Clients created from it call back over the same connection:
    /// `PluginClient::new(cx.caller())`.
    ///
    /// The caller does not keep the connection open: calls through it fail once the connection has ended.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}
