use std::fmt;
use std::sync::Arc;

use super::{Call, Handler, Handling, MethodName, Reply, Request};
use crate::packet::Payload;
use bytes::Bytes;

/// What calls are made through: a peer, or handlers in this process.
///
/// Clients are made from anything that is [`AsCaller`].
#[derive(Clone)]
pub struct Caller(pub(super) Target);

#[derive(Clone)]
pub(super) enum Target {
    /// Handlers in this process.
    Local(Arc<dyn Handler>),
}

impl Caller {
    /// Calls `handler` in this process, without a connection. Everything is encoded and decoded as on
    /// the wire.
    pub fn local(handler: impl Handler) -> Self {
        Self(Target::Local(Arc::new(handler)))
    }

    /// Calls a method by its name, with parameters as they are to travel.
    pub fn call(&self, method: impl Into<MethodName>, params: impl Into<Payload>) -> Call<Bytes> {
        Call::new(self.clone(), method.into(), Ok(params.into()), |answer| {
            answer
        })
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Target::Local(_) => f.write_str("Caller(local)"),
        }
    }
}

/// Passes each request on. An answer that says *unknown method* is passed on as that.
impl Handler for Caller {
    fn handle(&self, request: Request) -> Handling {
        let (method, params) = request.into_call();
        let call = self.call(method, params);
        Box::pin(async move { Reply::from(call.await) })
    }
}

/// What a client can be made from.
#[diagnostic::on_unimplemented(
    message = "a client cannot be made from `{Self}`",
    note = "clients are made from a `chirp::Peer`, from `cx.caller()` inside a handler, or with `::local(implementation)`"
)]
pub trait AsCaller {
    /// What calls are made through.
    fn as_caller(&self) -> Caller;
}

impl AsCaller for Caller {
    fn as_caller(&self) -> Caller {
        self.clone()
    }
}

impl<T: AsCaller + ?Sized> AsCaller for &T {
    fn as_caller(&self) -> Caller {
        (**self).as_caller()
    }
}
