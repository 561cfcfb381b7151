use std::sync::Arc;
use std::time::Instant;

use tokio::time::Instant as Deadline;

use crate::channel::Identity;
use crate::peer::calling::caller::Target;
use crate::peer::connection::Connection;
use crate::peer::{Caller, Values};
use crate::session::RunKey;

/// What a handler is told about the call it handles.
///
/// A method of a service asks for it with an argument of type `&CallContext`, which is not sent.
#[derive(Clone, Debug)]
pub struct CallContext {
    caller: Caller,
    values: Values,
    run: Option<RunKey>,
    deadline: Option<Deadline>,
}

impl CallContext {
    pub(in crate::peer) fn new(caller: Caller, values: Values, run: Option<RunKey>) -> Self {
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

    pub(in crate::peer) fn run(&self) -> Option<RunKey> {
        self.run
    }

    pub(in crate::peer) fn connection(&self) -> Option<Arc<Connection>> {
        match &self.caller.0 {
            Target::Remote(link) => Some(Arc::clone(link.connection())),
            Target::Routed(_) | Target::Local(..) | Target::Nobody => None,
        }
    }

    /// Who makes this call, as far as the channel has made sure of it: nothing that a message says has a part in
    /// it. Made through [`Caller::local`], it is [`Identity::None`].
    pub fn identity(&self) -> &Identity {
        match &self.caller.0 {
            Target::Remote(link) => &link.connection().identity,
            Target::Routed(_) | Target::Local(..) | Target::Nobody => &Identity::None,
        }
    }

    /// The value of this type that the program gives its handlers
    /// ([`PeerBuilder::value`](crate::peer::PeerBuilder::value)).
    pub fn value<T: Send + Sync + 'static>(&self) -> Option<&T> {
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
