use std::sync::Arc;
use std::time::Instant;

use tokio::time::Instant as Deadline;

use crate::channel::Identity;
use crate::peer::calling::caller::CallTarget;
use crate::peer::connection::ConnectionCore;
use crate::peer::{Caller, Extensions};
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
